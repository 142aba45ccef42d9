"""The types of a policy's fields: durations, thresholds, times of day, days of the week."""

import re
from collections.abc import Mapping
from datetime import time, timedelta, tzinfo
from decimal import Decimal

from balance_watch.domain.formatting import is_visible
from balance_watch.domain.metrics import METRICS, ThresholdForm
from balance_watch.domain.rules import PendingPeriod
from balance_watch.validation import Amount

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = r"(?a)(\d{1,6})\s*([mhdw])"
_CHECKS = r"(?a)(\d{1,6})\s+checks?"
_MULTIPLE = r"(?a)\d{1,6}(\.\d{1,6})?x"
_CLOCK = r"(?a)([01]\d|2[0-3]):[0-5]\d(:00)?"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MAX_PER_DAY = 24
_MAX_NAME = 100
_MENTION = r"<!subteam\^S[A-Z0-9]{1,30}>|<@[UW][A-Z0-9]{1,30}>|<!here>|<!channel>"
"""https://docs.slack.dev/messaging/formatting-message-text, "Mentioning users", "Mentioning groups"
and "Special mentions". The id of a user begins with U, or W in an organization."""
FORM_TEXTS: Mapping[ThresholdForm, str] = {
    ThresholdForm.NUMBER: "a number",
    ThresholdForm.DURATION: 'a duration such as "3d"',
    ThresholdForm.MULTIPLE: 'a multiple of the usual such as "3x"',
}
POLICY_METRICS = tuple(metric.value for metric, info in METRICS.items() if info.in_policy)


class Duration(str):
    """A duration such as `30m`, `24h` or `7d`; `span` is its length."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Duration":
        """Raises ValueError unless the value is a duration."""
        if not isinstance(value, str) or not re.fullmatch(_DURATION, value.strip()):
            raise ValueError('must be a duration such as "30m", "24h" or "7d"')
        return cls(value.strip())

    @property
    def span(self) -> timedelta:
        """The length of the duration."""
        return timedelta(**{_UNITS[self[-1]]: int(self[:-1])})


class Reminder(Duration):
    """A duration, or `never`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Reminder":
        """Raises ValueError unless the value is a duration or `never`."""
        if value == "never":
            return cls(value)
        try:
            return cls(Duration.parse(value))
        except ValueError as error:
            raise ValueError(f'{error}, or "never"') from None


class RunsDry:
    """`runs_dry`: one or two durations, the longer first, or `never`; `tiers` holds them."""

    __slots__ = ("tiers",)

    def __init__(self, *tiers: timedelta) -> None:
        self.tiers = tiers

    @classmethod
    def parse(cls, value: object) -> "RunsDry":
        """Raises ValueError unless the value is a list of such durations, or `never`."""
        if value == "never":
            return cls()
        problem = 'must be one or two durations, the longer first, such as ["3d", "1d"], or "never"'
        if not isinstance(value, list) or len(value) not in (1, 2):
            raise ValueError(problem)
        try:
            tiers = tuple(Duration.parse(one).span for one in value)
        except ValueError:
            raise ValueError(problem) from None
        if not tiers[-1] or (len(tiers) > 1 and tiers[0] <= tiers[1]):
            raise ValueError(problem)
        return cls(*tiers)


