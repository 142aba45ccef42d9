"""A cold start of the check imports nothing that a quiet run does not need."""

import subprocess
import sys

import pytest

SHOW = "import sys, balance_watch.handlers.check_balances; print(*sys.modules)"
LATE = [
    "balance_watch.domain.digest",
    "balance_watch.notifiers.discord",
    "balance_watch.notifiers.eventbridge",
    "balance_watch.notifiers.pagerduty",
    "balance_watch.notifiers.signed_webhooks",
    "balance_watch.notifiers.slack",
    "balance_watch.notifiers.slack_signature",
    "balance_watch.notifiers.sns",
    "balance_watch.notifiers.teams",
    "balance_watch.pages",
    "balance_watch.store.batches",
    "balance_watch.store.payments",
    "balance_watch.store.presses",
    "balance_watch.usecases.batch_check",
    "balance_watch.usecases.delivery",
    "balance_watch.usecases.finishing",
    "balance_watch.usecases.planning",
    "balance_watch.usecases.pressing",
    "jinja2",
    "tomllib",
    "xmltodict",
    "zoneinfo",
]


@pytest.fixture(scope="module")
def imported() -> set[str]:
    command = [sys.executable, "-c", SHOW]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (ours)
    return set(shown.stdout.split())


@pytest.mark.parametrize("module", LATE)
def test_a_start_does_not_import(module: str, imported: set[str]) -> None:
    assert module not in imported


def test_a_start_imports_the_check(imported: set[str]) -> None:
    assert "balance_watch.usecases.check" in imported
