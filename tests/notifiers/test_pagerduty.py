"""PagerDuty: one alert for each account and metric, from its firing to its end."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from balance_watch.domain.notification import SendResult
from balance_watch.notifiers.pagerduty import BASE_URL, dedup_key, event, parse_routing_keys
from balance_watch.validation import Faults
from local.loopback import Reply
from local.pagerduty_inbox import PagerDutyInbox
from tests.support.canaries import CORE, key
from tests.support.inboxes import send
from tests.support.notifications import LINK, NOW, low

EU = "https://events.eu.pagerduty.com"


@pytest.fixture
def inbox() -> Iterator[PagerDutyInbox]:
    with PagerDutyInbox() as server:
        yield server


def parsed(secret: object) -> tuple[dict[str, str], Faults]:
    faults = Faults()
    return parse_routing_keys(secret, "secret pagerduty", faults), faults


def test_an_alert_that_fires_worsens_and_ends_is_one_alert(inbox: PagerDutyInbox) -> None:
    send("pagerduty", inbox, [low(severity="warning")])
    send("pagerduty", inbox, [low(reason="worsened", value="1")])
    assert list(inbox.open.values()) == ["Worse: sms is at 1.00 EUR, below 20.00 EUR"]
    send("pagerduty", inbox, [low(reason="resolved")])
    assert inbox.open == {}


def test_two_metrics_of_an_account_are_two_alerts(inbox: PagerDutyInbox) -> None:
    send("pagerduty", inbox, [low(), low(metric="unreadable", value="timed_out")])
    assert len(inbox.open) == 2


def test_a_top_up_opens_nothing_and_tells_nothing_of_the_channel(inbox: PagerDutyInbox) -> None:
    topped_up = low(reason="topped_up", severity="info")
    assert send("pagerduty", inbox, [topped_up]) == [SendResult((topped_up,), unsent=True)]
    assert inbox.requests == []


def test_an_alert_has_its_severity_facts_and_the_link_to_the_billing_page() -> None:
    it = event(low(severity="info", detail="It is spent."))
    assert it["links"] == [{"href": LINK, "text": "Billing page"}]
    payload = it["payload"]
    assert (payload["source"], payload["component"], payload["class"]) == (
        "sms",
        "vonage",
        "balance",
    )
    assert payload["severity"] == "info"
    details = payload["custom_details"]
    assert (details["balance"], details["detail"]) == ("8.2", "It is spent.")
    assert details["labels"] == {"team": "messaging"}


@pytest.mark.parametrize("account", ["a" * 300, "🔴" * 80])
def test_a_long_name_is_hashed_in_the_dedup_key_and_stays_one_alert(account: str) -> None:
    opened, ended = dedup_key(low(account=account)), dedup_key(low(account=account, value="1"))
    assert opened == ended
    assert len(opened.encode()) <= 255
    assert opened != dedup_key(low(account=account + "b"))


@pytest.mark.parametrize("reason", ["fired", "worsened", "reminder", "resolved"])
def test_every_event_of_an_alert_has_the_same_key(reason: str) -> None:
    assert event(low(reason=reason, severity="warning"))["dedup_key"] == dedup_key(low())


def test_names_that_are_alike_up_to_the_limit_are_two_alerts(inbox: PagerDutyInbox) -> None:
    send("pagerduty", inbox, [low(account="🔴" * 99 + last) for last in "ab"])
    assert len(inbox.open) == 2


def test_no_name_and_metric_make_the_key_of_another_name_and_metric() -> None:
    keys = {
        dedup_key(low(account=account, metric=metric))
        for account in ("a", "a/balance", "a/balance/balance", "balance-watch/a")
        for metric in ("balance", "runway")
    }
    assert len(keys) == 8


def test_an_end_whose_beginning_never_arrived_closes_nothing_else(inbox: PagerDutyInbox) -> None:
    send("pagerduty", inbox, [low(account="other")])
    assert send("pagerduty", inbox, [low(reason="resolved")])[0].accepted
    assert len(inbox.open) == 1


def test_what_happened_first_is_told_first(inbox: PagerDutyInbox) -> None:
    later = NOW + timedelta(minutes=5)
    ended = low(reason="resolved", said_at=NOW)
    again = low(said_at=later, value="1")
    send("pagerduty", inbox, [again, ended])
    assert [it["event_action"] for it in inbox.messages] == ["resolve", "trigger"]
    assert len(inbox.open) == 1


def test_only_202_is_an_acceptance(inbox: PagerDutyInbox) -> None:
    inbox.script(Reply(200, b"{}"))
    (result,) = send("pagerduty", inbox, [low()])
    assert (result.why, result.unsure) == ("PagerDuty answers HTTP 200.", True)


def test_a_routing_key_that_pagerduty_does_not_know_is_a_refusal_that_lasts(
    inbox: PagerDutyInbox,
) -> None:
    secret = {**inbox.secret, "routing_keys": {"default": key("wrong")}}
    inbox.__class__ = type("Other", (PagerDutyInbox,), {"secret": secret})
    (result,) = send("pagerduty", inbox, [low()])
    assert (result.why, result.permanent) == ("PagerDuty answers HTTP 400.", True)


def test_a_secret_names_its_keys_and_maybe_its_region() -> None:
    assert parsed({"routing_keys": {"default": "R1", "night": "R2"}}) == (
        {"default": f"{BASE_URL} R1", "night": f"{BASE_URL} R2"},
        [],
    )
    assert parsed({"routing_keys": {"a": "R1"}, "base_url": f"{EU}/"})[0] == {"a": f"{EU} R1"}
    assert parsed({"routing_keys": {"a": "R1"}, "base_url": None})[0] == {"a": f"{BASE_URL} R1"}


@pytest.mark.parametrize(
    "secret",
    [
        key(),
        {"routing_keys": [key()]},
        {"routing_keys": {}, key(): 1},
        {"routing_keys": {"default": f"two {key()}"}},
        {"routing_keys": {f"/{key()}": "R1"}},
        {"routing_keys": {"default": 5}},
        {"routing_keys": {"default": "R1"}, "base_url": key()},
        {"routing_keys": {"default": "R1"}, "base_url": 5},
        {"base_url": BASE_URL},
    ],
)
def test_a_fault_in_the_secret_configures_nothing_and_shows_no_value(secret: object) -> None:
    addresses, faults = parsed(secret)
    assert (addresses, len(faults)) == ({}, 1)
    assert CORE not in str(faults)
