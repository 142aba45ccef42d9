"""The embedded stack has no buttons, unless its parameter says so."""

from balance_watch.config.settings import CheckSettings, SlackActionsSettings
from local.aws import EmbeddedAws
from local.stack import PARAMETERS


def test_the_function_behind_the_buttons_gets_the_table_and_the_check_to_begin() -> None:
    with EmbeddedAws(parameters={"SlackActions": "true"}) as aws:
        settings = SlackActionsSettings.from_environment(aws.environment_of("SlackActionsFunction"))
        assert settings.check_function == aws.physical_id("CheckBalances")
        assert settings.table_name == aws.environment["TABLE_NAME"]
        assert CheckSettings.from_environment(aws.environment).slack_actions


def test_by_default_there_are_none() -> None:
    assert "SlackActions" not in PARAMETERS
    with EmbeddedAws() as aws:
        assert not CheckSettings.from_environment(aws.environment).slack_actions
