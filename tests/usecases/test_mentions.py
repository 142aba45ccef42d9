"""A message to Slack mentions whom the routes name that chose the alerts in it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from balance_watch.config.policy import parse_policy
from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.channels import AvailableChannels
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.notification import Notification
from balance_watch.domain.outages import decide_outages
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.policy import Policy, Route
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.slack_messages import MAX_BLOCKS, render
from balance_watch.store.outbox import entry_from_item, entry_to_item
from balance_watch.validation import Faults
from local.block_kit import faults as slack_faults
from tests.support.notifications import low
from tests.support.policies import faults_of
from tests.support.watchman import BOTH_WEBHOOKS, DAY, START, Watchman, below, failure, watching

TEAM, HERE = "<!subteam^S0123>", "<!here>"
ALLOWED = 'must be a user group "<!subteam^S…>", a user "<@U…>", "<!here>" or "<!channel>"'
HOSTILE = "<!channel> <@U0123> <!subteam^S0123> @here"


def mentions(entries: tuple[OutboxEntry, ...]) -> dict[str, tuple[str, ...]]:
    """Returns who is mentioned in which channel."""
    return {entry.channel: entry.notification.mentions for entry in entries}


def routed(*routes: Route) -> Watchman:
    return watching(
        below("20"), below("10", name="very low", severity=Severity.CRITICAL), routes=routes
    )


def message(*notifications: Notification) -> dict[str, Any]:
    ((_, only),) = render(notifications)
    assert not slack_faults(only["blocks"])
    return only


def opening(*notifications: Notification) -> str:
    """Returns the text of a message's first block."""
    return str(message(*notifications)["blocks"][0]["text"]["text"])


def texts(value: object) -> list[str]:
    """Returns every text within a message."""
    if isinstance(value, dict):
        return [text for member in value.values() for text in texts(member)]
    if isinstance(value, list):
        return [text for member in value for text in texts(member)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("mention", [TEAM, HERE, "<!channel>", "<@U0A1B2>", "<@W0A1B2>"])
def test_a_route_mentions_a_group_a_user_or_a_whole_channel(mention: str) -> None:
    text = f'[[routes]]\nchannels = ["slack:oncall"]\nmention = "{mention}"'
    parsed = parse_policy(text, "policy", Faults())
    assert parsed is not None
    assert [route.mention for route in parsed.policy.routes] == [mention]


@pytest.mark.parametrize(
    "mention",
    [
        "",
        "@here",
        "here",
        "<!everyone>",
        "<!here|x>",
        f"{TEAM}{HERE}",
        "<#C0123>",
        "<@u0>",
        "U0123",
    ],
)
def test_anything_else_is_a_fault_that_says_what_is_allowed(mention: str) -> None:
    assert faults_of(f'[[routes]]\nchannels = ["sns"]\nmention = "{mention}"') == [
        f"policy routes[0], mention: {ALLOWED}"
    ]


def test_what_fires_worsens_and_is_reminded_of_mentions() -> None:
    watchman = routed(Route({}, ("slack:oncall",), TEAM))
    for balance, after in (("15", timedelta(minutes=5)), ("8", timedelta(minutes=5)), ("8", DAY)):
        entries = watchman.check(balance, after)
        assert mentions(entries) == {"slack:oncall": (TEAM,)}, balance


def test_neither_an_end_nor_a_top_up_mentions_anybody() -> None:
    watchman = routed(Route({}, ("slack:oncall",), TEAM))
    watchman.check("8")
    entries = watchman.check("80")
    assert {entry.notification.reason for entry in entries} == {"resolved", "topped_up"}
    assert all(not entry.notification.mentions for entry in entries)


def test_a_channel_that_was_only_notified_before_is_not_mentioned_in() -> None:
    watchman = routed(
        Route({"severity": "critical"}, ("slack:oncall",), TEAM), Route({}, ("slack:default",))
    )
    watchman.check("15")
    entries = watchman.check("8")
    assert mentions(entries) == {"slack:oncall": (TEAM,), "slack:default": ()}


def test_where_the_routes_channel_is_missing_the_default_one_mentions() -> None:
    watchman = replace(
        routed(Route({}, ("slack:oncall",), TEAM)),
        channels=AvailableChannels(
            frozenset({"sns", "slack:default"}), defaults=("slack:default",)
        ),
    )
    assert mentions(watchman.check("8")) == {"slack:default": (TEAM,)}


def test_an_outage_mentions_whom_the_routes_of_its_accounts_name() -> None:
    policy = Policy(
        routes=(
            Route({"account": "a"}, ("slack:oncall",), TEAM),
            Route({"account": "b"}, ("slack:oncall", "sns"), HERE),
        )
    )
    context = AlertContext(
        policy.defaults,
        lambda facts: policy.channels_for(facts, BOTH_WEBHOOKS),
        mentioning=policy.mention_for,
    )
    accounts = tuple(Account(name, "you") for name in "abc")
    states = {
        it.name: AccountState(
            it.name,
            failure=ReadFailure(FailureKind.TIMED_OUT, "no"),
            alerts={Metric.UNREADABLE: Alert("unreadable", Severity.WARNING, START)},
        )
        for it in accounts
    }
    _, entries = decide_outages({}, {"you at host": accounts}, states, context=context, now=START)
    assert mentions(entries) == {
        "slack:oncall": (TEAM, HERE),
        "sns": (HERE,),
        "slack:default": (),
    }


def test_a_message_begins_with_its_mentions_each_once() -> None:
    alerts = [low(account="a", mentions=(TEAM,)), low(account="b", mentions=(HERE, TEAM))]
    assert opening(*alerts) == f"{TEAM} {HERE}"
    assert message(*alerts)["text"].startswith(f"{TEAM} {HERE}\n")


def test_good_news_mentions_nobody_even_beside_bad_news() -> None:
    over = low(account="a", reason="resolved", mentions=(HERE,))
    assert opening(low(account="b", mentions=(TEAM,)), over) == TEAM
    assert HERE not in str(message(over))


@pytest.mark.parametrize("number", [24, 48, 49, 120])
def test_a_message_with_mentions_has_no_more_blocks_than_slack_accepts(number: int) -> None:
    longest = [f"<!subteam^S{index:030}>" for index in range(number)]
    alerts = [low(account=f"a{index}", mentions=(it,)) for index, it in enumerate(longest)]
    for group, rendered in render(alerts):
        assert len(rendered["blocks"]) <= MAX_BLOCKS
        assert not slack_faults(rendered["blocks"])
        assert all(it.mentions[0] in rendered["blocks"][0]["text"]["text"] for it in group)


def test_no_name_or_text_of_others_mentions_anybody() -> None:
    alert = low(
        account=HOSTILE,
        provider=HOSTILE,
        rule=HOSTILE,
        currency=HOSTILE,
        detail=HOSTILE,
        labels={HOSTILE: HOSTILE},
    )
    found = [text for text in texts(message(alert)) if "<!" in text or "<@" in text]
    # Slack shows the date of the beginning in each reader's own zone.
    assert all("<!date^" in text and text.count("<!") == 1 for text in found)


def test_mentions_are_stored_with_the_entry() -> None:
    entry = OutboxEntry(low(mentions=(TEAM, HERE)), "slack:oncall", ("slack:oncall",))
    assert entry_from_item(entry_to_item(entry)) == entry


def test_an_account_that_cannot_be_read_mentions_as_well() -> None:
    watchman = routed(Route({}, ("slack:oncall",), TEAM))
    watchman.check("50")
    for _ in range(2):
        watchman.check(failure())
    assert mentions(watchman.check(failure())) == {"slack:oncall": (TEAM,)}
