"""Writers of one secret, in every order of their calls: none loses what another one has written."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.config.secret_writing import PENDING, update_secret
from tests.support.secrets_manager import (
    SECRET,
    Client,
    Died,
    FakeSecretsManager,
    Turns,
    every_order,
)

WORDS = ("one", "two", "three")
CALLS = 4
"""The calls of a write that nobody disturbs: read, store, put in force, take the label off."""


def write(client: Any, word: str) -> None:  # noqa: ANN401 (it stands for a client of boto3)
    """Adds a word, once more for each time that the change is made."""
    update_secret(client, SECRET, lambda text: f"{text or ''}{word} ", pause=lambda _: None)


def run(
    fake: FakeSecretsManager,
    choose: Callable[[list[int]], int],
    words: Sequence[str] = WORDS[:2],
    **of_the_first: Any,  # noqa: ANN401 (what the client of the first writer does)
) -> dict[int, BaseException]:
    """Writes the words, a writer each, in an order; returns what was raised."""
    turns = Turns()
    options = [of_the_first, *({} for _ in words[1:])]
    writers = [
        partial(write, Client(fake, turns.waiter(number), **own), word)
        for number, (word, own) in enumerate(zip(words, options, strict=True))
    ]
    turns.run(writers, choose)
    return turns.errors


def with_text(text: str) -> FakeSecretsManager:
    fake = FakeSecretsManager()
    fake.put(text)
    return fake


def left_behind() -> FakeSecretsManager:
    fake = with_text("before ")
    with pytest.raises(Died):
        write(Client(fake, dies_after=1), "left")
    assert PENDING in fake.labels
    return fake


STATES: dict[str, Callable[[], FakeSecretsManager]] = {
    "no secret": FakeSecretsManager,
    "a secret without a value": partial(FakeSecretsManager, exists=True),
    "a secret": partial(with_text, "before "),
    "a label that a dead writer has left": left_behind,
}


@pytest.mark.parametrize("state", STATES)
def test_two_writers_in_every_order_both_stay_once(state: str) -> None:
    fakes = list[FakeSecretsManager]()
    before = ["before"] if "before " in STATES[state]().versions.values() else []

    def both(choose: Callable[[list[int]], int]) -> None:
        fakes.append(STATES[state]())
        assert run(fakes[-1], choose) == {}

    orders = list(every_order(both))
    assert len(set(orders)) == len(orders) >= 6
    for fake in fakes:
        assert sorted(fake.text.split()) == sorted([*before, "one", "two"])
        assert PENDING not in fake.labels


@pytest.mark.parametrize("moment", range(CALLS))
def test_what_somebody_puts_by_hand_at_any_moment_stays(moment: int) -> None:
    fake, calls = with_text("before "), count()

    def wait() -> None:
        if next(calls) == moment:
            fake.put("by hand ")

    write(Client(fake, wait), "one")
    assert fake.text == ("by hand one " if moment < CALLS - 1 else "by hand ")


@pytest.mark.parametrize("moment", range(CALLS))
@pytest.mark.parametrize("end", ["dies_before", "dies_after"])
def test_a_writer_that_dies_leaves_the_old_text_or_the_new_one_and_the_next_one_writes(
    end: str, moment: int
) -> None:
    fake = with_text("before ")
    dies: dict[str, Any] = {end: moment}
    with pytest.raises(Died):
        write(Client(fake, **dies), "one")
    is_put = moment > 2 or (moment, end) == (2, "dies_after")
    assert fake.text == ("before one " if is_put else "before ")
    kept = fake.text
    write(Client(fake), "two")
    assert fake.text == f"{kept}two "
    assert PENDING not in fake.labels


def test_a_move_whose_answer_was_lost_is_not_made_again_in_whatever_order() -> None:
    def both(choose: Callable[[list[int]], int]) -> None:
        fake = with_text("")
        assert run(fake, choose, repeats=True) == {}
        assert sorted(fake.text.split()) == ["one", "two"]

    assert len(list(every_order(both))) > 20


@given(st.data())
def test_three_writers_of_which_one_may_die_lose_nothing(data: st.DataObject) -> None:
    fake = STATES[data.draw(st.sampled_from(sorted(STATES)))]()
    before = fake.text.split() if fake.labels else []
    end = data.draw(st.sampled_from(["dies_before", "dies_after"]))
    moment = data.draw(st.none() | st.integers(0, 8))
    turns = iter(data.draw(st.lists(st.integers(0, 5), max_size=30)))
    errors = run(fake, lambda able: able[next(turns, 0) % len(able)], WORDS, **{end: moment})
    assert all(isinstance(error, Died) for error in errors.values()), errors
    written = [word for number, word in enumerate(WORDS) if number not in errors]
    found = fake.text.split()
    assert len(found) == len(set(found)), "each word once"
    assert {*before, *written} <= set(found) <= {*before, *WORDS}
