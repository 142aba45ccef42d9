"""An account for every fault and ten healthy ones beside them, all read in parallel."""

import dataclasses
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import takewhile

import pytest
from msgspec.structs import replace

from balance_watch.config.settings import CheckSettings
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.client import ATTEMPT_SECONDS, ProviderClient
from balance_watch.providers.parallel import read_all
from balance_watch.transport import Transport
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from local.provider_server import ProviderAccount
from local.providers import YouServer
from local.trouble import canned
from tests.support.faulty_world import (
    FAULTS,
    FINE,
    HEALTHY,
    LOW,
    ImpatientTransport,
    Providers,
    accounts_secret,
    all_providers,
    key_of,
    read_in_parallel,
    you_account,
)
from tests.support.provider_reads import NOW

MEBIBYTE = 1 << 20
HANGING = {name for name, fault in FAULTS.items() if fault.kind is FailureKind.TIMED_OUT}


@dataclass(frozen=True)
class Reads:
    """The results of all reads, how many redirects were followed, and the peak of memory."""

    results: dict[str, ReadResult]
    followed: int
    peak: int


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    with all_providers(tmp_path_factory.mktemp("certificates")) as running:
        yield running


@pytest.fixture(scope="module")
def reads(providers: Providers) -> Reads:
    """Reads with the real timeouts, and three seconds in which accounts can start."""
    client = ProviderClient(Transport(providers.trusted, ca_bundle=providers.ca_bundle))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    results = read_in_parallel(client, providers.accounts, ATTEMPT_SECONDS + 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Reads(results, providers.elsewhere.connections, peak - before)


def test_every_account_has_a_result(reads: Reads) -> None:
    assert reads.results.keys() == FAULTS.keys() | HEALTHY.keys()


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_account_is_read_to_its_last_digit(reads: Reads, name: str) -> None:
    result = reads.results[name]
    assert isinstance(result, Reading), result
    assert (result.balance, result.currency) == (HEALTHY[name], "USD")


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.kind])
def test_a_fault_has_the_right_kind(reads: Reads, name: str) -> None:
    result = reads.results[name]
    assert isinstance(result, ReadFailure), result
    assert result.kind is FAULTS[name].kind, result


def test_no_fault_raises_an_exception(reads: Reads) -> None:
    results = reads.results.values()
    messages = [result.message for result in results if isinstance(result, ReadFailure)]
    assert [message for message in messages if "could not be handled" in message] == []


def test_no_healthy_account_waits_for_one_that_hangs(reads: Reads) -> None:
    before_any_hanging = set(takewhile(lambda name: name not in HANGING, reads.results))
    assert before_any_hanging >= HEALTHY.keys()


def test_no_fault_yields_a_balance_except_minus_zero_which_is_zero(reads: Reads) -> None:
    balances = {
        name: str(result.balance)
        for name, result in reads.results.items()
        if name in FAULTS and isinstance(result, Reading)
    }
    assert balances == {"negative-zero": "0"}


def test_the_target_of_a_redirect_is_not_connected_to(reads: Reads) -> None:
    assert isinstance(reads.results["redirect"], ReadFailure)
    assert reads.followed == 0


def test_no_key_is_sent_to_a_host_with_the_certificate_of_another(
    reads: Reads, providers: Providers
) -> None:
    assert isinstance(reads.results["tls-of-another-name"], ReadFailure)
    assert providers.faulty["tls-of-another-name"].heads == []


def test_no_failure_repeats_a_key_or_an_address(reads: Reads, providers: Providers) -> None:
    results = reads.results.values()
    failures = repr([result for result in results if isinstance(result, ReadFailure)])
    hidden = [key_of(name) for name in FAULTS] + [
        server.authority for server in providers.faulty.values()
    ]
    assert [text for text in hidden if text in failures] == []


def test_five_gigabytes_and_two_bombs_are_not_held_in_memory(reads: Reads) -> None:
    assert reads.peak < 32 * MEBIBYTE


