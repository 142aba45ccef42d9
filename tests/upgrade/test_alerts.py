"""Alerts, silences and trends that an earlier release stored continue."""

import pytest

from balance_watch.domain.spending import Day
from balance_watch.store.spending import spending_from_item
from tests.upgrade.accounts import RUNS_DRY, JsonObject
from tests.upgrade.stack import (
    ARCHIVED,
    DEFAULT,
    LAST,
    NEXT,
    ONCALL,
    TOPIC,
    Announcement,
    Run,
)
from tests.upgrade.upgrade import Upgrade


def message_about(run: Run, account: str) -> JsonObject:
    """Returns the one message to the topic about an account, but for one of `runs_dry`."""
    (message,) = (
        message
        for message in run.topic
        if message["account"] == account and message["rule"] != "runs_dry"
    )
    return message


@pytest.mark.parametrize(
    "account", ["spends", "images", "llm", "revoked", "walled", "sms", "crawl", "finance"]
)
def test_a_notified_alert_is_not_announced_again(upgrade: Upgrade, account: str) -> None:
    before = upgrade.state_before(account)["alerts"]
    assert all(alert["firing"] and alert["told"] for alert in before.values())
    assert upgrade.next.channels_notified_of(account) == RUNS_DRY.get(account, {})
    alerts = upgrade.next.state(account)["alerts"]
    assert {metric: alerts[metric] for metric in before} == before
    assert alerts.keys() - before.keys() == ({"runway"} if account in RUNS_DRY else set())


def test_an_alert_below_in_another_unit_continues(upgrade: Upgrade) -> None:
    """In euros, in credits, and in the unit of a provider that the policy defines."""
    units = {
        name: upgrade.next.state(name)["reading"]["cur"] for name in ("sms", "crawl", "tokens")
    }
    assert units == {"sms": "EUR", "crawl": "credits", "tokens": "tokens"}
    assert upgrade.next.channels_notified_of("tokens") == {}


def test_a_pending_period_continues_from_its_first_check(upgrade: Upgrade) -> None:
    message = message_about(upgrade.next, "pending")
    assert (message["reason"], message["since"]) == ("fired", LAST)


def test_failures_are_counted_on(upgrade: Upgrade) -> None:
    """Two reads had failed; the third failure in a row is announced, with the time of the first."""
    message = message_about(upgrade.next, "breaks")
    assert (message["value"], message["since"]) == ("malformed", "2026-11-24T10:05:00Z")
    assert upgrade.next.state("breaks")["failure"]["count"] == 3


def test_an_alert_that_returns_within_the_minimum_gap_waits_for_its_end(upgrade: Upgrade) -> None:
    assert upgrade.state_before("returns")["alerts"]["balance"]["firing"] is False
    assert upgrade.next.state("returns")["alerts"]["balance"]["firing"] is True
    assert upgrade.next.channels_notified_of("returns") == RUNS_DRY["returns"]
    assert upgrade.soon.channels_notified_of("returns") == {}
    message = message_about(upgrade.later, "returns")
    assert (message["reason"], message["since"]) == ("fired", NEXT)


def test_the_end_of_an_alert_goes_to_every_notified_channel(upgrade: Upgrade) -> None:
    """A top-up accompanies the first; only one webhook had been notified of the second."""
    assert upgrade.soon.channels_notified_of("search") == {TOPIC: 2, DEFAULT: 2, ONCALL: 1}
    assert Announcement("search", "alert_below", "resolved") in upgrade.soon.announced
    assert upgrade.soon.channels_notified_of("finance") == {ARCHIVED: 2}


def test_a_suppressed_end_is_announced_after_the_silence(upgrade: Upgrade) -> None:
    assert upgrade.next.channels_notified_of("held-back") == {}
    assert upgrade.soon.channels_notified_of("held-back") == {TOPIC: 1, DEFAULT: 1}
    message = message_about(upgrade.soon, "held-back")
    assert (message["reason"], message["rule"]) == ("resolved", "getting low")
    (block,) = (text for text in upgrade.soon.blocks if "held-back" in text)
    assert "over after 12 h ·" in block


def test_a_suppressed_alert_is_announced_after_the_silence(upgrade: Upgrade) -> None:
    message = message_about(upgrade.next, "muted")
    assert (message["reason"], message["since"]) == ("fired", "2026-11-24T10:05:00Z")


def test_silences_continue_until_their_end(upgrade: Upgrade) -> None:
    before = upgrade.item_before("RUN", "RUN")
    after, soon = (run.item("RUN", "RUN") for run in (upgrade.next, upgrade.soon))
    assert {"silence:short", "silence:long"} <= before.keys()
    assert after["silence:long"] == before["silence:long"]
    assert "silence:short" not in after
    assert "silence:long" not in soon


def test_a_top_up_waits_for_the_minimum_gap_after_the_last_one(upgrade: Upgrade) -> None:
    assert upgrade.state_before("rises").keys() >= {"jump", "jump_told"}
    assert upgrade.next.channels_notified_of("rises") == {}
    assert upgrade.soon.channels_notified_of("rises") == {}
    assert upgrade.later.announced[Announcement("rises", "topped_up", "topped_up")] == 1
    assert "jump" not in upgrade.later.state("rises")


def test_the_alerts_of_a_removed_account_end_unannounced(upgrade: Upgrade) -> None:
    """They stay while a secret has a fault, which alone may be why the account is missing."""
    assert upgrade.next.state("leaves")["alerts"] == upgrade.state_before("leaves")["alerts"]
    assert "leaves" in upgrade.next.item("RUN", "RUN")["alerted"]
    assert "alerts" not in upgrade.soon.state("leaves")
    assert "leaves" not in upgrade.soon.item("RUN", "RUN")["alerted"]
    runs = (upgrade.next, upgrade.soon, upgrade.later)
    assert [run.channels_notified_of("leaves") for run in runs] == [{}, {}, {}]


def test_an_account_without_a_limit_still_has_no_reading(upgrade: Upgrade) -> None:
    assert "reading" not in upgrade.state_before("no-limit")
    assert "reading" not in upgrade.next.state("no-limit")
    assert upgrade.next.channels_notified_of("no-limit") == {}


def days_in(item: JsonObject) -> tuple[Day, ...]:
    """Returns the days of a state's item, in whichever form it has them."""
    days: tuple[Day, ...] = spending_from_item(item)["days"]
    return days


def test_spending_is_remembered(upgrade: Upgrade) -> None:
    """The last day as one sample an hour, and each of the days before as a sum."""
    before, after = upgrade.state_before("spends"), upgrade.next.state("spends")
    assert len(before["days"].split()) == 5
    assert days_in(after)[:4] == days_in(before)[:4]
    assert after["trail"].split()[:3] == before["trail"].split()[:3]


def test_a_reminder_is_sent_a_day_after_the_last_notification(upgrade: Upgrade) -> None:
    reminders = [sent for sent in upgrade.later.announced if sent.reason == "reminder"]
    assert sorted(reminders) == [
        Announcement("images", "few points", "reminder"),
        Announcement("images", "provider_flag", "reminder"),
        Announcement("sms", "alert_below", "reminder"),
    ]
