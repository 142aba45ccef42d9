"""Ctrl-C ends the command quietly, also while it is imported."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_ENTRY = "import sys; from balance_watch.cli.entry import main; sys.exit(main())"
_SLOW = """
import os, signal
os.kill(os.getpid(), signal.SIGINT)
while True:
    pass
"""


@pytest.mark.parametrize("module", ["botocore", "rich"])
def test_ctrl_c_during_an_import_ends_with_130_and_no_traceback(
    tmp_path: Path, module: str
) -> None:
    (tmp_path / f"{module}.py").write_text(_SLOW)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {_ENTRY}"
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-c", script, "--help"],
        env=os.environ,
        capture_output=True,
        check=False,
        timeout=30,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stderr) == (130, b"\nbalance-watch: Stopped.\n")


def test_the_command_runs_through_its_entry_point() -> None:
    command = [sys.executable, "-c", _ENTRY, "--version"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (our own command)
    assert (done.returncode, done.stdout.startswith(b"balance-watch ")) == (0, True)
