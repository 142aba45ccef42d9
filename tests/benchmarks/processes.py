"""Runs the processes of the benchmarks, each of which prints its result as one line of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from balance_watch.validation import Json


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """Runs a module that serves until its input ends, and yields the JSON that it prints first."""
    process = subprocess.Popen(  # noqa: S603 (modules of this folder)
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate()


def measured(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Json:
    """Runs a fresh interpreter to its end, and returns the JSON in its last line."""
    done = subprocess.run(  # noqa: S603 (modules of this folder)
        [sys.executable, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_bytes() -> int:
    """Returns the most bytes that this process has had in memory.

    The operating system's ru_maxrss would begin with the memory of the process that started it.
    """
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 (a file of Linux)
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
