"""A topic without confirmed subscribers: the fault, and ways to set up and run its check."""

from datetime import datetime

from msgspec.structs import replace

from balance_watch.notifiers.subscribers import ConfirmedSubscribers
from balance_watch.usecases.summary import Summary
from tests.support.canaries import webhook
from tests.support.check_bench import SECONDS, Bench

NOBODY = (
    "no confirmed subscriber of the topic, and no default webhook or service:"
    " nobody hears the alerts"
)


def faults(bench: Bench) -> list[str]:
    """The faults that the latest run found."""
    return list(bench.store.runs.record().configuration.faults)


def put_webhooks(bench: Bench, *names: str) -> None:
    """Stores webhooks with these names, and no others."""
    bench.put_secret("slack", {"webhooks": {name: webhook(name) for name in names}})


def run_asking(bench: Bench, tick: datetime, answer: ConfirmedSubscribers) -> Summary:
    """Runs while SNS gives this answer."""
    return replace(bench.check(), ask_topic=lambda: answer).run(tick, seconds=SECONDS)
