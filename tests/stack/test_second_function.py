"""A second function is its handler and its resources: all else finds it in the template."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws import EmbeddedAws
from local.stack import Function, functions
from tests.support.templates import EXTENDED, OURS, ROOT


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    template = tmp_path_factory.mktemp("stack") / "template.json"
    template.write_text(json.dumps(EXTENDED.sam))
    with EmbeddedAws(template) as embedded:
        yield embedded


def commands(target: str) -> str:
    """Returns the commands that `sam build` would run for a function."""
    return subprocess.run(  # noqa: S603 (our own Makefile)
        ["make", "--dry-run", target, "ARTIFACTS_DIR=/package"],  # noqa: S607 (make is on the PATH)
        cwd=ROOT / "functions",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_the_functions_are_found_in_the_template() -> None:
    assert list(functions(EXTENDED.sam)) == [*functions(OURS.sam), "Second"]


def test_it_has_the_common_variables_and_its_own_and_no_others() -> None:
    assert EXTENDED.functions["Second"] == Function(
        handler="balance_watch.handlers.second.handler",
        timeout=30,
        variables=frozenset({"LOG_LEVEL", "TABLE_NAME", "TRUSTED_HOSTS"}),
    )


def test_it_has_the_runtime_the_processor_and_the_package_of_the_others() -> None:
    common = ("Runtime", "Architectures", "Code", "MemorySize")
    first = next(iter(OURS.functions))
    for name in common:
        assert EXTENDED.properties("Second")[name] == OURS.properties(first)[name]


def test_it_changes_no_other_resource() -> None:
    others = {
        name: resource
        for name, resource in EXTENDED.resources.items()
        if not name.startswith("Second")
    }
    assert others == OURS.resources


def test_the_embedded_stack_resolves_its_environment(aws: EmbeddedAws) -> None:
    environment = aws.environment_of("Second")
    assert environment["TABLE_NAME"] == aws.physical_id("History")
    assert environment["LOG_LEVEL"] == "INFO"
    assert environment["AWS_ENDPOINT_URL"] == aws.url
    assert "TOPIC_ARN" not in environment


def test_the_command_line_takes_the_environment_of_check_balances(aws: EmbeddedAws) -> None:
    assert aws.environment == aws.environment_of("CheckBalances")
    assert aws.environment["TOPIC_ARN"] == aws.physical_id("Alerts")


@pytest.mark.parametrize("function", EXTENDED.functions)
def test_one_rule_builds_every_function(function: str) -> None:
    text = commands(f"build-{function}")
    assert 'cp -R wheels/x86_64/. wheels/arm64/. balance_watch "/package"' in text
    assert text == commands("build-Another")


@pytest.mark.parametrize("file", ["functions/Makefile", "tools.mk", "release.mk", "local/stack.py"])
def test_what_is_for_every_function_names_none(file: str) -> None:
    text = Path(ROOT / file).read_text(encoding="utf-8")
    assert [name for name in OURS.functions if name in text] == []
