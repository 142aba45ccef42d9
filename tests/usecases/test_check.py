"""The check of one tick, with the real store and secrets, and with fake reads."""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil

import pytest
from botocore.exceptions import ClientError

from balance_watch.domain.notification import Reason
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.errors import RunUnderWayError
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Client
from tests.support.canaries import webhook
from tests.support.check_bench import (
    FINE,
    LOW,
    SECONDS,
    THIRD,
    Bench,
    DeniedSecrets,
)
from tests.support.dynamodb_clients import Response, Wrapped, failing, refusal
from tests.support.examples import NEXT, TICK, state
from tests.support.fakes import FakeReads


@pytest.mark.parametrize(("secrets", "accounts"), [(1, 10), (1, 100), (2, 101), (21, 250)])
def test_a_quiet_run_makes_these_calls_and_no_others(
    bench: Bench, calls: Counter[str], secrets: int, accounts: int
) -> None:
    names = [f"account-{index:03}" for index in range(accounts)]
    for index in range(secrets):
        bench.watch(*names[index::secrets], into=f"accounts/{index}")
    bench.run()
    calls.clear()
    assert bench.run(NEXT).read == accounts
    assert calls == {
        "GetParameter": 1,
        "BatchGetSecretValue": ceil(secrets / 20),
        "BatchGetItem": ceil(accounts / 100),
        "BatchWriteItem": ceil(2 * accounts / 25),
        "UpdateItem": 2,
        "Query": 1,
    }


