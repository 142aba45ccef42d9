"""Keys that can be found again: in every credential and webhook address of a test there is one.

A canary is told by its core: quoting and escaping leave letters and digits as they are, and base64
makes one of three words of them.
"""

import logging
from base64 import b64encode

from botocore.model import OperationModel

CORE = "Canary9Qx"
"""Comes first, so that a key that was cut short is found by its first nine characters."""

TAIL = "/+=&"
"""What changes in a URL, in JSON (`/`, by some writers) and in XML, and sets base64's alphabets
apart."""

WEBHOOKS = "https://hooks.slack.com/services/T000/B000/"


def key(name: str = "") -> str:
    """Returns a key; the name tells it from others."""
    return f"{CORE}{TAIL}{name}"


def webhook(name: str = "") -> str:
    """Returns the address of a webhook of Slack's, a secret from its first character on."""
    return f"{WEBHOOKS}{key(name)}"


def _in_base64() -> list[str]:
    """The core in base64, at each of the three places in a group where it can begin.

    Without the characters that what is before and after it has a part in.
    """
    words = []
    for before in range(3):
        whole = b64encode(b"." * before + CORE.encode() + b"...").decode()
        words.append(whole[-(-8 * before // 6) : 8 * (before + len(CORE)) // 6])
    return words


_PLAIN = CORE.lower()
_BASE64 = [word.lower() for word in _in_base64()]
_FORMS = {"/": "as it is", "%": "percent-encoded", "\\": "JSON-escaped"}


def found(text: str) -> str | None:
    """Returns the form in which a canary is in a text, or None: there is none.

    Upper and lower case are the same to it: a host's name loses its own, for one.
    """
    # Four searches for a word take a fifth of the time of one for a pattern of the four.
    lowered = text.lower()
    at = lowered.find(_PLAIN)
    if at >= 0:
        return _FORMS.get(lowered[at + len(_PLAIN) :][:1], "in part")
    return "in base64" if any(word in lowered for word in _BASE64) else None


_EXPLAINS = logging.Formatter()
_FIELDS = {*vars(logging.makeLogRecord({})), "asctime", "message"}


def told_by(record: logging.LogRecord) -> str:
    """Returns all that a log may show of a record: its text, its extra fields, its exception."""
    extra = vars(record).keys() - _FIELDS
    told = [record.getMessage()]
    told += [f"{name} {vars(record)[name]} {vars(record)[name]!r}" for name in extra]
    if record.exc_info:
        told.append(_EXPLAINS.formatException(record.exc_info))
    if record.stack_info:
        told.append(record.stack_info)
    return "\n".join(told)


_PUTS_SECRETS = ("CreateSecret", "PutSecretValue")


def puts_a_secret(record: logging.LogRecord) -> bool:
    """Tells botocore's record of a request that stores a secret: a test's own, to arrange keys."""
    called = record.args[0] if isinstance(record.args, tuple) and record.args else None
    return (
        record.name == "botocore.endpoint"
        and isinstance(called, OperationModel)
        and called.service_model.service_name == "secretsmanager"
        and called.name in _PUTS_SECRETS
    )
