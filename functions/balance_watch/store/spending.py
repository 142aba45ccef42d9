"""What is remembered of an account's spending, as attributes of its state: pure.

It takes the room that the rest of the state leaves in one write unit, so the trend of the last day
may have only its first and last balance as numbers, and the others as a plot of 64 steps.
"""

import string
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from functools import reduce
from itertools import accumulate, pairwise
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.changes import Fall
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState
from balance_watch.domain.trend import Sample
from balance_watch.domain.use_profile import NO_PROFILE, Profile
from balance_watch.store.items import MALFORMED_ITEM, Item, seconds_of, without_none
from balance_watch.store.sizes import size_of
from balance_watch.store.use_profiles import parse_profile, serialize_profile

_TREND_BYTES, _SHORT_TREND_BYTES = 400, 80
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = Context(prec=12)
_LEAST_SAMPLES = 2
_LEVELS = string.digits + string.ascii_letters + "-_"
_WHOLE_DAY = timedelta(days=1)


def spending_to_item(state: AccountState, room: int) -> Item:
    """Returns the attributes of an account's spending, in so many bytes if that is possible."""
    item = _profile_to_item(state.profile)
    item |= without_none({"fall": _fall_to_text(state.fall)})
    days: Item = {"days": _days_to_text(state.days)} if state.days else {}
    if days and size_of(item | days) > room - _SHORT_TREND_BYTES:
        days = {"week": _days_to_short_text(state.days)}
    item |= days
    if not state.trend:
        return item
    free = room - size_of(item) - len("trail") - len("spans")
    return item | _trend_to_item(state.trend, min(_TREND_BYTES, max(_SHORT_TREND_BYTES, free)))


