"""Converts untrusted tables to typed values. A fault names its place and repeats no value."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from balance_watch.domain.money import NotAnAmountError, exact

Json = Any
"""Whatever JSON or TOML can hold."""

NOT_UNICODE = "contains half of a surrogate pair, which is not a character"
"""The problem of a text that JSON can escape, but UTF-8 cannot encode."""

_PRINTABLE = re.compile(r"[!-~]+")

T = TypeVar("T", bound=msgspec.Struct)


class Faults(list[str]):
    """The faults found so far: sentences that name a place and repeat no value.

    `unknown` has the name that a fault is about and may not repeat, by the fault's index: whoever
    shows the fault beside its text can find the line of the name.
    """

    def __init__(self, faults: Iterable[str] = ()) -> None:
        super().__init__(faults)
        self.unknown: dict[int, str] = {}

    def add(self, where: str, problem: str) -> None:
        """Adds a problem and its place."""
        self.append(f"{where}: {problem}")

    def add_unknown(self, where: str, what: str, name: object, known: Iterable[str]) -> None:
        """Adds that a name is unknown, such as `unknown field 'belwo'; the fields are …`."""
        self.unknown[len(self)] = str(name)
        self.add(where, unknown(what, name, known))

    def any_at(self, *places: str) -> bool:
        """Tells whether one of these places, or a place within one, has a fault."""
        begins = tuple(f"{place}{end}" for place in places for end in (":", ","))
        return any(fault.startswith(begins) for fault in self)


_NONE: Mapping[str, Any] = MappingProxyType({})


def convert(
    table_type: type[T],
    raw: object,
    where: str,
    faults: Faults,
    stand_ins: Mapping[str, Any] = _NONE,
) -> T | None:
    """Returns `raw` as a `table_type`; None if a required field is missing or invalid.

    Adds a fault for every invalid, missing or unknown field. An invalid optional field gets its
    default, and an invalid required one its value in `stand_ins`, so that the caller can search for
    further faults: the length of `faults` tells whether there are any. Converts field by field,
    because msgspec stops at the first fault. An unknown field is a fault, because a misspelt option
    would silently do nothing. `null` is as if the field were absent, since Terraform writes it for
    an option that is not set.
    """
    if not isinstance(raw, Mapping):
        faults.add(where, f"must be a table, not {_type_name(raw)}")
        return None
    raw = without_null(raw)
    fields = _fields(table_type)
    for name in raw:
        if name not in fields:
            faults.add_unknown(where, "field", name, sorted(fields))
    values: dict[str, Any] = dict(stand_ins)
    for name, field in fields.items():
        place = f"{where}, {name}"
        if name not in raw:
            if field.required:
                faults.add(place, "is missing")
            continue
        try:
            values[field.name] = _convert_field(raw[name], field.type, place, faults)
        except _AlreadyAddedError:
            pass
        except msgspec.ValidationError as error:
            faults.add(place, _problem(error, field.type))
    required = {field.name for field in fields.values() if field.required}
    return table_type(**values) if required <= values.keys() else None


@cache
def _fields(table_type: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Returns the fields of a table by name. msgspec evaluates all annotations at each call."""
    return {field.encode_name: field for field in msgspec.structs.fields(table_type)}


# Cached: to take a type apart took a tenth of the time in which many accounts are loaded.
@cache
def _candidates(field_type: object) -> tuple[object, ...]:
    return (field_type, *get_args(field_type))


@cache
def _table_within(field_type: object) -> type[msgspec.Struct] | None:
    """Returns the table that an annotation is or names, if there is one."""
    types = (it for it in _candidates(field_type) if isinstance(it, type))
    return next((it for it in types if issubclass(it, msgspec.Struct)), None)


class _AlreadyAddedError(Exception):
    """The faults of a field are added already."""


@cache
def _has_typed_values(field_type: object) -> bool:
    """Tells whether a type is a table whose values are not just any JSON."""
    return get_origin(field_type) is dict and get_args(field_type)[1] is not Any


def without_null(raw: Mapping[str, Json]) -> dict[str, Json]:
    """Returns a table without the fields that are `null`."""
    return {name: value for name, value in raw.items() if value is not None}


def _convert_field(raw: object, field_type: object, where: str, faults: Faults) -> object:
    """Returns the value of a field; converts nested tables field by field, as `convert` does.

    `field_type` is the annotation of the field, such as `dict[str, Amount] | None`.

    Raises:
        msgspec.ValidationError: the value is invalid.
        _AlreadyAddedError: a nested table is invalid.
    """
    table_type = _table_within(field_type)
    if table_type is None or not isinstance(raw, Mapping):
        if isinstance(raw, Mapping) and any(map(_has_typed_values, _candidates(field_type))):
            raw = without_null(raw)
        try:
            return msgspec.convert(raw, field_type, dec_hook=decode)
        except UnicodeEncodeError:
            faults.add(where, NOT_UNICODE)
            raise _AlreadyAddedError from None
    raw = without_null(raw)
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
        raise _AlreadyAddedError
    return value


def convert_each(
    table_type: type[T],
    raw: object,
    where: str,
    faults: Faults,
    stand_ins: Mapping[str, Any] = _NONE,
) -> Iterator[tuple[str, T, bool]]:
    """Yields (place, table, valid) for each table of a list that `convert` can return."""
    if not isinstance(raw, list):
        faults.add(where, f"must be a list, not {_type_name(raw)}")
        return
    for index, entry in enumerate(raw):
        place, before = f"{where}[{index}]", len(faults)
        table = convert(table_type, entry, place, faults, stand_ins)
        if table is not None:
            yield place, table, len(faults) == before


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Returns the problem of an unknown name, such as `unknown field 'belwo'; the fields are …`.

    Repeats the name only if it is a misspelling of a known one: it may be a key that was pasted
    into the wrong place.
    """
    from difflib import get_close_matches  # only a fault needs it

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


def decode(field_type: type, value: object) -> object:
    """Parses a type of our own for msgspec, with its `parse`, which raises ValueError."""
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


def is_address(text: str, *, query: bool = False) -> bool:
    """Tells whether text is an http or https address with no user, fragment or space.

    It has no query either, unless `query` allows one.
    """
    try:
        parts = urlsplit(text)
        is_port_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    has_query = bool(parts.query) and not query
    is_bare = not (has_query or parts.fragment or "@" in parts.netloc)
    has_host = parts.scheme in ("http", "https") and bool(parts.hostname)
    return has_host and is_bare and is_port_valid and _PRINTABLE.fullmatch(text) is not None
