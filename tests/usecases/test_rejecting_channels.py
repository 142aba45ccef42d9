"""A channel that rejects everything for an hour is announced through another, until it accepts."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.run import RunRecord
from balance_watch.notifiers.channels import KINDS, ConfiguredChannel
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.delivery import DeliveryReport
from local.slack_inbox import NOT_OK, SlackInbox
from tests.support.canaries import webhook
from tests.support.check_bench import LOW, Bench
from tests.support.dynamodb_clients import Wrapped, failing, refusal
from tests.support.examples import TICK

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BUSY = dataclasses.replace(NOT_OK, status=503)
FOR_AN_HOUR = "It has accepted nothing for more than an hour."


@pytest.fixture
def slack() -> Iterator[SlackInbox]:
    with SlackInbox() as slack:
        yield slack


@pytest.fixture
def low(bench: Bench, slack: SlackInbox) -> Bench:
    """A bench with a low account, that delivers to the topic and to this inbox."""
    bench.put_secret("slack", {"webhooks": slack.webhooks})
    bench.deliver_to(slack.authority)
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.aws.published()
    return bench


def run_for(bench: Bench, minutes: range) -> None:
    for minute in minutes:
        bench.run(TICK + minute * MINUTE)


def published(bench: Bench) -> list[tuple[str, str]]:
    """The rule and the reason of each message to the topic since the last call."""
    return [(it.content["rule"], it.content["reason"]) for it in bench.aws.published()]


def faults(bench: Bench) -> list[str]:
    """The faults that the latest run found."""
    return list(bench.store.runs.record().configuration.faults)


def test_a_webhook_that_rejects_for_an_hour_is_announced_through_the_topic(
    low: Bench, slack: SlackInbox
) -> None:
    slack.script("default", *[BUSY] * 14)
    run_for(low, range(0, 65, 5))
    assert published(low) == [("alert_below", "fired")], "an hour is not over"
    low.run(TICK + 65 * MINUTE)
    assert published(low) == [("configuration", "fired")]
    (fault,) = faults(low)
    assert fault.startswith("slack webhook default: Slack answers")
    assert fault.endswith(FOR_AN_HOUR)


def test_it_is_announced_once_whatever_it_answers(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", *[BUSY] * 14)
    run_for(low, range(0, 70, 5))
    slack.script(
        "default", *[dataclasses.replace(NOT_OK, status=500 + number) for number in range(10)]
    )
    run_for(low, range(70, 115, 5))
    announced = [message for message in published(low) if message[0] == "configuration"]
    assert announced == [("configuration", "fired")]


def test_its_first_acceptance_ends_the_fault(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", *[BUSY] * 14)
    run_for(low, range(0, 80, 5))
    assert published(low)[-1] == ("configuration", "resolved")
    assert faults(low) == []


def test_an_acceptance_in_between_begins_the_hour_anew(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", *[BUSY] * 10)
    run_for(low, range(0, 55, 5))
    assert slack.messages["default"]
    low.reads.balances["a"] = "100"
    slack.script("default", *[BUSY] * 10)
    run_for(low, range(55, 100, 5))
    assert faults(low) == []


def test_a_single_rejection_is_no_fault_however_long_ago(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", NOT_OK)
    low.run(TICK)
    low.run(TICK + DAY)
    assert ("configuration", "fired") not in published(low)


def test_a_topic_that_rejects_for_an_hour_is_announced_in_slack(
    low: Bench, slack: SlackInbox
) -> None:
    refuse_to_publish(low)
    run_for(low, range(0, 70, 5))
    (fault,) = faults(low)
    assert fault == f"topic: SNS answers InternalError. {FOR_AN_HOUR}"
    assert "configuration" in slack.messages["default"][-1]["text"].lower()


def test_where_no_routed_channel_accepts_every_other_one_hears_of_it(
    low: Bench, slack: SlackInbox
) -> None:
    refuse_to_publish(low)
    low.aws.put_policy('[[routes]]\nchannels = ["sns"]\n')
    run_for(low, range(0, 70, 5))
    assert slack.messages["default"]
    assert slack.messages["oncall"]


def test_a_dead_webhook_is_announced_as_dead_alone(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", *[dataclasses.replace(NOT_OK, status=404, body=b"no_service")] * 9)
    run_for(low, range(0, 90, 5))
    (fault,) = faults(low)
    assert "It fails permanently" in fault


def test_a_webhook_that_was_down_for_a_month_gets_one_line_of_each_account_with_its_time(
    low: Bench, slack: SlackInbox
) -> None:
    low.watch("a", "b")
    low.reads.balances["b"] = LOW
    slack.script("default", *[BUSY] * 31)
    for day in range(31):
        if day == 20:
            low.reads.balances["b"] = "100"
        low.run(TICK + day * DAY)
    assert not slack.messages["default"]
    low.run(TICK + 30 * DAY + 5 * MINUTE)
    (message,) = slack.messages["default"]
    lines = message["text"].splitlines()
    assert [line for line in lines if "8.20 USD" in line] == [
        "Still: a is at 8.20 USD, threshold 20.00 USD"
    ]
    assert "Sent late: it was so on 22 Dec 2026 10:05 UTC." in str(message)
    low.run(TICK + 30 * DAY + 10 * MINUTE)
    assert low.store.outbox.pending().entries == []


def test_another_address_is_another_channel(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", *[BUSY] * 14)
    run_for(low, range(0, 65, 5))
    low.put_secret("slack", {"webhooks": {"default": slack.webhook("oncall")}})
    low.run(TICK + 65 * MINUTE)
    assert faults(low) == []


def test_a_channel_that_is_removed_is_no_fault(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", *[BUSY] * 14)
    run_for(low, range(0, 65, 5))
    low.put_secret("slack", {"webhooks": {}})
    low.run(TICK + 65 * MINUTE)
    assert faults(low) == []


def test_while_its_secret_cannot_be_read_it_is_still_a_fault(low: Bench, slack: SlackInbox) -> None:
    slack.script("default", *[BUSY] * 14)
    run_for(low, range(0, 65, 5))
    low.put_secret("slack", "no JSON")
    low.run(TICK + 65 * MINUTE)
    assert [fault.partition(":")[0] for fault in faults(low)] == [
        "secret balance-watch/slack",
        "slack webhook default",
    ]


def refuse_to_publish(bench: Bench) -> None:
    """Has SNS refuse every message to the topic."""
    working = bench.wiring.make_client

    def make_client(service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        client = working(service)
        error = refusal("InternalError", "PublishBatch")
        return Wrapped(client, publish_batch=failing(error)) if service == "sns" else client

    bench.wiring = replace(bench.wiring, make_client=make_client)
    bench.deliver = bench.wiring.deliver


CONFIGURED = Configuration(
    channels={"slack:default": ConfiguredChannel("slack:default", KINDS["slack"], webhook())}
)
REPORTS: dict[str, Callable[[], DeliveryReport]] = {
    "accepts": lambda: DeliveryReport(1, 0, recovered=frozenset({"slack:default"})),
    "rejects": lambda: DeliveryReport(0, 1, rejecting={"slack:default": "no"}),
    "nothing is sent": DeliveryReport,
}


@given(st.lists(st.tuples(st.integers(1, 90), st.sampled_from(sorted(REPORTS))), max_size=30))
def test_a_fault_needs_an_hour_of_nothing_but_rejections(life: list[tuple[int, str]]) -> None:
    record, now = RunRecord(), TICK
    rejections: list[datetime] = []
    for minutes, what in life:
        now += minutes * MINUTE
        health = ChannelHealth.remembered(record, CONFIGURED)
        record = health.after(REPORTS[what](), CONFIGURED, now).into(record)
        if what != "nothing is sent":
            rejections = [*rejections, now] if what == "rejects" else []
        expected = bool(rejections) and rejections[-1] - rejections[0] >= HOUR
        assert any(ChannelHealth.remembered(record, CONFIGURED).faults()) is expected


def test_of_many_rejecting_channels_a_run_remembers_a_hundred() -> None:
    channels = {
        f"slack:{number}": ConfiguredChannel(f"slack:{number}", KINDS["slack"], webhook())
        for number in range(200)
    }
    configuration = Configuration(channels=channels)
    report = DeliveryReport(0, 200, rejecting=dict.fromkeys(channels, "x" * 5000))
    record = ChannelHealth().after(report, configuration, TICK).into(RunRecord())
    assert len(record.failing_channels) == 100
    assert max(len(it.why) for _, it in record.failing_channels) <= 200
