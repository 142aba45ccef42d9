"""How grave an account's state is: the order in which people want to see accounts."""

from datetime import datetime, timedelta
from enum import StrEnum

from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState

_SOON = timedelta(days=1)
"""An account that lasts less than this is never called ok."""


class Refill(StrEnum):
    """What fills an account up before nothing is left, in the words that people see."""

    AUTO_RELOAD = "auto-reload"
    RENEWAL = "quota renews"


class Gravity(StrEnum):
    """The state of an account in one word, the gravest first.

    Of an account that is `empty`, or `low` as it lasts less than a day, no alert tells it.
    """

    CRITICAL = "critical"
    WARNING = "warning"
    UNREADABLE = "unreadable"
    PENDING = "pending"
    INFO = "info"
    EMPTY = "empty"
    LOW = "low"
    OK = "ok"
    UNCHECKED = "unchecked"

    @property
    def rank(self) -> int:
        """Returns 0 for the gravest, so that sorting by it puts the gravest first."""
        return _RANKS[self]


_RANKS = {gravity: rank for rank, gravity in enumerate(Gravity)}


def gravity_of(state: AccountState, runway: timedelta | None) -> Gravity:
    """Returns how grave the state of an account is.

    Args:
        state: what is remembered of it.
        runway: how long its balance lasts, if that is known.
    """
    firing = {alert.severity for alert in state.alerts.values() if alert.firing}
    applies = {
        Gravity.CRITICAL: Severity.CRITICAL in firing,
        Gravity.WARNING: Severity.WARNING in firing,
        Gravity.UNREADABLE: state.failure is not None,
        Gravity.PENDING: any(not rule.firing for rule in state.rules.values()),
        Gravity.INFO: Severity.INFO in firing,
        Gravity.EMPTY: is_empty(state),
        Gravity.LOW: lasts_briefly(state, runway),
        Gravity.OK: state.checked_at is not None,
        Gravity.UNCHECKED: True,
    }
    return next(gravity for gravity in Gravity if applies[gravity])


def is_empty(state: AccountState) -> bool:
    """Tells whether nothing is left, and no alert tells it."""
    reading = state.reading
    if reading is None or state.failure is not None or _fires(state, Metric.EMPTY):
        return False
    return reading.usable <= 0


def lasts_briefly(state: AccountState, runway: timedelta | None) -> bool:
    """Tells whether what is left lasts less than a day, nothing fills it up, and no alert tells."""
    return is_brief(state, runway) and refill_before_dry(state, runway) is None


def refill_before_dry(state: AccountState, runway: timedelta | None) -> Refill | None:
    """Returns what fills an account up before nothing is left; None: nothing, or an alert tells.

    It is what keeps the rule `runs_dry` quiet, which `explain` says of it.

    Args:
        state: what is remembered of the account.
        runway: how long its balance lasts, if that is known.
    """
    reading, checked_at = state.reading, state.checked_at
    if reading is None or checked_at is None or runway is None or reading.usable <= 0:
        return None
    if any(_fires(state, it) for it in (Metric.EMPTY, Metric.RUNWAY, Metric.AUTO_RELOAD)):
        return None
    if reading.resets_at is not None and timedelta() < reading.resets_at - checked_at < runway:
        return Refill.RENEWAL
    reload = reading.auto_reload
    return Refill.AUTO_RELOAD if reload is not None and reload.enabled else None


def is_brief(state: AccountState, runway: timedelta | None) -> bool:
    """Tells whether something is left that lasts less than a day, and no alert tells it."""
    reading = state.reading
    if reading is None or state.failure is not None or runway is None or reading.usable <= 0:
        return False
    return runway < _SOON and not (_fires(state, Metric.EMPTY) or _fires(state, Metric.RUNWAY))


def _fires(state: AccountState, metric: Metric) -> bool:
    alert = state.alerts.get(metric)
    return alert is not None and alert.firing


def gravest_first(
    gravity: Gravity, runs_dry_at: datetime | None, name: str
) -> tuple[int, bool, datetime | None, str]:
    """Returns the sort key of an account: by gravity, by how soon it is dry, by name."""
    return gravity.rank, runs_dry_at is None, runs_dry_at, name
