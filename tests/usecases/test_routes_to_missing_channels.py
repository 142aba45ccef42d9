"""What is routed to a channel that is missing or dead reaches the default ones, once each."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.loopback import Reply
from local.slack_inbox import SlackInbox
from tests.support.check_bench import FINE, LOW, THIRD, Bench
from tests.support.examples import NEXT, TICK

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DEAD = Reply(404, b"no_service", "text/plain")


@pytest.fixture
def slack() -> Iterator[SlackInbox]:
    with SlackInbox(("default", "oncall", "team")) as slack:
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


def route(bench: Bench, *channels: str) -> None:
    names = ", ".join(f'"{channel}"' for channel in channels)
    bench.aws.put_policy(
        '[defaults]\nreminder = "5h"\n'
        f'[[routes]]\nmatch = {{ account = "a", rule = "alert_below" }}\nchannels = [{names}]\n'
    )


def heard(bench: Bench, slack: SlackInbox) -> dict[str, Counter[str]]:
    """How often each channel heard each headline of the account since the last call."""
    topic = Counter(
        it.content["reason"] for it in bench.aws.published() if it.content["rule"] == "alert_below"
    )
    webhooks = {
        name: Counter(
            line for message in messages for line in message["text"].split("\n") if "USD" in line
        )
        for name, messages in slack.messages.items()
    }
    for messages in slack.messages.values():
        messages.clear()
    return {name: lines for name, lines in {"sns": topic, **webhooks}.items() if lines}


def copies(bench: Bench, slack: SlackInbox) -> dict[str, int]:
    """How many lines of the account each channel heard since the last call."""
    return {name: sum(lines.values()) for name, lines in heard(bench, slack).items()}


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (("slack:oncall", "slack:team"), {"oncall", "team"}),
        (("slack:onkall", "slack:team"), {"sns", "default", "team"}),
        (("slack:default", "slack:onkall"), {"sns", "default"}),
        (("sns", "slack:onkall"), {"sns", "default"}),
        (("slack:onkall",), {"sns", "default"}),
    ],
)
def test_a_missing_channel_is_replaced_by_the_default_ones(
    low: Bench, slack: SlackInbox, channels: tuple[str, ...], expected: set[str]
) -> None:
    route(low, *channels)
    low.run()
    counts = heard(low, slack)
    assert set(counts) == expected
    assert all(set(lines.values()) == {1} for lines in counts.values())


def test_nobody_hears_anything_twice_while_a_routed_channel_is_dead(
    low: Bench, slack: SlackInbox
) -> None:
    route(low, "slack:oncall", "slack:team")
    slack.script("oncall", *[DEAD] * 9)
    low.run()
    assert copies(low, slack) == {"team": 1, "default": 1}, "the webhook dies"
    for pause in (5, 15, 35, 75, 155, 315):
        low.run(TICK + pause * MINUTE)
    assert copies(low, slack) == {"team": 1, "default": 1}, "it is tried again"
    low.run(TICK + 620 * MINUTE)
    assert copies(low, slack) == {"team": 1, "default": 1, "sns": 1}, "it is paused"
    assert len([it for it in slack.rejected if it.webhook == "oncall"]) == 7
    low.reads.balances["a"] = FINE
    low.run(TICK + 12 * HOUR)
    counts = heard(low, slack)
    assert set(counts) == {"team", "default", "sns"}
    assert all(max(lines.values()) == 1 for lines in counts.values())


def test_a_channel_that_appears_takes_its_alerts_over_and_all_who_were_notified_get_the_end(
    low: Bench, slack: SlackInbox
) -> None:
    low.put_secret("slack", {"webhooks": {"default": slack.webhook("default")}})
    route(low, "slack:oncall")
    low.run()
    assert set(heard(low, slack)) == {"sns", "default"}
    low.put_secret("slack", {"webhooks": slack.webhooks})
    low.run(NEXT)
    low.run(TICK + 6 * HOUR)
    assert set(heard(low, slack)) == {"sns", "default", "oncall"}, "a reminder"
    low.reads.balances["a"] = FINE
    low.run(TICK + 7 * HOUR)
    counts = heard(low, slack)
    assert {"sns", "default", "oncall"} == set(counts)
    assert all(max(lines.values()) == 1 for lines in counts.values())


def test_a_channel_that_disappears_hears_of_the_end_elsewhere_and_once(
    low: Bench, slack: SlackInbox
) -> None:
    route(low, "slack:oncall", "slack:team")
    low.run()
    heard(low, slack)
    low.put_secret(
        "slack", {"webhooks": {name: slack.webhook(name) for name in ("default", "team")}}
    )
    low.run(NEXT)
    low.reads.balances["a"] = FINE
    low.run(THIRD)
    counts = heard(low, slack)
    assert {"default", "team"} <= set(counts)
    assert all(max(lines.values()) == 1 for lines in counts.values())
