"""Silences and mute times: what they mute, what they never mute, and what follows their end."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.silences import MuteTime, Silence, suppression
from tests.support.auditor import KEY, Auditor
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
    ("match", "suppressed"),
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
def test_a_silence_mutes_alerts_that_match_every_glob(
    match: dict[str, str], *, suppressed: bool
) -> None:
    watchman = watching(below("20"))
    watchman.silences = [Silence("s", match, START + HOUR, "", START)]
    assert (watchman.announces("8") == []) is suppressed


def test_a_suppressed_alert_is_announced_when_the_silence_ends_if_it_still_fires() -> None:
    watchman = silenced()
    watchman.announces("8")
    assert watchman.announces("7") == []
    assert watchman.announces("6", HOUR) == FIRED
    assert watchman.entries[0].notification.since == START


def test_a_suppressed_alert_that_ends_within_the_silence_is_never_announced() -> None:
    watchman = silenced()
    watchman.announces("8")
    watchman.announces("50")
    assert watchman.announces("50", HOUR) == []


def test_a_silence_that_is_ended_early_mutes_nothing() -> None:
    watchman = silenced()
    watchman.announces("8")
    watchman.silences = []
    assert watchman.announces("8") == FIRED


def test_a_suppressed_end_is_announced_when_the_silence_ends() -> None:
    watchman = watching(below("20"))
    watchman.announces("8")
    watchman.silences = [silence()]
    assert watchman.announces("50") == []
    assert watchman.announces("50", HOUR) == RESOLVED


def test_a_suppressed_end_waits_for_a_reading_that_shows_it() -> None:
    watchman = watching(below("20"))
    watchman.announces("8")
    watchman.silences = [silence()]
    watchman.announces("50")
    assert watchman.announces(failure(), HOUR) == []
    assert watchman.announces("50") == RESOLVED


def test_an_alert_that_ends_and_fires_again_within_a_silence_is_the_one_announced_before() -> None:
    watchman = watching(below("20"))
    watchman.announces("8")
    watchman.silences = [silence()]
    watchman.announces("50")
    watchman.announces("8")
    assert watchman.announces("8", HOUR) == []
    assert watchman.announces("50") == RESOLVED


def test_a_worsened_alert_is_announced_when_the_silence_ends() -> None:
    watchman = watching(below("20"), below("5", name="very low", severity=Severity.CRITICAL))
    watchman.announces("8")
    watchman.silences = [silence()]
    watchman.announces("4")
    assert watchman.announces("4", HOUR) == ["worsened sns", "worsened slack:default"]


def test_a_suppressed_reminder_comes_when_the_silence_ends() -> None:
    watchman = watching(below("20"))
    watchman.announces("8")
    watchman.silences = [silence(START + 30 * HOUR)]
    assert watchman.announces("8", 25 * HOUR) == []
    assert watchman.announces("8", 5 * HOUR) == ["reminder sns", "reminder slack:default"]


NAMES = st.sampled_from(["a", "b", "*", "a*", "[ab]", "\u00e9", "e\u0301", "x["])
FACTS = ["account", "provider", "labels.team", "severity", "metric"]


@given(
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from(FACTS), NAMES, min_size=1), st.booleans()),
        max_size=6,
    ),
    st.dictionaries(st.sampled_from(FACTS), NAMES),
)
def test_an_alert_is_suppressed_if_and_only_if_one_of_the_silences_mutes_it(
    matches: list[tuple[dict[str, str], bool]], facts: dict[str, str]
) -> None:
    silences = [
        Silence("s", match, START + HOUR, "", START, exact=exact) for match, exact in matches
    ]
    expected = any(it.mutes(facts, START) for it in silences)
    assert suppression(silences, (), START)(facts) is expected


class CountedMatch(dict[str, str]):
    """A match that counts how often it is compared with an alert."""

    compared = 0

    def items(self) -> Any:  # noqa: ANN401 (the items of a dict have no type to name)
        """Returns the items, which every comparison takes."""
        CountedMatch.compared += 1
        return super().items()


@pytest.mark.parametrize("exact", [True, False])
def test_ten_thousand_silences_of_an_account_each_are_looked_up_and_not_searched(
    *, exact: bool
) -> None:
    silences = [
        Silence(str(n), CountedMatch(account=f"a{n}", metric="balance"), START + HOUR, "", START)
        for n in range(10_000)
    ]
    is_suppressed = suppression([replace(it, exact=exact) for it in silences], (), START)
    CountedMatch.compared = 0
    alerts = [{"account": f"a{n}", "metric": "balance"} for n in range(0, 20_000, 100)]
    assert [is_suppressed(facts) for facts in alerts] == [n < 100 for n in range(200)]
    assert CountedMatch.compared == 100


@pytest.mark.parametrize("match", [{"account": "*"}, {"rule": "unread*"}, {"metric": "*"}])
def test_a_silence_does_not_mute_an_unreadable_account(match: dict[str, str]) -> None:
    watchman = watching()
    watchman.silences = [Silence("s", match, START + HOUR, "", START)]
    assert watchman.announces(failure(FailureKind.KEY_REJECTED)) == FIRED


@pytest.mark.parametrize("match", [{"rule": "unreadable"}, {"metric": "unreadable"}])
def test_a_silence_that_names_the_metric_or_rule_mutes_an_unreadable_account(
    match: dict[str, str],
) -> None:
    watchman = watching()
    watchman.silences = [Silence("s", match, START + HOUR, "", START)]
    assert watchman.announces(failure(FailureKind.KEY_REJECTED)) == []


def test_a_silence_does_not_mute_faults_of_the_configuration_unless_it_names_them() -> None:
    auditor = Auditor()
    auditor.silences = [silence()]
    assert auditor.announces(KEY) == FIRED


def test_suppressed_faults_are_announced_when_the_silence_ends() -> None:
    auditor = Auditor()
    auditor.silences = [silence(metric="configuration")]
    assert auditor.announces(KEY) == []
    assert auditor.announces(KEY, after=HOUR) == FIRED


def muted(day: str, begins: str, ends: str, zone: str = "UTC", **match: str) -> MuteTime:
    days = frozenset(WEEK.index(each) for each in day.split())
    return MuteTime(
        days, time.fromisoformat(begins), time.fromisoformat(ends), ZoneInfo(zone), match
    )


def is_suppressed(mute: MuteTime, at: str, facts: Mapping[str, str] | None = None) -> bool:
    known = {"severity": "warning", "metric": "balance", "rule": "low", **(facts or {})}
    return suppression((), [mute], datetime.fromisoformat(at).astimezone(UTC))(known)


@pytest.mark.parametrize(
    ("at", "suppressed"),
    [
        ("2026-11-20T17:59:59Z", False),  # a Friday
        ("2026-11-20T18:00:00Z", True),
        ("2026-11-21T08:59:59Z", True),
        ("2026-11-21T09:00:00Z", False),
        ("2026-11-21T18:00:00Z", False),
        ("2026-11-27T08:00:00Z", False),
    ],
)
def test_a_mute_time_over_midnight_belongs_to_the_day_on_which_it_begins(
    at: str, *, suppressed: bool
) -> None:
    assert is_suppressed(muted("fri", "18:00", "09:00"), at) is suppressed


def test_a_mute_time_that_ends_when_it_begins_is_a_whole_day() -> None:
    weekend = muted("sat sun", "00:00", "00:00")
    assert is_suppressed(weekend, "2026-11-21T00:00:00Z")
    assert is_suppressed(weekend, "2026-11-22T23:59:59Z")
    assert not is_suppressed(weekend, "2026-11-23T00:00:00Z")


@pytest.mark.parametrize(
    ("at", "suppressed"),
    [
        ("2026-10-24T20:30:00Z", True),  # 22:30, summer time
        ("2026-10-25T20:30:00Z", False),  # 21:30, winter time
        ("2026-10-25T21:30:00Z", True),
    ],
)
def test_a_mute_time_follows_its_time_zone(at: str, *, suppressed: bool) -> None:
    assert is_suppressed(muted("sat sun", "22:00", "23:00", "Europe/Berlin"), at) is suppressed


def test_a_mute_time_never_mutes_a_critical_alert() -> None:
    always = muted("mon tue wed thu fri sat sun", "00:00", "00:00")
    for severity, suppressed in (("critical", False), ("warning", True), ("info", True)):
        assert is_suppressed(always, "2026-11-22T10:00:00Z", {"severity": severity}) is suppressed


def test_a_mute_time_does_not_mute_an_unreadable_account_unless_it_names_it() -> None:
    blind = {"metric": "unreadable", "rule": "unreadable"}
    always = muted("mon tue wed thu fri sat sun", "00:00", "00:00")
    assert not is_suppressed(always, "2026-11-22T10:00:00Z", blind)
    assert is_suppressed(
        replace(always, match={"rule": "unreadable"}), "2026-11-22T10:00:00Z", blind
    )


def test_a_suppressed_alert_is_announced_when_the_mute_time_ends() -> None:
    window = MuteTime(ALL_WEEK, time(10), time(11), BERLIN, {})
    policy = replace(watching(below("20")).policy, mute_times=(window,), defaults=Defaults())
    watchman = Watchman(policy, now=START.replace(hour=8, minute=55))
    assert watchman.announces("8") == []  # 10:00 in Berlin
    assert watchman.announces("8", timedelta(minutes=55)) == []
    assert watchman.announces("8") == FIRED


def test_a_silence_ends_at_its_time() -> None:
    suppressed = silence(START + TICK).mutes
    facts = {"account": "sms", "metric": Metric.BALANCE.value}
    assert suppressed(facts, START)
    assert not suppressed(facts, START + TICK)
