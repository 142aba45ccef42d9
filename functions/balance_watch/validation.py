"""Typed values out of untrusted tables, every fault told at once by place and never by value."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from balance_watch.domain.money import NotAnAmountError, exact

Json = Any
"""Whatever JSON holds."""

_PLACE = re.compile(r"\(at [^)]*\)")

T = TypeVar("T", bound=msgspec.Struct)


class Faults(list[str]):
    """The faults found so far: sentences that name the place and hold no value."""

    def add(self, where: str, what: str) -> None:
        """Notes that `what` is wrong at `where`."""
        self.append(f"{where}: {what}")


def convert(kind: type[T], raw: object, where: str, faults: Faults) -> T | None:
    """Returns `raw` as a `kind` after noting every field that is wrong; None if a needed one is.

    An optional field that is wrong has its default in what is returned, so that the caller can
    look for further faults: whether there were any, the length of `faults` tells. Field by field,
    because msgspec alone stops at the first fault; an unknown field is a fault, so that a misspelt
    option is never an option that does nothing.
    """
    if not isinstance(raw, Mapping):
        faults.add(where, f"must be a table, not {_kind_of(raw)}")
        return None
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in raw:
        if name not in known:
            can = ", ".join(sorted(known))
            faults.add(where, f"has no field {named_safely(name, known)}; it can have {can}")
    values: dict[str, Any] = {}
    complete = True
    for name, field in known.items():
        if name not in raw:
            if field.required:
                complete = False
                faults.add(where, f"has no {name}")
            continue
        try:
            values[field.name] = _converted(raw[name], field.type, f"{where}, {name}", faults)
        except _ToldError:
            complete = complete and not field.required
        except msgspec.ValidationError as error:
            complete = complete and not field.required
            faults.add(f"{where}, {name}", _explain(error, field.type))
    return kind(**values) if complete else None


class _ToldError(Exception):
    """What is wrong with a table within a table is noted already."""


def _converted(raw: object, kind: Any, where: str, faults: Faults) -> object:  # noqa: ANN401 (any annotation)
    """A field's value; a table of its own, or each of several by name, is told field by field."""
    choices = [kind, *get_args(kind)]
    table = next(
        (it for it in choices if isinstance(it, type) and issubclass(it, msgspec.Struct)), None
    )
    if table is None or not isinstance(raw, Mapping):
        return msgspec.convert(raw, kind, dec_hook=decode)
    before = len(faults)
    if get_origin(kind) is dict:
        # By number: a name may be a key in the wrong place.
        each = enumerate(raw.items(), 1)
        named = {name: convert(table, it, f"{where} {n}", faults) for n, (name, it) in each}
    else:
        found = convert(table, raw, where, faults)
    if len(faults) > before:
        raise _ToldError
    return named if get_origin(kind) is dict else found


def convert_each(
    kind: type[T], raw: object, where: str, faults: Faults
) -> Iterator[tuple[str, T, bool]]:
    """Yields those of a list's tables that `convert` returns, as (place, table, in order)."""
    if not isinstance(raw, list):
        faults.add(where, f"must be a list, not {_kind_of(raw)}")
        return
    for index, one in enumerate(raw):
        place, before = f"{where}[{index}]", len(faults)
        table = convert(kind, one, place, faults)
        if table is not None:
            yield place, table, len(faults) == before


class Amount(str):
    """A number or a string that holds one, as JSON and TOML give it; `.exact` is its value."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Amount":
        """Raises ValueError on what is no exact finite number."""
        if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
            raise ValueError("must be a number, or a string that holds one")  # noqa: TRY004 (msgspec's)
        try:
            return cls(f"{exact(value):f}")
        except NotAnAmountError as error:
            raise ValueError(str(error)) from None

    @property
    def exact(self) -> Decimal:
        """The number, to its last digit."""
        return exact(self)


class NotExactError(ValueError):
    """Text that is not JSON with one exact value under each name; the message repeats none."""


def exact_json(text: str | bytes, *, any_number: bool = False) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Returns JSON with every number an exact Decimal.

    Args:
        text: the JSON.
        any_number: let pass what is no amount, for `Amount` to refuse at its place.

    Raises:
        NotExactError: it is not JSON, a name stands twice in a table, or a number is not finite or
            larger than DynamoDB holds.
    """
    number = _as_written if any_number else exact
    try:
        return json.loads(
            text,
            parse_float=number,
            parse_int=number,
            parse_constant=number if any_number else _no_constant,
            object_pairs_hook=_no_duplicates,
        )
    except NotAnAmountError as error:
        raise NotExactError(f"holds a number that {error}") from None
    except NotExactError:
        raise
    except (ValueError, RecursionError):
        raise NotExactError("is not JSON") from None


def exact_toml(text: str, where: str, faults: Faults) -> dict[str, Any] | None:
    """Returns TOML with every fraction an exact Decimal; None after noting why it is none."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        # Where, and not what: the rest of its message may repeat a part of the text.
        place = _PLACE.search(str(error))
        faults.add(where, f"is not TOML{f' {place[0]}' if place else ''}")
    except (ArithmeticError, RecursionError, ValueError):
        # Of tomllib's making: a number with thousands of digits, brackets in brackets in brackets.
        faults.add(where, "is not TOML: it has a number too long, or is nested too deep")
    return None


def _as_written(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        return Decimal("NaN")  # an exponent that no Decimal has


def _no_constant(_: str) -> None:
    raise NotAnAmountError("is not finite")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two values under one name: whichever was meant, it would be a guess."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise NotExactError("names something twice")
    return table


def decode(kind: type, value: object) -> object:
    """Msgspec's hook for types of ours, each of which has a `parse` that raises ValueError."""
    parse = getattr(kind, "parse", None)
    if parse is None:
        raise NotImplementedError(kind)
    return parse(value)


def _explain(error: msgspec.ValidationError, kind: Any) -> str:  # noqa: ANN401 (any annotation)
    if get_origin(kind) is Literal:
        return f"must be one of {', '.join(map(str, get_args(kind)))}"
    message = str(error)
    if "Invalid" in message:
        # msgspec repeats the value in these; the place alone has to do.
        return "has a value that is not understood"
    message = message.partition(" - at ")[0].replace("`", "").replace("object", "table")
    for word, plain in (("Expected", "must be"), ("got", "not"), *_PLAIN):
        message = re.sub(rf"\b{word}\b", plain, message)
    return message


_PLAIN = (
    ("str", "text"),
    ("int", "a whole number"),
    ("float", "a number"),
    ("decimal", "a number"),
    ("bool", "a boolean"),
)
"""What msgspec calls by Python's names."""


def _kind_of(value: object) -> str:
    names = {
        dict: "a table",
        list: "a list",
        str: "a string",
        bool: "a boolean",
        type(None): "null",
    }
    return names.get(type(value), "a number")


def named_safely(name: object, known: Iterable[str]) -> str:
    """A name may be a key pasted into the wrong place: one is shown only if it is a misspelling."""
    text = str(name)
    return repr(text) if get_close_matches(text, list(known), n=1, cutoff=0.7) else "of that name"
