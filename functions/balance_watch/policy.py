"""From the policy's TOML to the policy; every fault at once, by place and never by value."""

import re
import tomllib
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.policy import RESERVED_NAMES, TOPIC, Defaults, Policy, Route
from balance_watch.domain.rules import Hold, Metric, Rule, Severity
from balance_watch.validation import Amount, Faults, convert, convert_each, named_safely

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})\s*([mhdw])")
_CHECKS = re.compile(r"(\d{1,6})\s+checks?")
_PLACE = re.compile(r"\(at [^)]*\)")
_CHANNEL = re.compile(r"sns|slack:[^\s:]{1,80}")
_OF_ACCOUNTS = ("account", "provider")
_OF_ALERTS = (*_OF_ACCOUNTS, "severity", "rule", "metric")
_NUMERIC = (Metric.BALANCE, Metric.CREDITS, Metric.POINTS)


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
        return cls(value) if value == "never" else cls(Lasting.parse(value))


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


class DefaultsTable(msgspec.Struct, frozen=True):
    """`[defaults]`."""

    reminder: Reminder = Reminder("24h")
    minimum_gap: Lasting = Lasting("6h")
    unreadable_after: int = 3


class RuleTable(msgspec.Struct, frozen=True):
    """One of `[[rules]]`."""

    name: str
    match: dict[str, str] = {}
    metric: Literal["balance", "credits", "points", "provider_flag"] = "balance"
    below: Amount | None = None
    above: Amount | None = None
    recover: Amount | None = None
    hold: Holding = msgspec.field(name="for", default=Holding("1 check"))
    severity: Literal["critical", "warning", "info"] = "warning"


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


_SECTIONS = ("defaults", "rules", "routes")


def parse_policy(text: str, where: str, faults: Faults) -> Policy | None:
    """Returns the policy that a text holds, or None after noting every fault of it.

    An empty text, or one of nothing but comments, is the built-in policy.
    """
    before = len(faults)
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        # Where, and not what: the rest of its message may repeat a part of the text.
        place = _PLACE.search(str(error))
        faults.add(where, f"is not TOML{f' {place[0]}' if place else ''}")
        return None
    except (ArithmeticError, RecursionError, ValueError):
        # Of tomllib's making: a number with thousands of digits, brackets in brackets in brackets.
        faults.add(where, "is not TOML: it has a number too long, or is nested too deep")
        return None
    for section in raw.keys() - set(_SECTIONS):
        can = ", ".join(_SECTIONS)
        faults.add(where, f"has no section {named_safely(section, _SECTIONS)}; it can have {can}")
    defaults = convert(DefaultsTable, raw.get("defaults", {}), f"{where} [defaults]", faults)
    rules = _rules(raw.get("rules", []), where, faults)
    routes = _routes(raw.get("routes", []), where, faults)
    if defaults is not None and defaults.unreadable_after < 1:
        faults.add(f"{where} [defaults], unreadable_after", "must be at least 1")
    if defaults is None or len(faults) > before:
        return None
    reminder = None if defaults.reminder == "never" else defaults.reminder.span
    timing = Defaults(reminder, defaults.minimum_gap.span, defaults.unreadable_after)
    return Policy(timing, rules, routes)


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
            )
        )
    return tuple(rules)


def _exact(amount: Amount | None) -> Decimal | None:
    return None if amount is None else amount.exact


def _check_thresholds(table: RuleTable, place: str, faults: Faults) -> None:
    given = [each for each in (table.below, table.above) if each is not None]
    if Metric(table.metric) not in _NUMERIC:
        if given or table.recover is not None:
            faults.add(place, f"{table.metric} takes no below, above or recover")
        return
    if len(given) != 1:
        faults.add(place, "has both below and above: keep one" if given else "needs below or above")
        return
    if table.recover is None:
        return
    if table.below is not None and table.recover.exact < table.below.exact:
        faults.add(f"{place}, recover", "must not be under below: it would clear while breached")
    if table.above is not None and table.recover.exact > table.above.exact:
        faults.add(f"{place}, recover", "must not be over above: it would clear while breached")


def _routes(raw: object, where: str, faults: Faults) -> tuple[Route, ...]:
    routes = []
    for place, table, _ in convert_each(RouteTable, raw, f"{where} routes", faults):
        _check_facts(table.match, _OF_ALERTS, f"{place}, match", faults)
        if not table.channels:
            faults.add(f"{place}, channels", f'must name at least one, such as "{TOPIC}"')
        if not all(_CHANNEL.fullmatch(channel) for channel in table.channels):
            faults.add(f"{place}, channels", 'can be "sns" and "slack:NAME"')
        routes.append(Route(table.match, tuple(dict.fromkeys(table.channels))))
    return tuple(routes)


def _check_facts(match: dict[str, str], known: tuple[str, ...], place: str, faults: Faults) -> None:
    for fact in match:
        if fact not in known and not re.fullmatch(r"labels\..+", fact):
            can = ", ".join((*known, "labels.NAME"))
            faults.add(
                place, f"cannot ask for a fact {named_safely(fact, known)}; it can ask for {can}"
            )
