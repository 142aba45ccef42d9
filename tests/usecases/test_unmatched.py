"""A rule, route, mute time or silence whose match fits no account is a fault, each by its place."""

from datetime import timedelta

import pytest

from balance_watch.domain.silences import Silence
from tests.support.canaries import key
from tests.support.check_bench import Bench
from tests.support.examples import NEXT, TICK

MATCHING_NOTHING = """
[[rules]]
name = "low balance"
match = { account = "b" }
below = 1

[[rules]]
name = "fine"
match = { provider = "you" }
below = 1

[[routes]]
match = { account = "a" }
channels = ["sns"]

[[routes]]
match = { "labels.team" = "search", severity = "critical" }
channels = ["sns"]

[[mute_times]]
from = "22:00"
to = "08:00"
match = { provider = "vonage" }
"""
FAULTS = [
    "policy rules, low balance: its match fits no account",
    "policy routes[1]: its match fits no account",
    "policy mute_times[0]: its match fits no account",
]


def faults(bench: Bench) -> list[str]:
    """The faults that the latest run found."""
    return list(bench.store.runs.record().configuration.faults)


def silence(bench: Bench, name: str, **match: str) -> None:
    until = TICK + timedelta(hours=4)
    bench.store.silences.add(Silence(name, match, until, "migration", TICK))


def test_each_match_that_fits_no_account_is_a_fault_by_its_place(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy(MATCHING_NOTHING)
    bench.run()
    assert faults(bench) == FAULTS
    assert bench.delivery.announced == [("configuration", "fired")]


def test_a_silence_that_fits_no_account_is_a_fault_while_it_is_active(bench: Bench) -> None:
    bench.watch("a")
    silence(bench, "k7xq2", account="aa")
    silence(bench, "m9abc", account="a")
    silence(bench, "n3def", severity="critical")
    silence(bench, "p4ghi", provider="balance-watch")
    bench.run()
    assert faults(bench) == ["silence k7xq2: its match fits no account"]
    bench.run(TICK + timedelta(hours=4))
    assert faults(bench) == []


def test_an_account_that_comes_ends_the_fault(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy(MATCHING_NOTHING)
    bench.run()
    bench.watch("a", "b")
    bench.run(NEXT)
    assert faults(bench) == FAULTS[1:]


def test_a_disabled_account_fits(bench: Bench) -> None:
    bench.watch("a")
    off = {"name": "b", "provider": "you", "credentials": {"api_key": key()}, "enabled": False}
    bench.put_secret("accounts/off", {"accounts": [off]})
    bench.aws.put_policy(MATCHING_NOTHING)
    bench.run()
    assert faults(bench) == FAULTS[1:]


@pytest.mark.parametrize(
    ("name", "content"),
    [("accounts/more", "no JSON"), ("accounts-more", '{"accounts": []}'), ("slack", "no JSON")],
)
def test_while_a_secret_has_a_fault_no_match_is_a_fault(
    bench: Bench, name: str, content: str
) -> None:
    bench.watch("a")
    silence(bench, "k7xq2", account="aa")
    bench.aws.put_policy(MATCHING_NOTHING)
    bench.put_secret(name, content)
    bench.run()
    (fault,) = faults(bench)
    assert fault.startswith(f"secret balance-watch/{name}: ")


def test_while_a_secret_is_lost_no_match_is_a_fault(bench: Bench) -> None:
    bench.watch("a")
    bench.watch("b", into="accounts/eu")
    bench.aws.put_policy('[[rules]]\nname = "r"\nmatch = { account = "b" }\nbelow = 1\n')
    bench.run()
    bench.wiring.client("secretsmanager").delete_secret(
        SecretId="balance-watch/accounts/eu", ForceDeleteWithoutRecovery=True
    )
    bench.run(NEXT)
    assert [fault.partition(":")[0] for fault in faults(bench)] == [
        "secret balance-watch/accounts/eu"
    ]
    bench.run(NEXT + timedelta(days=1))
    assert faults(bench) == ["policy rules, r: its match fits no account"]


def test_without_any_account_that_alone_is_a_fault(bench: Bench) -> None:
    bench.aws.put_policy(MATCHING_NOTHING)
    silence(bench, "k7xq2", account="aa")
    bench.run()
    assert faults(bench) == ["no secret holds an account, so nothing is watched"]


def test_no_match_of_the_last_valid_policy_is_a_fault(bench: Bench) -> None:
    bench.watch("a")
    bench.aws.put_policy(MATCHING_NOTHING)
    bench.run()
    bench.aws.put_policy("[[rules]\n")
    bench.run(NEXT)
    (fault,) = faults(bench)
    assert fault.startswith("policy: ")


def test_an_account_with_a_name_like_a_glob_is_matched_by_its_name(bench: Bench) -> None:
    bench.watch("search [prod]")
    bench.aws.put_policy(
        '[[rules]]\nname = "mine"\nmatch = { account = "search [prod]" }\nbelow = 100\n'
    )
    silence(bench, "k7xq2", account="other [x]")
    bench.run()
    assert ("search [prod]", "fired") in bench.delivery.announced
    assert faults(bench) == ["silence k7xq2: its match fits no account"]
