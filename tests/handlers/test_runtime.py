"""The parts that all handlers share: the log level, the warm start, the time left."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from balance_watch.config.settings import CheckSettings
from balance_watch.errors import SettingsError
from balance_watch.handlers import runtime
from balance_watch.wiring import Wiring


class OtherSettings(CheckSettings, frozen=True, kw_only=True):
    """A second handler's settings."""

    batch_queue_url: str


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("TABLE_NAME", "history")
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:alerts")
    runtime.forget_starts()
    yield monkeypatch
    runtime.forget_starts()


def test_a_warm_start_reuses_the_wiring(environment: pytest.MonkeyPatch) -> None:
    cold = runtime.warm_start(CheckSettings, Wiring)
    environment.setenv("TABLE_NAME", "another")
    assert runtime.warm_start(CheckSettings, Wiring) is cold


def test_a_failed_start_is_not_kept(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HISTORY_DAYS", "soon")
    with pytest.raises(SettingsError):
        runtime.warm_start(CheckSettings, Wiring)
    environment.setenv("HISTORY_DAYS", "30")
    assert runtime.warm_start(CheckSettings, Wiring).settings.history_days == 30


def test_another_handler_reads_its_own_settings(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"missing BATCH_QUEUE_URL\."):
        runtime.warm_start(OtherSettings, Wiring)
    environment.setenv("BATCH_QUEUE_URL", "queue")
    settings = runtime.warm_start(OtherSettings, Wiring).settings
    assert isinstance(settings, OtherSettings)
    assert (settings.batch_queue_url, settings.table_name) == ("queue", "history")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("level", ["ERROR", "INFO"])
def test_the_log_has_the_level_of_the_settings(level: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOG_LEVEL", level)
    runtime.warm_start(CheckSettings, Wiring)
    assert logging.getLogger("balance_watch").level == getattr(logging, level)


def test_an_invalid_log_level_does_not_fail_the_import() -> None:
    # The first invocation names it, beside every other variable.
    subprocess.run(
        [sys.executable, "-c", "import balance_watch.handlers.check_balances"],
        env={**os.environ, "LOG_LEVEL": "LOUD"},
        check=True,
    )


def test_a_run_ends_six_seconds_before_lambda_ends_it() -> None:
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 120_000)
    assert runtime.seconds_left(context) == 114
