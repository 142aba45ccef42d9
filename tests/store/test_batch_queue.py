"""The queue gets every message, ten to a call, and none with a key."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.batches import BatchMessage, name_digest
from balance_watch.domain.digest_plan import DigestSpan
from balance_watch.errors import EventError, QueueError
from balance_watch.store.batch_queue import BatchQueue, message_from_json, message_to_json
from tests.support.examples import NEXT, TICK
from tests.support.strategies import ticks, words


class FakeSqs:
    """A client of SQS; it refuses these numbers of messages, each so many times."""

    def __init__(self, **refuses: int) -> None:
        self.refuses = {name.removeprefix("n"): times for name, times in refuses.items()}
        self.calls: list[list[dict[str, Any]]] = []
        self.taken: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        assert QueueUrl == "https://queue"
        self.calls.append(list(Entries))
        failed = [it["Id"] for it in Entries if self.refuses.get(it["Id"], 0) > 0]
        for name in failed:
            self.refuses[name] -= 1
        self.taken += [it["Id"] for it in Entries if it["Id"] not in failed]
        return {"Failed": [{"Id": name} for name in failed]} if failed else {}


def message(number: int = 0, accounts: int = 1) -> BatchMessage:
    digests = frozenset(name_digest(f"a{it}") for it in range(accounts))
    return BatchMessage(TICK, "token", number, ("balance-watch/accounts",), digests, ("sns",))


def send(client: Any, messages: Sequence[BatchMessage], delay: float = 0) -> None:  # noqa: ANN401 (a fake)
    BatchQueue(client, "https://queue").send(messages, delay)


def test_ten_messages_go_into_a_call() -> None:
    sqs = FakeSqs()
    send(sqs, [message(number) for number in range(25)])
    assert [len(call) for call in sqs.calls] == [10, 10, 5]
    assert sqs.taken == [str(number) for number in range(25)]


def test_no_messages_are_no_call() -> None:
    sqs = FakeSqs()
    send(sqs, [])
    assert sqs.calls == []


def test_no_call_is_larger_than_sqs_takes() -> None:
    sqs = FakeSqs()
    send(sqs, [message(number, accounts=6000) for number in range(10)])
    sizes = [sum(len(it["MessageBody"].encode()) for it in call) for call in sqs.calls]
    assert max(sizes) <= 256_000
    assert len(sizes) > 1
    assert sorted(sqs.taken) == [str(number) for number in range(10)]


def test_what_sqs_refuses_is_sent_again_alone() -> None:
    sqs = FakeSqs(n1=2)
    send(sqs, [message(number) for number in range(3)])
    assert [[it["Id"] for it in call] for call in sqs.calls] == [["0", "1", "2"], ["1"], ["1"]]


def test_what_sqs_refuses_three_times_is_an_error() -> None:
    with pytest.raises(QueueError, match="refused 2 messages"):
        send(FakeSqs(n1=3, n2=9), [message(number) for number in range(3)])


@pytest.mark.parametrize(
    ("delay", "seconds"), [(0, 0), (-5, 0), (0.2, 1), (99.0, 99), (99.1, 100), (5000.0, 900)]
)
def test_a_delay_is_whole_seconds_and_never_shorter(delay: float, seconds: int) -> None:
    sqs = FakeSqs()
    send(sqs, [message()], delay)
    assert [it["DelaySeconds"] for it in sqs.calls[0]] == [seconds]


messages = st.builds(
    BatchMessage,
    ticks,
    words,
    st.integers(0, 10**6),
    st.lists(words, max_size=3).map(tuple),
    st.frozensets(words.map(name_digest), max_size=5),
    st.lists(words, max_size=3).map(tuple),
    st.lists(words, max_size=3).map(tuple),
    st.dictionaries(words, st.integers(1, 100), max_size=3),
    st.frozensets(words, max_size=3),
    st.none() | st.builds(DigestSpan, ticks, ticks),
)


@given(messages)
def test_a_message_is_read_as_it_was_written(written: BatchMessage) -> None:
    assert message_from_json(message_to_json(written)) == written


GOOD = json.loads(message_to_json(message()._replace(digest=DigestSpan(NEXT, TICK))))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", "5", '"x"', "[" * 100_000])
def test_a_text_that_is_no_message_is_an_error(text: str) -> None:
    with pytest.raises(EventError, match="not one that CheckBalances sends"):
        message_from_json(text)


@pytest.mark.parametrize("name", ["tick", "plan", "batch", "secrets", "accounts", "channels"])
def test_a_message_that_lacks_something_is_an_error(name: str) -> None:
    with pytest.raises(EventError):
        message_from_json(json.dumps({key: it for key, it in GOOD.items() if key != name}))


@pytest.mark.parametrize(
    "changed",
    [
        {"tick": "soon"},
        {"tick": 5},
        {"tick": "2026-11-22T10:05:00"},
        {"batch": "x"},
        {"batch": -1},
        {"batch": 1e999},
        {"batch": None},
        {"secrets": 5},
        {"accounts": "no base64!"},
        {"accounts": "YWJj"},
        {"hosts": ["a"]},
        {"hosts": {"a": "b"}},
        {"shared": 5},
        {"digest": []},
        {"digest": ["2026-11-22T10:05:00Z"]},
        {"digest": "2026"},
        {"digest": {}},
    ],
    ids=str,
)
def test_a_message_with_another_value_is_an_error(changed: dict[str, object]) -> None:
    with pytest.raises(EventError):
        message_from_json(json.dumps({**GOOD, **changed}))
