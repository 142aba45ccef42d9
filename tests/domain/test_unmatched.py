"""A match that fits no account is named by its place; an account's own name always fits it."""

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.account import Account, matches
from balance_watch.domain.configuration_alert import PROVIDER
from balance_watch.domain.policy import CONFIGURATION, Policy, Route
from balance_watch.domain.rules import Severity
from balance_watch.domain.silences import MuteTime, Silence
from balance_watch.domain.unmatched import (
    fits_an_alert,
    severity_of,
    unmatched_fault,
    unmatched_in_policy,
    unmatched_silences,
)
from tests.support.strategies import words
from tests.support.watchman import START, below

SMS = Account("sms", "vonage", labels={"team": "messaging"}).facts
SEARCH = Account("search [prod]", "you", labels={"team": "search"}).facts
ACCOUNTS = (SMS, SEARCH)
MISSPELT = [
    {"account": "smss"},
    {"provider": "vonag"},
    {"provider": "Vonage"},
    {"labels.team": "serch"},
    {"labels.stage": "*"},
    {"account": "sms", "labels.team": "search"},
    {"account": "smss", "severity": "critical"},
]
OF_NO_ALERT = [{"severity": "critcal"}, {"metric": "balanec"}, {"account": "sms", "severity": "x*"}]
"""Words that no alert has; a rule has no such facts in its match."""

FITTING = [
    {},
    {"account": "*"},
    {"account": "search [prod]"},
    {"provider": "v*", "labels.team": "mess*"},
    {"severity": "critical"},
    {"rule": "no such rule", "metric": "balance"},
    {"account": "sms", "severity": "info", "rule": "x"},
]
OF_CONFIGURATION = [
    {"account": CONFIGURATION},
    {"provider": PROVIDER, "severity": "critical"},
    {"account": "conf*", "provider": "balance-*"},
]


@pytest.mark.parametrize("match", OF_NO_ALERT)
def test_a_severity_or_a_metric_that_there_is_not_fits_no_alert(match: dict[str, str]) -> None:
    assert "policy routes[1]" in places(match)
    assert not fits_an_alert(match, ACCOUNTS)


def places(match: dict[str, str]) -> list[str]:
    """The places of a policy that has this match everywhere."""
    policy = Policy(
        rules=(below("20", name="low balance", match=match),),
        routes=(Route({}, ("sns",)), Route(match, ("sns",))),
        mute_times=(MuteTime(frozenset({5}), time(22), time(8), START.tzinfo, match),),  # type: ignore[arg-type]
    )
    return list(unmatched_in_policy(policy, ACCOUNTS))


@pytest.mark.parametrize("match", MISSPELT)
def test_a_match_that_fits_no_account_is_named_by_its_place(match: dict[str, str]) -> None:
    assert places(match) == [
        "policy rules, low balance",
        "policy routes[1]",
        "policy mute_times[0]",
    ]


@pytest.mark.parametrize("match", FITTING)
def test_a_match_that_fits_an_account_is_not_named(match: dict[str, str]) -> None:
    assert places(match) == []


@pytest.mark.parametrize("match", OF_CONFIGURATION)
def test_the_alert_about_the_configuration_fits_a_route_but_no_rule(match: dict[str, str]) -> None:
    assert places(match) == ["policy rules, low balance"]


def test_a_silence_is_named_by_its_name() -> None:
    def silence(name: str, match: dict[str, str]) -> Silence:
        return Silence(name, match, START + timedelta(hours=4), "migration", START)

    silences = [
        *(silence(f"m{number}", match) for number, match in enumerate(MISSPELT)),
        *(silence("f", match) for match in (*FITTING, *OF_CONFIGURATION)),
    ]
    found = list(unmatched_silences(silences, ACCOUNTS))
    assert found == [f"silence m{number}" for number in range(len(MISSPELT))]


class CountedFacts(dict[str, str]):
    """The facts of an account, which count how often they are compared with a match."""

    compared = 0

    def __contains__(self, fact: object) -> bool:
        """Tells whether there is such a fact, which every comparison asks first."""
        CountedFacts.compared += 1
        return super().__contains__(fact)


@pytest.mark.parametrize(
    ("match", "found", "most"),
    [
        ({"account": "a{}"}, 500, 4_000),
        ({"account": "a{}*"}, 0, 40_000),
        ({"account": "z{}*"}, 20, 40_000),
    ],
)
def test_a_thousand_silences_and_accounts_are_not_compared_each_with_each(
    match: dict[str, str], found: int, most: int
) -> None:
    accounts = [CountedFacts(Account(f"a{n}", "you").facts) for n in range(1_000)]
    silences = [
        Silence(
            str(n),
            {fact: glob.format(2 * n) for fact, glob in match.items()},
            START + timedelta(hours=4),
            "migration",
            START,
        )
        for n in range(1_000)
    ]
    CountedFacts.compared = 0
    assert len(list(unmatched_silences(silences, accounts))) == found
    assert CountedFacts.compared < most


@given(words | st.sampled_from(["[a-b]", "*", "a?", "[!x]y", "x[", "[]", "[[]x]"]))
def test_every_account_fits_a_match_of_its_own_name(name: str) -> None:
    facts = Account(name, "you").facts
    assert matches({"account": name}, facts)
    policy = Policy(rules=(below("20", match={"account": name}),))
    assert list(unmatched_in_policy(policy, [facts])) == []


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "rule": words,
            "severity": st.sampled_from(["critical", "w*", "*"]),
            "metric": st.sampled_from(["balance", "run*", "*"]),
        },
    ),
    st.lists(words.map(lambda name: Account(name, "you").facts), max_size=3),
)
def test_without_a_fact_of_accounts_every_match_fits(
    match: dict[str, str], accounts: list[dict[str, str]]
) -> None:
    assert fits_an_alert(match, accounts)


@given(words, words, st.sampled_from(Severity))
def test_what_matches_an_alert_of_an_account_fits_it(
    name: str, label: str, severity: Severity
) -> None:
    facts = Account(name, "you", labels={"team": label}).facts
    match = {"account": name, "labels.team": label, "severity": severity.value}
    assert matches(match, {**facts, "severity": severity.value})
    assert fits_an_alert(match, [facts])


def test_matches_that_fit_nothing_are_a_warning_by_themselves() -> None:
    assert severity_of([unmatched_fault("silence k7xq2")]) is Severity.WARNING


def test_another_fault_beside_them_is_critical() -> None:
    faults = [unmatched_fault("silence k7xq2"), "secret accounts: is not JSON"]
    assert severity_of(faults) is Severity.CRITICAL
