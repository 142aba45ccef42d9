"""Canaries: every credential and webhook address of a test contains one, and a search finds it.

The search looks for the core of a canary: quoting and escaping keep letters and digits as they
are, and base64 turns them into one of three words.
"""

import logging
from base64 import b64encode

from botocore.model import OperationModel

CORE = "Canary9Qx"
"""A canary begins with it, so that the search also finds a key that is cut after it."""

TAIL = "/+=&"
"""Characters that change in a URL, in JSON (`/`, with some encoders) and in XML, and that differ
between the alphabets of base64."""

WEBHOOKS = "https://hooks.slack.com/services/T000/B000/"


def key(name: str = "") -> str:
    """Returns a key; the name distinguishes it from others."""
    return f"{CORE}{TAIL}{name}"


def webhook(name: str = "") -> str:
    """Returns the address of a Slack webhook; all of it is secret."""
    return f"{WEBHOOKS}{key(name)}"


def _in_base64() -> list[str]:
    """Returns the core in base64, for each of the three positions in a group where it can begin.

    Leaves out the characters that also depend on what comes before or after.
    """
    words = []
    for before in range(3):
        whole = b64encode(b"." * before + CORE.encode() + b"...").decode()
        words.append(whole[-(-8 * before // 6) : 8 * (before + len(CORE)) // 6])
    return words


_PLAIN = CORE.lower()
_BASE64 = [word.lower() for word in _in_base64()]
_FORMS = {"/": "as it is", "%": "percent-encoded", "\\": "JSON-escaped"}


def canary_form(text: str) -> str | None:
    """Returns the form in which a text contains a canary, or None.

    Ignores case: a host name, for one, loses it.
    """
    # Four searches for a word take a fifth of the time of one search for a pattern of all four.
    lowered = text.lower()
    at = lowered.find(_PLAIN)
    if at >= 0:
        return _FORMS.get(lowered[at + len(_PLAIN) :][:1], "in part")
    return "in base64" if any(word in lowered for word in _BASE64) else None


_FORMATTER = logging.Formatter()
_FIELDS = {*vars(logging.makeLogRecord({})), "asctime", "message"}


def record_text(record: logging.LogRecord) -> str:
    """Returns all that a log can show of a record: its message, extra fields and exception."""
    extra = vars(record).keys() - _FIELDS
    texts = [record.getMessage()]
    texts += [f"{name} {vars(record)[name]} {vars(record)[name]!r}" for name in extra]
    if record.exc_info:
        texts.append(_FORMATTER.formatException(record.exc_info))
    if record.stack_info:
        texts.append(record.stack_info)
    return "\n".join(texts)


_PUTS_SECRETS = ("CreateSecret", "PutSecretValue")


def puts_a_secret(record: logging.LogRecord) -> bool:
    """Recognizes botocore's record of a test's own request that stores a secret."""
    operation = record.args[0] if isinstance(record.args, tuple) and record.args else None
    return (
        record.name == "botocore.endpoint"
        and isinstance(operation, OperationModel)
        and operation.service_model.service_name == "secretsmanager"
        and operation.name in _PUTS_SECRETS
    )
