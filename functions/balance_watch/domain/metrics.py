"""The metrics: one row for each, with everything that the rest of the code needs to know of it.

A new metric is a member of `Metric`, a row here, and the function that measures it or, where it
has no number, the condition that evaluates it. The policy's grammar, the wording of alerts, their
stored form and the commands read the row.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from balance_watch.domain.conditions import (
    Condition,
    auto_reload_missed,
    expires,
    low_by_provider,
    nothing_left,
    past_threshold,
    payment_unsettled,
    runs_out,
    unreadable,
)
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric
from balance_watch.domain.spending import Pace

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""A provider's time before this means "never": some write the year 1, some 1970."""

_MAX_AHEAD = timedelta(hours=1)
"""A provider's time further in the future than this tells nothing."""


class Unit(Enum):
    """The unit of a metric's numbers, if it is not a word such as `credits`."""

    CURRENCY = "the account's own currency"
    CURRENCY_PER_DAY = "the account's own currency per day"
    SECONDS = "seconds, written as a duration"


class ThresholdForm(Enum):
    """How a policy may write the threshold of a rule."""

    NUMBER = "a number"
    DURATION = "a duration"
    MULTIPLE = "a multiple of the usual"


Measure = Callable[[Reading, Pace, datetime], Decimal | None]
"""Returns the number of a metric from a reading, the pace of spending and the time; or None."""


class MetricInfo(Struct, frozen=True):
    """What is known of a metric. The defaults are those of an amount of money.

    Attributes:
        measure: the number that rules compare and alerts show; None: it has no number.
        condition: whether a rule on it is breached.
        reading_fields: the optional fields of a reading that it is measured from.
        about_money: it is known from a reading only, and its alerts tell the pace of spending.
        blind: its alert means that an account is not watched, so a silence has to name it.
        in_policy: a policy's rule may name it.
        threshold_forms: how a policy writes its thresholds; empty: it has none.
        may_top_up: a policy's rule on it may trigger payments.
        unit: of its numbers; a word is the same for every account.
        sentence: what an alert says, with {account} and {value}.
        resolved_sentence: what the end of an alert says.
        unknown_value: stands for the value while it is not known.
        may_lack_threshold: its threshold may be unknown while its rule applies.
        on_amount: a rule on it watches that the account does not run dry.
        no_minimum_gap: two alerts on it may follow each other at once.
        is_amount: its number is an amount that falls to nothing: a half of what was told is news.
    """

    measure: Measure | None = None
    condition: Condition = past_threshold
    reading_fields: tuple[str, ...] = ()
    about_money: bool = True
    blind: bool = False
    in_policy: bool = True
    threshold_forms: tuple[ThresholdForm, ...] = (ThresholdForm.NUMBER,)
    may_top_up: bool = True
    unit: Unit | str = Unit.CURRENCY
    sentence: str = "{account} is at {value}"
    resolved_sentence: str = "{account} has recovered and is at {value}"
    unknown_value: str = "an unknown balance"
    may_lack_threshold: bool = False
    on_amount: bool = False
    no_minimum_gap: bool = False
    is_amount: bool = False

    @property
    def is_number(self) -> bool:
        """Tells whether the value of its alerts is a number."""
        return self.measure is not None

    def is_missing(self, reading: Reading, now: datetime) -> bool:
        """Tells whether a reading lacks what this metric is measured from."""
        if not self.reading_fields:
            return False
        if all(getattr(reading, field) is None for field in self.reading_fields):
            return True
        return self.measure is not None and self.measure(reading, Pace(), now) is None


def _balance(reading: Reading, _pace: Pace, _now: datetime) -> Decimal | None:
    return reading.balance


def _runway(reading: Reading, pace: Pace, _now: datetime) -> Decimal | None:
    lasts = pace.lasts(reading.usable, reading.observed_at)
    return None if lasts is None else Decimal(int(lasts.total_seconds()))


def _expiry(reading: Reading, _pace: Pace, now: datetime) -> Decimal | None:
    """Returns the seconds until the credit expires; less than 0 if it has expired."""
    at = reading.expires_at
    return None if at is None or at < _NEVER else Decimal(int((at - now).total_seconds()))


def _staleness(reading: Reading, _pace: Pace, now: datetime) -> Decimal | None:
    """Returns the seconds since the provider computed its balance."""
    at = reading.provider_time
    if at is None or at < _NEVER or at > now + _MAX_AHEAD:
        return None
    return Decimal(max(0, int((now - at).total_seconds())))


