"""The promises about payments, written down again, apart from the code that keeps them."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from balance_watch.domain.notification import Reason, alert_id
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.rules import Metric
from tests.support.model_world import MAX_PER_DAY, PAYERS, THRESHOLD, Paid, World

DAY, MINUTES = timedelta(days=1), timedelta(minutes=5)


def check_payments(world: World) -> None:
    """Checks that each payment was due, whatever the names of its purse, and none too many."""
    by_purse: dict[int, list[Paid]] = defaultdict(list)
    for payment in world.payments:
        by_purse[payment.purse].append(payment)
        _its_balance_was_read_and_low(world, payment)
    for payments in by_purse.values():
        for first, next_too_many in zip(payments, payments[MAX_PER_DAY:], strict=False):
            assert next_too_many.at - first.at >= DAY, "more payments than the rule allows"
        for earlier, later in pairwise(payments):
            assert earlier.tick < later.tick, "paid twice on one balance"
    _the_latest_was_ordered_for_its_purse(world)


def every_payment_has_an_outcome(world: World) -> None:
    """Lets two runs find what others left, and checks that no payment stays without an outcome.

    An order is lost with its account or its key: nobody can know the purse any more.
    """
    for _ in range(2):
        world.now += MINUTES
        world.run(world.now)
    if not world.payer_was_removed and (payment := world.latest_payment()) is not None:
        assert payment.outcome is not PaymentOutcome.CLAIMED, "nobody is told of a payment"


def _its_balance_was_read_and_low(world: World, payment: Paid) -> None:
    """Checks that it was made on a balance of its own purse, read for the tick of its run."""
    read = payment.account, payment.tick
    shown = world.shown_at.get(read)
    assert isinstance(shown, Decimal), "paid although the balance was not read"
    assert shown < THRESHOLD, "paid although the balance is not low"
    assert world.purse_at[read] == payment.purse, "paid on the balance of another purse"


def _the_latest_was_ordered_for_its_purse(world: World) -> None:
    """Checks that the alert behind the latest payment was about that purse."""
    payment = world.latest_payment()
    if payment is None or not world.payments:
        return
    ordered = {
        alert_id(name, Metric.BALANCE, Reason.FIRED, at): purse
        for (name, at), purse in world.purse_at.items()
        if name in PAYERS
    }
    assert ordered[payment.idempotency_key] == world.purse, "paid into another purse than ordered"
