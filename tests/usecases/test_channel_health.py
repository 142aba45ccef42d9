"""Dead channels: their entries go to another one, they are announced and tried once a day."""

from datetime import timedelta

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure
from local.loopback import Reply
from local.slack_inbox import SlackInbox
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT, TICK

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def slack() -> SlackInbox:
    return SlackInbox()


def with_slack(bench: Bench, slack: SlackInbox) -> Bench:
    """Lets the check of the bench deliver to the real topic and to this inbox."""
    bench.put_secret("slack", {"webhooks": slack.webhooks})
    bench.deliver_to(slack.authority)
    bench.watch("a")
    return bench


DEAD = Reply(404, b"no_service", "text/plain")


def test_the_entries_of_a_dead_webhook_go_to_the_topic(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", DEAD)
        summary = bench.run()
    assert (summary.delivered, summary.undelivered, summary.complete) == (2, 0, True)
    reasons = [message.content["reason"] for message in bench.aws.published()]
    assert reasons == ["fired"], "the topic gets no second copy"


def test_a_dead_webhook_is_announced_through_another_channel(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", DEAD)
        bench.run()
        bench.aws.published()
        bench.run(NEXT)
    (message,) = bench.aws.published()
    assert (message.content["rule"], message.content["reason"]) == ("configuration", "fired")


def test_a_dead_webhook_is_tried_once_a_day(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack)
        slack.script("default", *[DEAD] * 9)
        for hour in range(23):
            bench.reads.failures["a"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
            if hour % 2:
                bench.reads.failures.clear()
            bench.run(TICK + hour * HOUR)
        assert len(slack.requests) == 1
        bench.reads.balances["a"] = LOW
        bench.run(TICK + 25 * HOUR)
        assert len(slack.requests) == 2, "once a day"


def test_a_webhook_that_accepts_again_is_no_longer_dead(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", DEAD)
        bench.run()
        bench.run(NEXT)
        bench.aws.published()
        bench.run(TICK + 2 * DAY)
        bench.run(TICK + 2 * DAY + HOUR)
        published = bench.aws.published()
        reasons = [(message.content["rule"], message.content["reason"]) for message in published]
    assert ("configuration", "resolved") in reasons
    assert slack.messages["default"]


def test_a_webhook_with_a_new_address_is_tried_at_once(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", DEAD)
        bench.run()
        bench.put_secret("slack", {"webhooks": {"default": slack.webhook("oncall")}})
        bench.reads.failures["a"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
        bench.run(NEXT)
        assert len(slack.messages["oncall"]) == 1


def test_the_table_does_not_contain_the_address(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", DEAD)
        bench.run()
        items = bench.scan()
    assert "gone" in str(items)
    assert slack.webhook("default") not in str(items)
