"""Outages are decided on the reports of all batches; until then a batch holds back what it may."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.account import Account
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outages import EVERY_ACCOUNT, Attempt, outages_among, outages_of
from balance_watch.domain.place_reports import (
    FailedAccount,
    PartView,
    PlaceReport,
    attempts_of,
    held_back_in_part,
    merged,
    reports_of,
    state_of,
)
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState
from tests.support.examples import TICK

MINUTES = timedelta(minutes=5)
TIMED_OUT, REJECTED = FailureKind.TIMED_OUT, FailureKind.KEY_REJECTED
OUT_OF_CREDIT = FailureKind.OUT_OF_CREDIT
PLACE = "you at a"


def attempt(
    name: str, failure: FailureKind | None = None, provider: str = "you", host: str = "a"
) -> Attempt:
    return Attempt(Account(name, provider), host, failure)


def view(
    *lasting: str,
    shared: Sequence[str] = (PLACE,),
    suspects: Mapping[str, datetime] | None = None,
    judged_at: datetime | None = None,
) -> PartView:
    return PartView(frozenset(shared), suspects or {}, judged_at, frozenset(lasting))


def held(attempts: Sequence[Attempt], sees: PartView) -> list[str]:
    return [it.name for it in held_back_in_part(attempts, sees, TICK)[0]]


FAILED = [attempt("x", TIMED_OUT), attempt("y", REJECTED)]


def test_a_shared_place_of_which_nothing_reads_is_held_back_and_suspected() -> None:
    accounts, suspects = held_back_in_part(FAILED, view(), TICK)
    assert [it.name for it in accounts] == ["x", "y"]
    assert suspects == {PLACE: TICK}


def test_one_account_that_reads_clears_the_place() -> None:
    assert held_back_in_part([*FAILED, attempt("z")], view(), TICK) == ([], {})


def test_a_place_of_this_batch_alone_is_judged_at_once() -> None:
    three = [attempt(name, TIMED_OUT) for name in "abc"]
    assert held(three, view(shared=())) == ["a", "b", "c"]
    assert held(three[:2], view(shared=())) == []


@pytest.mark.parametrize("name", [PLACE, EVERY_ACCOUNT])
def test_what_fails_while_an_outage_lasts_is_held_back(name: str) -> None:
    assert held([*FAILED, attempt("z")], view(name)) == ["x", "y"]


def test_used_up_credit_is_not_held_back_beside_other_failures() -> None:
    assert held([*FAILED, attempt("z", OUT_OF_CREDIT)], view()) == ["x", "y"]


def over_ticks(judged: Sequence[bool]) -> list[bool]:
    """Whether a batch of which nothing reads is held back in each tick, each judged or not."""
    suspects: Mapping[str, datetime] = {}
    judged_at = TICK - MINUTES
    was_held = []
    for number, is_judged in enumerate(judged):
        now = TICK + number * MINUTES
        accounts, suspects = held_back_in_part(
            FAILED, view(suspects=suspects, judged_at=judged_at), now
        )
        was_held.append(bool(accounts))
        judged_at = now if is_judged else judged_at
    return was_held


def test_one_batch_of_a_place_that_reads_elsewhere_is_announced_two_ticks_later() -> None:
    assert over_ticks([True] * 5) == [True, True, False, False, False]


def test_it_is_held_back_until_a_tick_that_began_later_was_judged() -> None:
    assert over_ticks([False, False, True, True]) == [True, True, True, False]


@pytest.mark.parametrize(("minutes", "is_held"), [(60, True), (65, False)])
def test_while_nobody_judges_it_is_held_back_for_an_hour(minutes: int, is_held: bool) -> None:  # noqa: FBT001 (a parameter of pytest)
    since = TICK - timedelta(minutes=minutes)
    assert held(FAILED, view(suspects={PLACE: since})) == (["x", "y"] if is_held else [])


def test_a_real_outage_that_begins_in_the_middle_of_a_tick_is_never_announced_by_accounts() -> None:
    # In the first tick another batch still read the place, so no outage was found.
    first, suspects = held_back_in_part(FAILED, view(judged_at=TICK - MINUTES), TICK)
    second, suspects = held_back_in_part(
        FAILED, view(suspects=suspects, judged_at=TICK), TICK + MINUTES
    )
    # The second tick found it, so from the third on it lasts.
    third, _ = held_back_in_part(
        FAILED, view(PLACE, suspects=suspects, judged_at=TICK + MINUTES), TICK + 2 * MINUTES
    )
    assert [len(them) for them in (first, second, third)] == [2, 2, 2]


def test_a_place_that_reads_again_is_suspected_anew() -> None:
    _, suspects = held_back_in_part([attempt("x")], view(suspects={PLACE: TICK - MINUTES}), TICK)
    assert suspects == {}


ALERT = Alert("unreadable", Severity.WARNING, TICK)


def test_a_report_has_every_place_also_one_that_was_not_tried() -> None:
    accounts = [(Account(name, "you"), host) for name, host in (("a", "h"), ("b", "h"), ("c", "i"))]
    states = {
        "a": AccountState("a", alerts={Metric.UNREADABLE: ALERT}),
        "b": AccountState("b"),
    }
    tried = [attempt("a", TIMED_OUT, host="h"), attempt("b", host="h")]
    assert reports_of(accounts, tried, states) == {
        "you at h": PlaceReport(
            "you", "h", 1, (FailedAccount("a", TIMED_OUT, Severity.WARNING, TICK),)
        ),
        "you at i": PlaceReport("you", "i"),
    }


def test_an_alert_that_does_not_fire_is_not_reported() -> None:
    pending = Alert("unreadable", Severity.WARNING, TICK, firing=False)
    states = {"a": AccountState("a", alerts={Metric.UNREADABLE: pending})}
    (report,) = reports_of([(Account("a", "you"), "a")], [attempt("a", TIMED_OUT)], states).values()
    assert report.failed == (FailedAccount("a", TIMED_OUT),)


def test_the_state_of_a_failed_account_has_its_failure_and_its_alert() -> None:
    state = state_of(FailedAccount("a", TIMED_OUT, Severity.WARNING, TICK))
    assert state.failure is not None
    assert (state.failure.kind, state.alerts) == (TIMED_OUT, {Metric.UNREADABLE: ALERT})
    assert state_of(FailedAccount("a", TIMED_OUT)).alerts == {}


def test_what_is_known_of_a_failed_account_goes_into_its_attempt() -> None:
    known = Account("x", "you", labels={"team": "a"})
    reports = {PLACE: PlaceReport("you", "a", 0, (FailedAccount("x", TIMED_OUT),))}
    assert attempts_of(reports, {"x": known}) == [Attempt(known, "a", TIMED_OUT)]
    assert attempts_of(reports, {}) == [attempt("x", TIMED_OUT)]


kinds = st.none() | st.sampled_from([TIMED_OUT, REJECTED, OUT_OF_CREDIT])
places = st.tuples(st.sampled_from(["you", "vonage"]), st.sampled_from("ab"))
ALL_PLACES = [EVERY_ACCOUNT, "you at a", "you at b", "vonage at a", "vonage at b"]


@given(
    st.lists(st.tuples(places, kinds), max_size=25),
    st.lists(st.integers(0, 25), max_size=5),
    st.sets(st.sampled_from(ALL_PLACES)),
)
def test_outages_on_merged_reports_are_those_of_all_attempts(
    tried: list[tuple[tuple[str, str], FailureKind | None]],
    cuts: list[int],
    lasting: set[str],
) -> None:
    attempts = [
        attempt(f"a{number}", kind, provider, host)
        for number, ((provider, host), kind) in enumerate(tried)
    ]
    bounds = [0, *sorted(cuts), len(attempts)]
    parts = [attempts[start:end] for start, end in pairwise(bounds) if start < end]
    reports = merged(
        reports_of(
            [(it.account, it.host) for it in part],
            part,
            {it.account.name: AccountState(it.account.name) for it in part},
        )
        for part in parts
    )
    readable = {place: report.read for place, report in reports.items()}
    found = outages_among(attempts_of(reports, {}), readable, lasting)
    expected = outages_of(attempts, lasting)
    assert {name: {it.name for it in them} for name, them in found.items()} == {
        name: {it.name for it in them} for name, them in expected.items()
    }
