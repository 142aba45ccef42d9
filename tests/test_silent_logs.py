"""When a key is faulty or a webhook cannot be reached, no log contains the key or the address."""

import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from time import monotonic

import pytest

from balance_watch.config.secrets import parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.reading import ReadFailure, Reading
from balance_watch.notifiers.channels import KINDS
from balance_watch.notifiers.slack import SlackChannel
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.registry import resolve
from balance_watch.transport import Transport
from balance_watch.usecases.delivery import deliver
from local.provider_server import ProviderAccount
from local.providers import YouServer
from local.slack_inbox import SlackInbox
from tests.support.fault_behaviours import replies
from tests.support.fault_catalogue import BALANCE
from tests.support.fault_server import FaultServer, closed_port
from tests.support.faulty_world import accounts_secret, read_in_parallel, you_account
from tests.support.notifications import low
from tests.support.provider_reads import KEY


def all_records(caplog: pytest.LogCaptureFixture) -> str:
    """Returns all records with all their fields, whether or not a formatter shows them."""
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
        results = read_in_parallel(client, [you_account("a", server.url, KEY + end)], seconds=60)
    assert isinstance(results["a"], ReadFailure)
    output = repr(results) + all_records(loud)
    assert [text for text in (KEY, repr(KEY)[1:-1], KEY[:4]) if text in output] == []


def test_a_trailing_line_break_is_not_part_of_a_key(
    loud: pytest.LogCaptureFixture,
) -> None:
    with YouServer() as host:
        host.accounts[KEY] = ProviderAccount(Decimal(7))
        secret = json.dumps(accounts_secret([you_account("a", host.url, f"{KEY}\n")]))
        secrets = Secrets({"balance-watch/accounts": secret})
        parsed = parse_secrets(secrets, "balance-watch/", partial(resolve, {}), KINDS)
        client = ProviderClient(Transport([host.authority]), sleep=lambda _: None)
        results = read_in_parallel(client, [account for account, _ in parsed.accounts], seconds=60)
    assert isinstance(results["a"], Reading)
    assert KEY not in repr(parsed) + repr(results) + all_records(loud)


@dataclass
class RecordingOutbox:
    """Records the entries that are removed."""

    removed: list[OutboxEntry] = field(default_factory=list)

    def whole(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        return list(entries)

    def remove(self, entries: Iterable[OutboxEntry]) -> bool:
        self.removed += entries
        return True

    def mark_taken(self, entries: Iterable[OutboxEntry], channel: str) -> bool:
        raise AssertionError((entries, channel))


def deliver_to_slack(transport: Transport, url: str, outbox: RecordingOutbox) -> tuple[int, int]:
    """Delivers one notification; returns the numbers of delivered and undelivered ones."""
    name = "slack:default"
    channel = SlackChannel(transport, url, sleep=lambda _: None)
    report = deliver(
        [OutboxEntry(low(), name)],
        channels={name: channel},
        outbox=outbox,
        deadline=monotonic() + 5,
    )
    return report.delivered, report.undelivered


@pytest.mark.parametrize("fault", ["refused", "no such name", "private", "hangs up", "redirects"])
def test_a_webhook_that_cannot_be_reached_is_logged_without_its_address(
    loud: pytest.LogCaptureFixture, fault: str
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
        url, outbox = f"{bases[fault]}/services/T0/B0/CANARY", RecordingOutbox()
        assert deliver_to_slack(transport, url, outbox) == (0, 1)
    assert outbox.removed == []
    log = all_records(loud)
    assert "not delivered" in log
    assert [text for text in ("CANARY", "services", bases[fault]) if text in log] == []


@pytest.mark.parametrize("word", ["no_service", "invalid_token", "ok no", '{"ok":true}', ""])
def test_a_200_of_slack_with_another_body_than_ok_is_not_delivered(word: str) -> None:
    with FaultServer(replies("200 OK", word.encode(), content_type="text/plain")) as slack:
        outbox = RecordingOutbox()
        transport = Transport([slack.authority])
        assert deliver_to_slack(transport, f"{slack.url}/services/x", outbox) == (0, 1)
    assert outbox.removed == []


def test_a_200_of_slack_with_ok_is_delivered() -> None:
    with SlackInbox() as slack:
        outbox = RecordingOutbox()
        transport = Transport([slack.authority])
        assert deliver_to_slack(transport, slack.webhook("default"), outbox) == (1, 0)
    assert len(outbox.removed) == 1
