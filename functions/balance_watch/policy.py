"""From the policy's TOML to the policy; every fault at once, by place and never by value."""

import re
from collections.abc import Callable, Mapping
from datetime import time, timedelta, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.policy import RESERVED_NAMES, TOPIC, Defaults, Policy, Route
from balance_watch.domain.rules import NUMERIC, Hold, Metric, Rule, Severity
from balance_watch.domain.silences import MuteTime
from balance_watch.providers.lookup import is_slug
from balance_watch.providers.spec import Spec, understand_spec
from balance_watch.validation import (
    Amount,
    Faults,
    convert,
    convert_each,
    exact_toml,
    named_safely,
)

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})\s*([mhdw])", re.ASCII)
_CHECKS = re.compile(r"(\d{1,6})\s+checks?", re.ASCII)
_CHANNEL = re.compile(r"sns|slack:[^\s:/]{1,80}")
_OF_ACCOUNTS = ("account", "provider")
OF_ALERTS = (*_OF_ACCOUNTS, "severity", "rule", "metric")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MULTIPLE = re.compile(r"\d{1,6}(\.\d{1,6})?x", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:00)?", re.ASCII)
_A_NUMBER, _A_DURATION, _A_MULTIPLE = (
    "a number",
    'a duration such as "3d"',
    'a multiple of the usual such as "3x"',
)
_FORMS: Mapping[Metric, tuple[str, ...]] = {
    Metric.RUNWAY: (_A_DURATION,),
    Metric.STALENESS: (_A_DURATION,),
    Metric.SPEND_RATE: (_A_NUMBER, _A_MULTIPLE),
}
_MOST_PER_DAY = 24


class Lasting(str):
    """A duration such as `30m`, `24h`, `7d`; `.span` is its length."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Lasting":
        """Raises ValueError on what is no duration."""
        if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
            raise ValueError('must be a duration such as "30m", "24h" or "7d"')
        return cls(value.strip())

    @property
    def span(self) -> timedelta:
        """The length of it."""
        return timedelta(**{_UNITS[self[-1]]: int(self[:-1])})


class Reminder(Lasting):
    """A duration, or `never`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Reminder":
        """Raises ValueError on what is neither."""
        if value == "never":
            return cls(value)
        try:
            return cls(Lasting.parse(value))
        except ValueError as error:
            raise ValueError(f'{error}, or "never"') from None


class Holding(str):
    """How long a breach must last: `2 checks`, or a duration."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Holding":
        """Raises ValueError on what is neither."""
        if isinstance(value, str) and _CHECKS.fullmatch(value.strip()):
            return cls(value.strip())
        try:
            return cls(Lasting.parse(value))
        except ValueError:
            raise ValueError('must be like "2 checks", or a duration such as "30m"') from None

    @property
    def hold(self) -> Hold:
        """The same, as the rules take it."""
        counted = _CHECKS.fullmatch(self)
        return Hold(int(counted[1])) if counted else Hold(lasting=Lasting(self).span)


class Threshold(str):
    """A number, a duration such as `3d`, or a multiple of what is usual such as `3x`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Threshold":
        """Raises ValueError on what is none of them."""
        if isinstance(value, str) and (_DURATION.fullmatch(value) or _MULTIPLE.fullmatch(value)):
            return cls(value)
        try:
            return cls(Amount.parse(value))
        except ValueError:
            if not isinstance(value, str):
                raise
        raise ValueError(f"must be {_A_NUMBER}, {_A_DURATION}, or {_A_MULTIPLE}")

    @property
    def form(self) -> str:
        """Which of the three it is, as faults name it."""
        if _DURATION.fullmatch(self):
            return _A_DURATION
        return _A_MULTIPLE if _MULTIPLE.fullmatch(self) else _A_NUMBER

    @property
    def exact(self) -> Decimal:
        """The number, the multiple, or the duration's seconds."""
        if self.form is _A_DURATION:
            return Decimal(int(Lasting(self).span.total_seconds()))
        return Amount(self.removesuffix("x")).exact


class Clock(str):
    """A time of day such as `18:30`; `.time` is it."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Clock":
        """Raises ValueError on what is none."""
        text = value.isoformat() if isinstance(value, time) else value
        if not isinstance(text, str) or not _CLOCK.fullmatch(text):
            raise ValueError('must be a time such as "18:30"')
        return cls(text[:5])

    @property
    def time(self) -> time:
        """The same, as Python has it."""
        return time.fromisoformat(self)


class Zone(str):
    """A time zone by its name in the IANA database, such as `Europe/Berlin`; `.info` is it."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Zone":
        """Raises ValueError on what is none."""
        try:
            cls(value).info  # noqa: B018 (looked up, or an error)
        except (KeyError, OSError, ValueError):
            raise ValueError('must be a time zone such as "Europe/Berlin" or "UTC"') from None
        return cls(value)

    @property
    def info(self) -> tzinfo:
        """The zone with its rules."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 (costs a start 20 ms, and few policies mute)

        return ZoneInfo(self)


class DefaultsTable(msgspec.Struct, frozen=True):
    """`[defaults]`."""

    reminder: Reminder = Reminder("24h")
    minimum_gap: Lasting = Lasting("6h")
    unreadable_after: int = 3
    quicken: bool = False


class TopUps(int):
    """`top_up` of a rule: how often in 24 hours it may pay in."""

    @classmethod
    def parse(cls, value: object) -> "TopUps":
        """Raises ValueError on what is not understood."""
        most = value.get("max_per_day") if isinstance(value, Mapping) and len(value) == 1 else None
        if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= _MOST_PER_DAY:
            raise ValueError(f"must be like {{ max_per_day = 1 }}, with 1 to {_MOST_PER_DAY}")
        return cls(most)


class Weekday(str):
    """A day of the week, as `[[mute_times]]` has it."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Weekday":
        """Raises ValueError on what is none."""
        if value not in _DAYS:
            raise ValueError(f"must be of {', '.join(_DAYS)}")
        return cls(value)


