"""From the policy's TOML to the policy; every fault at once, by place and never by value."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from balance_watch.config.policy_types import (
    DAYS,
    FORM_TEXTS,
    Clock,
    Duration,
    PendingPeriodText,
    PolicyMetric,
    Reminder,
    RunsDry,
    Threshold,
    TopUps,
    Weekday,
    Zone,
)
from balance_watch.domain.channels import TOPIC
from balance_watch.domain.metrics import METRICS, ThresholdForm
from balance_watch.domain.policy import RESERVED_NAMES, Defaults, Policy, Route
from balance_watch.domain.rules import Metric, Rule, Severity
from balance_watch.domain.silences import MuteTime
from balance_watch.notifiers.channels import KINDS, Kind, channel_forms, is_channel
from balance_watch.providers.registry import is_slug
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import convert_spec
from balance_watch.validation import (
    Faults,
    convert,
    convert_each,
    exact_toml,
    unknown,
)

_OF_ACCOUNTS = ("account", "provider")
OF_ALERTS = (*_OF_ACCOUNTS, "severity", "rule", "metric")


class DefaultsTable(msgspec.Struct, frozen=True):
    """`[defaults]`."""

    reminder: Reminder = Reminder("24h")
    minimum_gap: Duration = Duration("6h")
    unreadable_after: int = 3
    quicken: bool = False
    runs_dry: RunsDry = RunsDry(*Defaults().runs_dry)
    empty: bool = True


class RuleTable(msgspec.Struct, frozen=True):
    """One of `[[rules]]`."""

    name: str
    match: dict[str, str] = {}
    metric: PolicyMetric = PolicyMetric(Metric.BALANCE)
    below: Threshold | None = None
    above: Threshold | None = None
    recover: Threshold | None = None
    pending_period: PendingPeriodText = msgspec.field(
        name="for", default=PendingPeriodText("1 check")
    )
    severity: Literal["critical", "warning", "info"] = "warning"
    top_up: TopUps = TopUps(0)


class MuteTable(msgspec.Struct, frozen=True):
    """One of `[[mute_times]]`."""

    begins: Clock = msgspec.field(name="from")
    ends: Clock = msgspec.field(name="to")
    days: tuple[Weekday, ...] = tuple(map(Weekday, DAYS))
    timezone: Zone = Zone("UTC")
    match: dict[str, str] = {}


class RouteTable(msgspec.Struct, frozen=True):
    """One of `[[routes]]`."""

    channels: list[str]
    match: dict[str, str] = {}


SECTIONS = ("defaults", "rules", "routes", "mute_times", "providers")


class PolicyFile(NamedTuple):
    """What a policy's text holds: the policy, and by slug the providers that it defines."""

    policy: Policy = Policy()
    providers: Mapping[str, Spec] = MappingProxyType({})


def policy_in_force(
    text: str | None,
    last_good: Callable[[], str | None],
    faults: Faults,
    kinds: Mapping[str, Kind] = KINDS,
) -> tuple[PolicyFile, bool]:
    """Returns the text's policy, or the last valid one; and whether it is the text's own.

    Args:
        text: the policy; None: it cannot be read, and its fault is in `faults` already.
        last_good: returns the text of the last valid policy, if there was one.
        faults: gets every fault of the text, and which policy is used instead.
        kinds: the kinds of channels that routes can name.
    """
    policy = None if text is None else parse_policy(text, "policy", faults, kinds)
    if policy is not None:
        return policy, True
    kept = last_good()
    last = None if kept is None else parse_policy(kept, "the last good policy", Faults(), kinds)
    used = "the built-in policy" if last is None else "the last valid policy"
    faults[-1] += f"; until this is mended, {used} is in force"
    return last or PolicyFile(), False


def parse_policy(
    text: str, where: str, faults: Faults, kinds: Mapping[str, Kind] = KINDS
) -> PolicyFile | None:
    """Returns the policy in a text, or None after adding every fault of it.

    An empty text, or one of nothing but comments, is the built-in policy.
    """
    before = len(faults)
    raw = exact_toml(text, where, faults)
    if raw is None:
        return None
    for section in raw.keys() - set(SECTIONS):
        faults.add(where, unknown("section", section, SECTIONS))
    defaults = convert(DefaultsTable, raw.get("defaults", {}), f"{where} [defaults]", faults)
    rules = _rules(raw.get("rules", []), where, faults)
    routes = _routes(raw.get("routes", []), where, faults, kinds)
    mute_times = _mute_times(raw.get("mute_times", []), where, faults)
    providers = _providers(raw.get("providers", []), f"{where} providers", faults)
    if defaults is not None and defaults.unreadable_after < 1:
        faults.add(f"{where} [defaults], unreadable_after", "must be at least 1")
    if defaults is None or len(faults) > before:
        return None
    reminder = None if defaults.reminder == "never" else defaults.reminder.span
    gap, after, quicken = defaults.minimum_gap.span, defaults.unreadable_after, defaults.quicken
    timing = Defaults(
        reminder, gap, after, quicken, runs_dry=defaults.runs_dry.tiers, empty=defaults.empty
    )
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
        if table.top_up and (table.above or not METRICS[Metric(table.metric)].may_top_up):
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
                pending_period=table.pending_period.pending_period,
                relative=any(each.form is ThresholdForm.MULTIPLE for each in _given(table)),
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
    forms = METRICS[Metric(table.metric)].threshold_forms
    if not forms:
        if _given(table):
            faults.add(place, f"{table.metric} takes no below, above or recover")
        return
    if (table.below is None) == (table.above is None):
        both = table.below is not None
        faults.add(place, "has both below and above: keep one" if both else "needs below or above")
        return
    if not all(each.form in forms for each in _given(table)):
        texts = " or ".join(FORM_TEXTS[form] for form in forms)
        faults.add(place, f"the thresholds of {table.metric} must be {texts}")
    elif any(each.form is not ThresholdForm.NUMBER and not each.exact for each in _given(table)):
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
        days = frozenset(DAYS.index(day) for day in table.days)
        begins, ends, zone = table.begins.time, table.ends.time, table.timezone.info
        mute_times.append(MuteTime(days, begins, ends, zone, table.match))
    return tuple(mute_times)


def _routes(
    raw: object, where: str, faults: Faults, kinds: Mapping[str, Kind]
) -> tuple[Route, ...]:
    routes = []
    for place, table, _ in convert_each(RouteTable, raw, f"{where} routes", faults):
        _check_facts(table.match, OF_ALERTS, f"{place}, match", faults)
        if not table.channels:
            faults.add(f"{place}, channels", f'must name at least one, such as "{TOPIC}"')
        if not all(is_channel(channel, kinds) for channel in table.channels):
            faults.add(f"{place}, channels", f"can be {channel_forms(kinds)}")
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
        spec = convert_spec(rest, place, faults)
        if spec is not None:
            providers[slug] = spec
    return providers


def is_fact(fact: str, known: tuple[str, ...]) -> bool:
    """Whether a `match` can ask for this: one of the known facts, or `labels.NAME`."""
    return fact in known or re.fullmatch(r"labels\..+", fact) is not None


def _check_facts(match: dict[str, str], known: tuple[str, ...], place: str, faults: Faults) -> None:
    for fact in match:
        if not is_fact(fact, known):
            faults.add(place, unknown("fact", fact, (*known, "labels.NAME")))