class PendingPeriodText(str):
    """How long a breach must last: `2 checks`, or a duration."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "PendingPeriodText":
        """Raises ValueError unless the value is a number of checks or a duration."""
        if isinstance(value, str) and re.fullmatch(_CHECKS, value.strip()):
            return cls(value.strip())
        try:
            return cls(Duration.parse(value))
        except ValueError:
            raise ValueError('must be like "2 checks", or a duration such as "30m"') from None

    @property
    def pending_period(self) -> PendingPeriod:
        """The pending period that the text describes."""
        counted = re.fullmatch(_CHECKS, self)
        return (
            PendingPeriod(int(counted[1]))
            if counted
            else PendingPeriod(lasting=Duration(self).span)
        )


class Threshold(str):
    """A number, a duration such as `3d`, or a multiple of the usual such as `3x`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Threshold":
        """Raises ValueError unless the value has one of the three forms."""
        if isinstance(value, str) and (
            re.fullmatch(_DURATION, value) or re.fullmatch(_MULTIPLE, value)
        ):
            return cls(value)
        try:
            return cls(Amount.parse(value))
        except ValueError:
            if not isinstance(value, str):
                raise
        *others, last = FORM_TEXTS.values()
        raise ValueError(f"must be {', '.join(others)}, or {last}")

    @property
    def form(self) -> ThresholdForm:
        """The form of the threshold."""
        if re.fullmatch(_DURATION, self):
            return ThresholdForm.DURATION
        return ThresholdForm.MULTIPLE if re.fullmatch(_MULTIPLE, self) else ThresholdForm.NUMBER

    @property
    def exact(self) -> Decimal:
        """The number, the multiple, or the duration's seconds."""
        if self.form is ThresholdForm.DURATION:
            return Decimal(int(Duration(self).span.total_seconds()))
        return Amount(self.removesuffix("x")).exact


class RuleName(str):
    """The name of a rule: some characters on one line."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "RuleName":
        """Raises ValueError unless the value is such a text."""
        if not isinstance(value, str):
            raise ValueError("must be text")  # noqa: TRY004 (a fault of the policy's text)
        if not 1 <= len(value) <= _MAX_NAME or not is_visible(value):
            raise ValueError(f"must be 1 to {_MAX_NAME} characters on one line")
        return cls(value)


class PolicyMetric(str):
    """The metric of a rule: one that a policy may name."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "PolicyMetric":
        """Raises ValueError unless a policy may name the metric."""
        if value not in POLICY_METRICS:
            raise ValueError(f"must be one of {', '.join(POLICY_METRICS)}")
        return cls(value)


class Clock(str):
    """A time of day such as `18:30`; `time` is its value."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Clock":
        """Raises ValueError unless the value is a time of day."""
        text = value.isoformat() if isinstance(value, time) else value
        if not isinstance(text, str) or not re.fullmatch(_CLOCK, text):
            raise ValueError('must be a time such as "18:30"')
        return cls(text[:5])

    @property
    def time(self) -> time:
        """The time of day."""
        return time.fromisoformat(self)


class Zone(str):
    """The name of a time zone in the IANA database, such as `Europe/Berlin`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Zone":
        """Raises ValueError unless the value names a time zone."""
        try:
            _load_zone(cls(value))
        except (KeyError, OSError, ValueError):
            raise ValueError('must be a time zone such as "Europe/Berlin" or "UTC"') from None
        return cls(value)

    @property
    def info(self) -> tzinfo:
        """The time zone with its rules."""
        return _load_zone(self)


def _load_zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # the import takes 20 ms, and few policies mute

    return ZoneInfo(name)


class TopUps(int):
    """`top_up` of a rule: how many payments it may make in 24 hours."""

    @classmethod
    def parse(cls, value: object) -> "TopUps":
        """Raises ValueError unless the value is a table with a valid `max_per_day`."""
        table = value if isinstance(value, Mapping) and len(value) == 1 else {}
        number = table.get("max_per_day")
        if type(number) is not int or not 1 <= number <= _MAX_PER_DAY:
            raise ValueError(f"must be {{ max_per_day = N }}, with N from 1 to {_MAX_PER_DAY}")
        return cls(number)


class Mention(str):
    """Who a message to Slack mentions: a user group, a user, `<!here>` or `<!channel>`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Mention":
        """Raises ValueError unless the value is one mention in Slack's notation."""
        if not isinstance(value, str) or not re.fullmatch(_MENTION, value):
            raise ValueError(
                'must be a user group "<!subteam^S…>", a user "<@U…>", "<!here>" or "<!channel>"'
            )
        return cls(value)


class Weekday(str):
    """A day of the week: one of `DAYS`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Weekday":
        """Raises ValueError unless the value is one of `DAYS`."""
        if value not in DAYS:
            raise ValueError(f"must each be one of {', '.join(DAYS)}")
        return cls(value)
