"""Typed values from untrusted tables. A fault names its place and never repeats a value."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from balance_watch.domain.money import NotAnAmountError, exact

Json = Any
"""Whatever JSON or TOML can hold."""

_PRINTABLE = re.compile(r"[!-~]+")

T = TypeVar("T", bound=msgspec.Struct)

_TOML_POSITION = re.compile(r"\(at [^)]*\)")


class Faults(list[str]):
    """The faults found so far: sentences that name a place and repeat no value."""

    def add(self, where: str, problem: str) -> None:
        """Notes a problem and where it is."""
        self.append(f"{where}: {problem}")


def convert(table_type: type[T], raw: object, where: str, faults: Faults) -> T | None:
    """Returns `raw` as a `table_type`; None if a required field is missing or invalid.

    Notes every invalid, missing or unknown field. An invalid optional field gets its default, so
    that the caller can look for further faults: the length of `faults` tells whether there are any.
    Converts field by field, because msgspec stops at the first fault. An unknown field is a fault,
    because a misspelt option would silently do nothing.
    """
    if not isinstance(raw, Mapping):
        faults.add(where, f"must be a table, not {_type_name(raw)}")
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(table_type)}
    for name in raw:
        if name not in fields:
            faults.add(where, unknown("field", name, sorted(fields)))
    values: dict[str, Any] = {}
    complete = True
    for name, field in fields.items():
        place = f"{where}, {name}"
        if name not in raw:
            if field.required:
                complete = False
                faults.add(place, "is missing")
            continue
        try:
            values[field.name] = _convert_field(raw[name], field.type, place, faults)
        except _AlreadyNotedError:
            complete = complete and not field.required
        except msgspec.ValidationError as error:
            complete = complete and not field.required
            faults.add(place, _problem(error, field.type))
    return table_type(**values) if complete else None


class _AlreadyNotedError(Exception):
    """A nested table has faults, which are noted already."""


def _convert_field(raw: object, field_type: object, where: str, faults: Faults) -> object:
    """Returns the value of a field; converts nested tables field by field, as `convert` does.

    `field_type` is the annotation of the field, such as `dict[str, Amount] | None`.

    Raises:
        msgspec.ValidationError: the value is invalid.
        _AlreadyNotedError: a nested table is invalid.
    """
    candidates = [field_type, *get_args(field_type)]
    table_type = next(
        (one for one in candidates if isinstance(one, type) and issubclass(one, msgspec.Struct)),
        None,
    )
    if table_type is None or not isinstance(raw, Mapping):
        return msgspec.convert(raw, field_type, dec_hook=decode)
    before = len(faults)
    value: object
    if get_origin(field_type) is dict:
        # The place names an entry by its number: a name may be a key in the wrong place.
        value = {
            name: convert(table_type, entry, f"{where} {number}", faults)
            for number, (name, entry) in enumerate(raw.items(), 1)
        }
    else:
        value = convert(table_type, raw, where, faults)
    if len(faults) > before:
        raise _AlreadyNotedError
    return value


def convert_each(
    table_type: type[T], raw: object, where: str, faults: Faults
) -> Iterator[tuple[str, T, bool]]:
    """Yields (place, table, valid) for each table of a list that `convert` can return."""
    if not isinstance(raw, list):
        faults.add(where, f"must be a list, not {_type_name(raw)}")
        return
    for index, entry in enumerate(raw):
        place, before = f"{where}[{index}]", len(faults)
        table = convert(table_type, entry, place, faults)
        if table is not None:
            yield place, table, len(faults) == before


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Returns the problem of an unknown name, such as `unknown field 'belwo'; the fields are …`.

    Repeats the name only if it is a misspelling of a known one: it may be a key that was pasted
    into the wrong place.
    """
    known = list(known)
    text = str(name)
    shown = f" {text!r}" if get_close_matches(text, known, n=1, cutoff=0.7) else ""
    return f"unknown {what}{shown}; the {what}s are {', '.join(known)}"


