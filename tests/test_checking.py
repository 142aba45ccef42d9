"""The check of one tick, on the real store and the real secrets, with what is read made up."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from balance_watch.checking import Check
from balance_watch.config import Settings
from balance_watch.delivery import Delivered
from balance_watch.domain.notification import Owed, Reason
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.errors import RunUnderWayError
from balance_watch.providers.spec import Spec
from balance_watch.secrets.accounts import Watched
from balance_watch.store.dynamodb import Store
from balance_watch.summary import Summary
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from tests.checking_parts import Looks, SharedClients
from tests.store.clients import Wrapped, failing, refusal
from tests.store.clocks import Clock
from tests.store.examples import NEXT, TICK, state
from tests.store.tables import new_table

PREFIX = "balance-watch/"
THIRD = NEXT + timedelta(minutes=5)
SECONDS = 100.0
LOW, FINE = "8.2", "71.5"


@dataclass
class Post:
    """Accepts what is owed and takes it off, or refuses all of it."""

    store: Store
    refuses: bool = False
    accepted: list[Owed] = field(default_factory=list)

    def __call__(
        self,
        owed: Sequence[Owed],
        *,
        watched: Watched[Spec],
        shut: AbstractSet[str],
        deadline: float,
    ) -> Delivered:
        del watched, shut, deadline
        if self.refuses:
            return Delivered(0, len(owed))
        self.accepted += owed
        self.store.settle(owed)
        return Delivered(len(owed), 0)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [
            (each.notification.account, each.notification.reason.value) for each in self.accepted
        ]


class SecretsThatAreDenied:
    """Secrets Manager, to a role that may not read it."""

    def batch_get_secret_value(self, **_: object) -> None:
        raise refusal("AccessDeniedException", "BatchGetSecretValue")


@dataclass
class Bench:
    """A check on a new table, with all that a test may want to change of it."""

    aws: EmbeddedAws
    wiring: SharedClients
    store: Store
    clock: Clock
    looks: Looks
    post: Post

    def check(self, store: Store | None = None) -> Check:
        return replace(
            self.wiring.check(), store=store or self.store, read=self.looks, deliver=self.post
        )

    def run(self, tick: datetime = TICK) -> Summary:
        return self.check().run(tick, seconds=SECONDS)

    def store_over(self, client: Any) -> Store:  # noqa: ANN401 (boto3's, or what wraps it)
        return Store(
            client, self.wiring.settings.table_name, clock=self.clock.time, sleep=self.clock.sleep
        )

    def watch(self, *names: str, alert_below: str = "20", into: str = "accounts") -> None:
        entries = [
            {
                "name": name,
                "provider": "you",
                "credentials": {"api_key": "k"},
                "alert_below": alert_below,
            }
            for name in names
        ]
        self.put_secret(into, {"accounts": entries})

    def put_secret(self, name: str, content: dict[str, Any] | str) -> None:
        self.aws.put_secret(PREFIX + name, content)


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture(scope="module")
def clients(aws: EmbeddedAws) -> dict[str, Any]:
    """Clients as the wiring makes them, made once: that takes longer than most tests here."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        wiring = Wiring(Settings.from_environment(aws.environment))
        return {name: wiring.aws(name) for name in ("dynamodb", "secretsmanager", "ssm", "sns")}


@pytest.fixture
def bench(aws: EmbeddedAws, clients: dict[str, Any]) -> Iterator[Bench]:
    table = new_table(clients["dynamodb"])
    wiring = SharedClients(
        replace(Settings.from_environment(aws.environment), table_name=table), clients
    )
    clock = Clock()
    store = Store(clients["dynamodb"], table, clock=clock.time, sleep=clock.sleep)
    aws.put_policy("# Empty.\n")
    yield Bench(aws, wiring, store, clock, Looks(), Post(store))
    secrets = clients["secretsmanager"]
    for secret in secrets.list_secrets(MaxResults=100)["SecretList"]:
        secrets.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)


@pytest.fixture
def calls(clients: dict[str, Any]) -> Iterator[Counter[str]]:
    """The calls of all clients from now on."""
    counted: Counter[str] = Counter()

    def note(model: OperationModel, **_: object) -> None:
        counted[model.name] += 1

    for client in clients.values():
        client.meta.events.register("before-call", note)
    yield counted
    for client in clients.values():
        client.meta.events.unregister("before-call", note)


