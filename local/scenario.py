"""Three days of ten accounts, hour by hour: pure data, the same in every run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from local.trouble import BLOCKED, FINE, OUTAGE, Trouble

START = datetime(2026, 11, 19, tzinfo=UTC)
HOURS = 72

POLICY = """\
# The demo's policy. The built-in rules and each account's alert_below apply as well.
[[rules]]
name = "search budget"
match = { account = "search-prod" }
below = "6900"
severity = "info"

[[rules]]
name = "two days left"
match = { "labels.team" = "sms" }
metric = "runway"
below = "2d"

[[routes]]
match = { severity = "critical" }
channels = ["sns", "slack:default", "slack:oncall"]
"""

# Percent of a day's spending in each hour: little at night, most in working hours.
_RHYTHM = (1, 1, 1, 1, 1, 1, 3, 4, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 3, 3, 3, 3, 3)
_DAY = 24
_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)
_STEP = Decimal("0.001")
"""The smallest spending between two ticks."""


@dataclass(frozen=True, slots=True)
class State:
    """An account at one time, as its provider knows it.

    `accepted_key` numbers the key that the provider accepts, `stored_key` the key in the secret.
    They differ while a revoked key is not replaced.
    """

    balance: Decimal
    threshold: Decimal = Decimal(10)
    flag: bool = False
    auto_reload: bool = False
    trouble: Trouble = FINE
    accepted_key: int = 1
    stored_key: int = 1


@dataclass(frozen=True, slots=True)
class ScenarioAccount:
    """An account: its entry in the accounts secret, and its state in each hour."""

    name: str
    provider: str
    state_in: Callable[[int], State]
    alert_below: str | None = None
    auth: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def ticks(start: datetime = START) -> list[datetime]:
    """Returns the times of the hourly checks."""
    return [start + timedelta(hours=hour) for hour in range(HOURS)]


def states_at(tick: datetime, start: datetime = START) -> dict[str, State]:
    """Returns the state of every account at this time, by name."""
    hour = (tick - start) // timedelta(hours=1)
    return {account.name: account.state_in(hour) for account in ACCOUNTS}


def spent_between(name: str, start: datetime, since: datetime, until: datetime) -> Decimal:
    """Returns what an account spends between two times, to a thousandth; a top-up is no spending.

    Args:
        name: the account.
        start: the time of the first tick.
        since: when it begins.
        until: when it ends.
    """
    (account,) = (it for it in ACCOUNTS if it.name == name)
    before, after = (_balance_at(account, at - start) for at in (since, until))
    return max(before - after, Decimal(0))


def _balance_at(account: ScenarioAccount, since_start: timedelta) -> Decimal:
    """Returns the balance within an hour, in which it changes steadily."""
    hour, rest = divmod(since_start, _HOUR)
    before, after = account.state_in(hour).balance, account.state_in(hour + 1).balance
    balance = before + (after - before) * Decimal(rest // _SECOND) / (_HOUR // _SECOND)
    return balance.quantize(_STEP)


def _spent(daily: str, hours: int) -> Decimal:
    days, rest = divmod(hours, _DAY)
    return Decimal(daily) * (days * 100 + sum(_RHYTHM[:rest])) / 100


def _images_prod(hour: int) -> State:
    """Drains, goes low on the second day, and is topped up on the third."""
    top_up = Decimal(0) if hour in range(52) else Decimal(60)
    return State(Decimal("72.048") - _spent("24.5", hour) + top_up)


def _images_staging(hour: int) -> State:
    """Stays under the provider's threshold without its flag, as in Legnext's published sample."""
    return State(Decimal("4.068") - _spent("0.1", hour))


def _search_prod(hour: int) -> State:
    """Cannot be read during five hours of an outage."""
    trouble = OUTAGE if hour in range(30, 35) else FINE
    return State(Decimal("7189.245") - _spent("212.5", hour), trouble=trouble)


def _search_batch(hour: int) -> State:
    """Is blocked by the front for one hour, too short for an alert."""
    trouble = BLOCKED if hour in range(45, 46) else FINE
    return State(Decimal("80.5") - _spent("6", hour), trouble=trouble)


def _llm_prod(hour: int) -> State:
    """Falls to its threshold of 40 within a day and hovers there: one alert, not thirty."""
    if hour < _DAY:
        return State(Decimal("52.4") - _spent("12", hour))
    swing = Decimal("0.35") if hour % 2 else Decimal("-0.35")
    return State(Decimal(40) + swing)


def _llm_batch(_: int) -> State:
    """Spends nothing."""
    return State(Decimal("123.45"))


def _llm_legacy(hour: int) -> State:
    """Has the provider's flag for a day."""
    return State(Decimal("275.7822475") - _spent("0.48", hour), flag=hour in range(40, 64))


def _llm_research(hour: int) -> State:
    """Spends fast; the provider's auto-reload adds 100 whenever the balance falls under 20."""
    balance, threshold = Decimal(150) - _spent("90", hour), Decimal(20)
    while balance < threshold:
        balance += 100
    return State(balance, threshold=threshold, auto_reload=True)


def _sms(hour: int) -> State:
    """Goes low and stays low: an alert, then a reminder."""
    return State(Decimal("24.17127500") - _spent("7.9", hour))


def _sms_legacy(hour: int) -> State:
    """Has its key revoked in the evening and replaced the next morning."""
    balance = Decimal("64.5") - _spent("3.2", hour)
    accepted_key = 1 if hour in range(20) else 2
    stored_key = 1 if hour in range(32) else 2
    return State(balance, accepted_key=accepted_key, stored_key=stored_key)


ACCOUNTS = (
    ScenarioAccount("images-prod", "legnext", _images_prod, "30", labels={"team": "images"}),
    ScenarioAccount("images-staging", "legnext", _images_staging, labels={"team": "images"}),
    ScenarioAccount("search-prod", "you", _search_prod, "500", labels={"team": "search"}),
    ScenarioAccount("search-batch", "you", _search_batch, "25", labels={"team": "search"}),
    ScenarioAccount("llm-prod", "aimlapi-detail", _llm_prod, "40", labels={"team": "llm"}),
    ScenarioAccount("llm-research", "aimlapi-detail", _llm_research, "15", labels={"team": "llm"}),
    ScenarioAccount("llm-batch", "aimlapi", _llm_batch, "50", labels={"team": "llm"}),
    ScenarioAccount("llm-legacy", "aimlapi-v1-legacy", _llm_legacy, labels={"team": "llm"}),
    ScenarioAccount("sms", "vonage", _sms, "10", labels={"team": "sms"}),
    ScenarioAccount("sms-legacy", "vonage", _sms_legacy, "20", "query", labels={"team": "sms"}),
)
"""The accounts of the demo, over all seven endpoints."""
