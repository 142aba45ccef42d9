"""A rule that may have an account topped up: once for an alert, never by guess, and told of."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.payment import PaymentOutcome
from local.provider_server import ProviderAccount
from local.trouble import Kind, Trouble
from local.vonage import VonageServer
from tests.support.canaries import key
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT, TICK

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = """
[[rules]]
name = "low"
match = {{ account = "sms" }}
below = 20
top_up = {{ max_per_day = {most} }}
"""


@pytest.fixture
def vonage() -> Iterator[VonageServer]:
    with VonageServer() as server:
        server.accounts[f"{key()}:{key('secret')}"] = ProviderAccount(Decimal(8), auto_reload=True)
        yield server


@pytest.fixture
def paying(bench: Bench, vonage: VonageServer) -> Bench:
    """A bench with an account that is topped up when it is low."""
    bench.aws.put_policy(POLICY.format(most=1))
    entry = {
        "name": "sms",
        "provider": "vonage",
        "credentials": {"api_key": key(), "api_secret": key("secret")},
        "variables": {"trx": "first-payment"},
        "base_url": vonage.url,
    }
    bench.put_secret("accounts", {"accounts": [entry]})
    bench.trust(vonage.authority)
    bench.looks.balances["sms"] = LOW
    return bench


def account_of(vonage: VonageServer) -> ProviderAccount:
    (account,) = vonage.accounts.values()
    return account


def paid(vonage: VonageServer) -> int:
    return len(account_of(vonage).top_ups)


def test_an_alert_is_answered_with_one_payment(paying: Bench, vonage: VonageServer) -> None:
    for tick in (TICK, NEXT, NEXT + HOUR, TICK + 3 * DAY):
        paying.run(tick)
    assert account_of(vonage).top_ups == ["first-payment"]


def test_a_payment_is_told_of_at_once(paying: Bench) -> None:
    assert paying.run().complete
    assert paying.post.said == [("sms", "fired"), ("sms", "topped_up")]
    said = paying.post.accepted[-1].notification
    assert (said.rule, said.metric, said.value) == ("top_up", "top_up", "paid")
    assert "It answers the rule low." in said.detail


def test_a_payment_is_made_before_it_is_told_of_and_is_owed_no_more(paying: Bench) -> None:
    paying.post.refuses = True
    paying.run()
    assert paying.store.outbox.pending().orders == []


def test_no_more_is_paid_in_a_day_than_allowed(paying: Bench, vonage: VonageServer) -> None:
    for hour in range(0, 24, 2):
        paying.looks.balances["sms"] = LOW if hour % 4 == 0 else "50"
        paying.run(TICK + hour * HOUR)
    assert paid(vonage) == 1
    paying.looks.balances["sms"] = LOW
    paying.run(TICK + 24 * HOUR)
    assert paid(vonage) == 2


def test_a_rule_may_allow_more(paying: Bench, vonage: VonageServer) -> None:
    paying.aws.put_policy(POLICY.format(most=3))
    for hour in range(0, 24, 2):
        paying.looks.balances["sms"] = LOW if hour % 4 == 0 else "50"
        paying.run(TICK + hour * HOUR)
    assert paid(vonage) == 3


def test_a_payment_of_unknown_outcome_is_told_and_blocks_the_next(
    paying: Bench, vonage: VonageServer
) -> None:
    account_of(vonage).trouble = Trouble(Kind.LOST)
    paying.run()
    assert paid(vonage) == 1
    assert paying.post.said == [("sms", "fired"), ("sms", "fired")]
    unknown = paying.post.accepted[-1].notification
    assert (unknown.rule, unknown.value, unknown.severity) == ("top_up", "unknown", "critical")
    account_of(vonage).trouble = Trouble()
    for day in (1, 2, 3):
        paying.looks.balances["sms"] = "50"
        paying.run(TICK + day * DAY)
        paying.looks.balances["sms"] = LOW
        paying.run(TICK + day * DAY + HOUR)
    assert paid(vonage) == 1


def test_a_person_who_clears_it_ends_the_alert_and_lets_the_next_be_paid(
    paying: Bench, vonage: VonageServer
) -> None:
    account_of(vonage).trouble = Trouble(Kind.LOST)
    paying.run()
    account_of(vonage).trouble = Trouble()
    assert paying.wiring.payments.clear("sms")
    paying.looks.balances["sms"] = "50"
    paying.run(NEXT)
    resolved = [
        it.notification for it in paying.post.accepted if it.notification.reason == "resolved"
    ]
    assert {it.rule for it in resolved} == {"top_up", "low"}
    paying.looks.balances["sms"] = LOW
    paying.run(TICK + 2 * DAY)
    assert paid(vonage) == 2


def test_a_payment_that_the_provider_refuses_is_told_and_is_a_warning(
    paying: Bench, vonage: VonageServer
) -> None:
    account_of(vonage).auto_reload = False
    paying.run()
    said = paying.post.accepted[-1].notification
    assert (said.rule, said.value, said.severity) == ("top_up", "not_enabled", "warning")
    latest = paying.wiring.payments.latest(["sms"])["sms"]
    assert latest.outcome is PaymentOutcome.NOT_ENABLED


def test_an_account_that_cannot_be_topped_up_is_a_fault_and_not_a_silence(bench: Bench) -> None:
    bench.aws.put_policy(POLICY.format(most=1))
    bench.watch("sms")
    bench.looks.balances["sms"] = LOW
    bench.run()
    (fault,) = [
        it.notification.detail
        for it in bench.post.accepted
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


def test_a_payment_that_waited_for_hours_is_made_no_more(
    paying: Bench, vonage: VonageServer
) -> None:
    paying.check().run(TICK, seconds=15)
    assert paying.run(TICK + 2 * HOUR).complete
    assert paid(vonage) == 0


def test_a_rule_that_pays_no_more_is_asked_no_more(paying: Bench, vonage: VonageServer) -> None:
    paying.check().run(TICK, seconds=15)
    paying.aws.put_policy("# none\n")
    assert paying.run(NEXT).complete
    assert paid(vonage) == 0


def test_an_account_that_is_gone_is_not_paid_for(paying: Bench, vonage: VonageServer) -> None:
    paying.check().run(TICK, seconds=15)
    paying.watch("other")
    assert paying.run(NEXT).complete
    assert paid(vonage) == 0
