"""`balance-watch demo` where the command is installed without its source."""

import shutil
import subprocess
import sys
from pathlib import Path

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
