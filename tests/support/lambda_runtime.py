"""A Lambda execution environment on this host, without a container.

AWS's runtime interface emulator starts AWS's runtime interface client, which imports the handler
from the folder that `sam build` made. boto3 comes from a folder of its own, last on the path, as it
does in the execution environment; nothing comes from the virtual environment of the tests, so a
library that is missing from the package is missing here too.

    with LambdaRuntime(environment=world.environment) as function:
        result = function.invoke({"scheduled_time": "2026-11-22T10:05:00Z"})
        assert result.error is None
"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local.running import Running

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
PACKAGE = ROOT / ".aws-sam" / "host" / "CheckBalances"
"""From `make build-host`: the package with compiled modules for this host's Python."""

HANDLER = "balance_watch.handlers.check_balances.handler"
LOOPBACK = "127.0.0.1"
INVOCATIONS = "/2015-03-31/functions/function/invocations"
START_SECONDS = 30.0
POLL_SECONDS = 0.02
GRACE_SECONDS = 5.0

# As the emulator's files and as Python name them.
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class NotBuiltError(Exception):
    """Something that `make build-host` makes is not there."""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """How an invocation failed. `kind` is the exception's name, or Lambda's own word."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """What came of one event: the handler's result or an error, and what it logged."""

    payload: Any
    error: FunctionError | None
    log: str


class LambdaRuntime(Running):
    """One execution environment, from `start()` to `stop()`, or inside a `with`.

    A second `invoke` finds it warm, as in Lambda; after a crash or a time-out the next is cold.

    Args:
        environment: the function's variables, credentials and AWS_ENDPOINT_URL included. Nothing of
            the tests' own environment is passed on.
        package: the built folder.
        handler: what template.yaml calls Handler.
        timeout: the function's Timeout, in whole seconds.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        package: Path = PACKAGE,
        handler: str = HANDLER,
        timeout: int = 120,
    ) -> None:
        self._package = package
        self._handler = handler
        self._timeout = timeout
        self._environment = dict(environment)
        self._stack = ExitStack()

    def start(self) -> Self:
        """Starts the emulator and waits until it listens; the first event imports the handler.

        Raises:
            NotBuiltError: the package or a tool is missing.
        """
        command = [*self._emulator(), *self._client()]
        self._log = Path(self._stack.enter_context(tempfile.TemporaryDirectory())) / "log"
        output = self._stack.enter_context(self._log.open("wb"))
        # A session of its own, so that stop() reaches the client as well.
        self._process = subprocess.Popen(  # noqa: S603 (built from paths of this project)
            command,
            cwd=self._package,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends both processes."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._stack.close()

    def invoke(self, event: object) -> Invocation:
        """Sends one event and waits for what comes of it."""
        before = self._log.stat().st_size
        # The emulator ends the invocation at its timeout; this is for an emulator that hangs.
        connection = HTTPConnection(LOOPBACK, self._port, timeout=self._timeout + START_SECONDS)
        try:
            connection.request("POST", INVOCATIONS, body=json.dumps(event))
            reply = connection.getresponse()
            body = reply.read().decode()
        finally:
            connection.close()
        payload, error = understood(body)
        with self._log.open("rb") as log:
            log.seek(before)
            return Invocation(payload, error, log.read().decode(errors="replace"))

    def _emulator(self) -> list[str]:
        name = f"aws-lambda-rie-{ARCHITECTURES[platform.machine().lower()]}"
        found = sorted(TOOLS.glob(f"sam/lib/python3*/site-packages/samcli/local/rapid/{name}"))
        emulator = found[0] if found else TOOLS / "sam" / name
        for needed in (emulator, self._package, TOOLS / "lambda-runtime" / ".complete"):
            if not needed.exists():
                raise NotBuiltError(f"{needed} is not there: make build-host")
        self._port, api = free_port(), free_port()
        addresses = ["--runtime-interface-emulator-address", f"{LOOPBACK}:{self._port}"]
        addresses += ["--runtime-api-address", f"{LOOPBACK}:{api}"]
        return [str(emulator), "--log-level", "error", *addresses]

    def _client(self) -> list[str]:
        # The interpreter below the virtual environment, and -S, so that no site-packages are seen.
        major, minor = sys.version_info[:2]
        python = Path(sys.base_prefix) / "bin" / f"python{major}.{minor}"
        return [str(python), "-S", "-m", "awslambdaric", self._handler]

    def _variables(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            # As in Lambda: UTC, UTF-8, the package first, the runtime's libraries after it.
            "TZ": ":UTC",
            "LANG": "C.UTF-8",
            "LAMBDA_TASK_ROOT": str(self._package),
            "PYTHONPATH": f"{self._package}:{TOOLS / 'lambda-runtime'}",
            # Lambda can not write into the package; a __pycache__ in it would be deployed.
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": "CheckBalances",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._timeout),
            **self._environment,
        }

    def _wait_until_it_listens(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((LOOPBACK, self._port), timeout=1).close()
            except OSError:
                time.sleep(POLL_SECONDS)
            else:
                return
        raise RuntimeError(f"The emulator did not start:\n{self._log.read_text()}")

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def understood(body: str) -> tuple[Any, FunctionError | None]:
    """Tells a result from an error.

    Lambda says which it is in a header, X-Amz-Function-Error. The emulator does not send it: an
    exception and a crash are an object with errorType, a time-out is a bare sentence.
    """
    try:
        payload = json.loads(body)
    except ValueError:
        return None, FunctionError("Sandbox.Timedout", body)
    if isinstance(payload, dict) and "errorType" in payload:
        return None, FunctionError(str(payload["errorType"]), str(payload.get("errorMessage", "")))
    return payload, None


def free_port() -> int:
    """Returns a port that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
