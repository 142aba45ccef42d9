"""The examples of docs/deploying.md, run by the tools that they are for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from local.stack import read
from release.__main__ import version
from tests.support.templates import OURS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

EXAMPLES = ROOT / "docs" / "examples"
PYTHON = ROOT / ".tools" / "cdk" / "bin" / "python"
NAME = f"balance-watch-{version()}"

# The template of the source, included as it is, with what `cdk init` sets for a new app.
INCLUDE = """
import sys
from aws_cdk import App, Stack
from aws_cdk.cloudformation_include import CfnInclude
app = App()
CfnInclude(Stack(app, "balance-watch"), "Template", template_file=sys.argv[1])
app.synth()
"""


def synthesize(folder: Path, *words: str, context: dict[str, Any]) -> Path:
    """Runs an app of the CDK; returns the folder with what it synthesizes."""
    if not PYTHON.exists() or shutil.which("node") is None:
        pytest.skip("the AWS CDK is missing: make cdk (needs Node)")
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(folder),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }
    done = subprocess.run(  # noqa: S603 (our own code)
        [PYTHON, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def stack_in(folder: Path) -> dict[str, Any]:
    stack: dict[str, Any] = json.loads((folder / "balance-watch.template.json").read_text())
    return stack


@pytest.fixture(scope="module")
def assembly(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = json.loads((EXAMPLES / "cdk" / "cdk.json").read_text())["context"]
    return synthesize(
        tmp_path_factory.mktemp("cdk"),
        str(EXAMPLES / "cdk" / "app.py"),
        context={**settings, "release": str(release / NAME)},
    )


def test_the_cdk_deploys_the_resources_of_the_release(assembly: Path, release: Path) -> None:
    expected = read(release / f"{NAME}.yaml")["Resources"]
    resources = stack_in(assembly)["Resources"]
    assert {name: resource["Type"] for name, resource in resources.items()} == {
        name: resource["Type"] for name, resource in expected.items()
    }
    replaced = {*OURS.functions, "AlertEmailSubscription"}  # by the example's parameters
    assert {name: resources[name]["Properties"] for name in set(resources) - replaced} == {
        name: resource["Properties"] for name, resource in expected.items() if name not in replaced
    }


def test_the_cdk_deploys_the_code_of_the_release(assembly: Path, release: Path) -> None:
    code = stack_in(assembly)["Resources"]["CheckBalances"]["Properties"]["Code"]
    condition, key, _ = code["S3Key"]["Fn::If"]
    assert condition == "HasCodeKey"
    asset = assembly / f"asset.{key}"
    assert asset.read_bytes() == (release / f"{NAME}.zip").read_bytes()


def test_the_cdk_reads_the_template_of_the_source_too(tmp_path: Path) -> None:
    words = ("-c", INCLUDE, str(ROOT / "template.yaml"))
    resources = stack_in(synthesize(tmp_path, *words, context={}))["Resources"]
    assert set(resources) == set(OURS.sam["Resources"])


def test_terraform_reads_its_example() -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is missing")
    command = [terraform, f"-chdir={EXAMPLES / 'terraform'}", "fmt", "-check", "-diff"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (0, "")
