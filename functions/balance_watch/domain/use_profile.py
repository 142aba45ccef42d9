"""What an account uses in each hour of the week: the profile that a forecast walks through.

The profile keeps what each of the week's 168 hours (UTC) costs, a byte an hour on a logarithmic
scale, and two pairs of running sums, which compare the last week and the last day with it. Spans of
spending are added as they are seen. All of it is estimates of six significant digits; there is no
clock, so the same spans make the same profile.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from math import exp, floor, log
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

WEEK = 168
"""Hours of a week, and what the level remembers: the shortest time that has every weekday in it."""

DAY = 24
"""Hours that an excess is seen in, and that it fades in: the shortest time with a night in it."""

MEMORY = 4
"""Weeks that an hour of the profile remembers: a month. Until then it is a plain average."""

DOUBT = 0.5
"""Weeks: known for so long, a weekday's hour counts as much as the same hour of all days does."""

OUTGROWN = 0.5
"""Weeks: an excess of the last day that the profile takes longer to spend leaves it behind."""

ENOUGH_HOURS = 120
"""So many of the week's hours have to be known: five days, so that a lost day is no harm."""

SECONDS_PER_HOUR = 3600
"""Seconds."""

_SOME = 900
"""Seconds of an hour that have to be known before it is taken for what the hour costs."""

UNKNOWN, _NOTHING, _LEAST, _MOST = 0, 1, 2, 255
"""What a byte says: never seen; nothing is spent; the lowest rate there is; the highest."""

_STEP = 1.05
"""From one byte to the next. All of them are a range of 1 : 230,000."""

_RATES = (0.0, 0.0, *(_STEP ** (byte - _MOST) for byte in range(_LEAST, _MOST + 1)))
"""What a byte stands for, as a part of the highest."""

MAX_STEPS = 6000
"""Steps that the highest rate may be away from 1: 127 digits."""

