"""Silences and mute times: what is held back, what never is, and that it is said when they end."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.silences import MuteTime, Silence, suppression
from tests.domain.test_configuration_alert import KEY, Auditor
from tests.support.watchman import HOUR, START, TICK, Watchman, below, failure, watching

FIRED = ["fired sns", "fired slack:default"]
RESOLVED = ["resolved sns", "resolved slack:default"]
BERLIN = ZoneInfo("Europe/Berlin")
ALL_WEEK = frozenset(range(7))
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def silence(until: datetime = START + HOUR, **match: str) -> Silence:
    facts = {name.replace("__", "."): glob for name, glob in match.items()}
    return Silence("s", facts or {"account": "*"}, until, "migration", START)


def silenced(*, until: datetime = START + HOUR, **match: str) -> Watchman:
    watchman = watching(below("20"))
    watchman.silences = [silence(until, **match)]
    return watchman


@pytest.mark.parametrize(
    ("match", "held"),
    [
        ({"account": "sms"}, True),
        ({"provider": "v*"}, True),
        ({"labels.team": "messaging"}, True),
        ({"severity": "warning"}, True),
        ({"rule": "low*"}, True),
        ({"metric": "balance"}, True),
        ({"account": "sms", "severity": "warning"}, True),
        ({"account": "sms", "severity": "critical"}, False),
        ({"account": "search"}, False),
        ({"labels.owner": "*"}, False),
    ],
)
def test_a_silence_holds_back_what_matches_every_glob(match: dict[str, str], held: bool) -> None:  # noqa: FBT001
    watchman = watching(below("20"))
    watchman.silences = [Silence("s", match, START + HOUR, "", START)]
    assert (watchman.sees("8") == []) is held


def test_what_a_silence_held_back_is_said_when_it_ends_if_it_still_holds() -> None:
    watchman = silenced()
    watchman.sees("8")
    assert watchman.sees("7") == []
    assert watchman.sees("6", HOUR) == FIRED
    assert watchman.said[0].notification.since == START


def test_what_no_longer_holds_when_a_silence_ends_is_never_said() -> None:
    watchman = silenced()
    watchman.sees("8")
    watchman.sees("50")
    assert watchman.sees("50", HOUR) == []


def test_a_silence_that_is_ended_early_holds_nothing_back() -> None:
    watchman = silenced()
    watchman.sees("8")
    watchman.silences = []
    assert watchman.sees("8") == FIRED


def test_the_end_of_an_alert_is_said_when_the_silence_ends() -> None:
    watchman = watching(below("20"))
    watchman.sees("8")
    watchman.silences = [silence()]
    assert watchman.sees("50") == []
    assert watchman.sees("50", HOUR) == RESOLVED


def test_an_end_that_was_held_back_waits_for_a_look_that_shows_it() -> None:
    watchman = watching(below("20"))
    watchman.sees("8")
    watchman.silences = [silence()]
    watchman.sees("50")
    assert watchman.sees(failure(), HOUR) == []
    assert watchman.sees("50") == RESOLVED


def test_an_alert_that_ends_and_fires_again_within_a_silence_is_one_that_was_told() -> None:
    watchman = watching(below("20"))
    watchman.sees("8")
    watchman.silences = [silence()]
    watchman.sees("50")
    watchman.sees("8")
    assert watchman.sees("8", HOUR) == []
    assert watchman.sees("50") == RESOLVED


def test_what_got_worse_is_said_when_the_silence_ends() -> None:
    watchman = watching(below("20"), below("5", name="very low", severity=Severity.CRITICAL))
    watchman.sees("8")
    watchman.silences = [silence()]
    watchman.sees("4")
    assert watchman.sees("4", HOUR) == ["worsened sns", "worsened slack:default"]


def test_a_reminder_that_was_held_back_comes_when_the_silence_ends() -> None:
    watchman = watching(below("20"))
    watchman.sees("8")
    watchman.silences = [silence(START + 30 * HOUR)]
    assert watchman.sees("8", 25 * HOUR) == []
    assert watchman.sees("8", 5 * HOUR) == ["reminder sns", "reminder slack:default"]


@pytest.mark.parametrize("match", [{"account": "*"}, {"rule": "unread*"}, {"metric": "*"}])
def test_a_silence_never_hides_that_an_account_cannot_be_read(match: dict[str, str]) -> None:
    watchman = watching()
    watchman.silences = [Silence("s", match, START + HOUR, "", START)]
    assert watchman.sees(failure(FailureKind.KEY_REJECTED)) == FIRED


@pytest.mark.parametrize("match", [{"rule": "unreadable"}, {"metric": "unreadable"}])
def test_a_silence_that_names_it_does(match: dict[str, str]) -> None:
    watchman = watching()
    watchman.silences = [Silence("s", match, START + HOUR, "", START)]
    assert watchman.sees(failure(FailureKind.KEY_REJECTED)) == []


def test_the_faults_of_the_configuration_are_not_hidden_unless_named() -> None:
    auditor = Auditor()
    auditor.silences = [silence()]
    assert auditor.sees(KEY) == FIRED


def test_faults_that_were_held_back_are_told_when_the_silence_ends() -> None:
    auditor = Auditor()
    auditor.silences = [silence(metric="configuration")]
    assert auditor.sees(KEY) == []
    assert auditor.sees(KEY, after=HOUR) == FIRED


def muted(day: str, begins: str, ends: str, zone: str = "UTC", **match: str) -> MuteTime:
    days = frozenset(WEEK.index(each) for each in day.split())
    return MuteTime(
        days, time.fromisoformat(begins), time.fromisoformat(ends), ZoneInfo(zone), match
    )


def is_held(mute: MuteTime, at: str, facts: Mapping[str, str] | None = None) -> bool:
    known = {"severity": "warning", "metric": "balance", "rule": "low", **(facts or {})}
    return suppression((), [mute], datetime.fromisoformat(at).astimezone(UTC))(known)


@pytest.mark.parametrize(
    ("at", "held"),
    [
        ("2026-11-20T17:59:59Z", False),  # a Friday
        ("2026-11-20T18:00:00Z", True),
        ("2026-11-21T08:59:59Z", True),
        ("2026-11-21T09:00:00Z", False),
        ("2026-11-21T18:00:00Z", False),
        ("2026-11-27T08:00:00Z", False),
    ],
)
def test_a_night_belongs_to_the_day_that_it_begins_on(at: str, held: bool) -> None:  # noqa: FBT001
    assert is_held(muted("fri", "18:00", "09:00"), at) is held


def test_a_window_from_a_time_to_itself_is_a_whole_day() -> None:
    weekend = muted("sat sun", "00:00", "00:00")
    assert is_held(weekend, "2026-11-21T00:00:00Z")
    assert is_held(weekend, "2026-11-22T23:59:59Z")
    assert not is_held(weekend, "2026-11-23T00:00:00Z")


@pytest.mark.parametrize(
    ("at", "held"),
    [
        ("2026-10-24T20:30:00Z", True),  # 22:30, summer time
        ("2026-10-25T20:30:00Z", False),  # 21:30, winter time
        ("2026-10-25T21:30:00Z", True),
    ],
)
def test_a_window_keeps_to_its_zones_clock(at: str, held: bool) -> None:  # noqa: FBT001
    assert is_held(muted("sat sun", "22:00", "23:00", "Europe/Berlin"), at) is held


def test_what_is_critical_is_never_muted() -> None:
    always = muted("mon tue wed thu fri sat sun", "00:00", "00:00")
    for severity, held in (("critical", False), ("warning", True), ("info", True)):
        assert is_held(always, "2026-11-22T10:00:00Z", {"severity": severity}) is held


def test_mute_times_hide_no_account_that_cannot_be_read_unless_they_name_it() -> None:
    blind = {"metric": "unreadable", "rule": "unreadable"}
    always = muted("mon tue wed thu fri sat sun", "00:00", "00:00")
    assert not is_held(always, "2026-11-22T10:00:00Z", blind)
    assert is_held(replace(always, match={"rule": "unreadable"}), "2026-11-22T10:00:00Z", blind)


def test_what_was_muted_is_said_when_the_window_ends() -> None:
    window = MuteTime(ALL_WEEK, time(10), time(11), BERLIN, {})
    policy = replace(watching(below("20")).policy, mute_times=(window,), defaults=Defaults())
    watchman = Watchman(policy, now=START.replace(hour=8, minute=55))
    assert watchman.sees("8") == []  # 10:00 in Berlin
    assert watchman.sees("8", timedelta(minutes=55)) == []
    assert watchman.sees("8") == FIRED


def test_a_silence_ends_at_its_time() -> None:
    held = silence(START + TICK).mutes
    facts = {"account": "sms", "metric": Metric.BALANCE.value}
    assert held(facts, START)
    assert not held(facts, START + TICK)
