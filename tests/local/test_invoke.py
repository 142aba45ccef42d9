"""`make invoke` says what it lacks, and tells a failed run from a good one."""

import json
from pathlib import Path

import pytest

from local import invoke
from local.world import World


def test_servers_are_named_as_a_container_reaches_them() -> None:
    with World(advertised="host.docker.internal") as world:
        addresses = [world.aws.url, world.vonage.url, world.slack.webhook("default")]
        trusted = world.environment["TRUSTED_HOSTS"].split(",")
    assert all(address.startswith("http://host.docker.internal:") for address in addresses)
    assert all(host.startswith("host.docker.internal:") for host in trusted)


def test_the_environment_file_is_for_the_function_and_holds_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoke, "ENVIRONMENT", tmp_path / "new" / "env.json")
    invoke.write_environment({"TABLE_NAME": "history", "AWS_SECRET_ACCESS_KEY": "embedded"})
    written = json.loads(invoke.ENVIRONMENT.read_text())
    assert written == {"CheckBalances": {"TABLE_NAME": "history"}}


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


def test_a_machine_without_docker_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    there.touch()
    monkeypatch.setattr(invoke, "SAM", there)
    monkeypatch.setattr(invoke, "BUILT", there)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert invoke.main() == 1
    assert "no Docker engine answers" in capsys.readouterr().err


def test_a_function_that_is_not_built_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sam").touch()
    monkeypatch.setattr(invoke, "SAM", tmp_path / "sam")
    monkeypatch.setattr(invoke, "BUILT", tmp_path / "template.yaml")
    assert invoke.main() == 1
    assert "sam build" in capsys.readouterr().err