def test_the_summary_counts_what_the_run_did(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.reads.balances["a"] = LOW
    bench.reads.failures["b"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
    summary = bench.run()
    expected = Summary(TICK, accounts=3, read=2, unreadable=1, fired=2, delivered=2)
    assert summary == expected
    assert summary.complete


def test_an_alert_to_two_channels_counts_once_as_fired_and_twice_as_delivered(
    bench: Bench,
) -> None:
    bench.watch("a")
    bench.put_secret("slack", {"webhooks": {"default": webhook()}})
    bench.reads.balances["a"] = LOW
    summary = bench.run()
    assert (summary.fired, summary.delivered) == (1, 2)


def test_an_alert_that_recovers_is_resolved(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.reads.balances["a"] = FINE
    assert bench.run(NEXT).resolved == 1
    assert bench.delivery.announced == [("a", "fired"), ("a", "resolved"), ("a", "topped_up")]


def test_an_alert_that_lasts_is_reminded_of(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.run()
    assert bench.run(TICK + timedelta(hours=24)).reminded == 1


def test_a_configuration_without_accounts_is_announced_once(bench: Bench) -> None:
    assert bench.run().fired == 1
    assert bench.run(NEXT).fired == 0
    assert bench.delivery.announced == [("configuration", "fired")]


def test_a_tick_that_is_delivered_twice_is_one_run(bench: Bench) -> None:
    bench.watch("a")
    bench.run()
    bench.reads.balances["a"] = "1"
    assert bench.run() == Summary(TICK, skipped=True)
    assert bench.reads.requested == ["a"]
    assert [reading.balance for reading in bench.store.accounts.history("a", TICK, NEXT)] == [
        Decimal(FINE)
    ]


def test_a_tick_that_comes_late_is_skipped(bench: Bench) -> None:
    bench.watch("a")
    bench.run(NEXT)
    assert bench.run(TICK).skipped


def test_a_run_ends_in_an_error_while_another_one_is_under_way(bench: Bench) -> None:
    bench.watch("a")
    bench.store.runs.claim(TICK, SECONDS)
    with pytest.raises(RunUnderWayError):
        bench.run()
    assert bench.reads.requested == []


@pytest.mark.parametrize("tick", [TICK, NEXT], ids=["same tick", "next tick"])
def test_a_reading_that_a_dead_run_did_not_store_is_stored_by_the_next(
    bench: Bench, tick: datetime
) -> None:
    bench.watch("a", "b")
    bench.store.runs.claim(TICK, SECONDS)
    bench.store.accounts.save([(state("a", balance="12.34"), None)])
    bench.clock.forward(SECONDS)
    bench.run(tick)
    assert [reading.balance for reading in bench.store.accounts.history("a", TICK, TICK)] == [
        Decimal("12.34")
    ]


def test_a_missing_reading_that_cannot_be_stored_keeps_the_tick_open(bench: Bench) -> None:
    bench.watch("a")
    bench.store.runs.claim(TICK, SECONDS)
    bench.store.accounts.save([(state("a"), None)])
    bench.clock.forward(SECONDS)
    throttled = Wrapped(
        bench.wiring.client("dynamodb"), batch_write_item=failing(refusal("ThrottlingException"))
    )
    summary = bench.check(bench.store_over(throttled)).run(TICK, seconds=SECONDS)
    assert summary.deferred == 1
    bench.run()
    assert bench.store.accounts.history("a", TICK, TICK)


def test_an_undelivered_entry_stays_pending_and_the_tick_stays_open(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    summary = bench.run()
    assert (summary.fired, summary.delivered, summary.undelivered) == (1, 0, 1)
    assert not summary.complete


def test_the_same_tick_again_sends_pending_entries_and_reads_nothing(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    bench.run()
    bench.delivery.rejects = False
    summary = bench.run()
    assert (summary.read, summary.fired, summary.delivered) == (0, 0, 1)
    assert bench.reads.requested == ["a"]
    assert bench.run().skipped


def test_the_next_tick_sends_pending_entries(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    bench.run()
    bench.delivery.rejects = False
    assert bench.run(NEXT).delivered == 1
    assert bench.delivery.announced == [("a", "fired")]


def test_a_resolution_is_sent_after_the_alert_that_it_resolves(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    bench.run()
    bench.reads.balances["a"] = FINE
    bench.delivery.rejects = False
    bench.run(NEXT)
    assert bench.delivery.announced == [("a", "fired"), ("a", "resolved"), ("a", "topped_up")]


def test_an_account_that_was_not_read_in_time_is_deferred_and_the_tick_stays_open(
    bench: Bench,
) -> None:
    bench.watch("a", "b", "c")
    bench.reads.out_of_time = {"b"}
    summary = bench.run()
    assert (summary.accounts, summary.read, summary.deferred) == (3, 2, 1)
    assert not summary.complete


def test_the_same_tick_again_reads_only_the_deferred_accounts(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.reads.out_of_time = {"b"}
    bench.run()
    bench.reads = FakeReads()
    assert bench.run().read == 1
    assert bench.reads.requested == ["b"]
    assert bench.run().skipped


def test_a_deferred_account_is_read_first_in_the_next_run(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.run(TICK)
    bench.reads.out_of_time = {"c"}
    bench.run(NEXT)
    bench.reads = FakeReads()
    bench.run(THIRD)
    assert bench.reads.requested[0] == "c"


def test_an_account_that_was_never_checked_is_read_first(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("a", "b", "new")
    bench.reads = FakeReads()
    bench.run(NEXT)
    assert bench.reads.requested[0] == "new"


def test_a_run_without_time_for_any_account_defers_all(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads.out_of_time = {"a", "b"}
    summary = bench.run()
    assert summary == Summary(TICK, accounts=2, deferred=2)


def test_only_the_account_that_cannot_be_stored_is_deferred(bench: Bench) -> None:
    bench.watch("a", "b", "c", "d")
    bench.reads.balances = {"a": LOW, "b": LOW}
    client = bench.wiring.client("dynamodb")

    def reject_b(**request: object) -> Response:
        if '"ACCOUNT#b"' in json.dumps(request):
            raise refusal("TransactionCanceledException", "TransactWriteItems")
        return client.transact_write_items(**request)

    store = bench.store_over(Wrapped(client, transact_write_items=reject_b))
    summary = bench.check(store).run(TICK, seconds=SECONDS)
    assert (summary.fired, summary.deferred) == (1, 1)
    assert bench.delivery.announced == [("a", "fired")]
    bench.run()
    assert bench.delivery.announced == [("a", "fired"), ("b", "fired")]


def test_quiet_accounts_that_cannot_be_stored_are_deferred(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads.balances = {"a": LOW}
    client = bench.wiring.client("dynamodb")
    throttled = Wrapped(client, batch_write_item=failing(refusal("ThrottlingException")))
    summary = bench.check(bench.store_over(throttled)).run(TICK, seconds=SECONDS)
    assert (summary.fired, summary.deferred) == (1, 1)


def test_a_valid_policy_is_used(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy('[[rules]]\nname = "mine"\nbelow = "100"\n')
    bench.run()
    assert [entry.notification.rule for entry in bench.delivery.accepted] == ["mine"]


def test_an_invalid_policy_is_announced(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy("[[rules]]\nbelow = 1\n")
    bench.run()
    assert bench.delivery.announced == [("configuration", "fired")]


def test_the_last_valid_policy_replaces_an_invalid_one(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy('[[rules]]\nname = "mine"\nbelow = "50"\n')
    bench.run()
    bench.aws.put_policy("[[rules]\n")
    bench.reads.balances["a"] = "40"
    bench.run(NEXT)
    assert bench.delivery.announced == [("configuration", "fired"), ("a", "fired")]
    assert bench.delivery.accepted[-1].notification.rule == "mine"
    assert "the last valid policy is in force" in bench.delivery.accepted[0].notification.detail


def test_without_a_valid_policy_before_the_built_in_one_replaces_an_invalid_one(
    bench: Bench,
) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    assert ("a", "fired") in bench.delivery.announced
    assert "the built-in policy is in force" in bench.delivery.accepted[0].notification.detail


def test_a_policy_that_is_valid_again_resolves_its_alert(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    bench.aws.put_policy("# Empty.\n")
    bench.run(NEXT)
    assert bench.delivery.announced == [("configuration", "fired"), ("configuration", "resolved")]


def test_a_fault_is_announced_once_and_not_at_every_tick(bench: Bench) -> None:
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    bench.run(NEXT)
    assert bench.delivery.announced == [("configuration", "fired")]


def test_a_new_fault_is_announced_at_once(bench: Bench) -> None:
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    bench.put_secret("accounts", "no JSON")
    bench.run(NEXT)
    assert bench.delivery.accepted[-1].notification.reason is Reason.WORSENED


def test_a_missing_parameter_is_announced(bench: Bench) -> None:
    bench.watch("a")
    elsewhere = replace(bench.wiring.settings, policy_parameter="/not/there")
    bench.wiring = replace(bench.wiring, settings=elsewhere)
    assert bench.run().read == 1
    assert "/not/there" in bench.delivery.accepted[0].notification.detail


def test_without_a_parameter_the_built_in_policy_is_valid(bench: Bench) -> None:
    bench.watch("a")
    nowhere = replace(bench.wiring.settings, policy_parameter="")
    bench.wiring = replace(bench.wiring, settings=nowhere)
    assert bench.run() == Summary(TICK, accounts=1, read=1)


def test_a_fault_in_a_secret_is_announced_and_the_other_accounts_are_read(bench: Bench) -> None:
    bench.watch("a", into="accounts/good")
    bench.put_secret("accounts/bad", "no JSON")
    assert bench.run().read == 1
    assert bench.delivery.announced == [("configuration", "fired")]
    detail = bench.delivery.accepted[0].notification.detail
    assert detail == "secret balance-watch/accounts/bad: is not JSON"


def test_if_no_secret_can_be_read_the_run_fails_and_the_tick_stays_open(bench: Bench) -> None:
    bench.watch("a")
    working = bench.wiring

    def make_client(service: str) -> Client:
        is_denied = service == "secretsmanager"
        return DeniedSecrets() if is_denied else working.client(service)

    bench.wiring = replace(working, make_client=make_client)
    with pytest.raises(ClientError, match="AccessDenied"):
        bench.run()
    bench.wiring = working
    assert bench.run().read == 1


def test_an_account_that_was_removed_keeps_its_history(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("b")
    assert bench.run(NEXT).accounts == 1
    assert bench.store.accounts.history("a", TICK, NEXT)
