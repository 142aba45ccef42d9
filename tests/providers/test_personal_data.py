"""What a reply says of a person goes nowhere: no e-mail address is read, stored or logged.

Some replies hold the address of the account's owner. Each sample is also read with an address in
place of each of its texts, one after the other: also where a path leads, and in errors.
"""

import logging
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from balance_watch.domain.reading import ReadFailure, Reading, ReadResult
from balance_watch.domain.state import AccountState
from balance_watch.providers.client import ProviderClient
from balance_watch.store.costs import costs_to_item
from balance_watch.store.packs import pack_to_item
from balance_watch.store.states import state_to_item
from balance_watch.transport import Reply, Request, Transport
from balance_watch.usecases.reading import ToRead, read_due
from balance_watch.usecases.summary import Summary
from tests.support.provider_reads import NOW, account_of, parsed, reply_of, spec_of
from tests.support.samples import Sample, changed, on_the_wire, paths, samples, value_at

ADDRESS = "jane.doe+billing@mail.example.com"
TEXT = f"Contact {ADDRESS}."

_AN_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_XML_TEXT = re.compile(r'(?<=>)[^<>]+(?=</)|(?<=")[^"<>]*(?=")')

SAMPLES = samples()


@dataclass
class ScriptedTransport(Transport):
    """Answers with these replies, one after the other; the last one for every further request."""

    replies: deque[Reply] = field(default_factory=deque)

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        del request, timeout
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]


@pytest.fixture(autouse=True)
def _loudest(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def with_addresses(sample: Sample) -> Iterator[Sample]:
    """Yields the sample as it is, then with the address in place of each of its texts."""
    yield sample
    for index, body in enumerate(sample.bodies):
        if isinstance(body, str):
            for match in _XML_TEXT.finditer(body):
                planted = f"{body[: match.start()]}{TEXT}{body[match.end() :]}"
                yield sample.with_body(index, planted)
            continue
        for path in paths(body):
            if isinstance(value_at(body, path), str):
                yield sample.with_body(index, changed(body, path, TEXT))


def addresses_in(sample: Sample) -> set[str]:
    texts = [on_the_wire(body).decode() for body in sample.bodies]
    return {address for text in texts for address in _AN_ADDRESS.findall(text)}


def run_of(sample: Sample) -> tuple[ReadResult, str]:
    """Reads a sample in a run of its own; returns the result, and all that would be stored."""
    account, spec = account_of(sample.slug), spec_of(sample.slug)
    replies = deque(reply_of(body, sample.status) for body in sample.bodies)
    client = ProviderClient(ScriptedTransport(replies=replies), sleep=lambda _: None)
    result = client.read(spec, account, now=NOW, deadline=float("inf"))
    read_due(
        {account.name: (account, spec)},
        {account.name: AccountState(account.name)},
        ToRead(NOW, 0.0, {}),
        lambda pairs, *, now, deadline: ((of, result) for of, _ in pairs),  # noqa: ARG005
        Summary(NOW),
        lambda *_: None,
    )
    state = AccountState(account.name, NOW)
    if isinstance(result, ReadFailure):
        state = AccountState(account.name, NOW, failure=result, failures=1, failing_since=NOW)
    if not isinstance(result, Reading):
        return result, repr(state_to_item(state))
    state = AccountState(account.name, NOW, reading=result, recent=(result,))
    items = [state_to_item(state), pack_to_item(account.name, [result], 400)]
    if result.settled is not None:
        items.append(costs_to_item(account, result.settled))
    return result, repr(items)


def test_some_samples_hold_an_address() -> None:
    assert len({sample.slug for sample in SAMPLES if addresses_in(sample)}) >= 10


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_no_address_of_a_reply_is_read_stored_or_logged(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    for planted in with_addresses(sample):
        result, stored = run_of(planted)
        records = caplog.text + repr([vars(record) for record in caplog.records])
        shown = f"{result!r} {stored} {records}"
        assert not [address for address in addresses_in(planted) if address in shown], planted
        assert ADDRESS not in shown
        caplog.clear()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ask jane@example.com", "ask ***"),
        ("<Jane.Doe+x@mail.example.co.uk> is blocked", "<***> is blocked"),
        ("a@b.example, c@d.example", "***, ***"),
        ("5 @ 3.20", "5 @ 3.20"),
        ("ACTIVE", "ACTIVE"),
    ],
)
def test_a_status_is_shown_without_addresses(text: str, shown: str) -> None:
    result = parsed("aimlapi-v1-legacy", f'{{"balance":1,"status":"{text}"}}')
    assert isinstance(result, Reading)
    assert result.status == shown
