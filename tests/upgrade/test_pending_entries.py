"""The next run sends the entries that an earlier release left pending, and only what is new."""

from collections import Counter

from tests.upgrade.accounts import ACCOUNTS, BOOKS, RUNS_DRY
from tests.upgrade.stack import DEFAULT, ONCALL, TOPIC, Announcement, announcement, pending_in
from tests.upgrade.upgrade import Upgrade


def test_the_next_run_is_complete(upgrade: Upgrade) -> None:
    result = upgrade.next.result
    assert {name: result[name] for name in ("accounts", "read", "unreadable")} == {
        "accounts": len(ACCOUNTS) - 1,
        "read": len(ACCOUNTS) - 4,
        "unreadable": 3,
    }
    assert (result["undelivered"], result["deferred"]) == (0, 0)
    assert upgrade.next.item("RUN", "RUN")["done"] is True


def test_a_pending_entry_is_sent_with_its_own_alert_id(upgrade: Upgrade) -> None:
    sent = {message["alert_id"]: message for message in upgrade.next.topic}
    for pending in upgrade.pending_before(TOPIC):
        message = sent[pending["alert_id"]]
        for field in ("account", "rule", "metric", "severity", "reason", "value", "since"):
            assert message[field] == pending[field]
        assert message["labels"] == pending["labels"]
        for field in ("threshold", "currency", "balance", "observed_at"):
            assert message[field] == pending.get(field)
        assert message["runway"] == (str(pending["runway"]) if "runway" in pending else None)
    assert set(map(announcement, upgrade.pending_before(TOPIC))) == {
        Announcement("fires", "alert_below", "fired"),
        Announcement("worsens", "alert_below", "worsened"),
        Announcement("search", "alert_below", "reminder"),
        Announcement("resolves", "alert_below", "resolved"),
        Announcement("resolves", "topped_up", "topped_up"),
        Announcement("pays-owed", "pay", "fired"),
        Announcement("pays-claimed", "pay", "fired"),
    }


def test_an_entry_that_was_pending_for_a_webhook_is_sent_there_and_removed(
    upgrade: Upgrade,
) -> None:
    for channel, new in ((DEFAULT, 11), (ONCALL, 3)):
        pending = Counter(message["account"] for message in upgrade.pending_before(channel))
        for account in pending:
            assert upgrade.next.channels_notified_of(account)[channel] >= pending[account]
        run_dry = sum(channel in channels for channels in RUNS_DRY.values())
        assert len(upgrade.next.slack[channel]) == pending.total() + new + run_dry
    assert not pending_in(upgrade.next.items)


def test_a_pending_notification_is_shown_with_all_its_facts(upgrade: Upgrade) -> None:
    (block,) = {text for text in upgrade.next.blocks if "fires is at" in text}
    for part in ("90.00 → 8.20 USD", "*Spends*\nabout", "rule alert_below", "|top up>"):
        assert part in block
    recovered = {text for text in upgrade.next.blocks if "resolves has recovered" in text}
    rose = "It rose by 41.00 USD, from 19.00 USD to 60.00 USD."
    assert len([text for text in recovered if rose in text]) == 1, "the webhook of all alerts"


def test_a_notification_is_not_sent_again_to_a_channel_that_accepted_it(upgrade: Upgrade) -> None:
    """The topic accepted it at 10:05, when the webhooks were down."""
    new = RUNS_DRY[BOOKS]
    assert upgrade.next.channels_notified_of(BOOKS) == {
        TOPIC: new[TOPIC],
        DEFAULT: 1 + new[DEFAULT],
        ONCALL: 1,
    }


def test_only_pending_and_new_notifications_are_sent(upgrade: Upgrade) -> None:
    pending = Counter(map(announcement, upgrade.pending_before(TOPIC)))
    assert upgrade.next.announced - pending == Counter(
        [
            Announcement("pending", "two checks low", "fired"),
            Announcement("breaks", "unreadable", "fired"),
            Announcement("muted", "alert_below", "fired"),
            Announcement("pays-paid", "pay", "fired"),
            Announcement("pays-unknown", "pay", "fired"),
            Announcement("pays-cleared", "top_up", "resolved"),
            Announcement("pays-cleared", "pay", "fired"),
            Announcement("pays-cleared", "top_up", "topped_up"),
            Announcement("pays-owed", "top_up", "topped_up"),
            Announcement("pays-claimed", "top_up", "fired"),
            Announcement("pays-paid", "top_up", "fired"),
            *(Announcement(account, "runs_dry", "fired") for account in RUNS_DRY),
        ]
    )
    alert_ids = {message["alert_id"] for message in upgrade.next.topic}
    assert len(alert_ids) == len(upgrade.next.topic)
