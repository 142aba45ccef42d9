"""Items as earlier releases wrote them: a table that exists is read, and written alike."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.changes import Fall
from balance_watch.domain.configuration_alert import FAULT_WORDING, ConfigurationState
from balance_watch.domain.credit import OpenCosts, SettledCosts
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.lost_secrets import LostSecret
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import OutboxEntry, PaymentOrder
from balance_watch.domain.payment import Paid, Payment, PaymentOutcome, Purse
from balance_watch.domain.reading import AutoReload, Estimate, FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.run import (
    FailingChannel,
    RunRecord,
    TopicSubscribers,
)
from balance_watch.domain.silences import Silence
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState, RuleState, TopUpSeen
from balance_watch.domain.trend import Sample
from balance_watch.domain.use_profile import NO_PROFILE, Profile, Sums
from balance_watch.store.alerts import alert_from_item, alert_to_item
from balance_watch.store.costs import costs_from_item, costs_to_item
from balance_watch.store.outbox import entry_from_item, entry_to_item
from balance_watch.store.payments import payment_from_item, payment_to_item
from balance_watch.store.readings import reading_from_item, reading_to_item
from balance_watch.store.runs import record_from_item, record_to_item
from balance_watch.store.silences import silence_to_item, silences_from_item
from balance_watch.store.states import state_from_item, state_to_item
from tests.support.examples import NEXT, TICK

AT, SECONDS = "2026-11-22T10:05:00Z", 1795341900
HOUR = timedelta(hours=1)

ALERT = Alert(
    rule="low",
    severity=Severity.CRITICAL,
    since=TICK,
    firing=True,
    notified=Severity.CRITICAL,
    notified_at=TICK,
    fired_at=TICK,
    fired_as=Severity.CRITICAL,
    channels=("sns",),
    ended_at=NEXT,
)
ALERT_ITEM = {
    "rule": "low",
    "severity": "critical",
    "since": SECONDS,
    "firing": True,
    "told": "critical",
    "told_at": SECONDS,
    "fired_at": SECONDS,
    "fired_as": "critical",
    "channels": ["sns"],
    "ended_at": SECONDS + 300,
}
READING = Reading(
    observed_at=TICK,
    balance=Decimal("12.50"),
    currency="USD",
    credits=Decimal(1250),
    points=Decimal(3),
    provider_flag=True,
    provider_threshold=Decimal(20),
    auto_reload=AutoReload(enabled=True, threshold=Decimal(20), amount=Decimal(100)),
    provider_time=TICK - HOUR,
    status="low",
)
READING_ATTRIBUTES: dict[str, Any] = {
    "bal": Decimal("12.50"),
    "cur": "USD",
    "credits": Decimal(1250),
    "points": Decimal(3),
    "flag": True,
    "limit": Decimal(20),
    "reload": True,
    "reload_at": Decimal(20),
    "reload_by": Decimal(100),
    "as_of": "2026-11-22T09:05:00Z",
    "status": "low",
}
NOTIFICATION = Notification(
    alert_id="ab",
    account="a",
    provider="you",
    rule="low",
    metric=Metric.BALANCE,
    severity=Severity.CRITICAL,
    reason=Reason.RESOLVED,
    since=TICK,
    said_at=NEXT,
    ended_at=NEXT,
    value="12.50",
    threshold=Decimal(20),
    currency="USD",
    balance=Decimal("12.50"),
    observed_at=NEXT,
    labels={"team": "search"},
    detail="An é.",
    trend=(Decimal(13), Decimal("12.50")),
    per_day=Decimal("0.5"),
    runway=timedelta(days=25),
    link="https://example.com/billing",
)
NOTIFICATION_TEXT = (
    '{"alert_id": "ab", "account": "a", "provider": "you", "rule": "low", "metric": "balance",'
    ' "severity": "critical", "reason": "resolved", "since": "2026-11-22T10:05:00Z",'
    ' "said_at": "2026-11-22T10:10:00Z", "ended_at": "2026-11-22T10:10:00Z", "value": "12.50",'
    ' "threshold": "20", "currency": "USD", "balance": "12.50",'
    ' "observed_at": "2026-11-22T10:10:00Z", "labels": {"team": "search"}, "detail": "An é.",'
    ' "trend": ["13", "12.50"], "per_day": "0.5", "runway": 2160000,'
    ' "link": "https://example.com/billing"}'
)


def test_a_state() -> None:
    state = AccountState(
        account="a",
        checked_at=TICK,
        reading=READING,
        failures=2,
        failure=ReadFailure(FailureKind.TIMED_OUT, "No reply."),
        failing_since=TICK,
        rules={"low": RuleState(Metric.BALANCE, TICK, 3, firing=True)},
        alerts={Metric.BALANCE: ALERT},
        trend=(
            Sample(TICK - 2 * HOUR, Decimal(3)),
            Sample(TICK - HOUR, Decimal(13), Decimal(1), timedelta(minutes=55)),
            Sample(TICK, Decimal("12.50"), Decimal("0.50"), HOUR),
        ),
        days=(
            Day(TICK.date(), Decimal("0.5"), timedelta(days=1)),
            Day(TICK.date() + timedelta(days=1), Decimal("1.5"), timedelta(days=1)),
            Day(TICK.date() + timedelta(days=3), Decimal(1), HOUR),
        ),
        profile=Profile(
            bytes(167) + b"\xff", 7, 497_000, 497_009, 2.5, 300, Sums(9.25, 9), Sums(1, 2)
        ),
        fall=Fall(TICK, Decimal(2), counted=False),
        top_up=TopUpSeen(TICK, Decimal(1), Decimal(13)),
        top_up_notified_at=TICK,
        provider="you",
    )
    item = {
        "pk": "ACCOUNT#a",
        "sk": "STATE",
        "checked_at": AT,
        "reading": {"observed_at": AT, **READING_ATTRIBUTES},
        "failure": {"kind": "timed_out", "message": "No reply.", "since": AT, "count": 2},
        "rules": {"low": {"of": "balance", "since": SECONDS, "checks": 3, "firing": True}},
        "alerts": {"balance": ALERT_ITEM},
        "days": "20779:0.5:86400 20780:1.5:86400 20782:1:3600",
        "use": bytes(167) + b"\xff",
        "used": "497000 9 300 7 2.5 9.25 9 1 2",
        "fall": "29922365:2:?",
        "jump": {"at": AT, "before": Decimal(1), "after": Decimal(13)},
        "jump_told": AT,
        "provider": "you",
        "trail": "29922245:3 60:13 60:12.50",
        "spans": "1:1:55",
    }
    assert state_to_item(state) == item
    assert state_from_item(item) == state


def test_an_alert_that_has_eased_and_was_told_of_a_reading_that_lacks_a_number() -> None:
    alert = replace(
        ALERT,
        notified_by="lower",
        worsened_at=NEXT,
        eased_to=Severity.WARNING,
        told_number=Decimal("4.5"),
        told_blind=False,
    )
    item = {
        **ALERT_ITEM,
        "told_by": "lower",
        "worse_at": SECONDS + 300,
        "eased_to": "warning",
        "number": Decimal("4.5"),
        "partly": True,
    }
    assert alert_to_item(alert) == item
    assert alert_from_item(item) == alert


def test_the_days_and_the_trend_of_an_earlier_release_are_read() -> None:
    item = {
        "pk": "ACCOUNT#a",
        "sk": "STATE",
        "checked_at": AT,
        "days": "20779:0.5:3600 20780:1:3600:2",
        "trail": "29922305:13 60:12.50",
    }
    state = state_from_item(item)
    first = TICK.date()
    assert state.days == (
        Day(first, Decimal("0.5"), HOUR),
        Day(first + timedelta(days=1), Decimal(1), HOUR),
    )
    assert [(it.spent, it.covered) for it in state.trend[1:]] == [(Decimal("0.50"), HOUR)]
    assert state.profile == NO_PROFILE


def test_a_malformed_profile_begins_anew_and_the_state_stays() -> None:
    item = {"pk": "ACCOUNT#a", "sk": "STATE", "checked_at": AT, "use": b"\x01", "used": "damaged"}
    assert state_from_item(item) == AccountState("a", checked_at=TICK)


def test_a_reading() -> None:
    item = {"pk": "ACCOUNT#a", "sk": f"AT#{AT}", "expires_at": SECONDS + 86400 * 400}
    item |= READING_ATTRIBUTES
    assert reading_to_item("a", READING, 400) == item
    assert reading_from_item(item) == READING


def test_a_reading_that_is_an_estimate() -> None:
    written = replace(
        READING,
        estimate=Estimate(
            TICK.date(),
            Decimal("60.5"),
            Decimal(100),
            OpenCosts(TICK.date(), Decimal("1.5")),
            Decimal(-3),
        ),
        provider_time=None,
    )
    item = reading_to_item("a", written, 400)
    assert item["costs"] == f"{TICK.date().toordinal()} 60.5 100"
    assert reading_from_item(item) == written


def test_the_costs_of_settled_days() -> None:
    first = TICK.date() - 9 * timedelta(days=1)
    costs = SettledCosts(first, TICK.date(), TICK, "USD", {first: Decimal("0.06")})
    account = Account("a", "openai", purse="xyz")
    item = {
        "pk": "ACCOUNT#a",
        "sk": "COSTS",
        "purse": "xyz",
        "since": "2026-11-13",
        "until": "2026-11-22",
        "asked_at": AT,
        "cur": "USD",
        "days": f"{first.toordinal()}:0.06",
        "expires_at": SECONDS + 30 * 86400,
    }
    assert costs_to_item(account, costs) == item
    assert costs_from_item(item) == costs
    limited = replace(costs, limit=Decimal(100), limit_at=TICK)
    assert costs_to_item(account, limited) == {**item, "limit": Decimal(100), "limit_at": AT}
    assert costs_from_item({**item, "limit": Decimal(100), "limit_at": AT}) == limited


def test_an_outbox_entry() -> None:
    entry = OutboxEntry(NOTIFICATION, "sns", ("sns", "slack:default"))
    item = {
        "pk": "OUTBOX",
        "sk": "2026-11-22T10:10:00Z#ab#sns",
        "channel": "sns",
        "channels": ["sns", "slack:default"],
        "notification": NOTIFICATION_TEXT,
    }
    assert entry_to_item(entry) == item
    assert entry_from_item(item) == entry


def test_a_payment_order() -> None:
    order = PaymentOrder(NOTIFICATION)
    item = {
        "pk": "OUTBOX",
        "sk": "2026-11-22T10:10:00Z#ab#top_up",
        "channel": "top_up",
        "channels": [],
        "notification": NOTIFICATION_TEXT,
    }
    assert entry_to_item(order) == item
    assert entry_from_item(item) == order


def test_a_payment() -> None:
    earlier = (Paid(TICK - HOUR, "alert 1"),)
    payment = Payment(TICK, "alert 2", PaymentOutcome.PAID, earlier)
    item = {
        "pk": "PURSE#digest",
        "sk": "TOPUP",
        "claimed_at": AT,
        "answers": "alert 2",
        "outcome": "paid",
        "earlier": [["2026-11-22T09:05:00Z", "alert 1"]],
    }
    assert payment_to_item(Purse("a", "digest"), payment) == item
    assert payment_from_item(item) == payment


def test_the_record_of_a_run() -> None:
    configuration = ConfigurationState(("a fault",), replace(ALERT, ended_at=None), (("a", TICK),))
    dead = FailingChannel("abc", TICK, NEXT, "It answered no_service.", TICK, 4, 5, NEXT, TICK)
    record = RunRecord(
        configuration,
        "digest",
        ("a", "b"),
        (
            ("slack:default", dead),
            ("slack:oncall", FailingChannel("def", TICK, NEXT, "It answered 500.")),
        ),
        TopicSubscribers("ghi", TICK, 2),
        {"accounts": frozenset({"abcd", "ef/h"}), "accounts/big": None, "slack": frozenset()},
        {"accounts/eu": LostSecret(TICK, frozenset({"ijkl"}))},
        {"slack:default": "abc"},
        {"every account": replace(ALERT, ended_at=None)},
        {"a": NEXT},
        "0123456789abcdef",
    )
    item = {
        "configuration": {
            "faults": ["a fault"],
            "alert": {name: value for name, value in ALERT_ITEM.items() if name != "ended_at"},
            "told": [["a", AT]],
            "wording": FAULT_WORDING,
        },
        "policy_digest": "digest",
        "inventory": "0123456789abcdef",
        "alerted": ["a", "b"],
        "rejecting": {
            "slack:default": {
                "digest": "abc",
                "since": AT,
                "until": "2026-11-22T10:10:00Z",
                "why": "It answered no_service.",
                "refused_since": AT,
                "refusals": 4,
                "pauses": 5,
                "try_at": "2026-11-22T10:10:00Z",
                "unsure_at": "2026-11-22T10:05:00Z",
            },
            "slack:oncall": {
                "digest": "def",
                "since": AT,
                "until": "2026-11-22T10:10:00Z",
                "why": "It answered 500.",
            },
        },
        "paused": {"a": "2026-11-22T10:10:00Z"},
        "subscribers": {"digest": "ghi", "at": AT, "confirmed": 2},
        "secrets": {"accounts": "abcdef/h", "accounts/big": "?", "slack": ""},
        "lost": {"accounts/eu": {"since": AT, "accounts": "ijkl"}},
        "channels": {"slack:default": "abc"},
        "outages": {
            "every account": {
                name: value for name, value in ALERT_ITEM.items() if name != "ended_at"
            }
        },
    }
    assert record_to_item(record) == item
    assert record_from_item(item) == record


def test_a_record_that_release_0_1_0_wrote_has_faults_in_its_wording() -> None:
    record = record_from_item({"configuration": {"faults": ["a fault"], "told": [["a fault", AT]]}})
    assert record.configuration.wording < FAULT_WORDING


def test_a_silence() -> None:
    silence = Silence("k3f9x", {"provider": "you*"}, NEXT, "migration", TICK)
    item = {
        "match": {"provider": "you*"},
        "until": "2026-11-22T10:10:00Z",
        "reason": "migration",
        "created_at": AT,
    }
    assert silence_to_item(silence) == item
    assert silences_from_item({"silence:k3f9x": item, "tick": AT}) == (silence,)
