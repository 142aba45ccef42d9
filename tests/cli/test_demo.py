"""`balance-watch demo` where the command is installed without its source."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import balance_watch


def test_an_installed_command_says_where_the_demo_is(tmp_path: Path) -> None:
    shutil.copytree(Path(balance_watch.__file__).parent, tmp_path / "balance_watch")
    run = subprocess.run(
        [sys.executable, "-m", "balance_watch.cli.main", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr == (
        "balance-watch: The demo is not installed with the command."
        " Get the source of balance-watch, and run `make run` there.\n"
    )


@pytest.mark.parametrize("variable", ["ACCOUNT", "POLICIES"])
def test_a_variable_that_no_target_takes_is_an_error(variable: str) -> None:
    run = subprocess.run(  # noqa: S603 (our own Makefile)
        ["make", "--dry-run", "run", f"{variable}=x.json"],  # noqa: S607 (as a user runs it)
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert f"No target takes {variable}=" in run.stderr
    assert "ACCOUNTS=" in run.stderr
