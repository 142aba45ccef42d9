"""Auto-reload is on, and the balance stays under its threshold: a card was declined."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.reading import AutoReload, Reading
from tests.support.watchman import HOUR, Watchman, reading, watching

BOTH = ["fired sns", "fired slack:default"]


def read(balance: str, threshold: str | None = "10", *, on: bool = True) -> Reading:
    at = None if threshold is None else Decimal(threshold)
    return replace(reading(balance), auto_reload=AutoReload(on, at, Decimal(50)))


def test_one_check_below_the_threshold_is_no_alert() -> None:
    watchman = watching()
    assert watchman.announces(read("9.9")) + watchman.announces(read("59")) == []


def test_two_checks_that_are_an_hour_apart_fire() -> None:
    watchman = watching()
    watchman.announces(read("9.9"))
    assert watchman.announces(read("9.9"), HOUR) == BOTH


def declined() -> Watchman:
    """An account that has been below the threshold for ten minutes."""
    watchman = watching()
    for _ in range(3):
        assert watchman.announces(read("9.9")) == []
    return watchman


def test_a_quarter_of_an_hour_below_the_threshold_fires() -> None:
    watchman = declined()
    assert watchman.announces(read("9.5")) == BOTH
    notification = watchman.entries[0].notification
    assert (notification.rule, notification.metric, notification.severity) == (
        "auto_reload",
        "auto_reload",
        "critical",
    )
    assert (notification.value, notification.threshold) == ("9.5", Decimal(10))
    assert "Auto-reload is on: below 10.00 EUR, the provider adds 50.00 EUR." in notification.detail


@pytest.mark.parametrize("end", [read("59"), read("9", on=False), read("9", "5")])
def test_it_ends_when_the_reload_happened_or_is_no_longer_due(end: Reading) -> None:
    watchman = declined()
    watchman.announces(read("9.5"))
    assert watchman.announces(end) == ["resolved sns", "resolved slack:default"]


@pytest.mark.parametrize("result", [read("1", on=False), read("1", None), reading("1")])
def test_an_auto_reload_that_is_off_or_unknown_fires_nothing(result: Reading) -> None:
    watchman = watching()
    assert [watchman.announces(result) for _ in range(4)] == [[]] * 4
