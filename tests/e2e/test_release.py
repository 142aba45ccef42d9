"""`make release`, and its wheel in an environment that has nothing but the wheel."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from local.stack import functions, read
from local.world import World
from release.__main__ import version
from tests.e2e.conftest import make_release
from tests.support.lambda_runtime import PACKAGES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

UV = ROOT / ".venv" / "bin" / "uv"
NAME = f"balance-watch-{version()}"
POLICY = '[[rules]]\nname = "low"\nmetric = "balance"\nbelow = "5"\n'
OWN_PROVIDER = """
name = "Acme"
url = "https://127.0.0.1/balance"
auth = { headers = { Authorization = "Bearer $api_key" } }
currency = "USD"
reply.balance = "left"
"""


def contents(folder: Path) -> dict[str, str]:
    """Returns the checksum of each file of a folder."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_two_runs_make_the_same_bytes(release: Path, tmp_path: Path) -> None:
    assert contents(make_release(tmp_path)) == contents(release)


def test_a_release_has_a_template_a_function_a_wheel_and_their_checksums(release: Path) -> None:
    lines = (release / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}
    assert sums == {name: sum_ for name, sum_ in contents(release).items() if name != "SHA256SUMS"}
    wheel = f"balance_watch-{version()}-py3-none-any.whl"
    assert set(sums) == {f"{NAME}.yaml", f"{NAME}.zip", wheel}


def test_the_zip_has_every_handler_and_leaves_boto3_to_the_runtime(release: Path) -> None:
    with zipfile.ZipFile(release / f"{NAME}.zip") as archive:
        names = set(archive.namelist())
    handlers = {
        function.handler.rpartition(".")[0].replace(".", "/") + ".py"
        for function in functions(read()).values()
    }
    assert handlers
    assert handlers - names == set()
    assert [name for name in names if name.startswith(("boto", "rich/"))] == []


def test_byte_code_is_for_the_runtime_and_for_every_module(release: Path) -> None:
    with zipfile.ZipFile(release / f"{NAME}.zip") as archive:
        names = set(archive.namelist())
    compiled = {name for name in names if name.endswith(".pyc")}
    if not compiled:
        pytest.skip("there is no Python 3.13 here, and none could be fetched")
    assert [name for name in compiled if not name.endswith(".cpython-313.pyc")] == []
    sources = [name for name in names if name.endswith(".py")]
    assert len(compiled) == len(sources)


def test_a_function_starts_from_its_byte_code_alone(tmp_path: Path) -> None:
    """Damages the sources of the package for this host's Python, and nobody reads them."""
    name, function = next(iter(functions(read()).items()))
    package = shutil.copytree(PACKAGES / name, tmp_path / "package")
    for source in package.rglob("balance_watch/**/*.py"):
        source.write_text("this is no Python")
    module = function.handler.rpartition(".")[0]
    runtime = ROOT / ".tools" / "lambda-runtime"
    start = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-S", "-c", f"import {module}"],
        env={"PYTHONPATH": f"{package}:{runtime}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (start.returncode, start.stderr) == (0, "")


@pytest.fixture(scope="module")
def command(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installs the wheel into an environment of its own, and returns the command in it."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    python = environment / "bin" / "python"
    wheel = next(release.glob("*.whl"))
    make = [str(UV), "venv", "--quiet", "--python", sys.executable, str(environment)]
    subprocess.run(make, check=True)  # noqa: S603 (our own)
    install = [str(UV), "pip", "install", "--quiet", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True)  # noqa: S603 (our own)
    return environment / "bin" / "balance-watch"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "acme.toml").write_text(OWN_PROVIDER)
    (tmp_path / "keys.json").write_text('{"api_key": "k"}')
    return tmp_path


def run(command: Path, words: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """Runs the command in a folder that is not the checkout's; returns its code and outputs."""
    done = subprocess.run(  # noqa: S603 (our own)
        [command, *words.split()],
        cwd=folder,
        env={"HOME": str(folder), **environment, "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_uvx_runs_the_wheel_without_an_installation(release: Path, tmp_path: Path) -> None:
    wheel = next(release.glob("*.whl"))
    words = f"tool run --quiet --isolated --python {sys.executable} --from {wheel}"
    code, out, _ = run(UV, f"{words} balance-watch --version", tmp_path, **os.environ)
    assert (code, out) == (0, f"balance-watch {version()}\n")


WORKING = [
    "check",
    "status",
    "status --json",
    "history sms",
    "history sms --events",
    "explain sms",
    "accounts --json",
    "accounts try sms",
    "channels --json",
    "channels test",
    "providers",
    "providers deepseek",
    "policy check policy.toml",
    "policy try policy.toml",
    "policy put policy.toml --yes",
    "policy show",
    "metrics",
    "report --output -",
    "report --csv -",
    "silence add --match provider=you --for 1h --reason test",
    "silence list",
    "doctor",
]
"""What is run in this order, on the embedded stack."""

FAILING = {
    "demo": "Get the source of balance-watch, and run `make run` there.",
    "silence end nobody": "balance-watch silence list",
    "top-up search-prod --yes": "search-prod",
    "providers try acme.toml --credentials keys.json": "TRUSTED_HOSTS",
}
"""What cannot succeed there, with what the command says of it."""


def test_every_command_is_tried(command: Path, folder: Path) -> None:
    _, out, _ = run(command, "--help", folder)
    commands = re.findall(r"^    ([a-z-]+)(?: |$)", out.partition("COMMAND\n")[2], re.MULTILINE)
    assert {words.split()[0] for words in [*WORKING, *FAILING]} == set(commands)


@pytest.mark.parametrize("words", WORKING)
def test_every_command_works_with_the_wheels_own_dependencies(
    command: Path, world: World, folder: Path, words: str
) -> None:
    code, out, err = run(command, words, folder, **world.environment)
    assert code == 0, err
    assert out
    assert "Traceback" not in err


@pytest.mark.parametrize(("words", "message"), FAILING.items())
def test_a_command_that_cannot_do_its_job_says_what_to_do(
    command: Path, world: World, folder: Path, words: str, message: str
) -> None:
    code, out, err = run(command, words, folder, **world.environment)
    assert code == 1
    assert message in out + err
    assert "Traceback" not in err
