"""The facts that a `match` can name, beside an account's labels."""

import re
from collections.abc import Iterable

from balance_watch.validation import Faults

OF_ACCOUNTS = ("account", "provider")
OF_ALERTS = (*OF_ACCOUNTS, "severity", "rule", "metric")

_LABEL = re.compile(r"labels\..+")


def is_fact(fact: str, known: tuple[str, ...]) -> bool:
    """Tells whether a `match` can name a fact: one of the known ones, or `labels.NAME`."""
    return fact in known or _LABEL.fullmatch(fact) is not None


def check_facts(match: Iterable[str], known: tuple[str, ...], place: str, faults: Faults) -> None:
    """Adds a fault for each fact of a `match` that does not exist."""
    for fact in match:
        if not is_fact(fact, known):
            faults.add_unknown(place, "fact", fact, (*known, "labels.NAME"))
