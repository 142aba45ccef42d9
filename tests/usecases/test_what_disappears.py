"""What disappears: an account ends quietly, a webhook is told of elsewhere and not hammered."""

from datetime import timedelta

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure
from local.loopback import Reply
from local.slack_inbox import SlackInbox
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT, TICK

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def logged(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [vars(it)["account"] for it in caplog.records if text in it.getMessage()]


def test_an_account_that_disappears_ends_its_alerts_with_a_log_line_and_no_word(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watch("a", "b")
    bench.looks.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    assert bench.post.said == [("a", "fired")]
    assert logged(caplog, "account was removed") == ["a"]
    assert bench.store.accounts.states(["a"])["a"].alerts == {}
    assert len(bench.store.accounts.history("a", TICK, NEXT)) == 1, "its history stays"


def test_it_is_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.watch("a", "b")
    bench.looks.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    for hour in range(1, 4):
        bench.run(TICK + hour * HOUR)
    assert logged(caplog, "account was removed") == ["a"]


def test_an_account_that_comes_back_fires_anew(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.looks.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    bench.watch("a", "b")
    bench.run(TICK + DAY)
    assert bench.post.said == [("a", "fired"), ("a", "fired")]


def test_an_account_that_is_missing_by_a_fault_of_a_secret_keeps_its_alerts(bench: Bench) -> None:
    bench.watch("a")
    bench.looks.balances["a"] = LOW
    bench.run()
    bench.put_secret("accounts", "no JSON")
    bench.run(NEXT)
    bench.watch("a")
    bench.run(TICK + HOUR)
    assert [said for said in bench.post.said if said[0] == "a"] == [("a", "fired")]


def test_an_account_without_an_alert_goes_without_a_word(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    assert logged(caplog, "account was removed") == []


@pytest.fixture
def slack() -> SlackInbox:
    return SlackInbox()


def with_slack(bench: Bench, slack: SlackInbox) -> Bench:
    """Has the bench deliver to the real topic and to this inbox."""
    bench.put_secret("slack", {"webhooks": slack.webhooks})
    bench.delivers_to(slack.authority)
    bench.watch("a")
    return bench


GONE = Reply(404, b"no_service", "text/plain")


def test_what_a_webhook_that_is_gone_was_owed_goes_to_the_topic(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).looks.balances["a"] = LOW
        slack.script("default", GONE)
        summary = bench.run()
    assert (summary.delivered, summary.undelivered, summary.complete) == (2, 0, True)
    assert [it.content["reason"] for it in bench.aws.published()] == ["fired"], "and once only"


def test_a_webhook_that_is_gone_is_told_of_through_another_channel(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).looks.balances["a"] = LOW
        slack.script("default", GONE)
        bench.run()
        bench.aws.published()
        bench.run(NEXT)
    (said,) = bench.aws.published()
    assert (said.content["rule"], said.content["reason"]) == ("configuration", "fired")


def test_a_webhook_that_is_gone_is_not_hammered(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack)
        slack.script("default", *[GONE] * 9)
        for hour in range(23):
            bench.looks.failures["a"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
            if hour % 2:
                bench.looks.failures.clear()
            bench.run(TICK + hour * HOUR)
        assert len(slack.requests) == 1
        bench.looks.balances["a"] = LOW
        bench.run(TICK + 25 * HOUR)
        assert len(slack.requests) == 2, "once a day"


def test_a_webhook_that_takes_again_is_gone_no_more(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).looks.balances["a"] = LOW
        slack.script("default", GONE)
        bench.run()
        bench.run(NEXT)
        bench.aws.published()
        bench.run(TICK + 2 * DAY)
        bench.run(TICK + 2 * DAY + HOUR)
        reasons = [(it.content["rule"], it.content["reason"]) for it in bench.aws.published()]
    assert ("configuration", "resolved") in reasons
    assert slack.messages["default"]


def test_a_new_address_is_tried_at_once(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).looks.balances["a"] = LOW
        slack.script("default", GONE)
        bench.run()
        bench.put_secret("slack", {"webhooks": {"default": slack.webhook("oncall")}})
        bench.looks.failures["a"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
        bench.run(NEXT)
        assert len(slack.messages["oncall"]) == 1


def test_the_table_does_not_hold_the_address(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).looks.balances["a"] = LOW
        slack.script("default", GONE)
        bench.run()
        items = bench.scan()
    assert "gone" in str(items)
    assert slack.webhook("default") not in str(items)
