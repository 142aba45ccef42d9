"""What two readings in a row tell: what was spent between them, or that the balance was topped up.

A rise by a twentieth or more of the balance is a top-up: the time between the two counts neither as
spending nor as observed time. But a rise up to where the balance stood before the latest fall takes
that fall back, whatever its size: one of the readings was wrong, or a replica lags. A fall that
stood for hours, through several readings, was no mistake: what follows it is a top-up. A fall as
large as a top-up counts only once it is confirmed by a reading half an hour later, or by another
such fall.
"""

from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.credit import open_costs_since
from balance_watch.domain.money import CALCULATION_DIGITS, exact
from balance_watch.domain.reading import Reading
from balance_watch.domain.trend import Sample

_TOP_UP_SHARE = Decimal("0.05")

_LEAST_TOP_UP = Decimal("0.05")
"""A rise by less, such as from 0.00 to 0.01, is rounding or interest, in whatever unit."""

_NEARLY_SHARE, _NEARLY_LEAST = 0.049, 0.049
"""What surely is no top-up, however a float rounds."""

_CONFIRMED_AFTER = timedelta(minutes=30)
"""A large fall that readings have shown for so long is spending."""

_SUDDEN = timedelta(minutes=30)
"""A large fall between readings further apart needs no confirmation: it may well be use."""

_STANDS_FOR = 8
_STANDS_FROM, _STANDS_BY = timedelta(hours=4), timedelta(hours=12)
"""A fall that stood for so many periods of the schedule is taken back no longer, within bounds: no
lagging replica answers that often in a row, and an account read once or twice a day may well be
spent and refilled between three readings."""

_KEPT = Context(prec=12)
_EXACT = Context(prec=CALCULATION_DIGITS)


class Fall(Struct, frozen=True):
    """The latest fall of a balance: a rise by as much may take it back.

    `counted` is False while a large fall still has to be confirmed.
    """

    at: datetime
    size: Decimal
    counted: bool = True


class Change(Struct, frozen=True):
    """What two readings in a row tell.

    Attributes:
        spent: what is known by now to have been spent; less than 0 takes a counted fall back.
        covered: the time that this is about: none if the balance was topped up.
        fall: the fall that a later rise may take back.
        topped_up_from: the balance before a top-up, without a fall that it takes back.
    """

    spent: Decimal = Decimal(0)
    covered: timedelta = timedelta()
    fall: Fall | None = None
    topped_up_from: Decimal | None = None


def change_between(
    before: Sample, after: Sample, fall: Fall | None, period: timedelta | None = None
) -> Change:
    """Returns what two readings in a row tell.

    Args:
        before: the earlier reading.
        after: the later one.
        fall: the latest fall before them.
        period: the usual time between two readings, as far as it is known.
    """
    if after.at <= before.at:
        return Change(fall=fall)
    covered = after.at - before.at
    stands = min(_STANDS_BY, max(_STANDS_FROM, _STANDS_FOR * (period or timedelta())))
    if fall is not None and after.at - fall.at >= stands:
        fall = fall if not fall.counted else None
    spent = _KEPT.subtract(before.balance, after.balance)
    if spent >= 0:
        return _fallen(before, after, spent, fall)
    size = Decimal(0) if fall is None else fall.size
    level = _KEPT.add(before.balance, size)
    if not is_top_up(level if fall else before.balance, after.balance):
        return _taken_back(min(-spent, size), covered, fall)
    if fall is not None and not fall.counted:
        return Change(topped_up_from=level)
    return Change(topped_up_from=before.balance)


def spent_between(before: Reading, after: Reading, now: datetime) -> Change | None:
    """Returns what two readings tell whose provider tells costs; None for any others.

    What was spent is what more the costs are, without corrections of days that were over. A
    top-up is what was bought, and nothing that expires is spent.
    """
    old, new = before.estimate, after.estimate
    if old is None or new is None:
        return None
    if new.bought > old.bought and not after.renews:
        return Change(topped_up_from=before.balance)
    if old.since != new.since or now <= before.observed_at:
        return Change()
    more = _KEPT.subtract(_KEPT.subtract(new.cost, old.cost), new.corrected)
    return Change(max(more, Decimal(0)), now - before.observed_at)


def with_corrections(before: Reading, after: Reading) -> Reading:
    """Returns a reading with what it corrects of the one before, if it has its costs by day.

    What changed of the days that were open then was spent; what else changed is corrected.
    """
    old, new, costs = before.estimate, after.estimate, after.costs
    if new is None or costs is None:
        return after
    corrected = Decimal(0)
    if old is not None and old.open is not None and old.since == new.since:
        still = open_costs_since(old.open.since, costs).cost
        with localcontext(prec=CALCULATION_DIGITS):
            difference = (new.cost - still) - (old.cost - old.open.cost)
        corrected = exact(_KEPT.plus(difference))
    return replace(after, estimate=new._replace(corrected=corrected), costs=None)


def _fallen(before: Sample, after: Sample, spent: Decimal, fall: Fall | None) -> Change:
    """Returns the change of a balance that fell, or that stayed where it was."""
    covered = after.at - before.at
    is_large = is_top_up(after.balance, before.balance)
    confirmed = Decimal(0)
    if fall is not None and not fall.counted:
        if not is_large and after.at - fall.at < _CONFIRMED_AFTER:
            return Change(spent, covered, fall)
        confirmed, fall = fall.size, replace(fall, counted=True)
    if is_large and covered <= _SUDDEN:
        return Change(confirmed, covered, Fall(after.at, spent, counted=False))
    latest = Fall(after.at, spent) if spent else fall
    return Change(_KEPT.add(spent, confirmed), covered, latest)


def _taken_back(taken: Decimal, covered: timedelta, fall: Fall | None) -> Change:
    """Returns the change of a balance that rose by so much of the latest fall, or by nothing."""
    if fall is None:
        return Change(covered=covered)
    left = _KEPT.subtract(fall.size, taken)
    rest = replace(fall, size=left) if left > 0 else None
    return Change(-taken if fall.counted else Decimal(0), covered, rest)


def is_top_up(before: Decimal, after: Decimal) -> bool:
    """Tells whether a balance rose so much, and to more than 0, that it was topped up."""
    if after <= before or after <= 0:
        return False
    rise = _EXACT.subtract(after, before)
    return rise >= _LEAST_TOP_UP and rise >= _EXACT.multiply(before.copy_abs(), _TOP_UP_SHARE)


def may_be_top_up(before: float, after: float) -> bool:
    """Tells whether two balances in a row may be a top-up; False is certain.

    Whatever fall the rise takes back, it is one only if it is one without that fall.
    """
    rise = after - before
    return after > 0 and rise >= _NEARLY_LEAST and rise >= _NEARLY_SHARE * abs(before)


def has_no_top_up(lowest: float, highest: float) -> bool:
    """Tells whether no two balances between these may be a top-up; True is certain."""
    return highest <= 0 or highest - lowest < max(_NEARLY_LEAST, _NEARLY_SHARE * lowest)
