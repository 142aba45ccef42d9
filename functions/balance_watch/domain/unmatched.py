"""Finds rules, routes, silences and mute times whose match fits no account: likely misspellings."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from balance_watch.domain.account import account_facts, literal_fact, matches, same_text
from balance_watch.domain.configuration_alert import PROVIDER
from balance_watch.domain.policy import CONFIGURATION, Policy, Route
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.silences import MuteTime, Silence

_FITS_NOTHING = ": its match fits no account"

_FEW, _LOOKS = 100, 20
"""So many silences at most are compared with more than a few accounts each."""

Facts = Mapping[str, str]
"""The facts of an account, by the names that a `match` uses."""

_OF_CONFIGURATION = account_facts(CONFIGURATION, PROVIDER, {})
"""The facts of the alert about the configuration, which has no account."""

_WORDS: Mapping[str, Sequence[str]] = {"severity": [*Severity], "metric": [*Metric]}
"""The facts of an alert that have one of a few words."""


def unmatched_in_policy(policy: Policy, accounts: Sequence[Facts]) -> Iterator[str]:
    """Yields the place of each part of a policy whose match fits none of the accounts."""
    for rule in policy.rules:
        if not _fits_any(rule.match, accounts):
            yield f"policy rules, {rule.name}"
    sections: Mapping[str, Sequence[Route | MuteTime]] = {
        "routes": policy.routes,
        "mute_times": policy.mute_times,
    }
    for section, parts in sections.items():
        for index, match in enumerate(part.match for part in parts):
            if not fits_an_alert(match, accounts):
                yield f"policy {section}[{index}]"


def unmatched_silences(silences: Iterable[Silence], accounts: Sequence[Facts]) -> Iterator[str]:
    """Yields the place of each silence whose match fits none of the accounts.

    An exact one is of an alert that there was, which may be an outage's and of no account. Of those
    that would have to be compared with many accounts, only the newest are looked at.
    """
    named = [silence for silence in silences if not silence.exact]
    if not named:
        return
    having = _accounts_by_fact(accounts)
    looks = 0
    for silence in sorted(named, key=lambda it: it.created_at, reverse=True):
        of_accounts = {fact: it for fact, it in silence.match.items() if _is_of_accounts(fact)}
        demanded = literal_fact(of_accounts)
        candidates = accounts if demanded is None else having.get(demanded, ())
        looks += len(candidates) > _FEW
        if len(candidates) > _FEW and looks > _LOOKS:
            continue
        if not fits_an_alert(silence.match, candidates):
            yield f"silence {silence.name}"


def fits_an_alert(match: Mapping[str, str], accounts: Sequence[Facts]) -> bool:
    """Tells whether an alert of one of the accounts, or of the configuration, may match."""
    return _may_be_alert(match) and _fits_any(match, (*accounts, _OF_CONFIGURATION))


def fitting(match: Mapping[str, str], accounts: Iterable[Facts]) -> int:
    """Returns how many accounts may have an alert that matches; 0 if no alert can."""
    is_of_configuration = CONFIGURATION in (match.get("rule"), match.get("metric"))
    if is_of_configuration or not _may_be_alert(match):
        return 0
    return sum(_fits_any(match, (facts,)) for facts in accounts)


def _accounts_by_fact(accounts: Iterable[Facts]) -> Mapping[tuple[str, str], Sequence[Facts]]:
    found: dict[tuple[str, str], list[Facts]] = defaultdict(list)
    for facts in accounts:
        for fact, value in facts.items():
            found[fact, same_text(value)].append(facts)
    return found


def unmatched_fault(place: str) -> str:
    """Returns the fault of a match that fits no account."""
    return f"{place}{_FITS_NOTHING}"


def severity_of(faults: Iterable[str]) -> Severity:
    """Returns how grave the faults of a configuration are together.

    A match that fits no account hides no account and no alert: by itself, it need wake nobody.
    """
    is_mild = all(fault.endswith(_FITS_NOTHING) for fault in faults)
    return Severity.WARNING if is_mild else Severity.CRITICAL


def _fits_any(match: Mapping[str, str], accounts: Sequence[Facts]) -> bool:
    """Tells whether one of the accounts matches, as far as a match is about accounts.

    Severity, rule and metric are facts of an alert: an account may have such an alert some day.
    """
    globs = {fact: glob for fact, glob in match.items() if _is_of_accounts(fact)}
    return not globs or any(matches(globs, facts) for facts in accounts)


def _may_be_alert(match: Mapping[str, str]) -> bool:
    """Tells whether there are the severity and the metric that a match names."""
    return all(
        any(matches({fact: match[fact]}, {fact: word}) for word in words)
        for fact, words in _WORDS.items()
        if fact in match
    )


def _is_of_accounts(fact: str) -> bool:
    return fact in _OF_CONFIGURATION or fact.startswith("labels.")
