"""A silent topic: a fault where nobody hears, announced through whatever channel is left."""

from datetime import timedelta

import pytest

from local.loopback import Reply
from local.slack_inbox import SlackInbox
from tests.support.check_bench import LOW, THIRD, Bench
from tests.support.examples import NEXT, TICK
from tests.support.silent_topic import NOBODY, faults, put_webhooks

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OTHERS = f"{NOBODY} that no route sends elsewhere"
ALONE = (
    "policy routes[0]: its alerts go to the topic alone, which has no confirmed subscriber:"
    " nobody hears them"
)
DEAD = Reply(404, b"no_service", "text/plain")


def route(match: str, *channels: str) -> str:
    names = ", ".join(f'"{channel}"' for channel in channels)
    return f"[[routes]]\nmatch = {{ {match} }}\nchannels = [{names}]\n"


def test_without_a_subscriber_and_a_default_webhook_nobody_hears(silent: Bench) -> None:
    assert silent.run().fired == 1
    assert faults(silent) == [NOBODY]


def test_a_new_stack_whose_subscriber_has_not_confirmed_says_just_that(silent: Bench) -> None:
    silent.run()
    (entry,) = silent.delivery.accepted
    assert entry.notification.detail == NOBODY
    assert (entry.channel, entry.notification.severity) == ("sns", "critical")


@pytest.mark.parametrize("names", [("oncall",), ("oncall", "team")])
def test_a_webhook_that_is_not_the_default_one_does_not_hear_what_no_route_sends_to_it(
    silent: Bench, names: tuple[str, ...]
) -> None:
    put_webhooks(silent, *names)
    silent.run()
    assert faults(silent) == [NOBODY]
    channels = {entry.channel for entry in silent.delivery.accepted}
    assert channels == {"sns", *(f"slack:{name}" for name in names)}, "through what is left"


def test_only_the_alert_about_the_configuration_goes_to_other_channels(silent: Bench) -> None:
    put_webhooks(silent, "oncall")
    silent.reads.balances["a"] = LOW
    silent.run()
    sent = {(entry.notification.account, entry.channel) for entry in silent.delivery.accepted}
    assert sent == {("a", "sns"), ("configuration", "sns"), ("configuration", "slack:oncall")}


def test_a_default_webhook_hears(silent: Bench) -> None:
    put_webhooks(silent, "default")
    assert silent.run().complete
    assert faults(silent) == []


def test_a_webhook_that_may_be_in_a_secret_with_a_fault_may_hear(silent: Bench) -> None:
    silent.put_secret("slack", "no JSON")
    silent.run()
    assert faults(silent) == ["secret balance-watch/slack: is not JSON"]


def test_a_confirmed_subscriber_hears(bench: Bench) -> None:
    bench.watch("a")
    bench.run()
    assert faults(bench) == []


def test_the_fault_ends_with_the_next_run_after_somebody_has_confirmed(silent: Bench) -> None:
    silent.run()
    silent.aws.count_subscribers(1)
    silent.run(NEXT)
    assert silent.delivery.announced == [("configuration", "fired"), ("configuration", "resolved")]


def test_the_fault_is_announced_once(silent: Bench) -> None:
    for tick in (TICK, NEXT, THIRD, TICK + HOUR):
        silent.run(tick)
    assert silent.delivery.announced == [("configuration", "fired")]


def test_a_default_webhook_that_is_removed_leaves_nobody(silent: Bench) -> None:
    put_webhooks(silent, "default")
    silent.run()
    put_webhooks(silent)
    silent.run(NEXT)
    assert faults(silent) == [NOBODY]


def test_a_default_webhook_that_is_dead_leaves_nobody(silent: Bench) -> None:
    with SlackInbox(("default",)) as slack:
        silent.put_secret("slack", {"webhooks": slack.webhooks})
        silent.deliver_to(slack.authority)
        silent.reads.balances["a"] = LOW
        slack.script("default", *[DEAD] * 9)
        for number in range(9):
            silent.run(TICK + number * (NEXT - TICK))
    nobody, dead = faults(silent)
    assert nobody == NOBODY.replace(
        "no default webhook or service", "the default webhook fails permanently"
    )
    assert dead.startswith("slack webhook default: ")


def test_a_route_to_the_silent_topic_alone_is_a_fault(silent: Bench) -> None:
    put_webhooks(silent, "default", "oncall")
    silent.aws.put_policy(
        route('severity = "critical"', "sns")
        + route('severity = "warning"', "sns", "slack:oncall")
        + route('severity = "info"', "slack:oncall")
    )
    silent.run()
    assert faults(silent) == [ALONE]


def test_a_route_to_a_channel_that_is_missing_is_heard_by_the_default_webhook(
    silent: Bench,
) -> None:
    put_webhooks(silent, "default")
    silent.aws.put_policy(route('severity = "critical"', "slack:onkall", "sns"))
    silent.run()
    (missing,) = faults(silent)
    assert "slack:onkall does not exist" in missing


def test_alerts_that_no_route_sends_elsewhere_are_not_heard(silent: Bench) -> None:
    put_webhooks(silent, "oncall")
    silent.aws.put_policy(route('severity = "critical"', "slack:oncall"))
    silent.run()
    assert faults(silent) == [OTHERS]
    assert [entry.channel for entry in silent.delivery.accepted] == ["slack:oncall"]


@pytest.mark.parametrize(
    "policy",
    [
        route("", "slack:oncall"),
        route('account = "*", severity = "*"', "slack:oncall"),
        route("", "slack:oncall") + route('severity = "critical"', "sns"),
        route('severity = "critical"', "slack:oncall")
        + route('severity = "w*"', "slack:oncall")
        + route('severity = "info"', "slack:oncall"),
    ],
)
def test_where_routes_send_every_alert_to_a_webhook_somebody_hears(
    silent: Bench, policy: str
) -> None:
    put_webhooks(silent, "oncall")
    silent.aws.put_policy(policy)
    silent.run()
    assert faults(silent) == []


def test_the_same_tick_again_announces_nothing_again(silent: Bench) -> None:
    silent.reads.out_of_time = {"a"}
    assert not silent.run().complete
    silent.run()
    assert silent.delivery.announced == [("configuration", "fired")]
