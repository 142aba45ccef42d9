"""Auto-reload is on, and the balance stays under its threshold: a card was declined."""

from dataclasses import replace
from decimal import Decimal

import pytest

from balance_watch.domain.reading import AutoReload, Reading
from tests.support.watchman import reading, watching

BOTH = ["fired sns", "fired slack:default"]


def look(balance: str, threshold: str | None = "10", *, on: bool = True) -> Reading:
    at = None if threshold is None else Decimal(threshold)
    return replace(reading(balance), auto_reload=AutoReload(on, at, Decimal(50)))


def test_one_check_under_the_threshold_is_no_alarm() -> None:
    watchman = watching()
    assert watchman.sees(look("9.9")) + watchman.sees(look("59")) == []


def test_two_checks_under_the_threshold_are_an_alarm() -> None:
    watchman = watching()
    watchman.sees(look("9.9"))
    assert watchman.sees(look("9.5")) == BOTH
    said = watchman.said[0].notification
    assert (said.rule, said.metric, said.severity) == ("auto_reload", "auto_reload", "critical")
    assert (said.value, said.threshold) == ("9.5", Decimal(10))
    assert "Auto-reload is on: below 10.00 EUR, the provider adds 50.00 EUR." in said.detail


@pytest.mark.parametrize("end", [look("59"), look("9", on=False), look("9", "5")])
def test_it_ends_when_it_happened_or_is_no_longer_due(end: Reading) -> None:
    watchman = watching()
    watchman.sees(look("9.9"))
    watchman.sees(look("9.5"))
    assert watchman.sees(end) == ["resolved sns", "resolved slack:default"]


@pytest.mark.parametrize("silent", [look("1", on=False), look("1", None), reading("1")])
def test_nothing_is_expected_of_what_is_off_or_not_known(silent: Reading) -> None:
    watchman = watching()
    assert [watchman.sees(silent) for _ in range(4)] == [[]] * 4
