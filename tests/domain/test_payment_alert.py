"""What the end of an automatic payment announces."""

from datetime import timedelta

from balance_watch.domain.alerts import AlertContext, ProviderTraits
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.payment_alert import decide_payment
from balance_watch.domain.policy import Policy
from balance_watch.domain.silences import Silence, suppression
from tests.support.watchman import ACCOUNT, BOTH_WEBHOOKS, Watchman, below, watching


def entries(watchman: Watchman, outcome: PaymentOutcome) -> tuple[OutboxEntry, ...]:
    """The outbox entries of a payment that the watchman's first order asked for."""
    (order,) = watchman.orders
    context = AlertContext(
        Policy().defaults,
        lambda facts: Policy().channels_for(facts, BOTH_WEBHOOKS),
        suppression(watchman.silences, (), watchman.now),
    )
    _, found = decide_payment(
        watchman.state,
        outcome,
        order.notification,
        account=ACCOUNT,
        context=context,
        traits=ProviderTraits(),
        now=watchman.now,
    )
    return found


def ordered() -> Watchman:
    watchman = watching(below("20", top_ups=1))
    watchman.check("10")
    return watchman


def test_a_payment_is_announced_to_every_channel() -> None:
    found = entries(ordered(), PaymentOutcome.PAID)
    assert [(it.channel, it.notification.reason) for it in found] == [
        ("sns", "topped_up"),
        ("slack:default", "topped_up"),
    ]


def test_a_silence_mutes_the_announcement_of_a_payment() -> None:
    watchman = ordered()
    until = watchman.now + timedelta(hours=1)
    watchman.silences.append(Silence("x", {"account": "*"}, until, "moving", watchman.now))
    assert entries(watchman, PaymentOutcome.PAID) == ()


def test_a_payment_of_unknown_outcome_is_critical() -> None:
    (first, *_) = entries(ordered(), PaymentOutcome.UNKNOWN)
    assert (first.notification.reason, first.notification.severity) == ("fired", "critical")
