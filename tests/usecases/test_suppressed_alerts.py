"""A silence in the table mutes the alerts of a run, and costs one call."""

from collections import Counter
from datetime import timedelta

from balance_watch.domain.silences import Silence
from balance_watch.store.silences import Silences
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT, TICK

HOUR = timedelta(hours=1)


def silences_of(bench: Bench) -> Silences:
    return bench.wiring.store.silences


def silence(name: str = "s", hours: int = 1, **match: str) -> Silence:
    return Silence(name, match or {"account": "a"}, TICK + hours * HOUR, "migration", TICK)


def test_a_silence_mutes_alerts_until_it_ends(bench: Bench) -> None:
    bench.watch("a", "b")
    silences_of(bench).add(silence())
    bench.reads.balances.update(a=LOW, b=LOW)
    bench.run()
    bench.run(NEXT)
    assert bench.delivery.announced == [("b", "fired")]
    bench.run(TICK + HOUR)
    assert bench.delivery.announced == [("b", "fired"), ("a", "fired")]


def test_two_silences_are_independent(bench: Bench) -> None:
    bench.watch("a", "b")
    silences_of(bench).add(silence("one"))
    silences_of(bench).add(silence("two", account="b"))
    bench.reads.balances.update(a=LOW, b=LOW)
    bench.run()
    assert bench.delivery.announced == []
    silences_of(bench).end(silence("two", account="b"))
    bench.run(NEXT)
    assert bench.delivery.announced == [("b", "fired")]


def test_a_silence_that_was_added_before_the_first_run_is_active(bench: Bench) -> None:
    bench.watch("a")
    silences_of(bench).add(silence())
    bench.reads.balances["a"] = LOW
    assert bench.run().complete
    assert bench.delivery.announced == []


def test_a_silence_added_while_a_run_is_under_way_is_not_lost(bench: Bench) -> None:
    bench.watch("a")
    run = bench.store.runs.claim(TICK, 100)
    assert run is not None
    silences_of(bench).add(silence())
    bench.store.runs.close(run, run.record, done=True)
    assert [silence.name for silence in silences_of(bench).at(TICK)] == ["s"]


def test_a_malformed_silence_mutes_nothing(bench: Bench) -> None:
    bench.watch("a")
    bench.wiring.client("dynamodb").update_item(
        TableName=bench.wiring.settings.table_name,
        Key={"pk": {"S": "RUN"}, "sk": {"S": "RUN"}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": "silence:x"},
        ExpressionAttributeValues={":value": {"S": "garbage"}},
    )
    bench.reads.balances["a"] = LOW
    assert bench.run().complete
    assert bench.delivery.announced == [("a", "fired")]


def test_silences_cost_one_call(bench: Bench, calls: Counter[str]) -> None:
    bench.watch("a")
    bench.run()
    silences_of(bench).add(silence())
    calls.clear()
    bench.run(NEXT)
    assert sum(calls.values()) == 8
