"""A payment that a person makes, without the command line: claimed, made once, and recorded."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from balance_watch.domain.account import Account
from balance_watch.domain.payment import PaymentOutcome, Refusal
from balance_watch.errors import PaymentNotRecordedError, TopUpError
from balance_watch.providers.purse import paid_purse
from balance_watch.providers.registry import catalogue_provider
from balance_watch.providers.spec import Spec
from balance_watch.store.payments import Payments
from balance_watch.store.table import Table
from balance_watch.usecases.payments import pay_by_hand
from tests.support.clock import Clock
from tests.support.dynamodb_clients import Wrapped, failing, refusal
from tests.support.examples import NEXT, TICK
from tests.support.tables import new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACCOUNT = Account("sms", "vonage", variables={"trx": "first-payment"})
OpenPayments = Callable[["DynamoDBClient"], Payments]


class ProcessDiedError(Exception):
    """Simulates the end of the process in the middle of a payment."""


@dataclass
class FakeTopUp:
    """Takes payments as a provider does; `on_pay` is called at the moment when money moves."""

    outcome: PaymentOutcome = PaymentOutcome.PAID
    on_pay: Callable[[], None] = lambda: None
    paid: list[str] = field(default_factory=list)

    def __call__(self, spec: Spec, account: Account) -> PaymentOutcome:
        del spec
        self.paid.append(account.name)
        self.on_pay()
        return self.outcome


def provider(slug: str) -> Spec:
    spec = catalogue_provider(slug)
    assert spec is not None
    return spec


VONAGE = provider("vonage")
PURSE = paid_purse(VONAGE, ACCOUNT)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_payments(clients: dict[str, Any], clock: Clock) -> OpenPayments:
    """Opens the payments of one table over a client, such as one that fails."""
    table = new_table(clients["dynamodb"])
    return lambda client: Payments(
        Table(client, table, clock=clock.time, sleep=clock.sleep), clock.time
    )


@pytest.fixture
def payments(clients: dict[str, Any], open_payments: OpenPayments) -> Payments:
    return open_payments(clients["dynamodb"])


def latest(payments: Payments) -> PaymentOutcome | None:
    payment = payments.latest([PURSE]).get(ACCOUNT.name)
    return payment.outcome if payment else None


@pytest.mark.parametrize(
    "outcome",
    [
        PaymentOutcome.PAID,
        PaymentOutcome.NOT_ENABLED,
        PaymentOutcome.KEY_REJECTED,
        PaymentOutcome.NOT_SENT,
        PaymentOutcome.UNKNOWN,
    ],
)
def test_a_payment_is_made_once_and_its_outcome_is_returned_and_recorded(
    payments: Payments, outcome: PaymentOutcome
) -> None:
    top_up = FakeTopUp(outcome)
    assert pay_by_hand(payments, top_up, VONAGE, ACCOUNT, TICK) is outcome
    assert top_up.paid == ["sms"]
    assert latest(payments) is outcome


def test_a_payment_is_claimed_before_it_is_made(payments: Payments) -> None:
    outcomes: list[PaymentOutcome | None] = []
    top_up = FakeTopUp(on_pay=lambda: outcomes.append(latest(payments)))
    pay_by_hand(payments, top_up, VONAGE, ACCOUNT, TICK)
    assert outcomes == [PaymentOutcome.CLAIMED]


@pytest.mark.parametrize(
    ("spec", "account", "message"),
    [
        (
            provider("you"),
            Account("search", "you"),
            "search: You.com cannot be topped up through its API.",
        ),
        (VONAGE, Account("sms", "vonage"), "sms: the account's variables are missing trx."),
    ],
)
def test_an_account_that_cannot_be_topped_up_is_not_claimed(
    payments: Payments, spec: Spec, account: Account, message: str
) -> None:
    top_up = FakeTopUp()
    with pytest.raises(TopUpError) as raised:
        pay_by_hand(payments, top_up, spec, account, TICK)
    assert str(raised.value) == message
    assert top_up.paid == []
    assert payments.latest([PURSE]) == {}


def test_no_second_payment_is_made_while_the_first_is_under_way(payments: Payments) -> None:
    payments.claim(PURSE, TICK, idempotency_key="an alert")
    top_up = FakeTopUp()
    result = pay_by_hand(payments, top_up, VONAGE, ACCOUNT, TICK, after_unknown=True)
    assert (result, top_up.paid) == (Refusal.UNDER_WAY, [])


def test_after_an_unknown_outcome_a_person_has_to_insist(payments: Payments) -> None:
    pay_by_hand(payments, FakeTopUp(PaymentOutcome.UNKNOWN), VONAGE, ACCOUNT, TICK)
    top_up = FakeTopUp()
    assert pay_by_hand(payments, top_up, VONAGE, ACCOUNT, NEXT) is Refusal.OPEN
    assert top_up.paid == []
    result = pay_by_hand(payments, top_up, VONAGE, ACCOUNT, NEXT, after_unknown=True)
    assert (result, top_up.paid) == (PaymentOutcome.PAID, ["sms"])


def test_a_payment_that_a_person_asks_for_twice_is_made_twice(payments: Payments) -> None:
    top_up = FakeTopUp()
    for _ in range(2):
        pay_by_hand(payments, top_up, VONAGE, ACCOUNT, TICK)
    assert top_up.paid == ["sms", "sms"]


def test_a_process_that_dies_while_it_pays_blocks_the_next_payment(
    payments: Payments, clock: Clock
) -> None:
    def die() -> None:
        raise ProcessDiedError

    with pytest.raises(ProcessDiedError):
        pay_by_hand(payments, FakeTopUp(on_pay=die), VONAGE, ACCOUNT, TICK)
    clock.forward(300)
    top_up = FakeTopUp()
    assert pay_by_hand(payments, top_up, VONAGE, ACCOUNT, NEXT) is Refusal.OPEN
    assert top_up.paid == []


def test_an_outcome_that_cannot_be_recorded_is_raised_and_blocks_the_next_payment(
    clients: dict[str, Any], open_payments: OpenPayments, payments: Payments, clock: Clock
) -> None:
    broken = failing(refusal("ThrottlingException", "UpdateItem"))
    unreliable: Any = Wrapped(clients["dynamodb"], update_item=broken)
    top_up = FakeTopUp()
    with pytest.raises(PaymentNotRecordedError) as raised:
        pay_by_hand(open_payments(unreliable), top_up, VONAGE, ACCOUNT, TICK)
    assert (raised.value.outcome, top_up.paid) == (PaymentOutcome.PAID, ["sms"])
    clock.forward(300)
    assert pay_by_hand(payments, top_up, VONAGE, ACCOUNT, NEXT) is Refusal.OPEN
    assert payments.clear(PURSE) is not None
    assert pay_by_hand(payments, top_up, VONAGE, ACCOUNT, NEXT) is PaymentOutcome.PAID


def test_without_a_claim_nothing_is_paid(
    clients: dict[str, Any], open_payments: OpenPayments
) -> None:
    broken = failing(refusal("ThrottlingException", "PutItem"))
    unreliable: Any = Wrapped(clients["dynamodb"], put_item=broken)
    top_up = FakeTopUp()
    result = pay_by_hand(open_payments(unreliable), top_up, VONAGE, ACCOUNT, TICK)
    assert (result, top_up.paid) == (Refusal.NOT_CLAIMED, [])
