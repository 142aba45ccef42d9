"""A command at a pseudo-terminal, driven as a person would: it waits for a text, then types."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from codecs import getincrementaldecoder
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from local.running import Running

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")
_SECONDS = 60.0

_AT_ITS_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes standard input the terminal of the session, which getpass asks at, then runs a command."""


class Terminal(Running):
    """Runs a command at a terminal of so many columns, inside a `with`.

    `screen` is everything that was shown, without colours; `coloured` has them as escapes.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: Path | None = None,
        columns: int = 80,
    ) -> None:
        self._command = [sys.executable, "-c", _AT_ITS_TERMINAL, *command]
        self._environment = {**environment, "COLUMNS": str(columns), "TERM": "xterm"}
        self._cwd = cwd
        self.screen = self.coloured = ""
        self._seen = 0
        # What is read may end within a letter.
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")

    def start(self) -> Self:
        """Starts the command."""
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(  # noqa: S603 (the tests' own command)
            self._command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=self._cwd,
            env=self._environment,
            start_new_session=True,
        )
        os.close(slave)
        return self

    def stop(self) -> None:
        """Ends the command, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def expect(self, text: str) -> None:
        """Waits until a text is shown, after the one that was waited for before."""
        deadline = time.monotonic() + _SECONDS
        while text not in self.screen[self._seen :]:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} was not shown:\n{self.screen}")
        self._seen = self.screen.index(text, self._seen) + len(text)

    def type(self, text: str) -> None:
        """Types a text and Enter."""
        os.write(self._master, f"{text}\n".encode())

    def answer(self, question: str, text: str = "") -> None:
        """Waits for a question, then types the answer; Enter alone by default."""
        self.expect(question)
        self.type(text)

    def press(self, key: str) -> None:
        """Presses a key by its character; Ctrl-C is character 3."""
        os.write(self._master, key.encode())

    def end(self) -> int:
        """Waits until the command ends; returns its exit code."""
        deadline = time.monotonic() + _SECONDS
        while self._read(deadline - time.monotonic()):
            pass
        return self._process.wait(timeout=_SECONDS)

    def _read(self, seconds: float) -> bool:
        """Reads what is shown next; returns False once nothing more will be."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # the command has ended
            return False
        text = self._decoder.decode(data)
        self.coloured += text
        self.screen += _ESCAPE.sub("", text).replace("\r", "")
        return bool(data)
