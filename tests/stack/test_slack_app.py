"""slack-app.yaml: the manifest that people paste to make the app behind the buttons."""

import re
from typing import Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from tests.support.templates import ROOT

MANIFEST: dict[str, Any] = yaml_parse((ROOT / "slack-app.yaml").read_text(encoding="utf-8"))


def test_the_app_has_webhooks_and_sends_presses_to_the_output_of_the_stack() -> None:
    assert MANIFEST["oauth_config"]["scopes"]["bot"] == ["incoming-webhook"]
    interactivity = MANIFEST["settings"]["interactivity"]
    assert interactivity["is_enabled"] is True
    assert "SlackActionsUrl" in interactivity["request_url"]
    assert not MANIFEST["settings"]["socket_mode_enabled"]


def test_the_app_is_within_slacks_limits() -> None:
    """docs.slack.dev/reference/app-manifest, and slackapi/manifest-schema 1.0.0."""
    shown = MANIFEST["display_information"]
    assert 1 <= len(shown["name"]) <= 35
    assert 1 <= len(shown["description"]) <= 140
    assert re.fullmatch("#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?", shown["background_color"])
    assert re.fullmatch("[a-z0-9._-]{1,80}", MANIFEST["features"]["bot_user"]["display_name"])
    request_url = MANIFEST["settings"]["interactivity"]["request_url"]
    assert request_url.startswith("https://")
    assert len(request_url) <= 3500


def test_the_app_has_no_field_that_slack_does_not_know() -> None:
    """Slack refuses a manifest with any other (`additionalProperties` in the same schema)."""
    assert {section: set(content) for section, content in MANIFEST.items()} == {
        "display_information": {"name", "description", "background_color"},
        "features": {"bot_user"},
        "oauth_config": {"scopes"},
        "settings": {
            "incoming_webhooks",
            "interactivity",
            "org_deploy_enabled",
            "socket_mode_enabled",
            "token_rotation_enabled",
        },
    }
    assert MANIFEST["settings"]["incoming_webhooks"] == {"incoming_webhooks_enabled": True}
    assert MANIFEST["settings"]["interactivity"].keys() == {"is_enabled", "request_url"}
    assert MANIFEST["features"]["bot_user"].keys() == {"display_name", "always_online"}
