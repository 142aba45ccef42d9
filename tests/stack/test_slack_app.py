"""slack-app.yaml: the manifest that people paste to make the app behind the buttons."""

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
    """A name of 35 characters, a description of 140 (docs.slack.dev/reference/app-manifest)."""
    shown = MANIFEST["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
