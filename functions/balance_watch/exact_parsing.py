"""Parses JSON and TOML: every number stays exact, and ambiguous text is rejected."""

import json
import re
from decimal import Decimal, InvalidOperation

from balance_watch.domain.money import NotAnAmountError, exact
from balance_watch.validation import Faults, Json

_TOML_POSITION = re.compile(r"\(at [^)]*\)")


class NotExactError(ValueError):
    """The text is not JSON with one exact value under each name. The message repeats no value."""


def exact_json(text: str | bytes, *, any_number: bool = False, any_length: bool = False) -> Json:
    """Parses JSON, with every number as an exact Decimal.

    Args:
        text: the JSON.
        any_number: accept numbers that are not amounts, so that `Amount` rejects them in place.
        any_length: accept numbers that do not fit into DynamoDB, so that whoever reads one rejects
            it. What is no JSON, such as `NaN`, is rejected all the same.

    Raises:
        NotExactError: the text is not JSON, a name appears twice in a table, or a number is not
            finite or does not fit into DynamoDB.
    """
    number = decimal_or_nan if any_number or any_length else exact
    if isinstance(text, str):
        text = without_mark(text)
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
    """Parses TOML, with every fraction as an exact Decimal; None after adding the fault."""
    import tomllib  # a cold start does not need it

    try:
        return tomllib.loads(without_mark(text), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        # Only the position: the rest of the message may repeat a part of the text.
        position = _TOML_POSITION.search(str(error))
        faults.add(where, f"is not TOML{f' {position[0]}' if position else ''}")
    except (ArithmeticError, RecursionError, ValueError):
        # tomllib raises these for a number with thousands of digits, and for deep nesting.
        faults.add(where, "is not TOML: a number is too long, or the nesting is too deep")
    return None


def without_mark(text: str) -> str:
    """Returns a text without the byte order mark that some editors put before it."""
    return text.removeprefix("\ufeff")


def decimal_or_nan(number: str) -> Decimal:
    """Returns a number of JSON, or NaN if it is too large for any Decimal; `exact` rejects it."""
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
