"""Payments that a rule orders: one for an alert, none by guess, and each outcome announced."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import TOP_UP
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.usecases.delivery import DeliveryReport
from balance_watch.usecases.payments import Pay
from local.trouble import Kind, Trouble
from local.vonage import VonageServer
from tests.support.canaries import key
from tests.support.check_bench import LOW, Bench
from tests.support.dynamodb_clients import Wrapped, failing, refusal
from tests.support.examples import NEXT, TICK
from tests.support.paid_accounts import account_of, paid, paying_entry, purse_in, top_up_policy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_an_alert_is_answered_with_one_payment(paying: Bench, vonage: VonageServer) -> None:
    for tick in (TICK, NEXT, NEXT + HOUR, TICK + 3 * DAY):
        paying.run(tick)
    assert account_of(vonage).top_ups == ["first-payment"]


def test_a_payment_is_announced_in_the_same_run(paying: Bench) -> None:
    assert paying.run().complete
    assert paying.delivery.announced == [("sms", "fired"), ("sms", "topped_up")]
    notification = paying.delivery.accepted[-1].notification
    facts = (notification.rule, notification.metric, notification.value)
    assert facts == ("top_up", "top_up", "paid")
    assert "It was triggered by the rule low." in notification.detail


def test_a_paid_order_leaves_the_outbox_although_no_channel_accepts(paying: Bench) -> None:
    paying.delivery.rejects = True
    paying.run()
    assert TOP_UP not in {entry.channel for entry in paying.store.outbox.pending().entries}


def test_no_more_is_paid_in_a_day_than_allowed(paying: Bench, vonage: VonageServer) -> None:
    for hour in range(0, 24, 2):
        paying.reads.balances["sms"] = LOW if hour % 4 == 0 else "50"
        paying.run(TICK + hour * HOUR)
    assert paid(vonage) == 1
    paying.reads.balances["sms"] = LOW
    paying.run(TICK + 24 * HOUR)
    assert paid(vonage) == 2


def test_a_rule_may_allow_more(paying: Bench, vonage: VonageServer) -> None:
    paying.aws.put_policy(top_up_policy(3))
    for hour in range(0, 24, 2):
        paying.reads.balances["sms"] = LOW if hour % 4 == 0 else "50"
        paying.run(TICK + hour * HOUR)
    assert paid(vonage) == 3


def test_a_payment_of_unknown_outcome_is_announced_and_blocks_the_next(
    paying: Bench, vonage: VonageServer
) -> None:
    account_of(vonage).trouble = Trouble(Kind.LOST)
    paying.run()
    assert paid(vonage) == 1
    assert paying.delivery.announced == [("sms", "fired"), ("sms", "fired")]
    unknown = paying.delivery.accepted[-1].notification
    assert (unknown.rule, unknown.value, unknown.severity) == ("top_up", "unknown", "critical")
    account_of(vonage).trouble = Trouble()
    for day in (1, 2, 3):
        paying.reads.balances["sms"] = "50"
        paying.run(TICK + day * DAY)
        paying.reads.balances["sms"] = LOW
        paying.run(TICK + day * DAY + HOUR)
    assert paid(vonage) == 1


def test_clearing_a_payment_ends_its_alert_and_allows_the_next_payment(
    paying: Bench, vonage: VonageServer
) -> None:
    account_of(vonage).trouble = Trouble(Kind.LOST)
    paying.run()
    account_of(vonage).trouble = Trouble()
    assert paying.wiring.store.payments.clear(purse_in(paying.wiring.load()))
    paying.reads.balances["sms"] = "50"
    paying.run(NEXT)
    resolved = [
        it.notification for it in paying.delivery.accepted if it.notification.reason == "resolved"
    ]
    assert {it.rule for it in resolved} == {"top_up", "low"}
    paying.reads.balances["sms"] = LOW
    paying.run(TICK + 2 * DAY)
    assert paid(vonage) == 2


def test_a_payment_that_the_provider_rejects_is_announced_as_a_warning(
    paying: Bench, vonage: VonageServer
) -> None:
    account_of(vonage).auto_reload = False
    paying.run()
    notification = paying.delivery.accepted[-1].notification
    facts = (notification.rule, notification.value, notification.severity)
    assert facts == ("top_up", "not_enabled", "warning")
    latest = paying.wiring.store.payments.latest([purse_in(paying.wiring.load())])["sms"]
    assert latest.outcome is PaymentOutcome.NOT_ENABLED


def test_a_rule_that_cannot_top_up_an_account_is_a_fault_of_the_configuration(bench: Bench) -> None:
    bench.aws.put_policy(top_up_policy(1))
    bench.watch("sms")
    bench.reads.balances["sms"] = LOW
    bench.run()
    (fault,) = [
        it.notification.detail
        for it in bench.delivery.accepted
        if it.notification.rule == "configuration"
    ]
    assert fault == (
        "policy rules, low, top_up: sms cannot be topped up:"
        " You.com cannot be topped up through its API"
    )


def test_without_time_left_a_payment_waits_for_the_next_run(
    paying: Bench, vonage: VonageServer
) -> None:
    summary = paying.check().run(TICK, seconds=15)
    assert (paid(vonage), summary.undelivered, summary.complete) == (0, 1, False)
    assert paying.run(NEXT).complete
    assert paid(vonage) == 1


def test_a_payment_that_cannot_be_claimed_waits_for_the_next_run(
    paying: Bench, vonage: VonageServer
) -> None:
    client = paying.wiring.client("dynamodb")
    broken = failing(refusal("ThrottlingException", "PutItem"))
    unreliable: Any = Wrapped(client, put_item=broken)
    pay = Pay(paying.store_over(unreliable), paying.wiring.top_up)
    summary = replace(paying.check(), pay=pay).run(TICK, seconds=100)
    assert (paid(vonage), summary.undelivered, summary.complete) == (0, 1, False)
    assert paying.run(NEXT).complete
    assert paid(vonage) == 1


def test_an_order_that_waited_for_hours_is_dropped(paying: Bench, vonage: VonageServer) -> None:
    paying.check().run(TICK, seconds=15)
    assert paying.run(TICK + 2 * HOUR).complete
    assert paid(vonage) == 0


def test_an_order_is_dropped_when_its_rule_no_longer_pays(
    paying: Bench, vonage: VonageServer
) -> None:
    paying.check().run(TICK, seconds=15)
    paying.aws.put_policy("# none\n")
    assert paying.run(NEXT).complete
    assert paid(vonage) == 0


def test_an_account_that_was_removed_is_not_paid_for(paying: Bench, vonage: VonageServer) -> None:
    paying.check().run(TICK, seconds=15)
    paying.watch("other")
    assert paying.run(NEXT).complete
    assert paid(vonage) == 0


def put_off(paying: Bench) -> None:
    """Runs a check that has no time left to pay what it orders."""
    paying.check().run(TICK, seconds=15)


def told(paying: Bench) -> list[str]:
    """The details of the notifications about payments."""
    accepted = [entry.notification for entry in paying.delivery.accepted]
    return [it.detail for it in accepted if it.rule == TOP_UP]


def test_a_payment_that_was_put_off_is_not_made_with_another_key(
    paying: Bench, vonage: VonageServer
) -> None:
    put_off(paying)
    other = {"api_key": key("other"), "api_secret": key("secret")}
    paying.put_secret("accounts", {"accounts": [paying_entry(vonage, credentials=other)]})
    assert paying.run(NEXT).complete
    assert paid(vonage) == 0
    assert (
        "The rule low ordered it, but the account has another key, host or variable now."
        " Nothing was paid."
    ) in told(paying)


def test_a_payment_that_was_put_off_is_not_made_after_the_owner_has_paid(
    paying: Bench, vonage: VonageServer
) -> None:
    put_off(paying)
    paying.reads.balances["sms"] = "21.50"
    assert paying.run(NEXT).complete
    assert paid(vonage) == 0
    assert told(paying) == ["The rule low ordered it, but it is no longer due. Nothing was paid."]


def test_a_payment_that_was_put_off_waits_until_the_balance_is_read(
    paying: Bench, vonage: VonageServer
) -> None:
    put_off(paying)
    paying.reads.failures["sms"] = ReadFailure(FailureKind.TIMED_OUT, "No.")
    assert not paying.run(NEXT).complete
    assert paid(vonage) == 0
    paying.reads.failures.clear()
    assert paying.run(NEXT + (NEXT - TICK)).complete
    assert paid(vonage) == 1


def test_a_slow_channel_leaves_half_of_the_time_for_payments(
    paying: Bench, vonage: VonageServer
) -> None:
    deadlines = []

    def deliver(entries: Sequence[OutboxEntry], **others: Any) -> DeliveryReport:  # noqa: ANN401 (each as Deliver has it)
        deadlines.append(others["deadline"])
        return paying.delivery(entries, **others)

    check = paying.check()
    pay = replace(check.pay, clock=lambda: 1000.0)
    replace(check, clock=lambda: 1000.0, deliver=deliver, pay=pay).run(TICK, seconds=100)
    assert deadlines == [1050.0, 1100.0]
    assert paid(vonage) == 1