@pytest.mark.parametrize(("secrets", "accounts"), [(1, 10), (1, 100), (2, 101), (21, 250)])
def test_a_quiet_run_makes_these_calls_and_no_other(
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


def test_the_summary_counts_what_was_done(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.looks.balances["a"] = LOW
    bench.looks.failures["b"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
    summary = bench.run()
    expected = Summary(TICK, accounts=3, read=2, unreadable=1, fired=2, delivered=2)
    assert summary == expected
    assert summary.complete


def test_an_alert_to_two_channels_counts_once_as_fired_and_twice_as_delivered(
    bench: Bench,
) -> None:
    bench.watch("a")
    bench.put_secret("slack", {"webhooks": {"default": "https://hooks.slack.com/x"}})
    bench.looks.balances["a"] = LOW
    summary = bench.run()
    assert (summary.fired, summary.delivered) == (1, 2)


def test_an_alert_that_recovers_is_resolved(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.run()
    bench.looks.balances["a"] = FINE
    assert bench.run(NEXT).resolved == 1
    assert bench.post.said == [("a", "fired"), ("a", "resolved"), ("a", "topped_up")]


def test_an_alert_that_lasts_is_reminded_of(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.run()
    assert bench.run(TICK + timedelta(hours=24)).reminded == 1


def test_that_nothing_is_watched_is_told_once(bench: Bench) -> None:
    assert bench.run().fired == 1
    assert bench.run(NEXT).fired == 0
    assert bench.post.said == [("configuration", "fired")]


def test_a_tick_that_is_delivered_twice_is_one_run(bench: Bench) -> None:
    bench.watch("a")
    bench.run()
    bench.looks.balances["a"] = "1"
    assert bench.run() == Summary(TICK, skipped=True)
    assert bench.looks.asked == ["a"]
    assert [one.balance for one in bench.store.history("a", TICK, NEXT)] == [Decimal(FINE)]


def test_a_tick_that_comes_late_is_skipped(bench: Bench) -> None:
    bench.watch("a")
    bench.run(NEXT)
    assert bench.run(TICK).skipped


def test_two_runs_at_once_are_one(bench: Bench) -> None:
    bench.watch("a")
    bench.store.claim(TICK, SECONDS)
    with pytest.raises(RunUnderWayError):
        bench.run()
    assert bench.looks.asked == []


@pytest.mark.parametrize("tick", [TICK, NEXT], ids=["same tick", "next tick"])
def test_the_reading_that_a_run_died_before_is_made_good(bench: Bench, tick: datetime) -> None:
    bench.watch("a", "b")
    bench.store.claim(TICK, SECONDS)
    bench.store.save([(state("a", balance="12.34"), None)])
    bench.clock.forward(SECONDS)
    bench.run(tick)
    assert [one.balance for one in bench.store.history("a", TICK, TICK)] == [Decimal("12.34")]


def test_a_reading_that_cannot_be_made_good_keeps_the_tick_open(bench: Bench) -> None:
    bench.watch("a")
    bench.store.claim(TICK, SECONDS)
    bench.store.save([(state("a"), None)])
    bench.clock.forward(SECONDS)
    throttled = Wrapped(
        bench.wiring.aws("dynamodb"), batch_write_item=failing(refusal("ThrottlingException"))
    )
    summary = bench.check(bench.store_over(throttled)).run(TICK, seconds=SECONDS)
    assert summary.deferred == 1
    bench.run()
    assert bench.store.history("a", TICK, TICK)


def test_what_was_not_delivered_is_owed_and_the_tick_stays_open(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.post.refuses = True
    summary = bench.run()
    assert (summary.fired, summary.delivered, summary.undelivered) == (1, 0, 1)
    assert not summary.complete


def test_the_same_tick_again_sends_what_is_owed_and_reads_nothing(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.post.refuses = True
    bench.run()
    bench.post.refuses = False
    summary = bench.run()
    assert (summary.read, summary.fired, summary.delivered) == (0, 0, 1)
    assert bench.looks.asked == ["a"]
    assert bench.run().skipped


def test_the_next_tick_sends_what_is_owed(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.post.refuses = True
    bench.run()
    bench.post.refuses = False
    assert bench.run(NEXT).delivered == 1
    assert bench.post.said == [("a", "fired")]


def test_a_resolution_is_owed_after_the_alert_that_it_resolves(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.post.refuses = True
    bench.run()
    bench.looks.balances["a"] = FINE
    bench.post.refuses = False
    bench.run(NEXT)
    assert bench.post.said == [("a", "fired"), ("a", "resolved"), ("a", "topped_up")]


def test_an_account_that_was_not_come_to_is_deferred_and_the_tick_stays_open(
    bench: Bench,
) -> None:
    bench.watch("a", "b", "c")
    bench.looks.never = {"b"}
    summary = bench.run()
    assert (summary.accounts, summary.read, summary.deferred) == (3, 2, 1)
    assert not summary.complete


def test_the_same_tick_again_reads_only_what_was_deferred(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.looks.never = {"b"}
    bench.run()
    bench.looks = Looks()
    assert bench.run().read == 1
    assert bench.looks.asked == ["b"]
    assert bench.run().skipped


def test_a_deferred_account_comes_first_the_next_time(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.run(TICK)
    bench.looks.never = {"c"}
    bench.run(NEXT)
    bench.looks = Looks()
    bench.run(THIRD)
    assert bench.looks.asked[0] == "c"


def test_an_account_that_was_never_checked_comes_before_all_others(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("a", "b", "new")
    bench.looks = Looks()
    bench.run(NEXT)
    assert bench.looks.asked[0] == "new"


def test_time_that_runs_out_before_the_first_account_defers_all(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.looks.never = {"a", "b"}
    summary = bench.run()
    assert summary == Summary(TICK, accounts=2, deferred=2)


def test_an_account_that_cannot_be_stored_defers_itself_alone(bench: Bench) -> None:
    bench.watch("a", "b", "c", "d")
    bench.looks.balances = {"a": LOW, "b": LOW}
    client = bench.wiring.aws("dynamodb")

    def refuse_b(**request: Any) -> Any:  # noqa: ANN401 (boto3's)
        if '"ACCOUNT#b"' in json.dumps(request):
            raise refusal("TransactionCanceledException", "TransactWriteItems")
        return client.transact_write_items(**request)

    store = bench.store_over(Wrapped(client, transact_write_items=refuse_b))
    summary = bench.check(store).run(TICK, seconds=SECONDS)
    assert (summary.fired, summary.deferred) == (1, 1)
    assert bench.post.said == [("a", "fired")]
    bench.run()
    assert bench.post.said == [("a", "fired"), ("b", "fired")]


def test_quiet_accounts_that_cannot_be_stored_are_deferred(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.looks.balances = {"a": LOW}
    client = bench.wiring.aws("dynamodb")
    throttled = Wrapped(client, batch_write_item=failing(refusal("ThrottlingException")))
    summary = bench.check(bench.store_over(throttled)).run(TICK, seconds=SECONDS)
    assert (summary.fired, summary.deferred) == (1, 1)


def test_a_policy_in_order_is_obeyed(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy('[[rules]]\nname = "mine"\nbelow = "100"\n')
    bench.run()
    assert [each.notification.rule for each in bench.post.accepted] == ["mine"]


def test_a_policy_that_has_gone_bad_is_alerted_on(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy("[[rules]]\nbelow = 1\n")
    bench.run()
    assert bench.post.said == [("configuration", "fired")]


def test_for_a_policy_that_has_gone_bad_the_last_good_one_stands_in(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy('[[rules]]\nname = "mine"\nbelow = "50"\n')
    bench.run()
    bench.aws.put_policy("[[rules]\n")
    bench.looks.balances["a"] = "40"
    bench.run(NEXT)
    assert bench.post.said == [("configuration", "fired"), ("a", "fired")]
    assert [each.notification.rule for each in bench.post.accepted][-1] == "mine"
    assert "the last policy that was in order" in bench.post.accepted[0].notification.detail


def test_without_a_last_good_policy_the_built_in_one_stands_in(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    assert ("a", "fired") in bench.post.said
    assert "the built-in policy is used" in bench.post.accepted[0].notification.detail


def test_a_policy_that_is_in_order_again_resolves_its_alert(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    bench.aws.put_policy("# Empty.\n")
    bench.run(NEXT)
    assert bench.post.said == [("configuration", "fired"), ("configuration", "resolved")]


def test_a_fault_is_told_once_and_not_at_every_tick(bench: Bench) -> None:
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    bench.run(NEXT)
    assert bench.post.said == [("configuration", "fired")]


def test_a_new_fault_is_told_at_once(bench: Bench) -> None:
    bench.aws.put_policy("[[rules]\n")
    bench.run()
    bench.put_secret("accounts", "no JSON")
    bench.run(NEXT)
    assert bench.post.accepted[-1].notification.reason is Reason.WORSENED


def test_a_parameter_that_is_missing_is_alerted_on(bench: Bench) -> None:
    bench.watch("a")
    elsewhere = replace(bench.wiring.settings, policy_parameter="/not/there")
    bench.wiring = replace(bench.wiring, settings=elsewhere)
    assert bench.run().read == 1
    assert "/not/there" in bench.post.accepted[0].notification.detail


def test_without_a_parameter_the_built_in_policy_is_in_order(bench: Bench) -> None:
    bench.watch("a")
    nowhere = replace(bench.wiring.settings, policy_parameter="")
    bench.wiring = replace(bench.wiring, settings=nowhere)
    assert bench.run() == Summary(TICK, accounts=1, read=1)


def test_a_fault_in_a_secret_is_alerted_on_and_the_rest_is_watched(bench: Bench) -> None:
    bench.watch("a", into="accounts/good")
    bench.put_secret("accounts/bad", "no JSON")
    assert bench.run().read == 1
    assert bench.post.said == [("configuration", "fired")]
    detail = bench.post.accepted[0].notification.detail
    assert detail == "secret balance-watch/accounts/bad: is not JSON"


def test_when_no_secret_can_be_read_the_run_fails_and_the_tick_stays_open(bench: Bench) -> None:
    bench.watch("a")
    denied = SecretsThatAreDenied()
    working = bench.wiring
    bench.wiring = replace(working, clients={**working.clients, "secretsmanager": denied})
    with pytest.raises(ClientError, match="AccessDenied"):
        bench.run()
    bench.wiring = working
    assert bench.run().read == 1


def test_an_account_that_is_no_longer_watched_keeps_its_history(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("b")
    assert bench.run(NEXT).accounts == 1
    assert bench.store.history("a", TICK, NEXT)
