"""A Lambda execution environment on this host, without a container.

AWS's runtime interface emulator starts AWS's runtime interface client, which imports the handler
from the folder that `sam build` made. boto3 comes from a folder of its own, last on the path, as it
does in the execution environment; nothing comes from the virtual environment of the tests, so a
library that is missing from the package is missing here too.

    with LambdaRuntime.of("CheckBalances", environment=world.environment) as function:
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
from local.stack import functions, read

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
PACKAGES = ROOT / ".aws-sam" / "host"
"""From `make build-host`: each function's package, with compiled modules for this host's Python."""

LOOPBACK = "127.0.0.1"
INVOCATIONS = "/2015-03-31/functions/function/invocations"
START_SECONDS = 30.0
POLL_SECONDS = 0.02
GRACE_SECONDS = 5.0

# As the emulator's files and as Python name them.
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class NotBuiltError(Exception):
    """Something that `make build-host` builds is missing."""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """How an invocation failed. `kind` is the exception's name, or Lambda's code."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """The end of one invocation: the handler's result or an error, and its log."""

    payload: Any
    error: FunctionError | None
    log: str


class LambdaRuntime(Running):
    """One execution environment, from `start()` to `stop()`, or inside a `with`.

    As in Lambda, a second `invoke` finds it warm; after a crash or a time-out the next is cold.

    Args:
        environment: the function's variables, with credentials and AWS_ENDPOINT_URL. The function
            gets nothing from the tests' own environment.
        package: the built folder.
        handler: the function's Handler.
        timeout: the function's Timeout, in whole seconds.
        name: the function's name.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        package: Path,
        handler: str,
        timeout: int,
        name: str = "function",
    ) -> None:
        self._package = package
        self._handler = handler
        self._timeout = timeout
        self._name = name
        self._environment = dict(environment)
        self._stack = ExitStack()

    @classmethod
    def of(
        cls, function: str, *, environment: Mapping[str, str], timeout: int | None = None
    ) -> Self:
        """Returns the environment of a function of template.yaml.

        Args:
            function: the function's logical id.
            environment: as for the class.
            timeout: a Timeout in place of the template's.
        """
        declared = functions(read())[function]
        return cls(
            environment=environment,
            package=PACKAGES / function,
            handler=declared.handler,
            timeout=timeout or declared.timeout,
            name=function,
        )

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
            self._wait_until_listening()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends the emulator and the client."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._stack.close()

    def invoke(self, event: object) -> Invocation:
        """Sends one event and waits for the end of its invocation."""
        before = self._log.stat().st_size
        # The emulator ends the invocation at its timeout; this one is for a hanging emulator.
        connection = HTTPConnection(LOOPBACK, self._port, timeout=self._timeout + START_SECONDS)
        try:
            connection.request("POST", INVOCATIONS, body=json.dumps(event))
            reply = connection.getresponse()
            body = reply.read().decode()
        finally:
            connection.close()
        payload, error = parse(body)
        with self._log.open("rb") as log:
            log.seek(before)
            return Invocation(payload, error, log.read().decode(errors="replace"))

    def _emulator(self) -> list[str]:
        name = f"aws-lambda-rie-{ARCHITECTURES[platform.machine().lower()]}"
        paths = sorted(TOOLS.glob(f"sam/lib/python3*/site-packages/samcli/local/rapid/{name}"))
        emulator = paths[0] if paths else TOOLS / "sam" / name
        for needed in (emulator, self._package, TOOLS / "lambda-runtime" / ".complete"):
            if not needed.exists():
                raise NotBuiltError(f"{needed} is missing: run make build-host")
        self._port, api = free_port(), free_port()
        addresses = ["--runtime-interface-emulator-address", f"{LOOPBACK}:{self._port}"]
        addresses += ["--runtime-api-address", f"{LOOPBACK}:{api}"]
        return [str(emulator), "--log-level", "error", *addresses]

    def _client(self) -> list[str]:
        # The interpreter under the virtual environment, and -S: without any site-packages.
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
            # Lambda cannot write into the package; a __pycache__ in it would be deployed.
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": self._name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._timeout),
            **self._environment,
        }

    def _wait_until_listening(self) -> None:
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


def parse(body: str) -> tuple[Any, FunctionError | None]:
    """Returns the result or the error in a reply.

    Lambda marks an error by a header, X-Amz-Function-Error. The emulator does not send it: it
    replies to an exception or a crash with an object that has errorType, and to a time-out with a
    bare sentence.
    """
    try:
        payload = json.loads(body)
    except ValueError:
        return None, FunctionError("Sandbox.Timedout", body)
    if isinstance(payload, dict) and "errorType" in payload:
        return None, FunctionError(str(payload["errorType"]), str(payload.get("errorMessage", "")))
    return payload, None


def free_port() -> int:
    """Returns a port on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
