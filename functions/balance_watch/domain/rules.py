"""Rules: the metric and the threshold of each, and what evaluating one on an account yields."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field

from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult


class Metric(StrEnum):
    """What a rule is about. An account has at most one alert per metric.

    `METRICS` in metrics.py has a row for each. The words are stored and sent: do not rename.
    """

    BALANCE = "balance"
    CREDITS = "credits"
    POINTS = "points"
    EMPTY = "empty"
    RUNWAY = "runway"
    EXPIRY = "expiry"
    SPEND_RATE = "spend_rate"
    STALENESS = "staleness"
    PROVIDER_FLAG = "provider_flag"
    AUTO_RELOAD = "auto_reload"
    TOP_UP = "top_up"
    UNREADABLE = "unreadable"
    OUTAGE = "outage"
    CONFIGURATION = "configuration"
    TEST = "test"
    DIGEST = "digest"


class Severity(StrEnum):
    """How grave an alert is, gravest first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Returns 0 for the gravest, so that sorting by it puts the gravest first."""
        return list(Severity).index(self)


class PendingPeriod(Struct, frozen=True):
    """How long a breach must last before it fires: so many checks in a row, and so much time."""

    checks: int = 1
    lasting: timedelta = timedelta()


_ONE_CHECK = PendingPeriod()


class Rule(Struct, frozen=True):
    """A condition on one metric. A metric with thresholds has exactly one of `below` and `above`.

    Attributes:
        recover: the threshold at which an alert ends; None: 10 % past the rule's own.
        critical_below: a second, lower threshold; below it, the rule is breached critically.
        cautious: quiet while auto-reload is on or nothing is left, as other rules report that.
        relative: the thresholds are multiples of the account's usual spending.
        top_ups: how many payments in 24 hours the rule may trigger by beginning to fire.
    """

    name: str
    metric: Metric
    severity: Severity = Severity.WARNING
    match: Mapping[str, str] = field(default_factory=dict)
    below: Decimal | None = None
    above: Decimal | None = None
    recover: Decimal | None = None
    critical_below: Decimal | None = None
    cautious: bool = False
    pending_period: PendingPeriod = _ONE_CHECK
    relative: bool = False
    top_ups: int = 0

    @property
    def threshold(self) -> Decimal | None:
        """Returns `below` or `above`, whichever is set; None for metrics without thresholds."""
        return self.below if self.below is not None else self.above

    def threshold_of(self, *, grave: bool) -> Decimal | None:
        """Returns the threshold of a tier: the critical one, if the rule has it, or its first."""
        return self.threshold if self.critical_below is None or not grave else self.critical_below


class RuleStatus(StrEnum):
    """The status of a rule on an account; `unknown` neither fires nor resolves."""

    OK = "ok"
    BREACHED = "breached"
    UNKNOWN = "unknown"


class Evaluation(Struct, frozen=True):
    """The status of a rule, with the numbers that it rests on.

    `severity` overrides the rule's own. `skip_pending` marks a breach that waiting cannot end: it
    fires at once, whatever the rule's pending period. `kept_ok_by` says why the status is ok though
    the value is past the threshold. `blind` is of a failed read: True if nothing was read for as
    many checks as the rule waits, False if the balance was read and lacks a number.
    """

    status: RuleStatus
    value: str | None = None
    threshold: Decimal | None = None
    severity: Severity | None = None
    skip_pending: bool = False
    kept_ok_by: str = ""
    blind: bool | None = None


class Measurements(Struct, frozen=True):
    """Everything that rules are evaluated on: the latest read of an account, and its numbers.

    Attributes:
        result: what the latest read yielded; None: the account was never read.
        failure: why that read failed, or what a successful one lacks.
        numbers: by metric, as far as they are known; of a failed read, the last known ones.
        per_day: how much is spent per day.
        usual_rate: how much is usually spent per day.
        payment: how the latest automatic top-up ended, if an alert on it is open.
        until_reset: in how many seconds a quota resets.
        another: the reading is of another purse or unit than the one before.
        busiest_day: the most that was spent on one of the past days.
        dry_by_now: at the last known pace, what was left at the latest reading is spent by now.
        failures: how many reads in a row have failed, or else have lacked a number.
    """

    result: ReadResult | None
    failure: ReadFailure | None = None
    numbers: Mapping[Metric, Decimal] = field(default_factory=dict)
    per_day: Decimal | None = None
    usual_rate: Decimal | None = None
    payment: PaymentOutcome | None = None
    until_reset: Decimal | None = None
    another: bool = False
    busiest_day: Decimal | None = None
    dry_by_now: bool = False
    failures: int = 0

    @property
    def reading(self) -> Reading | None:
        """Returns the reading, if the latest read yielded one."""
        return self.result if isinstance(self.result, Reading) else None
