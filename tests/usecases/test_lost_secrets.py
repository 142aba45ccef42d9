"""A secret that disappears is a fault; meanwhile the alerts of its accounts do not end."""

from datetime import timedelta

import pytest

from tests.support.canaries import webhook
from tests.support.check_bench import LOW, PREFIX, THIRD, Bench
from tests.support.examples import NEXT, TICK

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EU_IS_GONE = (
    "secret balance-watch/accounts/eu: it is gone, and its 2 accounts with it."
    " If you removed it on purpose, ignore this: it ends after a day."
)


@pytest.fixture
def two_secrets(bench: Bench) -> Bench:
    """A bench after a run with two secrets of accounts, one account of which is low."""
    bench.watch("a", "b", into="accounts/eu")
    bench.watch("c", into="accounts/us")
    bench.reads.balances["a"] = LOW
    bench.run()
    return bench


def remove_secret(bench: Bench, name: str) -> None:
    client = bench.wiring.client("secretsmanager")
    client.delete_secret(SecretId=f"{PREFIX}{name}", ForceDeleteWithoutRecovery=True)


def faults(bench: Bench) -> list[str]:
    """The faults that the latest run found."""
    return list(bench.store.runs.record().configuration.faults)


def ended(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The accounts whose alerts ended since they were removed."""
    return [
        vars(it)["account"] for it in caplog.records if "account was removed" in it.getMessage()
    ]


def test_a_secret_that_disappears_is_a_fault_by_its_name(two_secrets: Bench) -> None:
    remove_secret(two_secrets, "accounts/eu")
    two_secrets.run(NEXT)
    assert faults(two_secrets) == [EU_IS_GONE]
    assert two_secrets.delivery.announced[-1] == ("configuration", "fired")


def test_a_secret_of_channels_that_disappears_is_a_fault(bench: Bench) -> None:
    bench.watch("a")
    bench.put_secret("slack", {"webhooks": {"default": webhook()}})
    bench.run()
    remove_secret(bench, "slack")
    bench.run(NEXT)
    (fault,) = faults(bench)
    assert fault.startswith("secret balance-watch/slack: it is gone, and its channels with it.")


def test_the_first_run_misses_nothing(bench: Bench) -> None:
    bench.watch("a")
    bench.run()
    assert faults(bench) == []


def test_while_it_is_reported_the_alerts_of_its_accounts_do_not_end(
    two_secrets: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    remove_secret(two_secrets, "accounts/eu")
    for hour in range(1, 24):
        two_secrets.run(TICK + hour * HOUR)
    assert ended(caplog) == []
    two_secrets.watch("a", "b", into="accounts/eu")
    two_secrets.reads.balances["a"] = "100"
    two_secrets.run(TICK + DAY)
    assert ("a", "resolved") in two_secrets.delivery.announced
    assert two_secrets.delivery.announced.count(("a", "fired")) == 1


def test_after_a_day_it_is_taken_for_a_removal_and_its_alerts_end_quietly(
    two_secrets: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    remove_secret(two_secrets, "accounts/eu")
    two_secrets.run(NEXT)
    two_secrets.run(NEXT + DAY)
    assert faults(two_secrets) == []
    assert ended(caplog) == ["a"]
    assert two_secrets.delivery.announced == [
        ("a", "fired"),
        ("configuration", "fired"),
        ("configuration", "resolved"),
    ]


def test_a_secret_that_is_renamed_loses_nothing(
    two_secrets: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    remove_secret(two_secrets, "accounts/eu")
    two_secrets.watch("a", "b", into="accounts/emea")
    two_secrets.run(NEXT)
    assert faults(two_secrets) == []
    assert ended(caplog) == []


def test_accounts_that_turn_up_elsewhere_later_end_the_fault(two_secrets: Bench) -> None:
    remove_secret(two_secrets, "accounts/eu")
    two_secrets.run(NEXT)
    two_secrets.watch("a", "b", "c", into="accounts/us")
    two_secrets.run(THIRD)
    assert faults(two_secrets) == []


def test_accounts_that_are_disabled_elsewhere_are_not_lost(two_secrets: Bench) -> None:
    remove_secret(two_secrets, "accounts/eu")
    disabled = [
        {"name": name, "provider": "you", "credentials": {"api_key": "k"}, "enabled": False}
        for name in ("a", "b")
    ]
    two_secrets.put_secret("accounts/off", {"accounts": disabled})
    two_secrets.run(NEXT)
    assert faults(two_secrets) == []


def test_a_secret_under_a_name_that_means_nothing_holds_the_alerts_too(
    two_secrets: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    remove_secret(two_secrets, "accounts/eu")
    two_secrets.watch("a", "b", into="accounts-eu")
    two_secrets.run(NEXT)
    foreign, lost = faults(two_secrets)
    assert foreign.startswith("secret balance-watch/accounts-eu: its name means nothing")
    assert lost == EU_IS_GONE
    two_secrets.run(NEXT + DAY)
    assert ended(caplog) == []


def test_a_run_that_failed_forgets_no_secret(two_secrets: Bench) -> None:
    remove_secret(two_secrets, "accounts/eu")
    two_secrets.reads.out_of_time = {"c"}
    two_secrets.run(NEXT)
    two_secrets.run(NEXT)
    two_secrets.run(THIRD)
    assert faults(two_secrets) == [EU_IS_GONE]
    assert two_secrets.delivery.announced.count(("configuration", "fired")) == 1
