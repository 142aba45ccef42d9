"""Adding and ending silences, without the command line."""

from datetime import timedelta
from typing import Any

import pytest

from balance_watch.domain.silences import Silence
from balance_watch.errors import SilenceError
from balance_watch.store.silences import Silences
from balance_watch.store.table import Table
from balance_watch.usecases import silencing
from tests.support.examples import TICK
from tests.support.tables import new_table

MATCH = {"provider": "vonage", "labels.team": "s*"}
HOUR = timedelta(hours=1)


@pytest.fixture
def silences(clients: dict[str, Any]) -> Silences:
    client = clients["dynamodb"]
    return Silences(Table(client, new_table(client)))


def add(
    silences: Silences,
    match: dict[str, str] = MATCH,
    duration: timedelta = HOUR,
    reason: str = "migration",
) -> Silence:
    return silencing.add(silences, match, duration, reason, TICK)


def test_an_added_silence_is_active_until_its_duration_is_over(silences: Silences) -> None:
    silence = add(silences, reason=" migration ")
    assert silence == Silence(silence.name, MATCH, TICK + HOUR, "migration", TICK)
    assert silences.at(TICK) == (silence,)
    assert silences.at(TICK + HOUR) == ()


def test_two_silences_have_different_names(silences: Silences) -> None:
    assert add(silences).name != add(silences).name
    assert len(silences.at(TICK)) == 2


@pytest.mark.parametrize("duration", [timedelta(minutes=1), timedelta(days=31)])
def test_the_shortest_and_the_longest_duration_are_valid(
    silences: Silences, duration: timedelta
) -> None:
    assert add(silences, duration=duration).until == TICK + duration


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"duration": timedelta(seconds=59)}, "The duration must be between 1m and 31d."),
        ({"duration": timedelta(days=31, seconds=1)}, "The duration must be between 1m and 31d."),
        ({"reason": " "}, "The reason must be 1 to 200 characters on one line."),
        ({"reason": "x" * 201}, "The reason must be 1 to 200 characters on one line."),
        ({"reason": "two\nlines"}, "The reason must be 1 to 200 characters on one line."),
        ({"match": {}}, "The match must name at least one fact."),
        ({"match": {"account": ""}}, "The match must be FACT=GLOB, where FACT is one of account"),
        ({"match": {"account": "a", "teem": "x"}}, "The match must be FACT=GLOB"),
        ({"match": {"account": "a" * 193}}, "The match must be at most 200 characters."),
        ({"match": {"metric": "balanse"}}, "The match matches no metric: choose from balance"),
        ({"match": {"severity": "high"}}, "choose from critical, warning, info."),
    ],
)
def test_an_invalid_silence_is_not_added(
    silences: Silences, part: dict[str, Any], message: str
) -> None:
    with pytest.raises(SilenceError) as raised:
        add(silences, **part)
    assert message in str(raised.value)
    assert silences.at(TICK) == ()


def test_a_glob_may_match_some_of_the_metrics(silences: Silences) -> None:
    assert add(silences, {"metric": "provider_*", "severity": "[wi]*"}).match


def test_there_may_be_more_silences_than_an_item_could_hold(silences: Silences) -> None:
    added = {add(silences).name for _ in range(30)}
    assert {silence.name for silence in silences.at(TICK)} == added


def test_a_silence_that_is_ended_is_no_longer_active(silences: Silences) -> None:
    ended, kept = add(silences), add(silences)
    assert silencing.end(silences, ended.name, TICK)
    assert silences.at(TICK) == (kept,)


@pytest.mark.parametrize("later", [timedelta(), HOUR])
def test_an_unknown_silence_and_one_that_is_over_cannot_be_ended(
    silences: Silences, later: timedelta
) -> None:
    name = add(silences).name if later else "k7xq2"
    assert not silencing.end(silences, name, TICK + later)