def spending_from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Returns these fields of an AccountState; raises one of MALFORMED_ITEM."""
    return {
        "trend": _trend_from_item(item),
        "days": _days_from_item(item),
        "profile": _profile_from_item(item),
        "fall": _fall_from_text(item["fall"]) if "fall" in item else None,
    }


def _profile_to_item(profile: Profile) -> Item:
    if profile == NO_PROFILE:
        return {}
    hours, rest = serialize_profile(profile)
    return {"use": hours, "used": rest}


def _profile_from_item(item: Mapping[str, Any]) -> Profile:
    """Returns the profile of an item; a malformed one begins anew, and only that."""
    if "use" not in item:
        return NO_PROFILE
    try:
        return parse_profile(bytes(item["use"]), item["used"])
    except MALFORMED_ITEM:
        return NO_PROFILE


def _fall_to_text(fall: Fall | None) -> str | None:
    """Writes a fall as `minutes:size`, the minutes since the epoch; with `:?` if not confirmed."""
    if fall is None:
        return None
    return f"{seconds_of(fall.at) // 60}:{fall.size}{'' if fall.counted else ':?'}"


def _fall_from_text(text: str) -> Fall:
    minutes, size, *unconfirmed = text.split(":")
    at = datetime.fromtimestamp(int(minutes) * 60, UTC)
    return Fall(at, Decimal(size), counted=not unconfirmed)


def _trend_to_item(trend: tuple[Sample, ...], room: int) -> Item:
    """Writes a trend as `minutes:balance`, the minutes since the sample before (first: the epoch).

    `spans` is about the samples before which the balance was topped up, or was not observed for all
    the time: `number:spent:minutes`. If all of it is longer than the room, every other sample is
    left out, but never the latest.
    """
    firsts = (Sample(_EPOCH, Decimal(0)), *trend)
    gaps = [_minutes_between(before, after) for before, after in pairwise(firsts)]
    text = " ".join(f"{gap}:{it.balance:f}" for gap, it in zip(gaps, trend, strict=True))
    spans = " ".join(
        f"{number}:{after.spent:f}:{_minutes(after.covered)}"
        for number, (before, after) in enumerate(pairwise(trend), 1)
        if (after.spent, _minutes(after.covered)) != _difference(before, after)
    )
    if len(text) + len(spans) > room and len(trend) > _LEAST_SAMPLES:
        return _drawn(trend)
    return {"trail": text, **({"spans": spans} if spans else {})}


def _drawn(trend: tuple[Sample, ...]) -> Item:
    """Writes a trend whose numbers have no room: its first and last sample, and a plot of all.

    The plot is a character for each hour up to the last sample's, from the lowest balance to the
    highest in 64 steps, and a space for an hour without a sample. A plot needs no more, and the
    last sample tells what was spent in all.
    """
    first, last = trend[0], reduce(lambda earlier, later: later.after(earlier), trend[1:])
    lowest, highest = (choose(it.balance for it in trend) for choose in (min, max))
    hours = {_hours_before(last, it): it.balance for it in trend}
    span = highest - lowest
    levels = (
        " " if balance is None else _LEVELS[int((balance - lowest) / span * 63) if span else 0]
        for balance in (hours.get(hour) for hour in range(max(hours), -1, -1))
    )
    item = _trend_to_item((first, last), _TREND_BYTES)
    # A balance that only fell needs neither of the two again.
    low = "" if lowest == last.balance else lowest
    high = "" if highest == first.balance else highest
    return {**item, "plot": f"{low}:{high}:{''.join(levels)}"}


def _hours_before(last: Sample, sample: Sample) -> int:
    return seconds_of(last.at) // 3600 - seconds_of(sample.at) // 3600


def _trend_from_item(item: Mapping[str, Any]) -> tuple[Sample, ...]:
    pairs = [pair.split(":") for pair in item.get("trail", "").split()]
    minutes = accumulate(int(gap) for gap, _ in pairs)
    trend = [
        Sample(_EPOCH + timedelta(minutes=at), Decimal(balance))
        for at, (_, balance) in zip(minutes, pairs, strict=True)
    ]
    spans = {
        int(number): (Decimal(spent), int(covered))
        for number, spent, covered in (it.split(":") for it in item.get("spans", "").split())
    }
    for number, (before, after) in enumerate(pairwise(tuple(trend)), 1):
        spent, covered = spans.get(number, _difference(before, after))
        trend[number] = replace(after, spent=spent, covered=timedelta(minutes=covered))
    if "plot" in item and len(trend) == _LEAST_SAMPLES:
        first, last = trend
        return (first, *_samples_between(first, last, item["plot"]), last)
    return tuple(trend)


def _samples_between(first: Sample, last: Sample, plot: str) -> Iterator[Sample]:
    """Yields the samples that a plot has between two others, to one 64th of its range."""
    low, high, levels = plot.split(":")
    lowest = Decimal(low) if low else last.balance
    highest = Decimal(high) if high else first.balance
    hours = len(levels) - 1
    for index, level in enumerate(levels[1:-1], 1):
        at = last.at - timedelta(hours=hours - index)
        if level != " " and first.at < at:
            part = Decimal(_LEVELS.index(level)) / 63
            balance = _KEPT.plus(lowest + (highest - lowest) * part)
            yield Sample(at, min(highest, max(lowest, balance)))


def _difference(before: Sample, after: Sample) -> tuple[Decimal, int]:
    """Returns what was spent between two samples, in how many minutes, if there was no top-up."""
    return _KEPT.subtract(before.balance, after.balance), _minutes_between(before, after)


def _minutes_between(before: Sample, after: Sample) -> int:
    return seconds_of(after.at) // 60 - seconds_of(before.at) // 60


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60


def _days_to_text(days: tuple[Day, ...]) -> str:
    """Writes days as `day:spent:seconds`, in days since the epoch."""
    return " ".join(
        f"{_number_of(day)}:{day.spent}:{int(day.covered.total_seconds())}" for day in days
    )


def _days_to_short_text(days: tuple[Day, ...]) -> str:
    """Writes days as `day@spent/seconds`, the days since the day before (first: the epoch).

    That a day follows the one before, and that all of it was observed, go without saying.
    """
    gaps = (number - before for before, number in pairwise((0, *map(_number_of, days))))
    return " ".join(
        f"{'' if gap == 1 else f'{gap}@'}{day.spent.normalize():f}"
        f"{'' if day.covered == _WHOLE_DAY else f'/{int(day.covered.total_seconds())}'}"
        for gap, day in zip(gaps, days, strict=True)
    )


def _days_from_item(item: Mapping[str, Any]) -> tuple[Day, ...]:
    """Returns the days of an item; those of an earlier release may have a fourth part."""
    if "week" in item:
        return tuple(_days_from_short_text(item["week"]))
    parts = (day.split(":") for day in item.get("days", "").split())
    return tuple(
        Day(_date(int(day)), Decimal(spent), timedelta(seconds=int(seconds)))
        for day, spent, seconds, *_ in parts
    )


def _days_from_short_text(text: str) -> Iterator[Day]:
    number = 0
    for part in text.split():
        gap, has_gap, rest = part.rpartition("@")
        spent, has_seconds, seconds = rest.partition("/")
        number += int(gap) if has_gap else 1
        covered = timedelta(seconds=int(seconds)) if has_seconds else _WHOLE_DAY
        yield Day(_date(number), Decimal(spent), covered)


def _number_of(day: Day) -> int:
    return (day.day - _EPOCH.date()).days


def _date(number: int) -> date:
    return _EPOCH.date() + timedelta(number)
