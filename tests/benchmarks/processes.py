"""Processes of the benchmarks: what they serve or measure comes back as one line of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """Runs a module that prints what it serves and then serves until its input ends."""
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


def measured(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Runs a fresh interpreter to its end and returns what its last line says."""
    done = subprocess.run(  # noqa: S603 (modules of this folder)
        [sys.executable, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
