"""The README's first half hour, command by command, in the emulator of tests/e2e/test_deploy.py.

Where a command asks, the test answers at a pseudo-terminal.
"""

import re
from pathlib import Path

import pytest

from local.slack_inbox import SlackInbox
from tests.support.canaries import key
from tests.support.deployments import STACK, Deployment, Project
from tests.support.ministack import Account
from tests.support.terminal import Terminal
from tests.support.watched import ACCOUNT, Watched

pytestmark = pytest.mark.e2e


def test_the_commands_of_the_readme_lead_from_a_deployment_to_an_alert_in_slack(
    tmp_path: Path, account: Account, watched: Watched
) -> None:
    project = Project(tmp_path)
    trusted = f"PARAMETERS=TrustedHosts={watched.trusted_hosts}"
    project.run(account, "make", "deploy", "REGION=eu-central-1", "EMAIL=ops@example.com", trusted)

    def at_a_terminal(*words: str) -> Terminal:
        return Terminal(["balance-watch", *words], project.environment(account), columns=100)

    with at_a_terminal("channels", "add", "slack", "default") as terminal:
        terminal.answer(
            "Address of the webhook default (hidden): ", watched.slack.webhook("default")
        )
        terminal.answer("Send a test message to it? [Y/n]: ")
        terminal.expect("accepted the test message")
        assert terminal.end() == 0
    assert len(heard(watched.slack)) == 1

    # The provider is here, and not at its own address.
    with at_a_terminal("accounts", "add", "--base-url", watched.provider.url) as terminal:
        terminal.answer("Provider (a part of its name): ", "you.com")
        terminal.answer("Is it you? [Y/n]: ")
        terminal.answer("Name of the account [you]: ", "books")
        terminal.answer("api_key (hidden): ", key(ACCOUNT))
        terminal.expect("books has 90.00 USD")
        terminal.answer("Alert below (a number, or none) [9]: ", "50")
        terminal.answer("Labels, such as team=search (Enter: none): ", "team=books")
        terminal.answer("Store it? [Y/n]: ")
        terminal.expect("Stored. The next check reads books.")
        assert terminal.end() == 0

    with at_a_terminal("check") as terminal:
        assert terminal.end() == 0, terminal.screen
    assert len(heard(watched.slack)) == 1

    # The emulator's simulator of IAM leaves out the context, so that a right with a condition is
    # denied: that on the topic's key is the only one.
    with at_a_terminal("doctor") as terminal:
        assert terminal.end() == 1, terminal.screen
    assert len(re.findall("^!", terminal.screen, re.MULTILINE)) == 1, terminal.screen
    words = " ".join(terminal.screen.split())  # lines are wrapped at the terminal's width
    assert "! rights: " in words
    assert "may not do kms:Decrypt, kms:GenerateDataKey on arn:aws:kms:" in words

    with at_a_terminal("channels", "test") as terminal:
        terminal.expect("slack:default  accepted the test message")
        assert terminal.end() == 0
    assert len(heard(watched.slack)) == 2

    # The stack's own function reads the account that the prompts have stored, and alerts.
    watched.balance = "49"
    assert Deployment(project, account, STACK).check()["fired"] == 1
    assert "books" in heard(watched.slack)[-1]
    assert watched.slack.rejected == []

    with at_a_terminal("status", "--exit-code") as terminal:
        terminal.expect("alert_below  books    49.00 USD")
        assert terminal.end() == 3, terminal.screen


def heard(slack: SlackInbox) -> list[str]:
    return [message["text"] for message in slack.messages["default"]]
