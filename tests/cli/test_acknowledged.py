"""Who acknowledged an alert is shown by `status` and `explain`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from balance_watch.config.settings import CheckSettings
from balance_watch.domain.acknowledgement import Acknowledgement
from balance_watch.domain.formatting import format_time, iso_time
from balance_watch.domain.rules import Metric
from balance_watch.store.dynamodb import Store
from balance_watch.wiring import Wiring
from tests.cli.test_status import at_a_terminal, check_before
from tests.cli.test_status_of_one import facts

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

AT = datetime.now(UTC).replace(microsecond=0)
HOSTILE = "<!channel> \x1b[31mann\u202e"


def store() -> Store:
    return Wiring(CheckSettings.from_environment()).store


@pytest.fixture
def seen(stage: "Stage", run: "Run") -> "Run":
    """The command, after somebody has acknowledged the alert of an account."""
    stage.accounts(
        stage.entry("search", "you", alert_below="8000"),
        stage.entry("*", "you", alert_below="8000"),
    )
    check_before(10)
    alert = store().accounts.states(["search"])["search"].alerts[Metric.BALANCE]
    made = Acknowledgement("search", Metric.BALANCE, alert.since, alert.since, "ann", AT)
    store().acknowledgements.put(made)
    return run


def test_status_as_json_has_who_and_when_of_that_alert_alone(seen: "Run") -> None:
    search, other = (it["alerts"] for it in seen("status", "--json").json)
    (alert,) = search
    assert alert["acknowledged_by"] == "ann"
    assert alert["acknowledged_at"] == iso_time(AT)
    assert "acknowledged_by" not in other[0]


def test_status_tells_who_and_when(seen: "Run") -> None:
    line = f"search: ann acknowledged alert_below, {format_time(AT)}"
    assert line in facts(seen, "search")["fires"]
    assert line not in facts(seen, "*")["fires"]
    assert line in at_a_terminal()


def test_explain_tells_that_nobody_is_reminded(seen: "Run") -> None:
    assert "held back: ann acknowledged it, so nobody is reminded" in seen("explain", "search").out


def test_no_name_of_a_person_moves_a_terminal(seen: "Run") -> None:
    ((_, made),) = store().acknowledgements.by_alert().items()
    store().acknowledgements.put(replace(made, by=HOSTILE))
    for words in (("status", "search"), ("status",), ("explain", "search")):
        shown = seen(*words).out
        assert "\x1b[31m" not in shown
        assert "\u202e" not in shown
