"""Channels that refuse: others hear in their place, and they get what still holds in the end."""

import dataclasses
from datetime import timedelta

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.silences import Silence
from local.loopback import Reply
from local.slack_inbox import LOST, NOT_OK, SlackInbox
from tests.support.check_bench import FINE, LOW, Bench
from tests.support.examples import NEXT, TICK

MINUTE = timedelta(minutes=1)


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
    assert (summary.delivered, summary.undelivered, summary.complete) == (1, 0, True)
    reasons = [message.content["reason"] for message in bench.aws.published()]
    assert reasons == ["fired"], "the topic gets no second copy"


def runs_until(bench: Bench, minutes: int) -> None:
    """Runs the check every five minutes."""
    for minute in range(0, minutes + 1, 5):
        bench.run(TICK + minute * MINUTE)


def rules(bench: Bench) -> list[tuple[str, str]]:
    """The rule and the reason of what the topic got since the last call."""
    return [(it.content["rule"], it.content["reason"]) for it in bench.aws.published()]


def test_a_stray_refusal_is_no_fault_and_the_webhook_gets_the_alert_in_the_next_run(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", DEAD)
        bench.run()
        bench.run(NEXT)
    assert rules(bench) == [("alert_below", "fired")]
    (message,) = slack.messages["default"]
    assert "a is at 8.20 USD" in message["text"]
    assert "Sent late: it was so on 22 Nov 2026 10:05 UTC." in str(message)


def test_a_webhook_that_refuses_for_half_an_hour_is_announced_through_another_channel(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", *[DEAD] * 9)
        runs_until(bench, 30)
        assert rules(bench) == [("alert_below", "fired")], "it may still pass"
        runs_until(bench, 45)
    assert rules(bench) == [("configuration", "fired")]


def test_a_webhook_that_refuses_is_tried_after_growing_pauses(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", *[DEAD] * 99)
        tried = []
        around_the_later_tries = (310, 315, 320, 630, 635, 640)
        for minute in (*range(0, 165, 5), *around_the_later_tries):
            before = len(slack.requests)
            bench.run(TICK + minute * MINUTE)
            tried += [minute] * (len(slack.requests) - before)
    assert tried == [0, 5, 15, 35, 75, 155, 315, 635]


def test_a_webhook_that_takes_again_gets_what_still_holds_and_its_fault_ends(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).watch("a", "b")
        bench.reads.balances |= {"a": LOW, "b": LOW}
        slack.script("default", *[DEAD] * 5)
        runs_until(bench, 80)
        bench.reads.balances["b"] = FINE
        bench.run(TICK + 155 * MINUTE)
        bench.run(TICK + 160 * MINUTE)
    assert ("configuration", "resolved") in rules(bench)
    text = "\n".join(message["text"] for message in slack.messages["default"])
    assert "a is at 8.20 USD" in text
    assert "b is at 8.20 USD" not in text, "that no longer holds"


def test_an_alert_that_began_and_ended_while_everything_was_rejected_is_not_sent(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script(
            "default",
            dataclasses.replace(NOT_OK, status=503),
            dataclasses.replace(NOT_OK, status=503),
        )
        bench.run()
        bench.run(NEXT)
        bench.reads.balances["a"] = FINE
        bench.run(NEXT + 5 * MINUTE)
    text = "\n".join(message["text"] for message in slack.messages["default"])
    assert "8.20 USD" not in text
    assert "recovered" not in text


@pytest.mark.parametrize("then", [LOST, NOT_OK], ids=["no answer", "another word"])
def test_a_webhook_that_refused_and_may_have_taken_an_alert_later_hears_its_end(
    bench: Bench, slack: SlackInbox, then: Reply
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", DEAD, then)
        bench.run()
        bench.run(NEXT)
        bench.reads.balances["a"] = FINE
        bench.run(TICK + 15 * MINUTE)
    assert "a has recovered" in slack.messages["default"][-1]["text"]


def test_a_rejection_does_not_hide_that_the_answer_before_it_was_no_rejection(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", LOST, dataclasses.replace(NOT_OK, status=503))
        bench.run()
        bench.run(NEXT)
        bench.reads.balances["a"] = FINE
        bench.run(TICK + 10 * MINUTE)
    assert "a has recovered" in slack.messages["default"][-1]["text"]


def silence_until(bench: Bench, minute: int) -> None:
    """Silences the account from the second run to this minute."""
    until = TICK + minute * MINUTE
    bench.store.silences.add(Silence("s", {"account": "a"}, until, "moving", TICK + MINUTE))


def test_an_end_announced_after_a_silence_is_not_sent_to_a_webhook_that_rejected_all_of_it(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", *[dataclasses.replace(NOT_OK, status=503)] * 2)
        bench.run()
        silence_until(bench, 20)
        bench.reads.balances["a"] = FINE
        for minute in (5, 10, 15, 20, 25):
            assert bench.run(TICK + minute * MINUTE).complete is (minute != 20)
    assert "recovered" not in str(slack.messages["default"])
    assert ("alert_below", "resolved") in rules(bench)
    assert bench.store.outbox.pending().entries == []


def test_who_heard_in_its_place_hears_the_end_after_a_silence(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        bench.aws.put_policy('[[routes]]\nchannels = ["slack:oncall"]\n')
        bench.put_secret("slack", {"webhooks": {"oncall": slack.webhook("oncall")}})
        slack.script("oncall", DEAD)
        bench.run()
        silence_until(bench, 20)
        bench.reads.balances["a"] = FINE
        for minute in (5, 10, 15, 20, 25):
            bench.run(TICK + minute * MINUTE)
    assert rules(bench) == [("alert_below", "fired"), ("alert_below", "resolved")]


def test_who_heard_in_its_place_hears_the_end(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        bench.aws.put_policy('[[routes]]\nchannels = ["slack:oncall"]\n')
        bench.put_secret("slack", {"webhooks": {"oncall": slack.webhook("oncall")}})
        slack.script("oncall", DEAD)
        bench.run()
        bench.reads.balances["a"] = FINE
        bench.run(NEXT - timedelta(minutes=1))
    assert rules(bench)[:2] == [("alert_below", "fired"), ("alert_below", "resolved")]
    assert not slack.messages["oncall"]


def test_a_webhook_that_answers_with_another_word_is_not_posted_to_at_every_run(
    bench: Bench, slack: SlackInbox
) -> None:
    with slack:
        with_slack(bench, slack).reads.balances["a"] = LOW
        slack.script("default", *[NOT_OK] * 99)
        runs_until(bench, 60)
        assert len(slack.requests) == 4
        assert not bench.run(TICK + 65 * MINUTE).complete, "nobody knows whether it has arrived"


def test_such_a_webhook_gets_a_new_alert_at_once(bench: Bench, slack: SlackInbox) -> None:
    with slack:
        with_slack(bench, slack).watch("a", "b")
        bench.reads.balances |= {"a": LOW, "b": FINE}
        slack.script("default", *[NOT_OK] * 4)
        runs_until(bench, 60)
        bench.reads.balances["b"] = LOW
        bench.run(TICK + 65 * MINUTE)
    assert "b is at 8.20 USD" in slack.messages["default"][0]["text"]


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
    assert "no_service" in str(items)
    assert slack.webhook("default") not in str(items)
