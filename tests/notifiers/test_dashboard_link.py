"""Messages for people end with a link to the dashboard, if the stack has one."""

import json
from math import inf
from typing import Any

import pytest

from balance_watch.notifiers.channels import Connections
from balance_watch.notifiers.slack_messages import MAX_BLOCKS, linked
from balance_watch.notifiers.slack_messages import render as render_for_slack
from balance_watch.notifiers.sns import render
from balance_watch.transport import Transport
from local.block_kit import faults
from local.discord_inbox import DiscordInbox
from local.teams_inbox import TeamsInbox
from tests.support.examples import low_balance
from tests.support.inboxes import configured

CONSOLE = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home"
ADDRESS = f"{CONSOLE}?region=eu-west-1#dashboards/dashboard/x"


def slack(number: int = 1) -> dict[str, Any]:
    ((_, message),) = render_for_slack([low_balance(f"a{index}") for index in range(number)])
    return message


INBOXES = {"teams": TeamsInbox, "discord": DiscordInbox}


def posted(kind: str, dashboard: str) -> dict[str, Any]:
    """Returns the message that the service accepted from a channel of this kind."""
    with INBOXES[kind]() as inbox:
        connections = Connections(Transport([inbox.authority]), lambda _: None, dashboard)
        channel = configured(kind, inbox.secret).connect(connections)
        (result,) = channel.send([low_balance()], deadline=inf)
        assert (result.why, inbox.faults) == ("", [])
        return inbox.messages[0]


def test_slack_has_it_as_the_last_line() -> None:
    message = dict(linked(slack(), ADDRESS))
    assert faults(message["blocks"]) == []
    assert message["blocks"][-1]["elements"][0]["text"] == f"<{ADDRESS}|All balances>"


def test_a_full_message_to_slack_has_no_link() -> None:
    full: dict[str, Any] = {"blocks": [{}] * MAX_BLOCKS}
    assert linked(full, ADDRESS) == full


def test_a_mail_ends_with_it_and_machines_do_not_get_it() -> None:
    texts = json.loads(render(low_balance(), dashboard=ADDRESS)["Message"])
    assert texts["email"].endswith(f"\n\nAll balances: {ADDRESS}")
    assert ADDRESS not in texts["sqs"] + texts["sms"]


def test_teams_has_a_button() -> None:
    (card,) = posted("teams", ADDRESS)["attachments"]
    assert card["content"]["actions"] == [
        {"type": "Action.OpenUrl", "title": "All balances", "url": ADDRESS}
    ]


def test_discord_has_it_above_the_alerts_without_a_preview() -> None:
    assert posted("discord", ADDRESS)["content"] == f"[All balances](<{ADDRESS}>)"


@pytest.mark.parametrize("channel", ["teams", "discord"])
def test_without_a_dashboard_there_is_no_link(channel: str) -> None:
    assert "All balances" not in json.dumps(posted(channel, ""))
    assert linked(slack(), "") == slack()
    assert "All balances" not in render(low_balance())["Message"]