class RuleTable(msgspec.Struct, frozen=True):
    """One of `[[rules]]`."""

    name: str
    match: dict[str, str] = {}
    metric: Literal[
        "balance", "credits", "points", "runway", "spend_rate", "staleness", "provider_flag"
    ] = "balance"
    below: Threshold | None = None
    above: Threshold | None = None
    recover: Threshold | None = None
    hold: Holding = msgspec.field(name="for", default=Holding("1 check"))
    severity: Literal["critical", "warning", "info"] = "warning"
    top_up: TopUps = TopUps(0)


class MuteTable(msgspec.Struct, frozen=True):
    """One of `[[mute_times]]`."""

    begins: Clock = msgspec.field(name="from")
    ends: Clock = msgspec.field(name="to")
    days: tuple[Weekday, ...] = tuple(map(Weekday, _DAYS))
    timezone: Zone = Zone("UTC")
    match: dict[str, str] = {}


class RouteTable(msgspec.Struct, frozen=True):
    """One of `[[routes]]`."""

    channels: list[str]
    match: dict[str, str] = {}


def read_parameter(client: "SSMClient", name: str, faults: Faults) -> str | None:
    """Returns the parameter's text; None after noting why it cannot be read."""
    try:
        return client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except ClientError as error:
        why = error.response.get("Error", {}).get("Code", "no reason given")
    except BotoCoreError as error:
        why = type(error).__name__
    faults.add(f"policy {name}", f"cannot be read ({why})")
    return None


SECTIONS = ("defaults", "rules", "routes", "mute_times", "providers")


class PolicyFile(NamedTuple):
    """What a policy's text holds: the policy, and by slug the providers that it defines."""

    policy: Policy = Policy()
    providers: Mapping[str, Spec] = MappingProxyType({})


def policy_in_force(
    text: str | None, last_good: Callable[[], str | None], faults: Faults
) -> tuple[PolicyFile, bool]:
    """Returns a text's policy, or the last one that was in order; and whether it is the text's.

    Args:
        text: the policy's; None: it cannot be read, which is noted.
        last_good: returns the text of the last policy that was in order, if it is known.
        faults: takes every fault of the text, and what stands in for it.
    """
    given = None if text is None else parse_policy(text, "policy", faults)
    if given is not None:
        return given, True
    kept = last_good()
    last = None if kept is None else parse_policy(kept, "the last good policy", Faults())
    used = "the built-in policy" if last is None else "the last policy that was in order"
    faults[-1] += f"; until it is in order, {used} is used"
    return last or PolicyFile(), False


def parse_policy(text: str, where: str, faults: Faults) -> PolicyFile | None:
    """Returns the policy that a text holds, or None after noting every fault of it.

    An empty text, or one of nothing but comments, is the built-in policy.
    """
    before = len(faults)
    raw = exact_toml(text, where, faults)
    if raw is None:
        return None
    for section in raw.keys() - set(SECTIONS):
        can = ", ".join(SECTIONS)
        faults.add(where, f"has no section {named_safely(section, SECTIONS)}; it can have {can}")
    defaults = convert(DefaultsTable, raw.get("defaults", {}), f"{where} [defaults]", faults)
    rules = _rules(raw.get("rules", []), where, faults)
    routes = _routes(raw.get("routes", []), where, faults)
    mute_times = _mute_times(raw.get("mute_times", []), where, faults)
    providers = _providers(raw.get("providers", []), f"{where} providers", faults)
    if defaults is not None and defaults.unreadable_after < 1:
        faults.add(f"{where} [defaults], unreadable_after", "must be at least 1")
    if defaults is None or len(faults) > before:
        return None
    reminder = None if defaults.reminder == "never" else defaults.reminder.span
    gap, after, quicken = defaults.minimum_gap.span, defaults.unreadable_after, defaults.quicken
    timing = Defaults(reminder, gap, after, quicken)
    return PolicyFile(Policy(timing, rules, routes, mute_times), providers)


