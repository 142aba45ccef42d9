"""What a run remembers of secrets, subscribers and channels comes back from its item as it was."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.lost_secrets import LostSecret, account_digest
from balance_watch.domain.run import FailingChannel, RunRecord, TopicSubscribers
from balance_watch.store.runs import record_from_item, record_to_item
from balance_watch.store.table import deserialize, serialize
from tests.support.strategies import lines, ticks, words

digests = st.none() | st.frozensets(words.map(account_digest), max_size=4)
failing = st.builds(
    FailingChannel,
    words,
    ticks,
    ticks,
    lines,
    st.none() | ticks,
    st.integers(0, 100),
    st.integers(0, 100),
    st.none() | ticks,
    st.none() | ticks,
).filter(lambda it: it.unsure_at is not None or it.refusals > 0 or not it.pauses)
records = st.builds(
    RunRecord,
    policy_digest=st.just("d"),
    failing_channels=st.dictionaries(words, failing).map(
        lambda channels: tuple(sorted(channels.items()))
    ),
    subscribers=st.none()
    | st.builds(TopicSubscribers, words, ticks, st.none() | st.integers(0, 10**6)),
    secrets=st.dictionaries(words, digests, max_size=4),
    lost_secrets=st.dictionaries(words, st.builds(LostSecret, ticks, digests), max_size=4),
)


@given(records)
def test_a_record_comes_back_as_it_was(record: RunRecord) -> None:
    assert record_from_item(deserialize(serialize(record_to_item(record)))) == record


def test_a_channel_that_an_earlier_release_took_for_dead_is_dead_until_its_next_try() -> None:
    at = "2026-11-22T10:05:00Z"
    record = record_from_item({"gone": {"slack:a": {"digest": "x", "at": at, "why": "No."}}})
    ((name, channel),) = record.failing_channels
    assert (name, channel.why, channel.is_dead) == ("slack:a", "No.", True)
    assert channel.try_at == datetime(2026, 11, 23, 10, 5, tzinfo=UTC)


def test_a_channel_that_an_earlier_release_left_alone_without_a_refusal_may_have_accepted() -> None:
    at = "2026-11-22T10:05:00Z"
    of_a_channel = {"digest": "x", "since": at, "until": at, "why": "No.", "pauses": 1}
    ((_, channel),) = record_from_item({"rejecting": {"slack:a": of_a_channel}}).failing_channels
    assert channel.unsure_at == channel.until


def test_a_record_of_an_earlier_release_remembers_nothing() -> None:
    before = {"policy_digest": "d", "alerted": ["a"], "gone": {}}
    assert record_from_item(before) == RunRecord(policy_digest="d", alerted=("a",))
