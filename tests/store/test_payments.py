"""A payment is claimed before it is made: no second one while its outcome is unknown."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from balance_watch.domain.payment import Payment, PaymentOutcome, Purse, Refusal
from balance_watch.store.dynamodb import Store
from balance_watch.store.payments import Payments, payment_to_item
from balance_watch.store.table import serialize
from tests.support.clock import Clock
from tests.support.dynamodb_clients import Wrapped, failing, refusal, sent_twice
from tests.support.examples import NEXT, TICK

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PURSE = Purse("sms", "a-digest")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = 300.0
"""Seconds after which no earlier claim is still under way."""

StoreOver = Callable[[Any], Store]


@pytest.fixture
def payments(store: Store) -> Payments:
    return store.payments


def claimed(
    payments: Payments, at: object = TICK, idempotency_key: str = "alert 1", **how: object
) -> Payment:
    claim = payments.claim(PURSE, at, idempotency_key=idempotency_key, **how)  # type: ignore[arg-type]
    assert isinstance(claim, Payment), claim
    return claim


def settled(
    payments: Payments, outcome: str, at: object = TICK, idempotency_key: str = "alert 1"
) -> None:
    payments.settle(PURSE, claimed(payments, at, idempotency_key), PaymentOutcome(outcome))


def test_a_first_payment_is_claimed(payments: Payments) -> None:
    assert claimed(payments) == Payment(TICK, "alert 1", PaymentOutcome.CLAIMED)
    assert payments.latest([PURSE]) == {"sms": Payment(TICK, "alert 1", PaymentOutcome.CLAIMED)}


def test_no_second_payment_is_claimed_while_the_first_is_under_way(payments: Payments) -> None:
    claimed(payments)
    a_minute_later = TICK + timedelta(minutes=1)
    assert payments.claim(PURSE, a_minute_later, idempotency_key="2") is Refusal.UNDER_WAY


@pytest.mark.parametrize("outcome", ["claimed", "unknown"])
def test_no_second_payment_is_claimed_while_an_outcome_is_unknown(
    payments: Payments, clock: Clock, outcome: str
) -> None:
    settled(payments, outcome)
    clock.forward(LATER)
    assert payments.claim(PURSE, NEXT, idempotency_key="2") is Refusal.OPEN


@pytest.mark.parametrize("outcome", ["paid", "not_enabled", "key_rejected", "not_sent", "cleared"])
def test_a_payment_is_claimed_after_one_whose_outcome_is_known(
    payments: Payments, outcome: str
) -> None:
    settled(payments, outcome)
    assert claimed(payments, NEXT, "2").claimed_at == NEXT


def test_an_alert_is_answered_once(payments: Payments) -> None:
    settled(payments, "paid")
    assert payments.claim(PURSE, TICK + DAY, idempotency_key="alert 1") is Refusal.ALREADY_MADE


def test_an_alert_is_answered_once_even_if_a_person_paid_after_it(
    payments: Payments, clock: Clock
) -> None:
    settled(payments, "unknown")
    claimed(payments, NEXT, "command", after_unknown=True)
    clock.forward(LATER)
    assert payments.claim(PURSE, NEXT, idempotency_key="alert 1") is Refusal.ALREADY_MADE


def test_a_payment_of_another_version_is_treated_as_one_of_unknown_outcome(
    payments: Payments, client: "DynamoDBClient", table: str
) -> None:
    item = {**_key(), "claimed_at": {"S": "2026-11-22T10:05:00Z"}, "outcome": {"S": "refunded"}}
    client.put_item(TableName=table, Item=item)
    assert payments.latest([PURSE])["sms"].outcome is PaymentOutcome.UNKNOWN
    assert payments.claim(PURSE, NEXT, idempotency_key="2") is Refusal.OPEN


@pytest.mark.parametrize("outcome", ["claimed", "unknown"])
def test_a_person_can_claim_after_an_unknown_outcome(
    payments: Payments, clock: Clock, outcome: str
) -> None:
    settled(payments, outcome)
    clock.forward(LATER)
    assert claimed(payments, NEXT, "2", after_unknown=True)


def test_two_people_who_claim_after_an_unknown_outcome_pay_once(payments: Payments) -> None:
    settled(payments, "unknown")
    assert claimed(payments, NEXT, "2", after_unknown=True)
    assert payments.claim(PURSE, NEXT, idempotency_key="3", after_unknown=True) is Refusal.UNDER_WAY


def test_of_two_that_read_the_same_last_payment_one_claims(
    client: "DynamoDBClient", table: str, store_over: StoreOver, payments: Payments
) -> None:
    settled(payments, "paid")
    read = client.batch_get_item
    before = read(RequestItems={table: {"Keys": [_key()], "ConsistentRead": True}})
    outdated = store_over(Wrapped(client, batch_get_item=lambda **_: before))
    claimed(payments, NEXT, "2")
    assert outdated.payments.claim(PURSE, NEXT, idempotency_key="3") is Refusal.UNDER_WAY


def test_a_first_payment_can_be_claimed_by_a_person(payments: Payments) -> None:
    assert claimed(payments, after_unknown=True)


def test_a_person_cannot_claim_over_a_payment_that_is_under_way(payments: Payments) -> None:
    claimed(payments)
    soon = TICK + timedelta(seconds=30)
    assert payments.claim(PURSE, soon, idempotency_key="2", after_unknown=True) is Refusal.UNDER_WAY


def test_the_outcome_of_an_older_payment_is_not_stored_for_a_newer_one(
    payments: Payments, clock: Clock
) -> None:
    older = claimed(payments)
    clock.forward(LATER)
    newer = claimed(payments, NEXT, "2", after_unknown=True)
    payments.settle(PURSE, newer, PaymentOutcome.UNKNOWN)
    with pytest.raises(ClientError):
        payments.settle(PURSE, older, PaymentOutcome.PAID)
    assert payments.latest([PURSE])["sms"].outcome is PaymentOutcome.UNKNOWN


def test_the_payment_of_one_account_blocks_no_other_account(payments: Payments) -> None:
    claimed(payments)
    assert isinstance(
        payments.claim(Purse("sms", "other"), TICK, idempotency_key="alert 1"), Payment
    )


def test_no_more_payments_are_claimed_in_a_day_than_a_rule_allows(payments: Payments) -> None:
    settled(payments, "paid")
    settled(payments, "paid", TICK + HOUR, "2")
    third = payments.claim(PURSE, TICK + 2 * HOUR, idempotency_key="3", max_per_day=2)
    assert third is Refusal.ENOUGH
    assert claimed(payments, TICK + DAY, "3", max_per_day=2)


def test_a_payment_that_moved_no_money_does_not_count(payments: Payments) -> None:
    settled(payments, "not_sent")
    assert claimed(payments, TICK + HOUR, "2", max_per_day=1)


def test_a_claim_whose_reply_was_lost_belongs_to_its_claimant(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    store = store_over(Wrapped(client, put_item=sent_twice(client.put_item)))
    assert claimed(store.payments)


@pytest.mark.parametrize("call", ["put_item", "batch_get_item"])
@pytest.mark.parametrize(
    "error",
    [refusal("ThrottlingException", "PutItem"), EndpointConnectionError(endpoint_url="x")],
    ids=["throttled", "unreachable"],
)
def test_no_payment_is_claimed_while_a_call_fails(
    client: "DynamoDBClient", store_over: StoreOver, call: str, error: Exception
) -> None:
    store = store_over(Wrapped(client, **{call: failing(error)}))
    assert store.payments.claim(PURSE, TICK, idempotency_key="1") is Refusal.NOT_CLAIMED


def test_a_payment_of_unknown_outcome_can_be_cleared(payments: Payments) -> None:
    settled(payments, "unknown")
    cleared = payments.clear(PURSE)
    assert cleared is not None
    assert payments.latest([PURSE])["sms"].outcome is PaymentOutcome.CLEARED
    assert claimed(payments, NEXT, "2")


@pytest.mark.parametrize("outcome", [None, "paid", "cleared"])
def test_a_payment_that_ended_well_is_not_cleared(payments: Payments, outcome: str | None) -> None:
    if outcome is not None:
        settled(payments, outcome)
    assert payments.clear(PURSE) is None


def test_a_payment_that_is_under_way_is_not_cleared(payments: Payments) -> None:
    claimed(payments)
    assert payments.clear(PURSE) is None


def _key() -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"PURSE#{PURSE.digest}"}, "sk": {"S": "TOPUP"}}


def test_one_purse_under_two_names_is_paid_as_often_as_under_one(payments: Payments) -> None:
    settled(payments, "paid")
    renamed = Purse("messages", PURSE.digest)
    refused = payments.claim(renamed, NEXT, idempotency_key="2", max_per_day=1)
    assert refused is Refusal.ENOUGH
    assert set(payments.latest([PURSE, renamed])) == {"sms", "messages"}


def test_a_payment_of_an_earlier_release_counts_and_can_be_cleared(
    payments: Payments, client: "DynamoDBClient", table: str
) -> None:
    item = {
        **payment_to_item(PURSE, Payment(TICK, "alert 1", PaymentOutcome.UNKNOWN)),
        "pk": "ACCOUNT#sms",
    }
    client.put_item(TableName=table, Item=serialize(item))
    assert payments.claim(PURSE, NEXT, idempotency_key="2") is Refusal.OPEN
    assert payments.clear(PURSE) is not None
    assert payments.claim(PURSE, NEXT, idempotency_key="2", max_per_day=1) is Refusal.ENOUGH
    assert isinstance(payments.claim(PURSE, NEXT, idempotency_key="2", max_per_day=2), Payment)
    assert payments.latest([PURSE])["sms"].claimed_at == NEXT


def test_several_payments_in_a_day_follow_one_that_an_earlier_release_stored(
    payments: Payments, client: "DynamoDBClient", table: str
) -> None:
    stored = payment_to_item(PURSE, Payment(TICK - 30 * DAY, "old", PaymentOutcome.PAID))
    client.put_item(TableName=table, Item=serialize(stored | {"pk": "ACCOUNT#sms"}))
    for number in range(1, 5):
        at = TICK + number * HOUR
        claim = payments.claim(PURSE, at, idempotency_key=f"alert {number}", max_per_day=5)
        assert isinstance(claim, Payment)
        payments.settle(PURSE, claim, PaymentOutcome.PAID)
    found = payments.latest([PURSE])["sms"]
    assert isinstance(found, Payment)
    assert [it.idempotency_key for it in found.earlier] == ["alert 1", "alert 2", "alert 3"]
