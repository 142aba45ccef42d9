"""ShowReport answers a custom widget of a CloudWatch dashboard as its contract says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from balance_watch.config.settings import PolicySettings
from balance_watch.domain.account import Account
from balance_watch.domain.inventory import Inventory
from balance_watch.errors import EventError
from balance_watch.handlers import runtime
from balance_watch.handlers.show_report import handler, time_range
from balance_watch.store.dynamodb import Store
from balance_watch.wiring import PolicyWiring
from local.aws import EmbeddedAws
from tests.support.dynamodb_clients import refusal
from tests.support.examples import state

NOW = datetime.now(UTC).replace(microsecond=0)


class Context:
    """Lambda's context, of an invocation with so many seconds left."""

    def __init__(self, seconds: float = 60) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


CONTEXT: Any = Context()


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with EmbeddedAws() as aws:
        for name, value in aws.environment.items():
            if name.startswith("AWS_") or name in {"TABLE_NAME", "POLICY_PARAMETER", "LOG_LEVEL"}:
                monkeypatch.setenv(name, value)
        for name in ("TOPIC_ARN", "SECRETS_PREFIX"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        runtime.forget_starts()
        yield Store(aws.client("dynamodb"), aws.environment["TABLE_NAME"])
        runtime.forget_starts()


@pytest.fixture
def watched(store: Store) -> Store:
    """The table after a run that read one account, with a name that is markup."""
    name = "<b>search</b>"
    at = NOW - timedelta(minutes=5)
    store.accounts.save([state(name, at)])
    run = store.runs.claim(at, 60)
    assert run is not None
    store.save_inventory(run, Inventory((Account(name, "you", {}),)))
    return store


def test_it_describes_itself_without_reading_anything() -> None:
    answer = handler({"describe": {}}, CONTEXT)
    assert isinstance(answer, dict)
    assert answer["markdown"].startswith("## balance-watch")


@pytest.mark.usefixtures("watched")
def test_it_returns_the_report_as_html_without_script_or_address() -> None:
    page = handler({"widgetContext": {"theme": "light"}}, CONTEXT)
    assert isinstance(page, str)
    assert "&lt;b&gt;search&lt;/b&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert "color-scheme: dark" not in page


@pytest.mark.usefixtures("watched")
def test_it_follows_the_dark_theme() -> None:
    assert "color-scheme: dark" in handler({"widgetContext": {"theme": "dark"}}, CONTEXT)


@pytest.mark.usefixtures("store")
def test_before_the_first_run_it_says_what_to_wait_for() -> None:
    assert "wait for the schedule" in handler({}, CONTEXT)


def test_it_shows_the_days_of_the_dashboards_time_range() -> None:
    until = NOW - timedelta(days=3)
    times = {"start": milliseconds(until - timedelta(days=7)), "end": milliseconds(until)}
    span = time_range({"timeRange": times}, NOW)
    assert span.until == until
    assert (until - span.since).days == 7


def test_a_zoom_counts_in_place_of_the_time_range() -> None:
    until = NOW - timedelta(days=1)
    zoom = {"start": milliseconds(until - timedelta(days=2)), "end": milliseconds(until)}
    times = {"start": 0, "end": milliseconds(NOW), "zoom": zoom}
    assert time_range({"timeRange": times}, NOW).until == until


@pytest.mark.parametrize("days", [0, 0.01, 1, 5000])
def test_whatever_the_range_it_has_a_day_and_400_at_most(days: float) -> None:
    times = {
        "start": milliseconds(NOW - timedelta(days=days)),
        "end": milliseconds(NOW + timedelta(days=9)),
    }
    span = time_range({"timeRange": times}, NOW)
    assert span.until == NOW
    assert 1 <= (NOW - span.since).days <= 400


def test_without_a_time_range_it_shows_30_days() -> None:
    assert (NOW - time_range({}, NOW).since).days == 30


@pytest.mark.parametrize(
    "times", ["x", [], {"start": 1}, {"start": "x", "end": 2}, {"start": 1, "end": 10**30}]
)
def test_an_invalid_time_range_is_named(times: object) -> None:
    with pytest.raises(EventError, match="milliseconds"):
        time_range({"timeRange": times}, NOW)


@pytest.mark.parametrize("event", [None, [], "x"])
def test_an_event_that_is_no_object_is_refused(event: object) -> None:
    with pytest.raises(EventError, match="must be an object"):
        handler(event, CONTEXT)


@pytest.mark.parametrize(
    "times",
    [
        {"start": -62135596800000, "end": -62135596700000},
        {"start": -62135164800000, "end": -62109676800000},
        {"start": 5, "end": -(10**30)},
        {"start": milliseconds(NOW), "end": 0},
    ],
)
def test_a_time_before_all_tables_is_a_range_without_readings(times: object) -> None:
    assert time_range({"timeRange": times}, NOW).needed_since < NOW


@pytest.mark.usefixtures("watched")
def test_without_enough_time_it_says_what_to_do() -> None:
    late: Any = Context(seconds=6)
    assert "choose a shorter time range" in handler({}, late)


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
def test_whoever_looks_is_told_of_a_missing_right_without_a_trace(
    operation: str,
) -> None:
    wired = runtime.warm_start(PolicySettings, PolicyWiring)
    client = wired.client("dynamodb")

    def deny(**_: object) -> None:
        raise refusal("AccessDeniedException", operation)

    client.meta.events.register(f"before-call.dynamodb.{operation}", deny)
    page = handler({}, CONTEXT)
    assert isinstance(page, str)
    assert "cannot be shown (ClientError)" in page
    assert "Traceback" not in page
