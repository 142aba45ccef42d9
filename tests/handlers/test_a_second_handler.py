"""A second handler is one file: TABLE_NAME and LOG_LEVEL are enough to start and use the table."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from msgspec.structs import fields

from balance_watch.config.settings import CheckSettings, TableSettings
from balance_watch.errors import SettingsError
from balance_watch.handlers import runtime
from balance_watch.wiring import TableWiring, Wiring
from local.aws import EmbeddedAws
from tests.support.examples import state

NAMES = ("TABLE_NAME", "LOG_LEVEL")


def show_report(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the last known balance of each account that the event names.

    This is all that a handler has to contain.
    """
    del context
    wired = runtime.warm_start(TableSettings, TableWiring)
    states = wired.store.accounts.states(event["accounts"])
    runtime.logger.info("report", extra={"accounts": len(states)})
    return {name: f"{it.reading.balance:f}" for name, it in states.items() if it.reading}


class ReportWiring(TableWiring, frozen=True):
    """What a report needs besides the table."""

    def title(self) -> str:
        return f"Report of {self.settings.table_name}"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def environment(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment with the variables of ShowReport, and what Lambda adds to them."""
    for field in fields(CheckSettings):
        monkeypatch.delenv(field.name.upper(), raising=False)
    for name, value in aws.environment.items():
        if name in NAMES or name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    runtime.forget_starts()
    yield monkeypatch
    runtime.forget_starts()


@pytest.mark.usefixtures("environment")
def test_it_reads_the_table_of_the_stack(aws: EmbeddedAws) -> None:
    wired = runtime.warm_start(TableSettings, TableWiring)
    wired.store.accounts.save([state("sms", balance="8.2")])
    context: Any = None
    assert show_report({"accounts": ["sms", "other"]}, context) == {"sms": "8.2"}
    assert wired.settings.table_name == aws.physical_id("History")


@pytest.mark.usefixtures("environment")
def test_it_has_no_use_for_the_settings_of_the_check() -> None:
    with pytest.raises(SettingsError, match=r"missing TOPIC_ARN\."):
        runtime.warm_start(CheckSettings, Wiring)


@pytest.mark.usefixtures("environment")
def test_a_warm_start_reuses_its_wiring_and_no_other_handlers() -> None:
    first = runtime.warm_start(TableSettings, TableWiring)
    assert runtime.warm_start(TableSettings, TableWiring) is first
    assert runtime.warm_start(TableSettings, ReportWiring) is not first


@pytest.mark.usefixtures("environment")
def test_a_wiring_of_its_own_adds_to_the_table() -> None:
    report = runtime.warm_start(TableSettings, ReportWiring)
    assert report.title() == f"Report of {report.settings.table_name}"
    assert report.store.accounts.states(["nobody"]) == {}


def test_the_table_name_alone_is_required(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("TABLE_NAME")
    with pytest.raises(SettingsError, match=r"The environment is missing TABLE_NAME\."):
        runtime.warm_start(TableSettings, TableWiring)
