"""A cold start of the check imports nothing that a quiet run does not need."""

import subprocess
import sys

import pytest

SHOW = "import sys, balance_watch.handlers.check_balances; print(*sys.modules)"
LATE = [
    "balance_watch.domain.alert_spans",
    "balance_watch.domain.curve",
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
    "balance_watch.store.outlines",
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

HANDLERS = [
    f"balance_watch.handlers.{name}"
    for name in ("check_accounts", "check_balances", "show_report", "slack_actions")
]


def printed_by(script: str) -> str:
    """Returns what a script prints in a fresh interpreter."""
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (ours)
    return shown.stdout


@pytest.fixture(scope="module")
def imported() -> set[str]:
    return set(printed_by(SHOW).split())


@pytest.mark.parametrize("module", LATE)
def test_a_start_does_not_import(module: str, imported: set[str]) -> None:
    assert module not in imported


def test_a_start_imports_the_check(imported: set[str]) -> None:
    assert "balance_watch.usecases.check" in imported


@pytest.mark.parametrize("handler", HANDLERS)
def test_garbage_is_collected_after_a_start(handler: str) -> None:
    script = f"import gc, {handler}; print(gc.isenabled(), gc.get_freeze_count() > 0)"
    assert printed_by(script) == "True True\n"


def test_a_start_makes_no_dataclass() -> None:
    script = (
        "import sys, balance_watch.handlers.check_balances;"
        "print(*(f'{module}.{name}' for module, it in sorted(sys.modules.items())"
        " if module.startswith('balance_watch')"
        " for name, value in vars(it).items() if '__dataclass_fields__' in dir(value)))"
    )
    assert printed_by(script) == "\n"
