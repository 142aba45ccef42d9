"""An emulator of AWS on loopback that creates stacks as CloudFormation does, and enforces IAM.

    with Ministack() as aws:
        account = aws.account()
        subprocess.run(["sam", "deploy", ...], env={**os.environ, **account.environment})
        account.client("lambda").invoke(...)

It runs a deployed function's package in a process of its own, with the Python that runs the
emulator, as the role of the function.
"""

import os
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, Self

import boto3

from local.loopback import LOOPBACK
from local.running import Running
from local.stack import REGION
from tests.support.lambda_runtime import ROOT, free_port

PYTHON = ROOT / ".tools" / "ministack" / "bin" / "python"
START_SECONDS = 60.0
POLL_SECONDS = 0.05
GRACE_SECONDS = 10.0

Client = Any  # a boto3 client: boto3 makes their classes at run time


class NotInstalledError(Exception):
    """The emulator is missing; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account of the emulator, with the rights of its root user.

    Attributes:
        number: twelve digits, which are its access key too.
        endpoint: the emulator's address.
    """

    number: str
    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a command or an SDK works in this account, and in no real one."""
        return {
            "AWS_ACCESS_KEY_ID": self.number,
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Client:
        """Returns a boto3 client of the service."""
        session = boto3.Session(
            aws_access_key_id=self.number, aws_secret_access_key="emulated", region_name=REGION
        )
        return session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]


class Ministack(Running):
    """The emulator, from `start()` to `stop()`, or inside a `with`. It begins empty."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = count(100_000_000_001)
        self._port = 0

    def start(self) -> Self:
        """Starts the emulator and waits until it answers.

        Raises:
            NotInstalledError: it is missing.
        """
        if not PYTHON.exists():
            raise NotInstalledError("ministack is not installed: make ministack")
        self._port = free_port()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._log = folder / "log"
        output = self._stack.enter_context(self._log.open("wb"))
        self._process = subprocess.Popen(  # noqa: S603 (built from paths of this project)
            [str(PYTHON), "-m", "ministack"],
            cwd=folder,
            # The functions inherit it: nothing of the tests' own environment may be in it.
            env={
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "TMPDIR": str(folder),
                "AUTH": "true",
                "BIND_HOST": LOOPBACK,
                "GATEWAY_PORT": str(self._port),
                "MINISTACK_HOST": LOOPBACK,
                "MINISTACK_REGION": REGION,
                # Services with a port of their own that nothing here uses.
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        self._stack.callback(self._end)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"The emulator did not start:\n{log}")
            time.sleep(POLL_SECONDS)
        return self

    def stop(self) -> None:
        """Ends the emulator and the functions; all that it holds is lost."""
        self._stack.close()

    def account(self) -> Account:
        """Returns an account in which there is nothing yet."""
        return Account(str(next(self._numbers)), f"http://{LOOPBACK}:{self._port}")

    def _answers(self) -> bool:
        connection = HTTPConnection(LOOPBACK, self._port, timeout=1)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _end(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self._process.kill()
        self._process.wait()
