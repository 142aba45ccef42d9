"""The accounts of a tick are split into batches, and no account is lost or doubled."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.batches import (
    NAME_DIGEST,
    name_digest,
    split,
    split_by_purse,
    spread,
    with_neighbours,
)

items = st.lists(st.integers(), max_size=60)
sizes = st.integers(1, 20)


@given(items, sizes)
def test_split_loses_and_doubles_nothing(these: list[int], size: int) -> None:
    assert [item for part in split(these, size) for item in part] == these


@given(items, sizes)
def test_no_part_is_larger_than_it_may_be_or_empty(these: list[int], size: int) -> None:
    assert all(1 <= len(part) <= size for part in split(these, size))


@given(items, sizes)
def test_there_are_as_few_parts_as_can_be(these: list[int], size: int) -> None:
    assert len(split(these, size)) == -(-len(these) // size)


@given(items, sizes)
def test_the_parts_are_equally_large(these: list[int], size: int) -> None:
    lengths = [len(part) for part in split(these, size)]
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


def test_exactly_as_many_as_a_part_holds_are_one_part() -> None:
    assert split(range(500), 500) == [range(500)]
    assert [len(part) for part in split(range(501), 500)] == [250, 251]


purses = st.lists(st.none() | st.sampled_from("abcd"), max_size=30)


@given(purses)
def test_neighbours_are_a_permutation(of_items: list[str | None]) -> None:
    numbers = list(range(len(of_items)))
    assert sorted(with_neighbours(numbers, of_items)) == numbers


@given(purses)
def test_those_of_one_purse_are_beside_each_other_in_their_order(
    of_items: list[str | None],
) -> None:
    ordered = with_neighbours(list(enumerate(of_items)), of_items)
    runs = [key for key, _ in groupby(purse for _, purse in ordered) if key is not None]
    assert len(runs) == len(set(runs))
    for purse in runs:
        numbers = [number for number, its in ordered if its == purse]
        assert numbers == sorted(numbers)


@given(items)
def test_items_without_a_purse_keep_their_order(these: list[int]) -> None:
    assert with_neighbours(these, [None] * len(these)) == these


def test_a_name_of_several_batches_is_spread_and_one_of_a_single_batch_is_not() -> None:
    assert spread([["a", "a", "b"], ["b", "c"], ["b"]]) == {"b": 3}


def test_the_digest_of_a_name_is_short_and_tells_names_apart() -> None:
    digests = {name_digest(f"account-{number}") for number in range(1000)}
    assert {len(it) for it in digests} == {NAME_DIGEST}
    assert len(digests) == 1000
    assert name_digest("käse") == name_digest("käse")


@given(purses, sizes)
def test_a_purse_is_in_one_part_unless_it_is_larger_than_a_part(
    of_items: list[str | None], size: int
) -> None:
    parts = split_by_purse(range(len(of_items)), of_items, size)
    assert sorted(item for part in parts for item in part) == list(range(len(of_items)))
    assert all(1 <= len(part) <= size for part in parts)
    for purse in {*of_items} - {None}:
        if of_items.count(purse) <= size:
            assert sum(purse in {of_items[item] for item in part} for part in parts) == 1


@given(items, sizes)
def test_items_without_a_purse_are_split_into_few_and_equal_parts(
    these: list[int], size: int
) -> None:
    lengths = [len(part) for part in split_by_purse(these, [None] * len(these), size)]
    assert sorted(lengths) == sorted(len(part) for part in split(these, size))
