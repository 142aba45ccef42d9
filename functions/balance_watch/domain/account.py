"""An account to watch, as its owner configured it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Account:
    """One prepaid account. `credentials` never appears in its repr.

    `alert_below` is in the account's own currency; `base_url` replaces scheme and host of the
    provider's address; `auth` chooses one of the ways a provider can be given its key.
    """

    name: str
    provider: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    alert_below: Decimal | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = field(default=None, repr=False)
    currency: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    auth: str | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What a `match` of the policy can ask about: account, provider and `labels.<name>`."""
        labels = {f"labels.{name}": value for name, value in self.labels.items()}
        return {"account": self.name, "provider": self.provider, **labels}


def matches(globs: Mapping[str, str], facts: Mapping[str, str]) -> bool:
    """Tells whether every glob holds; a fact that is not there matches no glob, not even `*`."""
    return all(fact in facts and fnmatchcase(facts[fact], glob) for fact, glob in globs.items())
