"""The Terraform example fits the template of the release that it deploys."""

import re
from typing import Any

import hcl2
import pytest

from release.__main__ import version
from release.template import released
from tests.support.templates import OURS, ROOT

FILE = ROOT / "docs" / "examples" / "terraform" / "main.tf"
TEMPLATE = released(OURS.sam, archive="any.zip")


def unquoted(value: Any) -> Any:  # noqa: ANN401 (whatever a file of Terraform holds)
    """Returns parsed HCL without the quotation marks that the parser leaves around strings."""
    match value:
        case str():
            return value.removeprefix('"').removesuffix('"')
        case list():
            return [unquoted(each) for each in value]
        case dict():
            return {unquoted(name): unquoted(each) for name, each in value.items()}
    return value


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    parsed: dict[str, Any] = unquoted(hcl2.loads(FILE.read_text(encoding="utf-8")))
    return parsed


@pytest.fixture(scope="module")
def stack(example: dict[str, Any]) -> dict[str, Any]:
    resources = {kind: each for block in example["resource"] for kind, each in block.items()}
    found: dict[str, Any] = resources["aws_cloudformation_stack"]["balance_watch"]
    return found


def test_it_gives_every_parameter_that_has_no_default_and_no_unknown_one(
    stack: dict[str, Any],
) -> None:
    parameters = TEMPLATE["Parameters"]
    required = {name for name, each in parameters.items() if "Default" not in each}
    assert required <= set(stack["parameters"]) <= set(parameters)


def test_it_names_the_capability_that_unnamed_roles_take(stack: dict[str, Any]) -> None:
    names = ("RoleName", "ManagedPolicyName")
    assert stack["capabilities"] == ["CAPABILITY_IAM"]
    assert not [
        each for each in TEMPLATE["Resources"].values() if set(names) & set(each["Properties"])
    ]


def test_it_shows_outputs_that_the_stack_has(example: dict[str, Any]) -> None:
    values = [each["value"] for block in example["output"] for each in block.values()]
    shown = {name for value in values for name in re.findall(r'outputs\["(\w+)"\]', value)}
    assert shown == {"TableName", "TopicArn", "PolicyParameter"}
    assert shown <= set(TEMPLATE["Outputs"])


def test_it_deploys_this_version_by_default(example: dict[str, Any]) -> None:
    variables = {name: each for block in example["variable"] for name, each in block.items()}
    assert variables["release"]["default"] == f"dist/balance-watch-{version()}"
