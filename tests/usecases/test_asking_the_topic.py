"""When SNS is asked for the subscribers of the topic, and what its answer changes."""

from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace

from balance_watch.notifiers.subscribers import ConfirmedSubscribers
from balance_watch.usecases.summary import Summary
from tests.support.check_bench import THIRD, Bench
from tests.support.examples import NEXT, TICK
from tests.support.silent_topic import NOBODY, faults, put_webhooks, run_asking

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_the_topic_is_asked_in_the_first_run_and_once_a_day(
    bench: Bench, calls: Counter[str]
) -> None:
    bench.watch("a")
    for minutes in range(0, 3 * 24 * 60, 60):
        bench.run(TICK + timedelta(minutes=minutes))
    assert calls["GetTopicAttributes"] == 3


def test_a_topic_that_nobody_needs_is_asked_once_a_day_too(
    silent: Bench, calls: Counter[str]
) -> None:
    put_webhooks(silent, "default")
    for hour in range(25):
        silent.run(TICK + hour * HOUR)
    assert calls["GetTopicAttributes"] == 2


def test_while_nobody_hears_the_topic_is_asked_in_every_run(
    silent: Bench, calls: Counter[str]
) -> None:
    for tick in (TICK, NEXT, THIRD):
        silent.run(tick)
    assert calls["GetTopicAttributes"] == 3


def test_another_topic_is_asked_at_once(silent: Bench, calls: Counter[str]) -> None:
    silent.aws.count_subscribers(1)
    silent.run()
    elsewhere = f"{silent.wiring.settings.topic_arn}-new"
    settings = replace(silent.wiring.settings, topic_arn=elsewhere)
    silent.wiring = replace(silent.wiring, settings=settings)
    silent.run(NEXT)
    assert calls["GetTopicAttributes"] == 2
    assert faults(silent) == [NOBODY], "it does not exist"


def test_without_the_right_to_ask_nothing_is_a_fault_but_a_log_line(
    silent: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    denied = ConfirmedSubscribers(None, "SNS answers AuthorizationError.", is_denied=True)
    assert run_asking(silent, TICK, denied) == Summary(TICK, accounts=1, read=1)
    assert run_asking(silent, NEXT, denied) == Summary(NEXT, accounts=1, read=1)
    logged = [it for it in caplog.records if "subscribers" in it.getMessage()]
    assert [vars(it)["why"] for it in logged] == [denied.why], "once a day"


def test_an_answer_that_fails_ends_no_fault(silent: Bench) -> None:
    silent.run()
    run_asking(silent, NEXT, ConfirmedSubscribers(None, "SNS answers InternalError."))
    assert faults(silent) == [NOBODY]


def test_a_right_that_is_taken_away_ends_the_fault(silent: Bench) -> None:
    silent.run()
    run_asking(silent, NEXT, ConfirmedSubscribers(None, "denied", is_denied=True))
    assert faults(silent) == []


def test_a_topic_that_loses_its_last_subscriber_is_noticed_within_a_day(bench: Bench) -> None:
    bench.watch("a")
    bench.run()
    bench.aws.count_subscribers(0)
    bench.run(TICK + DAY)
    bench.aws.count_subscribers(1)
    assert faults(bench) == [NOBODY]
