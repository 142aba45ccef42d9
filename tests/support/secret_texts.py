"""Secrets for tests, and what they are understood as."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from balance_watch.config.accounts import Configuration, parse_secrets
from balance_watch.validation import Faults
from tests.support.canaries import key

PREFIX = "balance-watch/"
ACCOUNTS = "balance-watch/accounts"
SLACK = "balance-watch/slack"

Json = dict[str, Any]


@dataclass(frozen=True)
class Keyed:
    """A provider that needs these credentials, and with `auth = "query"` others."""

    needed: tuple[str, ...] = ("api_key",)
    variables: tuple[str, ...] = ()
    name: str = "Keyed"

    def credentials(self, auth: str | None) -> tuple[str, ...] | None:
        """The credentials that it needs."""
        return {None: self.needed, "query": ("token",)}.get(auth)

    def for_region(
        self, variables: Mapping[str, str], base_url: str | None, where: str, faults: Faults
    ) -> Self:
        """Itself; notes what is missing."""
        del base_url
        for name in self.variables:
            if not variables.get(name):
                faults.add(where, f"variables, {name}: is missing")
        return self


CATALOGUE = {
    "you": Keyed(),
    "vonage": Keyed(("api_key", "api_secret")),
    "regional": Keyed(variables=("region", "project")),
}


def found(given: str | Mapping[str, object], where: str, faults: Faults) -> Keyed | None:
    """A provider of CATALOGUE, or one that the account holds itself."""
    if not isinstance(given, str):
        return Keyed(name=str(given.get("name")))
    if given not in CATALOGUE:
        faults.add(where, "provider is not in the catalogue: see `balance-watch providers`")
    return CATALOGUE.get(given)


def account(**changes: object) -> Json:
    """An account that is in order; a change to None takes the field away."""
    entry = {"name": "search", "provider": "you", "credentials": {"api_key": key()}, **changes}
    return {name: value for name, value in entry.items() if value is not None}


def understood(**secrets: object) -> Configuration[Keyed]:
    """What secrets say; `accounts_x` stands for `balance-watch/accounts/x`, text for itself."""
    texts = {
        PREFIX + name.replace("_", "/"): raw if isinstance(raw, str) else json.dumps(raw)
        for name, raw in secrets.items()
    }
    return parse_secrets(texts, PREFIX, found, Faults())


def with_accounts(*entries: object) -> Configuration[Keyed]:
    """What one secret with these accounts says."""
    return understood(accounts={"accounts": list(entries)})


def names(watched: Configuration[Keyed]) -> list[str]:
    """The accounts that are watched."""
    return [one.name for one, _ in watched.accounts]
