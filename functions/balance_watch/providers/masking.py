"""Takes an account's keys out of text that others wrote, however they are written there."""

import re
from base64 import b64encode
from html import unescape
from unicodedata import category
from urllib.parse import quote, quote_plus, unquote

from balance_watch.domain.account import Account

_PART = 8
_SHORT = 3
"""What is shorter stands in every text: to mask it would hide nothing else."""
_STANDARD = str.maketrans("-_", "+/")


def mask_keys(text: str, account: Account) -> str:
    """Returns a text on one line with no key of the account in it, nor an eighth character of one.

    What has no width goes, so that it cannot hide a key; what only is no letter is a space.
    """
    kept = "".join(each for each in text if category(each) != "Cf")
    printable = "".join(each if each.isprintable() else " " for each in kept)
    shown = " ".join(_masked(printable, account).split())
    return "***" if _tells_a_part(shown, account) else shown


def contains_split_key(text: str, account: Account) -> bool:
    """Tells whether a key stands in a text with other things between its pieces."""
    letters = re.sub(r"[^0-9A-Za-z]", "", text).lower()
    keys = (re.sub(r"[^0-9A-Za-z]", "", key).lower() for key in account.credentials.values())
    return any(len(key) >= _PART and key in letters for key in keys)


def _masked(text: str, account: Account) -> str:
    """Takes the keys out as they are, and as they are encoded."""
    secrets = [secret for secret in account.credentials.values() if len(secret) >= _SHORT]
    users = (*account.variables.values(), *secrets)
    pairs = [f"{user}:{secret}" for user in users for secret in secrets if user != secret]
    encoded = [b64encode(each.encode()).decode().rstrip("=") for each in (*pairs, *secrets)]
    forms = {*secrets, *map(quote, secrets), *map(quote_plus, secrets), *filter(None, encoded)}
    longest_first = sorted(map(re.escape, forms), key=len, reverse=True)
    return re.sub("|".join(longest_first), "***", text, flags=re.IGNORECASE) if forms else text


def _tells_a_part(text: str, account: Account) -> bool:
    """Tells whether eight characters of a key are left, escaped, spaced, or anywhere in base64."""
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda it: chr(int(it[1], 16)), text)
    unescaped = unescape(unquote(unquote(unescaped))).replace("\\", "")
    told = re.sub(r"\s", "", f"{text}\n{unescaped}").lower().translate(_STANDARD)
    words = [secret for secret in account.credentials.values() if len(secret) >= _PART]
    for secret in tuple(words):
        for raw in (secret, quote_plus(secret)):
            for before in range(3):
                encoded = b64encode(b"." * before + raw.encode()).decode()
                words.append(encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6])
    parts = (word.lower().translate(_STANDARD) for word in words)
    return any(it[at : at + _PART] in told for it in parts for at in range(len(it) - _PART + 1))
