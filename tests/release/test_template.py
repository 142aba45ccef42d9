"""The template of a release: what differs from template.yaml, and that CloudFormation takes it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.stack import functions
from release.template import released, to_yaml
from tests.support.templates import OURS, STACKS, Stack

ARCHIVE = "balance-watch-1.2.3.zip"


@pytest.fixture(params=STACKS.values(), ids=list(STACKS))
def stack(request: pytest.FixtureRequest) -> Stack:
    found: Stack = request.param
    return found


def without_code(resource: dict[str, Any]) -> dict[str, Any]:
    """Returns a resource without what says where its code is, how it is built and checked."""
    parts = {"Properties": ("Code",), "Metadata": ("BuildMethod", "checkov")}
    return {
        part: {key: value for key, value in content.items() if key not in parts[part]}
        if part in parts
        else content
        for part, content in resource.items()
    }


def test_every_function_has_its_code_in_the_bucket_that_is_named(stack: Stack) -> None:
    resources = released(stack.sam, archive=ARCHIVE)["Resources"]
    code = {
        "S3Bucket": {"Ref": "CodeBucket"},
        "S3Key": {"Fn::If": ["HasCodeKey", {"Ref": "CodeKey"}, ARCHIVE]},
    }
    assert [resources[name]["Properties"]["Code"] for name in functions(stack.sam)] == [
        code for _ in functions(stack.sam)
    ]


def test_an_update_that_keeps_its_parameters_gets_the_code_of_the_new_release() -> None:
    template = released(OURS.sam, archive=ARCHIVE)
    assert template["Parameters"]["CodeKey"]["Default"] == ""
    assert template["Conditions"]["HasCodeKey"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "CodeKey"}, ""]}]
    }


def test_nothing_but_the_code_differs_from_what_sam_deploys(stack: Stack) -> None:
    resources = released(stack.sam, archive=ARCHIVE)["Resources"]
    assert {name: without_code(resource) for name, resource in resources.items()} == {
        name: without_code(resource) for name, resource in stack.resources.items()
    }


def test_it_is_plain_cloudformation_and_needs_no_file_beside_it() -> None:
    template = released(OURS.sam, archive=ARCHIVE)
    assert {"Transform", "Globals"} & set(template) == set()
    assert {"LicenseUrl", "ReadmeUrl"} & set(
        template["Metadata"]["AWS::ServerlessRepo::Application"]
    ) == set()


def test_the_bucket_is_the_only_parameter_that_must_be_given() -> None:
    parameters = released(OURS.sam, archive=ARCHIVE)["Parameters"]
    assert [name for name, each in parameters.items() if "Default" not in each] == ["CodeBucket"]
    assert set(parameters) == {"CodeBucket", "CodeKey", *OURS.sam["Parameters"]}


def test_the_yaml_means_the_same_without_anchors() -> None:
    template = released(OURS.sam, archive=ARCHIVE)
    text = to_yaml(template)
    assert yaml.safe_load(text) == template
    assert "&id" not in text


def test_it_is_short_enough_to_be_sent_without_a_bucket() -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    text = to_yaml(released(OURS.sam, archive=ARCHIVE))
    assert len(text.encode()) <= 51_200


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    file.write_text(to_yaml(released(OURS.sam, archive=ARCHIVE)), encoding="utf-8")
    lint = Path(sys.executable).with_name("cfn-lint")
    run = subprocess.run([lint, file], capture_output=True, text=True, check=False)  # noqa: S603
    assert (run.returncode, run.stdout) == (0, "")
