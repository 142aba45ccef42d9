"""PagerDuty: one alert for each account and metric, from its firing to its end."""

from collections.abc import Iterator

import pytest

from balance_watch.notifiers.pagerduty import BASE_URL, dedup_key, event, parse_routing_keys
from balance_watch.validation import Faults
from local.loopback import Reply
from local.pagerduty_inbox import PagerDutyInbox
from tests.support.canaries import CORE, key
from tests.support.inboxes import send
from tests.support.notifications import LINK, low

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


def test_a_top_up_opens_nothing_and_counts_as_accepted(inbox: PagerDutyInbox) -> None:
    (result,) = send("pagerduty", inbox, [low(reason="topped_up", severity="info")])
    assert result.accepted
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
