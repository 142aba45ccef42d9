"""One account for every fault, beside ten healthy ones, all read in parallel."""

import json
import logging
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import takewhile
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.config.secrets import parse_secrets
from balance_watch.config.settings import CheckSettings
from balance_watch.config.sources import Secrets
from balance_watch.domain.account import Account
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.notifiers.channels import KINDS
from balance_watch.notifiers.slack import SlackChannel
from balance_watch.providers.client import ATTEMPT_SECONDS, ProviderClient
from balance_watch.providers.parallel import read_all
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.registry import resolve, slugs
from balance_watch.transport import Reply, Transport
from balance_watch.usecases.delivery import deliver
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from local.provider_server import ProviderAccount
from local.providers import YouServer
from local.slack_inbox import SlackInbox
from local.trouble import canned
from tests.support.fault_behaviours import replies
from tests.support.fault_catalogue import BALANCE
from tests.support.fault_server import FaultServer, closed_port
from tests.support.faulty_world import (
    FAULTS,
    FINE,
    HEALTHY,
    LOW,
    ImpatientTransport,
    Outbox,
    Providers,
    all_providers,
    bodies,
    in_a_secret,
    key_of,
    you,
)
from tests.support.honest import invented
from tests.support.notifications import low
from tests.support.provider_reads import KEY, NOW, account_of, spec_of

MEBIBYTE = 1 << 20
HANGING = {name for name, fault in FAULTS.items() if fault.kind is FailureKind.TIMED_OUT}


def read(
    client: ProviderClient, accounts: Sequence[Account], seconds: float
) -> dict[str, ReadResult]:
    """Returns the result of each account, in the order in which the reads ended."""
    pairs = [(account, spec_of(account.provider)) for account in accounts]
    results = read_all(client, pairs, now=NOW, deadline=monotonic() + seconds)
    return {account.name: result for account, result in results}


@dataclass(frozen=True)
class Reads:
    """The results of reading all accounts, the redirects that were followed, and the memory."""

    results: dict[str, ReadResult]
    followed: int
    peak: int


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    with all_providers(tmp_path_factory.mktemp("certificates")) as everything:
        yield everything


@pytest.fixture(scope="module")
def reads(providers: Providers) -> Reads:
    """Reads with the real timeouts, and three seconds in which accounts can start."""
    client = ProviderClient(Transport(providers.trusted, ca_bundle=providers.ca_bundle))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    results = read(client, providers.accounts, ATTEMPT_SECONDS + 3)
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
    """What a whole check stored and sent."""

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
        aws.put_secret("balance-watch/accounts", in_a_secret(providers.accounts))
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
            [one.content for one in aws.published() if one.attributes["reason"] == "fired"],
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
                replace(account, trouble=trouble) if name in failing else account
            )
        client = ProviderClient(Transport([host.authority]), sleep=lambda _: None)
        results = read(client, [you(name, host.url) for name in balances], seconds=60)
    balances_or_kinds = {
        name: getattr(result, "balance", None) or getattr(result, "kind", None)
        for name, result in results.items()
    }
    assert balances_or_kinds == balances | dict.fromkeys(failing, FailureKind.PROVIDER_ERROR)