_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, fill the range from 0 to 1 evenly, however many there are."""


class Sums(NamedTuple):
    """What was spent and what was due, each weighted the less the longer ago it is."""

    spent: float = 0.0
    due: float = 0.0

    def added(self, spent: float, due: float, hours: float, memory: int) -> "Sums":
        """Returns the sums after some more hours, in which use was even."""
        kept = exp(-hours / memory)
        weight = (1 - kept) * memory / hours
        return Sums(
            _short(self.spent * kept + spent * weight),
            _short(self.due * kept + due * weight),
        )


class Profile(Struct, frozen=True):
    """What is known of an account's use by hour of the week. Hours are counted from the epoch.

    `hours` are rates per hour, by hour of the week: the highest is the byte 255, which stands for
    1.05 to the power of `top`, and each byte less for a step less. `began` is the hour of the first
    look. `spent`, within `covered` seconds, is what is known of `hour`, which is under way: it goes
    into the profile when that is over. Be it a burst or a bill, one hour counts for no more than
    what is due in it and an average day; for the level of the week, an average month.
    """

    hours: bytes = bytes(WEEK)
    top: int = 0
    began: int | None = None
    hour: int = 0
    spent: float = 0.0
    covered: int = 0
    week: Sums = Sums()
    day: Sums = Sums()

    def added(self, start: datetime, end: datetime, spent: Decimal) -> "Profile":
        """Returns the profile with what was spent from one look to the next; below 0 a correction.

        What is spent over several hours is spread as the profile has it, evenly if there is none
        yet. After a time without a look that is longer than its memory the profile begins anew.
        """
        first, last = int(start.timestamp()), int(end.timestamp())
        if last - first > MEMORY * WEEK * SECONDS_PER_HOUR:
            return Profile()
        profile = self
        if self.began is None:
            profile = replace(self, began=first // SECONDS_PER_HOUR, hour=first // SECONDS_PER_HOUR)
        # What a clock that went back tells of hours that are closed is left out.
        pieces = [piece for piece in _pieces(first, last) if piece[0] >= profile.hour]
        known = is_known(profile, first // SECONDS_PER_HOUR)
        shape = week_shape(profile, first // SECONDS_PER_HOUR) if known else None
        for (hour, seconds), share in zip(pieces, _shares(pieces, shape), strict=True):
            profile = _with(_at(profile, hour), seconds, float(spent) * share, shape)
        return profile


NO_PROFILE = Profile()
"""The profile of an account of which nothing is known."""


def _pieces(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yields the hours between two times, in seconds, and how many seconds of each."""
    while first < last:
        until = min(last, (first // SECONDS_PER_HOUR + 1) * SECONDS_PER_HOUR)
        yield first // SECONDS_PER_HOUR, until - first
        first = until


def _shares(pieces: list[tuple[int, int]], shape: list[float] | None) -> list[float]:
    """Returns which part of a span's spending belongs to each piece of it."""
    weights = [float(seconds) for _, seconds in pieces]
    if shape is not None:
        shaped = [shape[hour % WEEK] * seconds for hour, seconds in pieces]
        weights = shaped if sum(shaped) > 0 else weights
    whole = sum(weights)
    return [weight / whole for weight in weights]


def _with(profile: Profile, seconds: int, spent: float, shape: list[float] | None) -> Profile:
    """Returns the profile with what was spent for so long within the hour that is under way.

    The last week is held against the profile as it will be with this in it, so that what the
    profile learns does not count twice; the last day against what was to be expected.
    """
    due = counted = spent
    if shape is not None:
        rate = shape[profile.hour % WEEK]
        due = rate * seconds / SECONDS_PER_HOUR
        if not is_outgrown(profile, shape):
            week = sum(shape) * scale_of(profile, shape)[0]
            spent = min(spent, rate + week * MEMORY)
            day = rate + week / WEEK * DAY
            # What was bounded when it was spent is bounded alike when it is taken back.
            spent = max(spent, -rate - week * MEMORY)
            counted = max(min(spent, max(0.0, day - profile.spent)), -day)
    learnt = due + _learning(profile) * (counted - due)
    return replace(
        profile,
        spent=_short(profile.spent + counted),
        covered=min(SECONDS_PER_HOUR, profile.covered + seconds),
        week=profile.week.added(spent, learnt, seconds / SECONDS_PER_HOUR, WEEK),
        day=profile.day.added(counted, due, seconds / SECONDS_PER_HOUR, DAY),
    )


def _at(profile: Profile, hour: int) -> Profile:
    """Returns the profile with this hour under way, and the one before in it, as far as known."""
    if hour == profile.hour:
        return profile
    if not profile.covered:
        return replace(profile, hour=hour)
    rate = max(0.0, profile.spent) * SECONDS_PER_HOUR / profile.covered
    byte = profile.hours[profile.hour % WEEK]
    if byte == UNKNOWN and profile.covered < _SOME:
        return replace(profile, hour=hour, spent=0.0, covered=0)
    if byte != UNKNOWN:
        before = _RATES[byte] * _STEP**profile.top
        rate = before + _learning(profile) * profile.covered / SECONDS_PER_HOUR * (rate - before)
    hours, top = _noted(profile, rate)
    return replace(profile, hours=hours, top=top, hour=hour, spent=0.0, covered=0)


def _noted(profile: Profile, rate: float) -> tuple[bytes, int]:
    """Returns the bytes with the rate of the hour that is under way, and the top of their scale.

    The rate is rounded up in some weeks and down in others, to be right on average: what moves by
    less than a step would never move otherwise.
    """
    at = profile.hour % WEEK
    others = profile.hours[:at] + bytes([_NOTHING]) + profile.hours[at + 1 :]
    tops = [profile.top - _MOST + max(others)] if max(others) >= _LEAST else []
    step = None
    if rate > 0:
        step = floor(log(rate) / log(_STEP) + profile.hour * _GOLDEN % 1)
        step = max(-MAX_STEPS, min(MAX_STEPS, step))
        tops.append(step)
    top = max(tops, default=0)
    moved = profile.top - top
    noted = bytearray(byte if byte < _LEAST else max(_NOTHING, byte + moved) for byte in others)
    noted[at] = _NOTHING if step is None else max(_NOTHING, step - top + _MOST)
    return bytes(noted), top


def _learning(profile: Profile) -> float:
    """Returns by which part of the difference the hour under way moves to what is spent in it."""
    if profile.began is None or profile.hours[profile.hour % WEEK] == UNKNOWN:
        return 1.0
    return max(1 / MEMORY, 1 / ((profile.hour - profile.began) // WEEK + 1))


def week_shape(profile: Profile, now: int) -> list[float]:
    """Returns what is due in each hour of the week, at a level of 1.

    It is drawn to the mean of all days' same hour: what few weeks say of one weekday is doubtful.
    An hour that was never seen is as on other days, or, seen on none, as any.
    """
    weeks = min(MEMORY, (now - (profile.began or 0)) / WEEK)
    trust, scale = weeks / (weeks + DOUBT), _STEP**profile.top
    overall = _mean(profile.hours, 0.0)
    usual = [_mean(profile.hours[clock::DAY], overall) for clock in range(DAY)]
    return [
        scale * (mean if byte == UNKNOWN else mean + trust * (_RATES[byte] - mean))
        for byte, mean in zip(profile.hours, usual * (WEEK // DAY), strict=True)
    ]


def _mean(hours: bytes, otherwise: float) -> float:
    rates = [_RATES[byte] for byte in hours if byte != UNKNOWN]
    return sum(rates) / len(rates) if rates else otherwise


def is_known(profile: Profile, now: int) -> bool:
    """Whether a week of use is known, as of an hour."""
    if profile.began is None or now - profile.began < WEEK:
        return False
    return WEEK - profile.hours.count(UNKNOWN) >= ENOUGH_HOURS


def scale_of(profile: Profile, shape: list[float]) -> tuple[float, float]:
    """Returns the level of the last week, and what the last day spent beyond it.

    The level is what was spent as a multiple of what the profile has for it. An average day on both
    sides draws it to 1: sums that are all but nothing say little.
    """
    average = sum(shape) / WEEK * DAY
    if not average:
        return 1.0, profile.day.spent
    spent, due = (max(0.0, each) + average for each in profile.week)
    return spent / due, profile.day.spent - spent / due * profile.day.due


def is_outgrown(profile: Profile, shape: list[float]) -> bool:
    """Whether use has left the profile behind; one in which nothing is spent always is."""
    _, excess = scale_of(profile, shape)
    return excess >= sum(shape) * OUTGROWN


def _short(number: float) -> float:
    """Six significant digits: what is stored of it."""
    return float(f"{number:.6g}")