@dataclass(frozen=True)
class Checked:
    """The result of a whole check, and what it stored and sent."""

    summary: Summary
    failures: dict[str, ReadFailure | None]
    readings: dict[str, Reading | None]
    history: dict[str, list[Reading]]
    fired: list[dict[str, object]]


@pytest.fixture(scope="module")
def checked(providers: Providers) -> Iterator[Checked]:
    with EmbeddedAws() as aws:
        clients = {name: aws.client(name) for name in ("dynamodb", "secretsmanager", "ssm", "sns")}
        wiring = Wiring(
            CheckSettings.from_environment(aws.environment), make_client=clients.__getitem__
        )
        aws.put_secret("balance-watch/accounts", accounts_secret(providers.accounts))
        transport = ImpatientTransport(providers.trusted, ca_bundle=providers.ca_bundle)
        client = ProviderClient(transport, sleep=lambda _: None)
        check = replace(wiring.check(), read=partial(read_all, client))
        summary = check.run(NOW, seconds=100)
        states = wiring.store.accounts.states([*FAULTS, *HEALTHY])
        yield Checked(
            summary,
            {name: state.failure for name, state in states.items()},
            {name: state.reading for name, state in states.items()},
            {name: wiring.store.accounts.history(name, NOW, NOW) for name in states},
            [
                message.content
                for message in aws.published()
                if message.attributes["reason"] == "fired"
            ],
        )


def test_a_check_through_all_faults_is_complete(checked: Checked) -> None:
    summary = checked.summary
    failing = sum(fault.kind is not None for fault in FAULTS.values())
    assert (summary.unreadable, summary.deferred, summary.undelivered) == (failing, 0, 0)
    assert summary.read == len(FAULTS) - failing + len(HEALTHY)


def test_only_low_accounts_alert_on_their_balance_beside_all_faults(checked: Checked) -> None:
    alerts = {
        str(alert["account"]): alert["value"]
        for alert in checked.fired
        if alert["metric"] == "balance"
    }
    low_ones = {name: f"{balance:f}" for name, balance in LOW.items()}
    assert alerts == low_ones | {"negative-zero": "0"}


def test_only_a_rejected_key_is_unreadable_at_once(checked: Checked) -> None:
    unreadable = [alert for alert in checked.fired if alert["metric"] == "unreadable"]
    rejected = {name for name, fault in FAULTS.items() if fault.kind and fault.kind.about_the_key}
    assert {alert["account"] for alert in unreadable} == rejected


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.kind])
def test_a_fault_is_stored_with_the_right_kind_and_without_a_balance(
    checked: Checked, name: str
) -> None:
    failure = checked.failures[name]
    assert failure is not None
    assert failure.kind is FAULTS[name].kind
    assert (checked.readings[name], checked.history[name]) == (None, [])


@pytest.mark.parametrize("name", [*FINE, *LOW])
def test_a_healthy_balance_is_stored_beside_all_faults(checked: Checked, name: str) -> None:
    assert [reading.balance for reading in checked.history[name]] == [HEALTHY[name]]


def test_three_accounts_that_fail_stop_no_other_of_their_host() -> None:
    balances = {f"account-{number}": Decimal(number) / 8 for number in range(100)}
    failing = {"account-0", "account-1", "account-50"}
    with YouServer() as host:
        for name, balance in balances.items():
            trouble = canned(500, '{"detail":"no"}')
            account = ProviderAccount(balance)
            host.accounts[key_of(name)] = (
                dataclasses.replace(account, trouble=trouble) if name in failing else account
            )
        client = ProviderClient(Transport([host.authority]), sleep=lambda _: None)
        results = read_in_parallel(
            client, [you_account(name, host.url) for name in balances], seconds=60
        )
    balances_or_kinds = {
        name: getattr(result, "balance", None) or getattr(result, "kind", None)
        for name, result in results.items()
    }
    assert balances_or_kinds == balances | dict.fromkeys(failing, FailureKind.PROVIDER_ERROR)
