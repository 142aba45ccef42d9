"""One instance of a function: a process that calls the real handler for each event it is given.

    python -m tests.benchmarks.scale_function planner|worker CA_FILE

The environment must be the function's. A line of the input is `{"event": …, "seconds": …}`; with
`"kill_at": N` the process dies before its Nth call of AWS, as one that Lambda ends. Each line is
answered with what the invocation took.
"""

import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.model import OperationModel

from balance_watch.config.settings import CheckSettings, WorkerSettings
from balance_watch.handlers import check_accounts, check_balances, runtime
from balance_watch.providers.parallel import PER_HOST
from balance_watch.transport import Transport
from balance_watch.wiring import Wiring
from tests.benchmarks.processes import peak_bytes
from tests.support.metering import Meter

ROLES: dict[str, tuple[Any, Any]] = {
    "planner": (check_balances.handler, CheckSettings),
    "worker": (check_accounts.handler, WorkerSettings),
}
KILLED = 137


@dataclass
class Part:
    """What a part of an invocation took; times in seconds."""

    cpu: float = 0.0
    wall: float = 0.0
    read_units: float = 0.0
    write_units: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)

    def less(self, other: "Part") -> "Part":
        """Returns what a later moment has beyond an earlier one."""
        return Part(
            self.cpu - other.cpu,
            self.wall - other.wall,
            self.read_units - other.read_units,
            self.write_units - other.write_units,
            self.calls - other.calls,
        )


@dataclass
class Instance:
    """Meters every client of AWS in this process."""

    meter: Meter = field(default_factory=Meter)
    calls: Counter[str] = field(default_factory=Counter)
    kill_at: int | None = None
    finishing: Part | None = None
    """The moment at which a batch was taken off the plan: what follows is the end of the tick."""

    def now(self) -> Part:
        """Returns the totals at this moment."""
        return Part(
            time.process_time(),
            time.perf_counter(),
            self.meter.read_units,
            self.meter.write_units,
            self.calls.copy(),
        )

    def before(self, model: OperationModel, **_: object) -> None:
        """Counts a call, or dies before it."""
        if self.kill_at is not None and self.calls.total() >= self.kill_at:
            os._exit(KILLED)
        self.calls[f"{model.service_model.service_name}.{model.name}"] += 1

    def after_update(self, parsed: dict[str, Any], **_: object) -> None:
        """Remembers when a batch was taken off the plan."""
        if parsed.get("Attributes", {}).get("sk") == {"S": "PLAN"}:
            self.finishing = self.now()


class Context:
    """Lambda's context, as far as the handlers use it."""

    function_name = "scale"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:scale"
    aws_request_id = "scale"

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Returns the milliseconds until Lambda would end the invocation."""
        return int((self._until - time.monotonic()) * 1000)


def main() -> None:
    """Answers events until the input ends."""
    handler, settings_type = ROLES[sys.argv[1]]
    instance = Instance()
    boto3.setup_default_session()
    session = boto3.DEFAULT_SESSION
    assert session is not None
    instance.meter.attach_to(session.events)
    session.events.register("before-call", instance.before)
    session.events.register("after-call.dynamodb.UpdateItem", instance.after_update)
    settings = settings_type.from_environment()
    # The provider's certificate is its own; everything else is as a cold start makes it.
    runtime._started[settings_type, Wiring] = Wiring(  # noqa: SLF001 (no other gate for a CA)
        settings,
        make_transport=lambda: Transport(
            settings.trusted_hosts, ca_bundle=sys.argv[2], connections_per_host=PER_HOST
        ),
    )
    # The function's log goes to the standard output, as on Lambda; the answers are apart from it.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        order = json.loads(line)
        kill_at = order.get("kill_at")
        instance.kill_at = None if kill_at is None else instance.calls.total() + kill_at
        instance.finishing, begun, error = None, instance.now(), ""
        try:
            handler(order["event"], Context(order["seconds"]))
        except Exception as raised:  # noqa: BLE001 (Lambda would tell SQS of any)
            error = f"{type(raised).__name__}: {raised}"[-400:]
        ended = instance.now()
        split = instance.finishing or ended
        answer = {
            "own": vars(split.less(begun)),
            "finish": vars(ended.less(split)),
            "error": error,
            "peak": peak_bytes(),
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
