"""The cost of a month at list prices, computed from the measured calls, units and seconds.

Prices of us-east-1 without the free tiers of a new account, November 2026:
https://aws.amazon.com/dynamodb/pricing/on-demand/ (on demand; point-in-time recovery)
https://aws.amazon.com/lambda/pricing/ (arm64)
https://aws.amazon.com/secrets-manager/pricing/
https://aws.amazon.com/kms/pricing/ (AWS managed keys: requests are charged for, keys are not)
https://aws.amazon.com/cloudwatch/pricing/
EventBridge Scheduler, SNS, SQS, Parameter Store and data transfer cost less than a cent in all.
"""

from dataclasses import dataclass
from math import ceil

from balance_watch.providers.parallel import PER_HOST
from tests.benchmarks.measures import Run
from tests.benchmarks.units import Units

WRITE_UNIT, READ_UNIT = 0.625e-6, 0.125e-6
STORAGE_GB, STORAGE_FREE_GB, RECOVERY_GB = 0.25, 25.0, 0.20
GB_SECOND, INVOCATION = 0.0000133334, 0.20e-6
SECRET, SECRET_CALL = 0.40, 0.05 / 10_000
KEY, KEY_CALL = 1.00, 0.03 / 10_000
ALARM, LOG_GB = 0.10, 0.50

# template.yaml's, with its default parameters.
ALARMS, KEYS, MEMORY_GB, HISTORY_DAYS = 3, 1, 0.5, 400
ONE_CPU_GB = 1769 / 1024
"""The memory at which a function has one vCPU ("Configure Lambda function memory")."""

MINUTES_A_MONTH = 730 * 60
LOG_BYTES = 1500
"""The log of a quiet run: its own line and three of Lambda's."""
KEY_MINUTES = 5
"""DynamoDB calls its key once in so many minutes, at most in every run. The secrets' default key is
free."""
BYTES_OF_AN_ACCOUNT, BYTES_OF_A_SECRET = 250, 65_536
PROVIDERS, LATENCY, CALL_SECONDS = 4, 0.2, 0.01
"""The waits of a run: the number of providers, the seconds for a reply, and for an AWS call."""


@dataclass(frozen=True)
class Month:
    """The dollars of a month in which `accounts` accounts are checked every `minutes` minutes."""

    accounts: int
    minutes: int
    writes: float
    reads: float
    history: float
    function: float
    secrets: float
    key: float
    alarms: float
    logs: float

    @property
    def before_history(self) -> float:
        """The cost of the first month, when there is no history yet."""
        parts = (self.writes, self.reads, self.function, self.secrets, self.key)
        return sum(parts) + self.alarms + self.logs

    @property
    def total(self) -> float:
        """The whole cost, once the history has its full length."""
        return self.before_history + self.history


def month(run: Run, units: Units, minutes: int, import_seconds: float) -> Month:
    """Computes a month from the measurements."""
    number, times = run.accounts, MINUTES_A_MONTH / minutes
    stored = number * HISTORY_DAYS * 24 * 60 / minutes * units.reading_bytes / 1e9
    secrets = ceil(number * BYTES_OF_AN_ACCOUNT / BYTES_OF_A_SECRET) + 1
    return Month(
        number,
        minutes,
        writes=times * (number * units.write_per_account + units.write_per_run) * WRITE_UNIT,
        reads=times * (number * units.read_per_account + units.read_per_run) * READ_UNIT,
        history=max(0.0, stored - STORAGE_FREE_GB) * STORAGE_GB + stored * RECOVERY_GB,
        function=times
        * (seconds(run, minutes, import_seconds) * MEMORY_GB * GB_SECOND + INVOCATION),
        secrets=secrets * SECRET + times * ceil(secrets / 20) * SECRET_CALL,
        key=KEYS * KEY + MINUTES_A_MONTH / max(minutes, KEY_MINUTES) * KEY_CALL,
        alarms=ALARMS * ALARM,
        logs=times * LOG_BYTES / 1e9 * LOG_GB,
    )


def seconds(run: Run, minutes: int, import_seconds: float) -> float:
    """Returns the billed seconds of a run: its CPU time, on a part of a CPU, and its waits.

    Lambda keeps a function for some minutes: a run every five minutes is warm, one every hour cold.
    """
    warm = minutes < 60
    cpu = run.cpu if warm else run.cold_cpu + import_seconds
    waiting = ceil(run.accounts / PROVIDERS / PER_HOST) * LATENCY + run.calls * CALL_SECONDS
    return cpu * ONE_CPU_GB / MEMORY_GB + waiting
