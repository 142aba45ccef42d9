"""A command that needs the configuration reads the policy and the secrets once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.model import OperationModel

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

CONFIGURATION = ("GetParameter", "BatchGetSecretValue")


@pytest.fixture
def calls(stage: "Stage", monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts the calls of every client that a command makes."""
    del stage
    counted: Counter[str] = Counter()

    def count(model: OperationModel, **_: object) -> None:
        counted[model.name] += 1

    session = boto3.Session()
    session.events.register("before-call", count)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    yield counted
    session.events.unregister("before-call", count)


@pytest.mark.parametrize(
    "words",
    [("check",), ("accounts",), ("top-up", "sms", "--yes")],
    ids=" ".join,
)
def test_a_command_reads_the_policy_and_the_secrets_once(
    run: "Run", calls: Counter[str], words: tuple[str, ...]
) -> None:
    assert not run(*words).err
    assert {name: calls[name] for name in CONFIGURATION} == dict.fromkeys(CONFIGURATION, 1)


def test_a_policy_that_is_put_is_compared_with_what_is_read_once(
    run: "Run", calls: Counter[str], tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("# Nothing.\n")
    assert run("policy", "put", str(file), "--yes").code == 0
    assert (calls["PutParameter"], calls["GetParameter"], calls["BatchGetSecretValue"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--json"),
        ("history", "sms"),
        ("explain", "sms"),
        ("silence", "list"),
        ("silence", "add", "--match", "account=sms", "--for", "1h", "--reason", "x"),
    ],
    ids=" ".join,
)
def test_a_command_that_looks_reads_no_secret(
    run: "Run", calls: Counter[str], words: tuple[str, ...]
) -> None:
    run("check")
    calls.clear()
    assert run(*words).code == 0
    assert not [name for name in calls if "Secret" in name]


def test_silences_are_listed_without_the_configuration(run: "Run", calls: Counter[str]) -> None:
    assert run("silence", "list").code == 0
    assert not {name for name in CONFIGURATION if calls[name]}
