"""A payment is claimed before it is made: no second one while the outcome is not known."""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from balance_watch.store.dynamodb import Store
from tests.store.examples import NEXT, TICK

ACCOUNT = "sms"


def test_a_first_payment_is_claimed(store: Store) -> None:
    assert store.claim_top_up(ACCOUNT, TICK)


def test_no_second_payment_is_claimed_while_the_first_is_under_way(store: Store) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    assert not store.claim_top_up(ACCOUNT, NEXT)


def test_no_second_payment_is_claimed_while_the_outcome_is_unknown(store: Store) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    store.settle_top_up(ACCOUNT, TICK, "unknown")
    assert not store.claim_top_up(ACCOUNT, NEXT)


@pytest.mark.parametrize("outcome", ["paid", "not_enabled", "key_rejected", "not_sent"])
def test_a_payment_is_claimed_after_one_whose_outcome_is_known(store: Store, outcome: str) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    store.settle_top_up(ACCOUNT, TICK, outcome)
    assert store.claim_top_up(ACCOUNT, NEXT)


@pytest.mark.parametrize("outcome", ["claimed", "unknown"])
def test_a_person_who_looked_can_claim_after_an_unknown_outcome(store: Store, outcome: str) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    store.settle_top_up(ACCOUNT, TICK, outcome)
    assert store.claim_top_up(ACCOUNT, NEXT, after_unknown=True)


def test_two_people_who_looked_at_once_pay_once(store: Store) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    assert store.claim_top_up(ACCOUNT, NEXT, after_unknown=True)
    assert not store.claim_top_up(ACCOUNT, NEXT, after_unknown=True)


def test_an_account_that_was_never_topped_up_can_be_claimed_after_a_look(store: Store) -> None:
    assert store.claim_top_up(ACCOUNT, TICK, after_unknown=True)


def test_a_person_cannot_claim_over_a_payment_that_is_under_way(store: Store) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    assert not store.claim_top_up(ACCOUNT, TICK + timedelta(seconds=30), after_unknown=True)


def test_the_outcome_of_an_older_payment_is_not_taken_for_that_of_a_newer_one(
    store: Store,
) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    store.claim_top_up(ACCOUNT, NEXT, after_unknown=True)
    store.settle_top_up(ACCOUNT, NEXT, "unknown")
    with pytest.raises(ClientError):
        store.settle_top_up(ACCOUNT, TICK, "paid")
    assert not store.claim_top_up(ACCOUNT, NEXT + timedelta(minutes=5))


def test_another_accounts_payment_stands_in_no_ones_way(store: Store) -> None:
    store.claim_top_up(ACCOUNT, TICK)
    assert store.claim_top_up("other", TICK)
