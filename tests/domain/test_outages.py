"""Accounts that fail for one cause are one outage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.account import Account
from balance_watch.domain.outages import (
    EVERY_ACCOUNT,
    Attempt,
    held_back,
    outages_of,
    unknown,
    within_bounds,
)
from balance_watch.domain.reading import FailureKind

TIMED_OUT, REJECTED = FailureKind.TIMED_OUT, FailureKind.KEY_REJECTED


def attempt(
    name: str, failure: FailureKind | None = None, provider: str = "vonage", host: str = "a"
) -> Attempt:
    return Attempt(Account(name, provider), host, failure)


def names(*attempts: Attempt, lasting: str = "") -> dict[str, list[str]]:
    """The names of the accounts of each outage."""
    found = outages_of(attempts, {lasting})
    return {name: [it.name for it in them] for name, them in found.items()}


FINE = attempt("fine", provider="you", host="you")


def test_three_accounts_of_one_provider_host_and_kind_of_failure_are_an_outage() -> None:
    failed = [attempt(name, TIMED_OUT) for name in "abc"]
    assert names(*failed, FINE) == {"vonage at a": ["a", "b", "c"]}


def test_two_are_none() -> None:
    assert names(*(attempt(name, TIMED_OUT) for name in "ab"), FINE) == {}


def test_one_account_that_reads_makes_it_none() -> None:
    assert names(*(attempt(name, TIMED_OUT) for name in "abc"), attempt("d"), FINE) == {}


def test_an_account_that_reads_at_another_host_does_not() -> None:
    failed = [attempt(name, TIMED_OUT) for name in "abc"]
    assert names(*failed, attempt("d", host="b")) == {"vonage at a": ["a", "b", "c"]}


def test_each_kind_of_failure_that_three_have_is_part_of_it() -> None:
    kinds = [TIMED_OUT] * 3 + [REJECTED] * 3
    failed = [attempt(str(n), kind) for n, kind in enumerate(kinds)]
    alone = attempt("6", FailureKind.BLOCKED)
    assert names(*failed, alone, FINE) == {"vonage at a": ["0", "1", "2", "3", "4", "5"]}


def test_one_that_lasts_goes_on_whatever_the_kinds_of_failure() -> None:
    kinds = (TIMED_OUT, FailureKind.PROVIDER_ERROR, FailureKind.BLOCKED)
    failed = [attempt(kind, kind) for kind in kinds]
    assert names(*failed, FINE, lasting="vonage at a") == {"vonage at a": [*kinds]}


def test_a_key_that_is_rejected_while_one_lasts_is_told_by_itself() -> None:
    failed = [attempt(name, TIMED_OUT) for name in "abc"]
    rejected = attempt("d", REJECTED)
    assert names(*failed, rejected, FINE, lasting="vonage at a") == {"vonage at a": [*"abc"]}


def test_different_kinds_of_failure_of_fewer_than_three_are_none() -> None:
    assert (
        names(attempt("a", TIMED_OUT), attempt("b", TIMED_OUT), attempt("c", REJECTED), FINE) == {}
    )


def test_if_nothing_can_be_read_it_is_one_outage_whatever_the_providers() -> None:
    failed = [attempt(name, TIMED_OUT, provider=name, host=name) for name in "abc"]
    assert names(*failed) == {EVERY_ACCOUNT: ["a", "b", "c"]}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_few_accounts_alone_are_announced_by_themselves(count: int) -> None:
    assert names(*(attempt(str(n), TIMED_OUT) for n in range(count))) == {}


@pytest.mark.parametrize(("readable", "lasts"), [(0, True), (2, True), (3, False), (5, False)])
def test_an_outage_lasts_until_half_of_its_accounts_can_be_read(
    readable: int, *, lasts: bool
) -> None:
    failed = [attempt(f"f{number}", TIMED_OUT) for number in range(3)]
    fine = [attempt(f"r{number}") for number in range(readable)]
    name = "vonage at a"
    assert (name in names(*failed, *fine, FINE, lasting=name)) is lasts


def test_an_outage_of_every_account_lasts_as_long() -> None:
    failed = [attempt(str(number), TIMED_OUT) for number in range(3)]
    assert EVERY_ACCOUNT in names(*failed, FINE, attempt("x", provider="z"), lasting=EVERY_ACCOUNT)
    assert names(*failed[:2], FINE, attempt("x", provider="z"), lasting=EVERY_ACCOUNT) == {}


def held(*attempts: Attempt, over: str = "") -> list[str]:
    outages = outages_of(attempts)
    return [account.name for account in held_back(attempts, outages, {over})]


OUT_OF_CREDIT = FailureKind.OUT_OF_CREDIT


def test_an_outage_holds_back_its_accounts_except_one_whose_credit_is_used_up() -> None:
    failed = [attempt(name, TIMED_OUT) for name in "abc"]
    assert held(*failed, attempt("d", OUT_OF_CREDIT)) == ["a", "b", "c"]


def test_an_outage_of_used_up_credit_holds_back_all_of_its_accounts() -> None:
    assert held(*(attempt(name, OUT_OF_CREDIT) for name in "abc")) == ["a", "b", "c"]


@pytest.mark.parametrize("over", [EVERY_ACCOUNT, "vonage at a"])
def test_an_outage_that_is_over_holds_back_what_still_fails_of_it(over: str) -> None:
    assert held(attempt("a", REJECTED), attempt("b", OUT_OF_CREDIT), FINE, over=over) == ["a"]


@pytest.mark.parametrize("over", ["you at a", "vonage-subaccounts at a", "vonage at b"])
def test_an_outage_of_another_provider_that_is_over_holds_back_nothing(over: str) -> None:
    assert held(attempt("a", REJECTED), FINE, over=over) == []


VONAGE = frozenset({"vonage at a", "you at you"})


def test_an_outage_of_which_no_account_was_tried_stays_as_it_is() -> None:
    assert unknown({"vonage at a"}, VONAGE, {FINE.place}, frozenset()) == {"vonage at a"}
    assert unknown({"vonage at a"}, VONAGE, {attempt("a").place}, frozenset()) == frozenset()


def test_an_outage_of_a_place_that_nobody_watches_any_longer_ends() -> None:
    assert unknown({"gone at a"}, VONAGE, {FINE.place}, frozenset()) == frozenset()
    assert unknown({"gone at a"}, frozenset(), frozenset(), frozenset()) == frozenset()


def test_every_outage_stays_as_it_is_while_nothing_was_tried() -> None:
    assert unknown({EVERY_ACCOUNT, "vonage at a"}, VONAGE, frozenset(), frozenset()) == {
        EVERY_ACCOUNT,
        "vonage at a",
    }


def test_the_others_stay_as_they_are_while_every_account_fails() -> None:
    failed = [attempt(name, TIMED_OUT) for name in "abc"]
    assert unknown({"vonage at a"}, VONAGE, {it.place for it in failed}, {EVERY_ACCOUNT}) == {
        "vonage at a"
    }


@given(
    st.dictionaries(st.integers(0, 150), st.integers(3, 6), max_size=150),
    st.sets(st.integers(0, 150), max_size=100),
)
def test_a_run_remembers_a_hundred_outages_known_ones_and_then_the_largest(
    sizes: dict[int, int], known: set[int]
) -> None:
    outages = {str(name): (Account("a", "you"),) * size for name, size in sizes.items()}
    before = set(map(str, known))
    kept = within_bounds(outages, before)
    assert kept.keys() >= before & outages.keys()
    assert len(before | kept.keys()) <= 100
    left_out = [len(outages[name]) for name in outages.keys() - kept.keys()]
    new = [len(outages[name]) for name in kept.keys() - before]
    assert not left_out or len(before | kept.keys()) == 100
    assert not (left_out and new) or max(left_out) <= min(new)


def test_the_outage_of_every_account_has_room_beside_a_hundred_others() -> None:
    every = {EVERY_ACCOUNT: (Account("a", "you"),) * 3}
    assert within_bounds(every, {str(number) for number in range(100)}) == every
