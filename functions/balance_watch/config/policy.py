"""Parses the policy. Every fault is reported at once, by its place and never by its value."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from balance_watch.config.match_facts import OF_ALERTS, check_facts
from balance_watch.config.policy_rules import parse_rules
from balance_watch.config.policy_types import (
    DAYS,
    Clock,
    Duration,
    Mention,
    Reminder,
    RunsDry,
    Weekday,
    Zone,
)
from balance_watch.domain.channels import TOPIC, kind_of
from balance_watch.domain.digest_plan import DigestPlan
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.silences import MuteTime
from balance_watch.exact_parsing import exact_toml
from balance_watch.notifiers.channels import KINDS, Kind, channel_forms, is_channel
from balance_watch.providers.registry import is_slug
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import convert_spec
from balance_watch.validation import Faults, convert, convert_each


class DefaultsTable(msgspec.Struct, frozen=True):
    """`[defaults]`."""

    reminder: Reminder = Reminder("24h")
    minimum_gap: Duration = Duration("6h")
    unreadable_after: int = 3
    quicken: bool = False
    runs_dry: RunsDry = RunsDry(*Defaults().runs_dry)
    empty: bool = True


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
    mention: Mention | None = None


class DigestTable(msgspec.Struct, frozen=True):
    """`[digest]`."""

    at: Clock
    days: tuple[Weekday, ...] = tuple(map(Weekday, DAYS))
    timezone: Zone = Zone("UTC")
    channels: list[str] | None = None


SECTIONS = ("defaults", "rules", "routes", "mute_times", "digest", "providers")


class PolicyFile(NamedTuple):
    """A parsed policy, and the providers that its text defines, by slug."""

    policy: Policy = Policy()
    providers: Mapping[str, Spec] = MappingProxyType({})


def policy_in_force(
    text: str | None,
    last_good: Callable[[], str | None],
    faults: Faults,
    kinds: Mapping[str, Kind] = KINDS,
) -> tuple[PolicyFile, bool]:
    """Returns the policy of a text, or the last valid one; and whether the text's own is valid.

    Args:
        text: the policy; None if there is none, or if it cannot be read, which is a fault in
            `faults` already.
        last_good: returns the text of the last valid policy, if there was one.
        faults: gets every fault of the text; the last one names the policy that is used instead.
        kinds: the kinds of channels that routes can name.
    """
    policy = None if text is None else parse_policy(text, "policy", faults, kinds)
    if policy is not None:
        return policy, True
    last_text = last_good()
    last = None if last_text is None else parse_policy(last_text, "policy", Faults(), kinds)
    if text is None and not faults:
        if last_text is None or last == PolicyFile():
            return PolicyFile(), False
        faults.add("policy", "its parameter does not exist: `balance-watch policy put` makes it")
    used = "the built-in policy" if last is None else "the last valid policy"
    faults[-1] += f"; until it is fixed, {used} is in force"
    return last or PolicyFile(), False


def parse_policy(
    text: str, where: str, faults: Faults, kinds: Mapping[str, Kind] = KINDS
) -> PolicyFile | None:
    """Returns the policy of a text; None after adding every fault of it.

    An empty text, or one that has only comments, is the built-in policy.
    """
    before = len(faults)
    raw = exact_toml(text, where, faults)
    if raw is None:
        return None
    for section in (it for it in raw if it not in SECTIONS):
        faults.add_unknown(where, "section", section, SECTIONS)
    defaults = convert(DefaultsTable, raw.get("defaults", {}), f"{where} [defaults]", faults)
    rules = parse_rules(raw.get("rules", []), where, faults)
    routes = _routes(raw.get("routes", []), where, faults, kinds)
    mute_times = _mute_times(raw.get("mute_times", []), where, faults)
    digest = _digest(raw.get("digest"), f"{where} [digest]", faults, kinds)
    providers = _providers(raw.get("providers", []), f"{where} providers", faults)
    if defaults is not None and defaults.unreadable_after < 1:
        faults.add(f"{where} [defaults], unreadable_after", "must be at least 1")
    if defaults is None or len(faults) > before:
        return None
    reminder = None if defaults.reminder == "never" else defaults.reminder.span
    timing = Defaults(
        reminder,
        defaults.minimum_gap.span,
        defaults.unreadable_after,
        defaults.quicken,
        runs_dry=defaults.runs_dry.tiers,
        empty=defaults.empty,
    )
    return PolicyFile(Policy(timing, rules, routes, mute_times, digest), providers)


def own_slugs(text: str) -> list[str]:
    """Returns the slugs of the providers of a policy, which may have faults."""
    raw = exact_toml(text, "policy", Faults()) or {}
    tables = raw.get("providers")
    slugs = (
        [it.get("slug") for it in tables if isinstance(it, dict)]
        if isinstance(tables, list)
        else []
    )
    return [slug for slug in slugs if isinstance(slug, str)]


def _mute_times(raw: object, where: str, faults: Faults) -> tuple[MuteTime, ...]:
    mute_times = []
    never = {"begins": Clock("00:00"), "ends": Clock("00:00")}
    for place, table, _ in convert_each(MuteTable, raw, f"{where} mute_times", faults, never):
        check_facts(table.match, OF_ALERTS, f"{place}, match", faults)
        if not table.days:
            faults.add(f"{place}, days", "must name at least one")
        days = frozenset(DAYS.index(day) for day in table.days)
        begins, ends, zone = table.begins.time, table.ends.time, table.timezone.info
        mute_times.append(MuteTime(days, begins, ends, zone, table.match))
    return tuple(mute_times)


def _digest(
    raw: object, where: str, faults: Faults, kinds: Mapping[str, Kind]
) -> DigestPlan | None:
    midnight = {"at": Clock("00:00")}
    table = None if raw is None else convert(DigestTable, raw, where, faults, midnight)
    if table is None:
        return None
    place = f"{where}, channels"
    if not table.days:
        faults.add(f"{where}, days", "must name at least one")
    if table.channels == []:
        faults.add(place, f'must name at least one, such as "{TOPIC}"')
    channels = table.channels or []
    valid = [channel for channel in channels if is_channel(channel, kinds)]
    if len(valid) < len(channels):
        faults.add(place, f"must each be {channel_forms(kinds)}")
    refusing = {kind_of(it) for it in valid if not kinds[kind_of(it)].takes_digests}
    for name in sorted(refusing):
        faults.add(place, f"must not name {name}, where a digest would open an incident")
    days = frozenset(DAYS.index(day) for day in table.days)
    return DigestPlan(table.at.time, days, table.timezone.info, tuple(dict.fromkeys(channels)))


def _routes(
    raw: object, where: str, faults: Faults, kinds: Mapping[str, Kind]
) -> tuple[Route, ...]:
    routes = []
    topic = {"channels": [TOPIC]}
    for place, table, _ in convert_each(RouteTable, raw, f"{where} routes", faults, topic):
        check_facts(table.match, OF_ALERTS, f"{place}, match", faults)
        if not table.channels:
            faults.add(f"{place}, channels", f'must name at least one, such as "{TOPIC}"')
        if not all(is_channel(channel, kinds) for channel in table.channels):
            faults.add(f"{place}, channels", f"must each be {channel_forms(kinds)}")
        channels = tuple(dict.fromkeys(table.channels))
        routes.append(Route(table.match, channels, table.mention or ""))
    return tuple(routes)


def _providers(raw: object, where: str, faults: Faults) -> dict[str, Spec]:
    if not isinstance(raw, list):
        faults.add(where, "must be a list: begin each with [[providers]]")
        return {}
    providers: dict[str, Spec] = {}
    for index, table in enumerate(raw):
        place = f"{where}[{index}]"
        if not isinstance(table, dict):
            faults.add(place, "must be a table")
            continue
        slug = table.get("slug")
        if not isinstance(slug, str) or not is_slug(slug):
            faults.add(f"{place}, slug", "must be words of a-z and 0-9, joined by hyphens")
            slug = f"{index}"
        elif slug in providers:
            faults.add(f"{place}, slug", "is taken by another provider of the policy")
        fields = {name: value for name, value in table.items() if name != "slug"}
        spec = convert_spec(fields, place, faults)
        if spec is not None:
            providers[slug] = spec
    return providers
