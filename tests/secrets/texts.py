"""Secrets for tests, and what they are understood as."""

import json
from dataclasses import dataclass
from typing import Any

from balance_watch.secrets.accounts import Watched, understand_secrets
from balance_watch.validation import Faults
from tests.canaries import key

PREFIX = "balance-watch/"
ACCOUNTS = "balance-watch/accounts"
SLACK = "balance-watch/slack"

Json = dict[str, Any]


@dataclass(frozen=True)
class Keyed:
    """A provider that needs these credentials, and with `auth = "query"` others."""

    needed: tuple[str, ...] = ("api_key",)
    variables: tuple[str, ...] = ()

    def credentials(self, auth: str | None) -> tuple[str, ...] | None:
        """The credentials that it needs."""
        return {None: self.needed, "query": ("token",)}.get(auth)


CATALOGUE = {
    "you": Keyed(),
    "vonage": Keyed(("api_key", "api_secret")),
    "regional": Keyed(variables=("region", "project")),
}


def account(**changes: object) -> Json:
    """An account that is in order; a change to None takes the field away."""
    entry = {"name": "search", "provider": "you", "credentials": {"api_key": key()}, **changes}
    return {name: value for name, value in entry.items() if value is not None}


def understood(**secrets: object) -> Watched[Keyed]:
    """What secrets say; `accounts_x` stands for `balance-watch/accounts/x`, text for itself."""
    texts = {
        PREFIX + name.replace("_", "/"): raw if isinstance(raw, str) else json.dumps(raw)
        for name, raw in secrets.items()
    }
    return understand_secrets(texts, PREFIX, CATALOGUE.get, Faults())


def with_accounts(*entries: object) -> Watched[Keyed]:
    """What one secret with these accounts says."""
    return understood(accounts={"accounts": list(entries)})


def names(watched: Watched[Keyed]) -> list[str]:
    """The accounts that are watched."""
    return [one.name for one, _ in watched.accounts]
