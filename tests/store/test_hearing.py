"""What a run remembers of secrets, subscribers and channels comes back from its item as it was."""

from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.lost_secrets import LostSecret, account_digest
from balance_watch.domain.run import RejectingChannel, RunRecord, TopicSubscribers
from balance_watch.store.runs import record_from_item, record_to_item
from balance_watch.store.table import deserialize, serialize
from tests.support.strategies import lines, ticks, words

digests = st.none() | st.frozensets(words.map(account_digest), max_size=4)
records = st.builds(
    RunRecord,
    policy_digest=st.just("d"),
    rejecting=st.dictionaries(words, st.builds(RejectingChannel, words, ticks, ticks, lines)).map(
        lambda rejecting: tuple(sorted(rejecting.items()))
    ),
    subscribers=st.none()
    | st.builds(TopicSubscribers, words, ticks, st.none() | st.integers(0, 10**6)),
    secrets=st.dictionaries(words, digests, max_size=4),
    lost_secrets=st.dictionaries(words, st.builds(LostSecret, ticks, digests), max_size=4),
)


@given(records)
def test_a_record_comes_back_as_it_was(record: RunRecord) -> None:
    assert record_from_item(deserialize(serialize(record_to_item(record)))) == record


def test_a_record_of_an_earlier_release_remembers_nothing() -> None:
    before = {"policy_digest": "d", "alerted": ["a"], "gone": {}}
    assert record_from_item(before) == RunRecord(policy_digest="d", alerted=("a",))