def _rules(raw: object, where: str, faults: Faults) -> tuple[Rule, ...]:
    rules = []
    names = set(RESERVED_NAMES)
    for place, table, in_order in convert_each(RuleTable, raw, f"{where} rules", faults):
        if table.name in names:
            faults.add(f"{place}, name", "is taken by another rule or a built-in one")
        elif not 1 <= len(table.name) <= 100 or not table.name.isprintable():  # noqa: PLR2004
            faults.add(f"{place}, name", "must be 1 to 100 characters on one line")
        names.add(table.name)
        _check_facts(table.match, _OF_ACCOUNTS, f"{place}, match", faults)
        if in_order:
            _check_thresholds(table, place, faults)
        if table.top_up and (table.above or table.metric in ("spend_rate", "staleness")):
            what = "pays in when money is low: its rule needs below, or the provider's flag"
            faults.add(f"{place}, top_up", what)
        rules.append(
            Rule(
                table.name,
                Metric(table.metric),
                Severity(table.severity),
                table.match,
                below=_exact(table.below),
                above=_exact(table.above),
                recover=_exact(table.recover),
                hold=table.hold.hold,
                relative=any(each.form is _A_MULTIPLE for each in _given(table)),
                top_ups=int(table.top_up),
            )
        )
    return tuple(rules)


def _exact(threshold: Threshold | None) -> Decimal | None:
    return None if threshold is None else threshold.exact


def _given(table: RuleTable) -> list[Threshold]:
    every = (table.below, table.above, table.recover)
    return [each for each in every if each is not None]


def _check_thresholds(table: RuleTable, place: str, faults: Faults) -> None:
    metric = Metric(table.metric)
    if metric not in NUMERIC:
        if _given(table):
            faults.add(place, f"{table.metric} takes no below, above or recover")
        return
    if (table.below is None) == (table.above is None):
        both = table.below is not None
        faults.add(place, "has both below and above: keep one" if both else "needs below or above")
        return
    forms = _FORMS.get(metric, (_A_NUMBER,))
    if not all(each.form in forms for each in _given(table)):
        faults.add(place, f"the thresholds of {metric.value} must be {' or '.join(forms)}")
    elif any(each.form is not _A_NUMBER and not each.exact for each in _given(table)):
        faults.add(place, "must have thresholds of more than nothing")
    elif len({each.form for each in _given(table)}) > 1:
        faults.add(place, "must have recover in the form of its other threshold")
    elif table.recover is None:
        return
    elif table.below is not None and table.recover.exact < table.below.exact:
        faults.add(f"{place}, recover", "must not be under below: it would clear while breached")
    elif table.above is not None and table.recover.exact > table.above.exact:
        faults.add(f"{place}, recover", "must not be over above: it would clear while breached")


def _mute_times(raw: object, where: str, faults: Faults) -> tuple[MuteTime, ...]:
    mute_times = []
    for place, table, _ in convert_each(MuteTable, raw, f"{where} mute_times", faults):
        _check_facts(table.match, OF_ALERTS, f"{place}, match", faults)
        if not table.days:
            faults.add(f"{place}, days", "must name at least one")
        days = frozenset(_DAYS.index(day) for day in table.days)
        begins, ends, zone = table.begins.time, table.ends.time, table.timezone.info
        mute_times.append(MuteTime(days, begins, ends, zone, table.match))
    return tuple(mute_times)


def _routes(raw: object, where: str, faults: Faults) -> tuple[Route, ...]:
    routes = []
    for place, table, _ in convert_each(RouteTable, raw, f"{where} routes", faults):
        _check_facts(table.match, OF_ALERTS, f"{place}, match", faults)
        if not table.channels:
            faults.add(f"{place}, channels", f'must name at least one, such as "{TOPIC}"')
        if not all(_CHANNEL.fullmatch(channel) for channel in table.channels):
            faults.add(f"{place}, channels", 'can be "sns" and "slack:NAME"')
        routes.append(Route(table.match, tuple(dict.fromkeys(table.channels))))
    return tuple(routes)


def _providers(raw: object, where: str, faults: Faults) -> dict[str, Spec]:
    if not isinstance(raw, list):
        faults.add(where, "must be a list: begin each with [[providers]]")
        return {}
    providers: dict[str, Spec] = {}
    for index, one in enumerate(raw):
        place = f"{where}[{index}]"
        if not isinstance(one, dict):
            faults.add(place, "must be a table")
            continue
        slug = one.get("slug")
        if not isinstance(slug, str) or not is_slug(slug):
            faults.add(f"{place}, slug", "must be words of plain letters and digits, with hyphens")
            slug = f"{index}"
        elif slug in providers:
            faults.add(f"{place}, slug", "is taken by another of these providers")
        rest = {name: value for name, value in one.items() if name != "slug"}
        spec = understand_spec(rest, place, faults)
        if spec is not None:
            providers[slug] = spec
    return providers


def is_fact(fact: str, known: tuple[str, ...]) -> bool:
    """Whether a `match` can ask for this: one of the known facts, or `labels.NAME`."""
    return fact in known or re.fullmatch(r"labels\..+", fact) is not None


def _check_facts(match: dict[str, str], known: tuple[str, ...], place: str, faults: Faults) -> None:
    for fact in match:
        if not is_fact(fact, known):
            can = ", ".join((*known, "labels.NAME"))
            faults.add(
                place, f"cannot ask for a fact {named_safely(fact, known)}; it can ask for {can}"
            )
