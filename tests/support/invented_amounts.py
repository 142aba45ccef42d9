"""Finds amounts of a reading that cannot come from the reply, without the product's own parser."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal
from itertools import product

from balance_watch.domain.reading import Reading
from balance_watch.providers.spec import Spec

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_COMMA = re.compile(rb"(?<=\d),(?=\d{3})")
_SHORT = Context(prec=38, traps=[])
_WIDE = Context(prec=200, traps=[])
"""Wide enough for any product of amounts to be exact; NaN is equal to nothing."""


def numbers_of(body: bytes, spec: Spec) -> set[Decimal]:
    """Returns the numbers in a body, with those in JSON text only if the provider writes text."""
    as_text = spec.numbers != "json" or body.lstrip().startswith(b"<") or spec.format == "text"
    digits = body if as_text else _STRING.sub(b'""', body)
    if spec.numbers == "grouped text":
        digits += b"\n" + _COMMA.sub(b"", body)
    numbers = {_WIDE.create_decimal(match.decode()) for match in _NUMBER.findall(digits)}
    return numbers | {number.normalize(_SHORT) for number in numbers if _is_noisy(number)}


def _is_noisy(number: Decimal) -> bool:
    """Tells whether a number shows all digits of a double with a fraction."""
    has_fraction = number.is_finite() and number != number.to_integral_value()
    return has_fraction and Decimal(float(number)) == number


def invented_amounts(spec: Spec, reading: Reading, body: bytes) -> list[Decimal]:
    """Returns the amounts of a reading that do not come from the numbers of the body."""
    paths = "".join(path for amounts in spec.reply.balance.sums for path in amounts.plus)
    literals = {Decimal(number) for number in re.findall(r"`(\d+)`", paths)}
    numbers = numbers_of(body, spec) | literals
    amounts = [reading.provider_threshold]
    if reading.credit_limit is not None:
        # Either sign may be the provider's.
        numbers |= {number.copy_negate() for number in numbers}
        amounts.append(reading.credit_limit)
    if reading.auto_reload is not None:
        amounts += [reading.auto_reload.threshold, reading.auto_reload.amount]
    scales = [(amount, spec.scale) for amount in amounts if amount is not None]
    counts = (reading.credits, reading.points)
    scales += [(amount, Decimal(1)) for amount in counts if amount is not None]
    wrong = [amount for amount, scale in scales if amount not in _scaled(numbers, scale)]
    return wrong if _adds_up(spec, reading.balance, numbers) else [*wrong, reading.balance]


def _adds_up(spec: Spec, balance: Decimal, numbers: set[Decimal]) -> bool:
    """Tells whether the balance is one of the sums that the specification allows."""
    for amounts in spec.reply.balance.sums:
        max_parts = 3 if spec.reply.add_up else len(amounts.plus)
        less = _sums(_scaled(numbers, spec.scale), len(amounts.less))
        for parts in range(len(amounts.plus), max_parts + 1):
            plus = _sums(_scaled(numbers, spec.scale), parts)
            if any(_WIDE.subtract(added, balance) in less for added in plus):
                return True
    return False


def _scaled(numbers: Iterable[Decimal], scale: Decimal) -> set[Decimal]:
    return {_WIDE.multiply(number, scale) for number in numbers}


def _sums(numbers: set[Decimal], parts: int) -> set[Decimal]:
    """Returns every sum of this many numbers; 0 for none."""
    sums = {Decimal(0)}
    for _ in range(parts):
        sums = {_WIDE.add(added, number) for added, number in product(sums, numbers)}
    return sums
