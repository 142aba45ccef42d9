"""Payments that an earlier release ordered, claimed or made are not made twice."""

from balance_watch.store.table import deserialize
from tests.upgrade.accounts import JsonObject
from tests.upgrade.stack import NEXT
from tests.upgrade.upgrade import Upgrade


def payment_for(upgrade: Upgrade, alert_id: str) -> JsonObject:
    """Returns the payment in the table that an alert has asked for."""
    items = map(deserialize, upgrade.next.items)
    (item,) = (
        item for item in items if item["pk"].startswith("PURSE#") and item["answers"] == alert_id
    )
    return item


def test_a_pending_payment_order_is_executed_once_and_announced(upgrade: Upgrade) -> None:
    assert upgrade.next.payments["pays-owed"] == 1
    orders = upgrade.pending_before("top_up")
    (order,) = (order for order in orders if order["account"] == "pays-owed")
    made = payment_for(upgrade, order["alert_id"])
    assert (made["outcome"], made["claimed_at"]) == ("paid", NEXT)
    assert not upgrade.soon.payments
    assert not upgrade.later.payments


def test_a_claim_without_an_outcome_is_announced_as_unknown_and_not_paid(upgrade: Upgrade) -> None:
    assert upgrade.next.payments["pays-claimed"] == 0
    before = upgrade.item_before("ACCOUNT#pays-claimed", "TOPUP")
    assert payment_for(upgrade, before["answers"])["outcome"] == "unknown"
    (message,) = (
        message
        for message in upgrade.next.topic
        if message["account"] == "pays-claimed" and message["metric"] == "top_up"
    )
    assert (message["reason"], message["value"]) == ("fired", "unknown")
    assert message["severity"] == "critical"


def test_a_payment_of_unknown_outcome_still_blocks_others(upgrade: Upgrade) -> None:
    """Its rule fires anew and orders another payment; the outcome was announced before."""
    assert upgrade.next.payments["pays-unknown"] == 0
    before = upgrade.item_before("ACCOUNT#pays-unknown", "TOPUP")
    assert before["outcome"] == "unknown"
    assert upgrade.next.item("ACCOUNT#pays-unknown", "TOPUP") == before


def test_payments_of_the_last_day_count_towards_the_limit(upgrade: Upgrade) -> None:
    """Its rule fires anew, and allows two payments a day."""
    made = upgrade.next.item("ACCOUNT#pays-paid", "TOPUP")
    assert [at for at, _ in made["earlier"]] == ["2026-11-23T16:00:00Z"]
    assert made["claimed_at"] == "2026-11-24T04:00:00Z"
    assert upgrade.next.payments["pays-paid"] == 0


def test_a_payment_that_a_person_cleared_blocks_no_other(upgrade: Upgrade) -> None:
    assert upgrade.next.payments["pays-cleared"] == 1
    (alert,) = (
        message
        for message in upgrade.next.topic
        if message["account"] == "pays-cleared" and message["rule"] == "pay"
    )
    made = payment_for(upgrade, alert["alert_id"])
    assert [at for at, _ in made["earlier"]] == ["2026-11-23T22:00:00Z"]


def test_a_rejected_payment_is_not_announced_again(upgrade: Upgrade) -> None:
    assert upgrade.next.channels_notified_of("pays-refused") == {}
    assert upgrade.next.payments["pays-refused"] == 0
