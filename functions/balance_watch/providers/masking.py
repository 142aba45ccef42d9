"""Removes keys and e-mail addresses from text that others wrote, in whatever form keys appear."""

import re
from base64 import b64encode
from collections.abc import Iterator
from html import unescape
from unicodedata import category
from urllib.parse import quote, quote_plus, unquote

from balance_watch.domain.account import Account

_PART_LENGTH = 8
_MIN_LENGTH = 3
"""A shorter credential appears in every text: masking it would only make the text unreadable."""
_ADDRESS = r"[^@\s\"'<>:=,;()]{1,64}@[^@\s\"'<>,;()]{1,255}\.[\w-]{1,63}"
_STANDARD_BASE64 = str.maketrans("-_", "+/")


def mask_keys(text: str, account: Account) -> str:
    """Returns a text on one line without the account's keys, or any eight characters of a key.

    Removes characters without width, which could hide a key, and turns other unprintable ones into
    spaces.
    """
    visible = "".join(char for char in text if category(char) != "Cf")
    printable = "".join(char if char.isprintable() else " " for char in visible)
    masked = " ".join(_mask_whole_keys(printable, account).split())
    return "***" if _contains_part(masked, account) else masked


def mask_addresses(text: str) -> str:
    """Returns a text with `***` in place of each e-mail address: nothing personal is stored."""
    return re.sub(_ADDRESS, "***", text)


def contains_split_key(text: str, account: Account) -> bool:
    """Tells whether a key is in a text with other characters between its pieces."""
    letters = re.sub(r"[^0-9A-Za-z]", "", text).lower()
    keys = (re.sub(r"[^0-9A-Za-z]", "", key).lower() for key in account.credentials.values())
    return any(len(key) >= _PART_LENGTH and key in letters for key in keys)


def _mask_whole_keys(text: str, account: Account) -> str:
    """Masks the keys as they are, quoted as in a URL, in base64 and in hex."""
    secrets = [secret for secret in account.credentials.values() if len(secret) >= _MIN_LENGTH]
    users = (*account.variables.values(), *secrets)
    pairs = [f"{user}:{secret}" for user in users for secret in secrets if user != secret]
    encoded = [b64encode(form.encode()).decode().rstrip("=") for form in (*pairs, *secrets)]
    encoded += [secret.encode().hex() for secret in secrets]
    forms = {*secrets, *map(quote, secrets), *map(quote_plus, secrets), *filter(None, encoded)}
    # A password may have several spaces where text on one line has a single one.
    patterns = (r"\s+".join(map(re.escape, form.split())) for form in forms)
    longest_first = sorted(patterns, key=len, reverse=True)
    return re.sub("|".join(longest_first), "***", text, flags=re.IGNORECASE) if forms else text


def _contains_part(text: str, account: Account) -> bool:
    """Tells whether eight characters of a key are left: escaped, spaced out, in base64 or hex."""
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    unescaped = unescape(unquote(unquote(unescaped))).replace("\\", "")
    searched = re.sub(r"\s", "", f"{text}\n{unescaped}").lower().translate(_STANDARD_BASE64)
    words = [secret for secret in account.credentials.values() if len(secret) >= _PART_LENGTH]
    for secret in tuple(words):
        for raw in (secret, quote_plus(secret)):
            # In base64, a key has one of three forms, by its position in a group of three bytes.
            for before in range(3):
                encoded = b64encode(b"." * before + raw.encode()).decode()
                words.append(encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6])
    # The searched text has no white space, so what is searched for has none either.
    lowered = (re.sub(r"\s", "", word).lower().translate(_STANDARD_BASE64) for word in words)
    return any(part in searched for word in lowered for part in _parts(word, _PART_LENGTH)) or any(
        part in digits
        for secret in account.credentials.values()
        for part in _parts(secret.encode().hex(), 2 * _PART_LENGTH)
        for digits in _hex_digits(text)
    )


def _parts(word: str, length: int) -> Iterator[str]:
    """Yields every part of a word that has this length; none if the word is shorter."""
    return (word[start : start + length] for start in range(len(word) - length + 1))


def _hex_digits(text: str) -> tuple[str, str]:
    """Returns the text as it may show bytes in hex: `6B 65 79`, `6b:65:79`, `0x6b, 0x65, 0x79`."""
    lowered = re.sub(r"[^0-9a-z]", "", text.lower())
    return lowered, lowered.replace("0x", "").replace("x", "")
