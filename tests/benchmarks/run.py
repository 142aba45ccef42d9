"""Measures two runs in a fresh process, a cold and a quiet one: calls, CPU and memory.

python -m tests.benchmarks.run CA_FILE

The environment must be the function's.
"""

import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import boto3
from botocore.model import OperationModel

from balance_watch.config.settings import CheckSettings

# Lambda imports the handler: the memory must include everything that this imports.
from balance_watch.handlers import check_balances  # noqa: F401
from balance_watch.providers.parallel import PER_HOST
from balance_watch.transport import Transport
from balance_watch.wiring import Wiring
from tests.benchmarks.processes import peak_bytes

TICK = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
SECONDS = 117.0


def main() -> None:
    """Prints the measurements."""
    calls: Counter[str] = Counter()

    def count(model: OperationModel, **_: object) -> None:
        calls[model.name] += 1

    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register("before-call", count)
    settings = CheckSettings.from_environment()
    wiring = Wiring(
        settings,
        make_transport=lambda: Transport(
            settings.trusted_hosts, ca_bundle=sys.argv[1], connections_per_host=PER_HOST
        ),
    )
    runs = []
    for tick in (TICK, TICK + timedelta(minutes=5)):
        calls.clear()
        cpu, wall = time.process_time(), time.perf_counter()
        summary = wiring.check().run(tick, seconds=SECONDS)
        runs.append(
            {
                "cpu": time.process_time() - cpu,
                "wall": time.perf_counter() - wall,
                "calls": sum(calls.values()),
                "read": summary.read,
            }
        )
    peak = peak_bytes()
    sys.stdout.write(json.dumps({"cold": runs[0], "quiet": runs[1], "peak": peak}) + "\n")


if __name__ == "__main__":
    main()
