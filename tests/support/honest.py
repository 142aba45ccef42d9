"""Whether a balance can stand in a body: by no parser of ours, and by every way to add up."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal
from itertools import product

from balance_watch.domain.reading import Reading
from balance_watch.providers.spec import Spec

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_COMMA = re.compile(rb"(?<=\d),(?=\d{3})")
_WIDE = Context(prec=200, traps=[])
"""Wide enough for any product of amounts to be exact; what is no number here is equal to none."""


def numbers_of(body: bytes, spec: Spec) -> set[Decimal]:
    """Returns the numbers in a body; text in JSON is one only where the provider writes text."""
    as_text = spec.numbers != "json" or body.lstrip().startswith(b"<") or spec.format == "text"
    digits = body if as_text else _STRING.sub(b'""', body)
    if spec.numbers == "grouped text":
        digits += b"\n" + _COMMA.sub(b"", body)
    return {_WIDE.create_decimal(one.decode()) for one in _NUMBER.findall(digits)}


def invented(spec: Spec, reading: Reading, body: bytes) -> list[Decimal]:
    """Returns the amounts of a reading that no numbers of the body make."""
    written = "".join(path for each in spec.reply.balance.sums for path in each.plus)
    literals = {Decimal(one) for one in re.findall(r"`(\d+)`", written)}
    numbers = numbers_of(body, spec) | literals
    money = [reading.provider_threshold]
    if reading.auto_reload is not None:
        money += [reading.auto_reload.threshold, reading.auto_reload.amount]
    told = [(amount, spec.scale) for amount in money if amount is not None]
    counts = (reading.credits, reading.points)
    told += [(amount, Decimal(1)) for amount in counts if amount is not None]
    wrong = [amount for amount, scale in told if amount not in _scaled(numbers, scale)]
    return wrong if _adds_up(spec, reading.balance, numbers) else [*wrong, reading.balance]


def _adds_up(spec: Spec, balance: Decimal, numbers: set[Decimal]) -> bool:
    for each in spec.reply.balance.sums:
        parts = 3 if spec.reply.add_up else len(each.plus)
        less = _sums(_scaled(numbers, spec.scale), len(each.less))
        for most in range(len(each.plus), parts + 1):
            plus = _sums(_scaled(numbers, spec.scale), most)
            if any(_WIDE.subtract(one, balance) in less for one in plus):
                return True
    return False


def _scaled(numbers: Iterable[Decimal], scale: Decimal) -> set[Decimal]:
    return {_WIDE.multiply(number, scale) for number in numbers}


def _sums(numbers: set[Decimal], parts: int) -> set[Decimal]:
    """Every sum of so many of them; of none, nothing."""
    sums = {Decimal(0)}
    for _ in range(parts):
        sums = {_WIDE.add(one, other) for one, other in product(sums, numbers)}
    return sums
