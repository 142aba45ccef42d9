"""When a rule is breached: pure judgement of one rule on the latest look at an account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from balance_watch.domain.reading import ReadFailure, Reading

DEFAULT_RECOVERY = Decimal("0.1")
"""Without `recover`, an alert clears 10 % past its threshold."""

_ROOM = 200
"""Digits enough for any threshold that DynamoDB can hold and a tenth of it."""


class Metric(StrEnum):
    """What a rule looks at. There is one alert per account and metric."""

    BALANCE = "balance"
    CREDITS = "credits"
    POINTS = "points"
    PROVIDER_FLAG = "provider_flag"
    UNREADABLE = "unreadable"
    CONFIGURATION = "configuration"


class Severity(StrEnum):
    """How grave a rule is, gravest first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the gravest: sort by it to have the gravest first."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a breach must last before it fires: so many checks in a row, and so much time."""

    checks: int = 1
    lasting: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition on one metric. Exactly one of `below` and `above` is set on numeric metrics."""

    name: str
    metric: Metric
    severity: Severity = Severity.WARNING
    match: Mapping[str, str] = field(default_factory=dict)
    below: Decimal | None = None
    above: Decimal | None = None
    recover: Decimal | None = None
    hold: Hold = Hold()

    @property
    def threshold(self) -> Decimal | None:
        """The number that a breach is past; None where the provider says what is low."""
        return self.below if self.below is not None else self.above


class Standing(StrEnum):
    """Where an account stands under a rule; `unknown` neither fires nor resolves."""

    OK = "ok"
    BREACHED = "breached"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's judgement, with the numbers it rests on.

    `severity` overrides the rule's own; `at_once` is a breach that waiting cannot mend, so that no
    `Hold` applies.
    """

    standing: Standing
    value: str | None = None
    threshold: Decimal | None = None
    severity: Severity | None = None
    at_once: bool = False


def judge(rule: Rule, outcome: Reading | ReadFailure, *, firing: bool) -> Verdict:
    """Judges `rule` on the latest look; one that fires is judged against its recovery threshold."""
    if rule.metric is Metric.UNREADABLE:
        return _judge_unreadable(outcome)
    if isinstance(outcome, ReadFailure):
        return Verdict(Standing.UNKNOWN, threshold=rule.threshold)
    if rule.metric is Metric.PROVIDER_FLAG:
        return _judge_provider_flag(outcome, firing=firing)
    values = {
        Metric.BALANCE: outcome.balance,
        Metric.CREDITS: outcome.credits,
        Metric.POINTS: outcome.points,
    }
    return _judge_number(rule, values[rule.metric], firing=firing)


def _judge_number(rule: Rule, value: Decimal | None, *, firing: bool) -> Verdict:
    threshold = rule.threshold
    if value is None or threshold is None:
        return Verdict(Standing.UNKNOWN, threshold=threshold)
    below = rule.below is not None
    limit = threshold
    if firing:
        limit = rule.recover if rule.recover is not None else recovery(threshold, below=below)
    breached = value < limit if below else value > limit
    standing = Standing.BREACHED if breached else Standing.OK
    return Verdict(standing, f"{value:f}", threshold)


def recovery(threshold: Decimal, *, below: bool) -> Decimal:
    """Returns the number past which an alert clears when its rule does not name one."""
    with localcontext(prec=_ROOM):
        margin = abs(threshold) * DEFAULT_RECOVERY
        return threshold + margin if below else threshold - margin


def _judge_provider_flag(reading: Reading, *, firing: bool) -> Verdict:
    """The provider's flag, or the balance under the provider's own threshold.

    The flag alone is not trusted: Legnext's own example has a balance of 4.068 under a threshold
    of 10 with the flag false (openapi.yaml of legnext-ai/sdks, BalanceResponseData).
    """
    threshold = reading.provider_threshold
    if reading.provider_flag is None and threshold is None:
        return Verdict(Standing.UNKNOWN)
    low = False
    if threshold is not None:
        low = reading.balance < (recovery(threshold, below=True) if firing else threshold)
    breached = low or reading.provider_flag is True
    standing = Standing.BREACHED if breached else Standing.OK
    return Verdict(standing, f"{reading.balance:f}", threshold)


def _judge_unreadable(outcome: Reading | ReadFailure) -> Verdict:
    if isinstance(outcome, Reading):
        return Verdict(Standing.OK)
    key = outcome.kind.about_the_key
    return Verdict(
        Standing.BREACHED,
        value=outcome.kind.value,
        severity=Severity.CRITICAL if key else Severity.WARNING,
        at_once=key,
    )