def everything_logged(caplog: pytest.LogCaptureFixture) -> str:
    """Returns all records with all their fields, whether a formatter shows them or not."""
    return caplog.text + repr([vars(record) for record in caplog.records])


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    for name in ("", "urllib3", "urllib3.connection", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\nX-Other: 1"])
def test_a_key_with_a_line_break_is_in_no_log_and_no_message(
    loud: pytest.LogCaptureFixture, end: str
) -> None:
    with FaultServer(replies("200 OK", BALANCE % b"500")) as server:
        client = ProviderClient(Transport([server.authority]), sleep=lambda _: None)
        results = read(client, [you("a", server.url, KEY + end)], seconds=60)
    assert isinstance(results["a"], ReadFailure)
    output = repr(results) + everything_logged(loud)
    assert [text for text in (KEY, repr(KEY)[1:-1], KEY[:4]) if text in output] == []


def test_a_trailing_line_break_is_not_part_of_a_key(
    loud: pytest.LogCaptureFixture,
) -> None:
    with YouServer() as host:
        host.accounts[KEY] = ProviderAccount(Decimal(7))
        secret = json.dumps(in_a_secret([you("a", host.url, f"{KEY}\n")]))
        secrets = Secrets({"balance-watch/accounts": secret})
        watched = parse_secrets(secrets, "balance-watch/", partial(resolve, {}), KINDS)
        client = ProviderClient(Transport([host.authority]), sleep=lambda _: None)
        results = read(client, [account for account, _ in watched.accounts], seconds=60)
    assert isinstance(results["a"], Reading)
    assert KEY not in repr(watched) + repr(results) + everything_logged(loud)


def delivered_to_slack(transport: Transport, url: str, outbox: Outbox) -> tuple[int, int]:
    """Returns the numbers of delivered and undelivered notifications."""
    name = "slack:default"
    channel = SlackChannel(transport, url, sleep=lambda _: None)
    sent = deliver(
        [OutboxEntry(low(), name)],
        channels={name: channel},
        outbox=outbox,
        deadline=monotonic() + 5,
    )
    return sent.delivered, sent.undelivered


@pytest.mark.parametrize("way", ["refused", "no such name", "private", "hangs up", "redirects"])
def test_a_webhook_that_cannot_be_reached_is_logged_without_its_address(
    loud: pytest.LogCaptureFixture, way: str
) -> None:
    refused = f"127.0.0.1:{closed_port()}"
    with ExitStack() as stack:
        hanging_up = stack.enter_context(FaultServer(lambda _: None))
        moved = replies("302 Found", b"", location="https://elsewhere.example/CANARY")
        redirecting = stack.enter_context(FaultServer(moved))
        bases = {
            "refused": f"http://{refused}",
            "no such name": "https://hooks.invalid",
            "private": "https://10.0.0.1",
            "hangs up": hanging_up.url,
            "redirects": redirecting.url,
        }
        transport = Transport([refused, hanging_up.authority, redirecting.authority])
        url, outbox = f"{bases[way]}/services/T0/B0/CANARY", Outbox()
        assert delivered_to_slack(transport, url, outbox) == (0, 1)
    assert outbox.removed == []
    log = everything_logged(loud)
    assert "not delivered" in log
    assert [text for text in ("CANARY", "services", bases[way]) if text in log] == []


@pytest.mark.parametrize("word", ["no_service", "invalid_token", "ok no", '{"ok":true}', ""])
def test_a_200_of_slack_with_another_body_than_ok_is_not_delivered(word: str) -> None:
    with FaultServer(replies("200 OK", word.encode(), content_type="text/plain")) as slack:
        outbox = Outbox()
        transport = Transport([slack.authority])
        assert delivered_to_slack(transport, f"{slack.url}/services/x", outbox) == (0, 1)
    assert outbox.removed == []


def test_a_200_of_slack_with_ok_is_delivered() -> None:
    with SlackInbox() as slack:
        outbox = Outbox()
        transport = Transport([slack.authority])
        assert delivered_to_slack(transport, slack.webhook("default"), outbox) == (1, 0)
    assert len(outbox.removed) == 1


EXAMPLES = 80
"""For each provider; about 6,000 bodies in total."""

TYPES = st.sampled_from(
    ["application/json", "application/json", "application/xml", "", "text/html"]
)


@pytest.mark.parametrize("slug", slugs())
def test_every_amount_of_a_reading_comes_from_the_reply_however_damaged(slug: str) -> None:
    spec, account = spec_of(slug), account_of(slug)

    @settings(max_examples=EXAMPLES)
    @given(bodies(slug), TYPES)
    def holds(body: bytes, content_type: str) -> None:
        headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
        result = parse_reply(spec, account, Reply(200, body, headers), NOW)
        if isinstance(result, ReadFailure):
            assert isinstance(result.kind, FailureKind)
        if isinstance(result, Reading):
            assert invented(spec, result, body) == []

    holds()