METRICS: Mapping[Metric, MetricInfo] = {
    Metric.BALANCE: MetricInfo(measure=_balance, on_amount=True, is_amount=True),
    Metric.CREDITS: MetricInfo(
        measure=lambda reading, _pace, _now: reading.credits,
        reading_fields=("credits",),
        unit="credits",
        on_amount=True,
        is_amount=True,
    ),
    Metric.POINTS: MetricInfo(
        measure=lambda reading, _pace, _now: reading.points,
        reading_fields=("points",),
        unit="points",
        on_amount=True,
        is_amount=True,
    ),
    Metric.EMPTY: MetricInfo(
        measure=_balance,
        condition=nothing_left,
        in_policy=False,
        threshold_forms=(),
        sentence="{account} has nothing left: {value}",
        on_amount=True,
        no_minimum_gap=True,
    ),
    Metric.RUNWAY: MetricInfo(
        measure=_runway,
        condition=runs_out,
        threshold_forms=(ThresholdForm.DURATION,),
        unit=Unit.SECONDS,
        sentence="{account} lasts {value}",
        resolved_sentence="{account} has recovered and lasts {value}",
        unknown_value="an unknown time",
        on_amount=True,
    ),
    Metric.EXPIRY: MetricInfo(
        measure=_expiry,
        condition=expires,
        threshold_forms=(ThresholdForm.DURATION,),
        may_top_up=False,
        unit=Unit.SECONDS,
        sentence="the credit of {account} expires in {value}",
        resolved_sentence="the credit of {account} no longer expires soon",
        unknown_value="an unknown time",
    ),
    Metric.SPEND_RATE: MetricInfo(
        measure=lambda _reading, pace, _now: pace.today,
        threshold_forms=(ThresholdForm.NUMBER, ThresholdForm.MULTIPLE),
        may_top_up=False,
        unit=Unit.CURRENCY_PER_DAY,
        sentence="{account} spends {value}",
        resolved_sentence="{account} has recovered and spends {value}",
        unknown_value="an unknown amount",
        may_lack_threshold=True,
    ),
    Metric.STALENESS: MetricInfo(
        measure=_staleness,
        reading_fields=("provider_time",),
        threshold_forms=(ThresholdForm.DURATION,),
        may_top_up=False,
        unit=Unit.SECONDS,
        sentence="the provider's data on {account} is {value} old",
        resolved_sentence="the provider's data on {account} is fresh again",
        unknown_value="an unknown time",
    ),
    Metric.PROVIDER_FLAG: MetricInfo(
        measure=_balance,
        condition=low_by_provider,
        reading_fields=("provider_flag", "provider_threshold"),
        threshold_forms=(),
        may_lack_threshold=True,
        is_amount=True,
    ),
    Metric.AUTO_RELOAD: MetricInfo(
        measure=_balance,
        condition=auto_reload_missed,
        in_policy=False,
        threshold_forms=(),
        may_lack_threshold=True,
    ),
    Metric.TOP_UP: MetricInfo(
        condition=payment_unsettled,
        about_money=False,
        in_policy=False,
        threshold_forms=(),
        sentence="a top-up of {account} was not paid ({value})",
        resolved_sentence="the top-up of {account} is settled",
    ),
    Metric.UNREADABLE: MetricInfo(
        condition=unreadable,
        about_money=False,
        blind=True,
        in_policy=False,
        threshold_forms=(),
        sentence="{account} cannot be read ({value})",
        resolved_sentence="{account} can be read again",
    ),
    # Evaluated by `decide_outages`, for several accounts at once.
    Metric.OUTAGE: MetricInfo(
        about_money=False,
        blind=True,
        in_policy=False,
        threshold_forms=(),
        sentence="{account}: {value} accounts cannot be read",
        resolved_sentence="{account}: the outage is over",
    ),
    # Evaluated by `decide_configuration`, and not for an account.
    Metric.CONFIGURATION: MetricInfo(
        about_money=False,
        blind=True,
        in_policy=False,
        threshold_forms=(),
        sentence="the configuration has {value}: accounts may go unwatched",
        resolved_sentence="the configuration is valid again",
    ),
    # Of the message that `balance-watch channels test` sends; no rule is about it.
    Metric.TEST: MetricInfo(
        about_money=False,
        in_policy=False,
        threshold_forms=(),
        sentence="this is a test: whoever reads it hears the alerts of balance-watch",
        resolved_sentence="the test is over",
    ),
    # Of a digest; no rule is about it.
    Metric.DIGEST: MetricInfo(
        about_money=False,
        in_policy=False,
        threshold_forms=(),
        sentence="the digest of all accounts",
        resolved_sentence="the digest is over",
    ),
}