class Amount(str):
    """A number, or a string that holds one, from JSON or TOML; `.exact` is its value."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Amount":
        """Raises ValueError unless the value is an exact finite number."""
        if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
            raise NotAnAmountError("must be a number, or a string that holds one")
        return cls(f"{exact(value):f}")

    @property
    def exact(self) -> Decimal:
        """The number, to its last digit."""
        return exact(self)


class NotExactError(ValueError):
    """The text is not JSON with one exact value under each name. The message repeats no value."""


def exact_json(text: str | bytes, *, any_number: bool = False) -> Json:
    """Parses JSON, with every number as an exact Decimal.

    Args:
        text: the JSON.
        any_number: accept numbers that are not amounts, so that `Amount` rejects them in place.

    Raises:
        NotExactError: the text is not JSON, a name appears twice in a table, or a number is not
            finite or does not fit into DynamoDB.
    """
    number = _decimal_or_nan if any_number else exact
    try:
        return json.loads(
            text,
            parse_float=number,
            parse_int=number,
            parse_constant=number if any_number else _reject_constant,
            object_pairs_hook=_reject_duplicates,
        )
    except NotAnAmountError as error:
        raise NotExactError(f"contains a number that {error}") from None
    except NotExactError:
        raise
    except (ValueError, RecursionError):
        raise NotExactError("is not JSON") from None


def exact_toml(text: str, where: str, faults: Faults) -> dict[str, Json] | None:
    """Parses TOML, with every fraction as an exact Decimal; notes a fault and returns None."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        # Only the position: the rest of the message may repeat a part of the text.
        position = _TOML_POSITION.search(str(error))
        faults.add(where, f"is not TOML{f' {position[0]}' if position else ''}")
    except (ArithmeticError, RecursionError, ValueError):
        # tomllib raises these for a number with thousands of digits, and for deep nesting.
        faults.add(where, "is not TOML: a number is too long, or the nesting is too deep")
    return None


def _decimal_or_nan(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        return Decimal("NaN")  # the exponent is too large for any Decimal


def _reject_constant(_: str) -> None:
    raise NotAnAmountError("is not finite")


def _reject_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Rejects two values under one name: to choose one of them would be a guess."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise NotExactError("contains the same name twice")
    return table


def decode(field_type: type, value: object) -> object:
    """Parses our own types for msgspec: each has a `parse` that raises ValueError."""
    parse = getattr(field_type, "parse", None)
    if parse is None:
        raise NotImplementedError(field_type)
    return parse(value)


def _problem(error: msgspec.ValidationError, field_type: object) -> str:
    """Says in plain words what msgspec rejects."""
    if get_origin(field_type) is Literal:
        return f"must be one of {', '.join(map(str, get_args(field_type)))}"
    message = str(error)
    if "Invalid" in message:
        # msgspec repeats the value in these messages.
        return "has an invalid value"
    message = message.partition(" - at ")[0].replace("`", "").replace("object", "table")
    for word, plain in (("Expected", "must be"), ("got", "not"), *_PLAIN_TYPES):
        message = re.sub(rf"\b{word}\b", plain, message)
    return message


_PLAIN_TYPES = (
    ("str", "text"),
    ("int", "a whole number"),
    ("float", "a number"),
    ("decimal", "a number"),
    ("bool", "a boolean"),
)
"""Plain words for the Python types that msgspec names."""


def _type_name(value: object) -> str:
    names = {
        dict: "a table",
        list: "a list",
        str: "a string",
        bool: "a boolean",
        type(None): "null",
    }
    return names.get(type(value), "a number")


def is_address(text: str) -> bool:
    """Tells whether text is an http or https address with no user, query, fragment or space."""
    try:
        parts = urlsplit(text)
        valid_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    known = parts.scheme in ("http", "https") and bool(parts.hostname)
    return known and plain and valid_port and _PRINTABLE.fullmatch(text) is not None
