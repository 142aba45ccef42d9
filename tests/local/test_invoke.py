"""`make invoke` names what is missing, and tells a failed run from a good one."""

import json
from pathlib import Path

import pytest

from local import invoke
from local.world import World

ARGUMENTS = ("CheckBalances", "events/scheduled_check.json")


def test_servers_are_named_as_a_container_reaches_them() -> None:
    with World(advertised="host.docker.internal") as world:
        addresses = [world.aws.url, world.vonage.url, world.slack.webhook("default")]
        trusted = world.environment["TRUSTED_HOSTS"].split(",")
    assert all(address.startswith("http://host.docker.internal:") for address in addresses)
    assert all(host.startswith("host.docker.internal:") for host in trusted)


@pytest.mark.parametrize("function", ["CheckBalances", "Second"])
def test_the_file_of_variables_is_for_the_function_and_holds_no_credentials(
    tmp_path: Path, function: str
) -> None:
    environment = {"TABLE_NAME": "history", "AWS_SECRET_ACCESS_KEY": "embedded"}
    file = invoke.write_variables(tmp_path / "new" / "env.json", function, environment)
    assert json.loads(file.read_text()) == {function: {"TABLE_NAME": "history"}}


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ('{"accounts": 10, "read": 10}', False),
        ('{"errorType": "RunIncomplete", "errorMessage": "2 undelivered"}', True),
        ("", True),
        ("null", True),
    ],
)
def test_an_error_of_the_function_is_a_failure(result: str, *, failed: bool) -> None:
    assert invoke.is_error(result) is failed


def test_without_docker_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    existing = tmp_path / "existing"
    existing.touch()
    monkeypatch.setattr(invoke, "SAM", existing)
    monkeypatch.setattr(invoke, "BUILT", existing)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert invoke.main(*ARGUMENTS) == 1
    assert "no Docker engine answers" in capsys.readouterr().err


def test_a_function_that_is_not_built_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sam").touch()
    monkeypatch.setattr(invoke, "SAM", tmp_path / "sam")
    monkeypatch.setattr(invoke, "BUILT", tmp_path / "template.yaml")
    assert invoke.main(*ARGUMENTS) == 1
    assert "sam build" in capsys.readouterr().err


def test_the_invoked_function_declares_the_endpoint_beside_its_own_variables(
    tmp_path: Path,
) -> None:
    built = tmp_path / "template.yaml"
    built.write_text(
        "Resources: {Check: {Properties: {CodeUri: Check, Environment: {Variables: {A: !Ref B}}}}}"
    )
    file = invoke.declare_endpoint(built, "Check")
    assert file.parent == tmp_path, "CodeUri is relative to the template"
    properties = json.loads(file.read_text())["Resources"]["Check"]["Properties"]
    assert properties["CodeUri"] == "Check"
    assert properties["Environment"]["Variables"] == {"A": {"Ref": "B"}, "AWS_ENDPOINT_URL": ""}
