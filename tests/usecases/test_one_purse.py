"""One purse under two names, at once or one after the other, and two purses under one name."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.notification import Notification
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import TOP_UP
from balance_watch.providers.spec import Spec
from local.vonage import VonageServer
from tests.support.canaries import key
from tests.support.check_bench import FINE, LOW, Bench
from tests.support.examples import NEXT, TICK
from tests.support.paid_accounts import paid, paying_entry, purse_in, top_up_policy


class DiedError(BaseException):
    """The process ended, as if it were killed."""


def about_payments(paying: Bench) -> list[Notification]:
    accepted = [entry.notification for entry in paying.delivery.accepted]
    return [notification for notification in accepted if notification.rule == TOP_UP]


def told(paying: Bench) -> list[str]:
    return [notification.detail for notification in about_payments(paying)]


def die_after_the_payment(paying: Bench, tick: datetime = TICK) -> None:
    """Runs a check that pays and ends before it stores that."""
    check = paying.check()

    def pay_and_die(spec: Spec, account: Account) -> PaymentOutcome:
        paying.wiring.top_up(spec, account)
        raise DiedError

    with pytest.raises(DiedError):
        replace(check, pay=replace(check.pay, top_up=pay_and_die)).run(tick, seconds=100)
    paying.clock.forward(200)


def rename(paying: Bench, vonage: VonageServer, name: str = "messages") -> None:
    paying.put_secret("accounts", {"accounts": [paying_entry(vonage, name)]})


def test_one_purse_under_two_names_is_paid_once(paying: Bench, vonage: VonageServer) -> None:
    entries = [paying_entry(vonage), paying_entry(vonage, "messages")]
    paying.put_secret("accounts", {"accounts": entries})
    paying.reads.balances["messages"] = LOW
    assert paying.run().complete
    assert paid(vonage) == 1
    assert any("its rule allows no more payments within 24 hours" in it for it in told(paying))


def test_an_account_that_was_renamed_is_not_paid_for_again(
    paying: Bench, vonage: VonageServer
) -> None:
    paying.run()
    paying.put_secret("accounts", {"accounts": [paying_entry(vonage, "messages")]})
    paying.reads.balances["messages"] = LOW
    assert paying.run(NEXT).complete
    assert paid(vonage) == 1


def test_a_new_secret_beside_the_same_key_is_the_same_purse(
    paying: Bench, vonage: VonageServer
) -> None:
    purse = purse_in(paying.wiring.load())
    rotated = {"api_key": key(), "api_secret": key("rotated")}
    paying.put_secret("accounts", {"accounts": [paying_entry(vonage, credentials=rotated)]})
    assert purse_in(paying.wiring.load()) == purse
    other = {"trx": "another-payment"}
    paying.put_secret("accounts", {"accounts": [paying_entry(vonage, variables=other)]})
    assert purse_in(paying.wiring.load()) != purse


def test_two_names_of_a_purse_are_not_both_paid_for_on_the_same_balance(
    paying: Bench, vonage: VonageServer
) -> None:
    paying.aws.put_policy(top_up_policy(2))
    entries = [paying_entry(vonage), paying_entry(vonage, "messages")]
    paying.put_secret("accounts", {"accounts": entries})
    paying.reads.balances["messages"] = LOW
    assert paying.run().complete
    assert paid(vonage) == 1
    assert any("its balance was not read after the latest payment" in it for it in told(paying))


def test_a_payment_without_an_outcome_is_told_under_the_new_name(
    paying: Bench, vonage: VonageServer
) -> None:
    die_after_the_payment(paying)
    rename(paying, vonage)
    paying.reads.balances["messages"] = FINE
    assert paying.run(NEXT).complete
    (notification,) = about_payments(paying)
    assert (notification.account, notification.value) == ("messages", "unknown")
    assert paid(vonage) == 1


def test_a_low_account_renamed_before_its_payment_is_paid_for_once_under_the_new_name(
    paying: Bench, vonage: VonageServer
) -> None:
    paying.check().run(TICK, seconds=15)
    rename(paying, vonage)
    paying.reads.balances["messages"] = LOW
    assert paying.run(NEXT).complete
    assert paid(vonage) == 1
    assert paying.store.outbox.pending().orders == []


def test_the_old_name_of_an_account_orders_nothing_for_its_new_one(
    paying: Bench, vonage: VonageServer
) -> None:
    paying.check().run(TICK, seconds=15)
    rename(paying, vonage)
    paying.reads.balances["messages"] = FINE
    assert paying.run(NEXT).complete
    assert paid(vonage) == 0
    assert told(paying) == [
        "The rule low ordered it, but the account has another name now. Nothing was paid."
    ]


def test_a_payment_without_an_outcome_is_told_although_the_account_is_fine_since(
    paying: Bench, vonage: VonageServer
) -> None:
    die_after_the_payment(paying)
    paying.reads.balances["sms"] = FINE
    assert paying.run(NEXT).complete
    (notification,) = about_payments(paying)
    assert (notification.account, notification.value) == ("sms", "unknown")
    assert paid(vonage) == 1


def test_of_two_orders_that_end_in_one_tick_both_are_told_of(
    paying: Bench, vonage: VonageServer
) -> None:
    paying.check().run(TICK, seconds=15)
    rename(paying, vonage)
    paying.reads.balances["messages"] = LOW
    die_after_the_payment(paying, NEXT)
    assert paying.run(NEXT).complete
    assert {it.value for it in about_payments(paying)} == {"dropped", "unknown"}
