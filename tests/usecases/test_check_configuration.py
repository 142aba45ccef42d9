"""The configuration of a run: which policy is in force, and which faults are announced."""

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from balance_watch.domain.notification import Reason
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Client
from tests.support.check_bench import LOW, Bench, DeniedSecrets
from tests.support.examples import NEXT, TICK


def test_a_configuration_without_accounts_is_announced_once(bench: Bench) -> None:
    assert bench.run().fired == 1
    assert bench.run(NEXT).fired == 0
    assert bench.delivery.announced == [("configuration", "fired")]


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


def delete_policy(bench: Bench) -> None:
    name = bench.wiring.settings.policy_parameter
    bench.aws.client("ssm").delete_parameter(Name=name)


def test_before_a_policy_is_put_the_built_in_policy_is_in_force(bench: Bench) -> None:
    bench.watch("a")
    assert bench.run() == Summary(TICK, accounts=1, read=1)


def test_a_policy_whose_parameter_is_deleted_stays_in_force_and_is_announced(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy('[[rules]]\nname = "all"\nmetric = "balance"\nbelow = "1000000"\n')
    bench.run()
    delete_policy(bench)
    assert bench.run(NEXT).resolved == 0
    assert bench.delivery.announced == [("a", "fired"), ("configuration", "fired")]
    assert bench.delivery.accepted[-1].notification.detail == (
        "policy: its parameter does not exist: `balance-watch policy put` makes it;"
        " until it is fixed, the last valid policy is in force"
    )


def test_a_deleted_parameter_without_a_policy_in_it_is_no_fault(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy("# Empty.\n")
    bench.run()
    delete_policy(bench)
    bench.run(NEXT)
    assert bench.delivery.announced == []


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
