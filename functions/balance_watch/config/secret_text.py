"""Edits the text of an accounts secret, and leaves every other byte of it as it is.

A secret is written by people and by other programs as well: to write it anew from parsed values
would change numbers such as 0.10, the order of fields, and white space.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from balance_watch.domain.account import canonical_name
from balance_watch.exact_parsing import NotExactError, decimal_or_nan, exact_json
from balance_watch.validation import Json

_SPACE = " \t\r\n"
# An integer of any length and a number of any size are read, so that whoever uses one rejects it.
_decoder = json.JSONDecoder(
    parse_float=decimal_or_nan, parse_int=decimal_or_nan, parse_constant=decimal_or_nan
)
_encoder = msgspec.json.Encoder(decimal_format="number")


class NotEditableError(ValueError):
    """The text is not `{"accounts": [...]}`. The message repeats no value."""


class Entry(NamedTuple):
    """An account in the text of a secret: its value, and where it begins and ends."""

    value: Any
    start: int
    end: int

    @property
    def name(self) -> str | None:
        """Its name; None if it has none."""
        name = self.value.get("name") if isinstance(self.value, dict) else None
        return canonical_name(name) if isinstance(name, str) else None


def entries_of(text: str) -> list[Entry]:
    """Returns the accounts of a secret.

    Raises:
        NotEditableError: the text is not `{"accounts": [...]}`.
    """
    try:
        content = exact_json(text, any_number=True)
    except NotExactError as error:
        raise NotEditableError(str(error)) from None
    if not isinstance(content, dict) or set(content) != {"accounts"}:
        raise NotEditableError('must be a JSON object with the one field "accounts"')
    if not isinstance(content["accounts"], list):
        raise NotEditableError('"accounts" must be a list')
    return list(_items(text, text.index("[")))


def as_text(value: Json) -> str:
    """Returns a value as JSON on one line, every number with all of its digits."""
    return msgspec.json.format(_encoder.encode(value), indent=0).decode()


def with_entry(text: str | None, entry: Json) -> str:
    """Returns the text of a secret with one more account; None stands for a new secret.

    Raises:
        NotEditableError: the text is not `{"accounts": [...]}`.
    """
    written = as_text(entry)
    if text is None:
        return f'{{"accounts": [\n  {written}\n]}}\n'
    entries = entries_of(text)
    if not entries:
        start = text.index("[") + 1
        return f"{text[:start]}\n  {written}\n{text[text.index(']', start) :]}"
    end = entries[-1].end
    return f"{text[:end]},\n  {written}{text[end:]}"


def without_entry(text: str, name: str) -> str:
    """Returns the text of a secret without the accounts of this name.

    Raises:
        NotEditableError: the text is not `{"accounts": [...]}`.
    """
    entries = entries_of(text)
    while (index := next((i for i, it in enumerate(entries) if it.name == name), None)) is not None:
        if len(entries) == 1:
            start, end = text.index("[") + 1, text.rindex("]")
        elif index == 0:
            start, end = entries[0].start, entries[1].start
        else:
            start, end = entries[index - 1].end, entries[index].end
        text = text[:start] + text[end:]
        entries = entries_of(text)
    return text


def with_purchase(text: str, name: str, purchase: Json) -> str:
    """Returns the text of a secret with one more purchase in the `credit` of an account.

    Raises:
        NotEditableError: the text is not `{"accounts": [...]}`, it has no account of this name, or
            the account's `credit` is no list.
    """
    entry = next((it for it in entries_of(text) if it.name == name), None)
    if entry is None:
        raise NotEditableError(f"has no account {name}")
    written = as_text(purchase)
    place = next((start for key, start in _members(text, entry.start) if key == "credit"), None)
    if place is None:
        at = entry.start + 1
        return f'{text[:at]}"credit": [{written}], {text[at:]}'
    if text.startswith("null", place):  # as if the field were absent
        return f"{text[:place]}[{written}]{text[place + 4 :]}"
    if text[place] != "[":
        raise NotEditableError(f"account {name} has a credit that is no list")
    bought = list(_items(text, place))
    if not bought:
        return f"{text[: place + 1]}{written}{text[place + 1 :]}"
    end = bought[-1].end
    return f"{text[:end]}, {written}{text[end:]}"


def _items(text: str, bracket: int) -> Iterator[Entry]:
    """Yields the values of the list that begins at a bracket."""
    at = _skip(text, bracket + 1)
    while text[at] != "]":
        value, end = _decoder.raw_decode(text, at)
        yield Entry(value, at, end)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _members(text: str, brace: int) -> Iterator[tuple[str, int]]:
    """Yields each name of the object that begins at a brace, and where its value begins."""
    at = _skip(text, brace + 1)
    while text[at] != "}":
        name, end = _decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, end) + 1)
        yield name, at
        _, end = _decoder.raw_decode(text, at)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
