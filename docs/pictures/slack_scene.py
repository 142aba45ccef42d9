"""The message of the picture: four accounts, decided and rendered by the code of the function.

Each account lives through hours of readings until what its line tells is announced. Their lives are
shifted in time, so that all of it is announced in one run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.notification import Notification, Reason, in_order
from balance_watch.domain.outbox import OutboxEntry, Outgoing
from balance_watch.domain.policy import Policy
from balance_watch.domain.press import SILENCE_DURATIONS, Deed, Person, Press
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.slack_buttons import alerts_in, with_presses
from balance_watch.notifiers.slack_messages import render
from balance_watch.providers.registry import catalogue_provider

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
_HOUR, _MINUTE, _LONGEST = timedelta(hours=1), timedelta(minutes=1), 24 * 14
_TOPPED_UP_IN, _LOCKED_OUT_IN = 49, 30
"""The hours in which an account is topped up, and in which a key is revoked."""

# Percent of a day's spending in each hour.
_RHYTHM = (1, 1, 1, 1, 1, 1, 3, 4, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 3, 3, 3, 3, 3)


@dataclass(frozen=True)
class Life:
    """An account, what is read of it in each hour, and what ends its story."""

    account: Account
    read: Callable[[int, datetime], ReadResult]
    until: Reason


def _spent(daily: str, hours: int) -> Decimal:
    days, rest = divmod(hours, 24)
    return Decimal(daily) * (days * 100 + sum(_RHYTHM[:rest])) / 100


def _draining(first: str, daily: str, unit: str) -> Callable[[int, datetime], ReadResult]:
    return lambda hour, now: Reading(
        now, Decimal(first) - _spent(daily, hour), unit, provider_flag=False
    )


def _topped_up(hour: int, now: datetime) -> ReadResult:
    top_up = 60 if hour >= _TOPPED_UP_IN else 0
    return Reading(now, Decimal("72.048") + top_up - _spent("24.5", hour), "USD")


def _locked_out(hour: int, now: datetime) -> ReadResult:
    if hour >= _LOCKED_OUT_IN:
        return ReadFailure(FailureKind.KEY_REJECTED, "HTTP 401: the key is invalid.")
    return Reading(now, Decimal("275.78") - _spent("4.8", hour), "USD")


LIVES = (
    Life(
        Account("sms", "vonage", labels={"team": "sms"}, runs_dry=(timedelta(days=3),)),
        _draining("33.2", "7.9", "EUR"),
        Reason.FIRED,
    ),
    Life(
        Account("llm", "deepseek", alert_below=Decimal(40), labels={"team": "llm"}, runs_dry=()),
        _draining("112.4", "19.2", "USD"),
        Reason.FIRED,
    ),
    Life(Account("search", "you", labels={"team": "search"}), _locked_out, Reason.FIRED),
    Life(
        Account("images", "fal", alert_below=Decimal(30), labels={"team": "images"}),
        _topped_up,
        Reason.RESOLVED,
    ),
)


def message() -> dict[str, Any]:
    """Returns the message to Slack."""
    ((_, only),) = render(notifications())
    return only


def message_with_buttons() -> dict[str, Any]:
    """Returns the message about one account that can be topped up, with buttons."""
    (low,) = (it for it in notifications() if it.account == "sms")
    ((_, only),) = render([replace(low, purse="abc")], buttons=True)
    return only


_ANN, _BOB = Person("U0ANN", "ann"), Person("U0BOB", "bob")
_ACKNOWLEDGED = Press(Deed.ACKNOWLEDGE, _ANN, NOW + 4 * _MINUTE)
_SILENCED = Press(
    Deed.SILENCE, _BOB, NOW + 6 * _MINUTE, NOW + 6 * _MINUTE + SILENCE_DURATIONS["4h"]
)
_ORDERED = Press(Deed.TOP_UP, _ANN, NOW + 7 * _MINUTE)


def message_acknowledged() -> dict[str, Any]:
    """Returns the same message after somebody has acknowledged the alert."""
    return _pressed(message_with_buttons(), _ACKNOWLEDGED)


def message_silenced() -> dict[str, Any]:
    """Returns it after somebody has silenced the alert."""
    return _pressed(message_with_buttons(), _SILENCED)


def message_topped_up() -> dict[str, Any]:
    """Returns it after somebody has ordered a payment."""
    return _pressed(message_with_buttons(), _ORDERED)


def message_with_presses() -> dict[str, Any]:
    """Returns it after all of that, one press after the other; a repeated press changes nothing."""
    first = _pressed(message_acknowledged(), _ACKNOWLEDGED, _SILENCED)
    return _pressed(first, _ACKNOWLEDGED, _SILENCED, _ORDERED)


def _pressed(before: dict[str, Any], *presses: Press) -> dict[str, Any]:
    """Returns a message as it is updated after presses, with the names that Slack shows."""
    (alert_id,) = alerts_in(before["blocks"])
    blocks = list(with_presses(before["blocks"], {alert_id: presses}))
    for block in blocks:
        for element in block.get("elements", ()):
            for person in (_ANN, _BOB):
                if element.get("type") == "mrkdwn":
                    mention = f"<@{person.id}>"
                    element["text"] = element["text"].replace(mention, f"@{person.name}")
    return {**before, "blocks": blocks}


def notifications() -> list[Notification]:
    """Returns what is announced at `NOW`, in the order in which channels send it."""
    said = (notification for life in LIVES for notification in _last_words(life))
    return sorted(said, key=in_order)


def _last_words(life: Life) -> list[Notification]:
    """Returns what is announced of an account at `NOW`."""
    return lived(life, hours_of(life), NOW)[1]


def hours_of(life: Life) -> int:
    """Returns after how many hours the story of an account ends."""
    return next(
        hour
        for hour in range(1, _LONGEST)
        if any(it.reason is life.until for it in lived(life, hour, NOW)[1])
    )


def lived(life: Life, hours: int, end: datetime) -> tuple[AccountState, list[Notification]]:
    """Returns an account after so many hours, and what the last of them announces at `end`."""
    account, policy = life.account, Policy()
    spec = catalogue_provider(account.provider)
    traits = ProviderTraits() if spec is None else spec.traits
    context = AlertContext(policy.defaults, lambda _: ("slack:default",))
    state, entries = AccountState(account.name), tuple[Outgoing, ...]()
    for hour in range(hours + 1):
        now = end - (hours - hour) * _HOUR
        state, entries = decide(
            state,
            life.read(hour, now),
            account=account,
            rules=policy.rules_for(account),
            context=context,
            traits=traits,
            now=now,
        )
    return state, [it.notification for it in entries if isinstance(it, OutboxEntry)]
