"""Servers with every fault beside healthy accounts, and the accounts to read there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadResult
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.parallel import read_all
from balance_watch.transport import Reply, Request, Transport
from local.provider_server import ProviderAccount
from local.providers import YouServer
from tests.support.canaries import key
from tests.support.fault_behaviours import replies
from tests.support.fault_catalogue import BALANCE, catalogue, certified_for
from tests.support.fault_server import FaultServer
from tests.support.provider_reads import NOW, spec_of

FAULTS = catalogue()
THRESHOLD = Decimal(20)
LOW = {f"low-{text}": Decimal(text) for text in ("0", "0.01", "-3.5", "8.2", "19.999999999")}
FINE = {
    f"fine-{text}": Decimal(text)
    for text in ("20", "71.5", "7189.245", "1234567.89", "98765432109876543.21")
}
HEALTHY = LOW | FINE

HANG_SECONDS = 60.0
"""Longer than the run: a hanging server must not end before its client gives up."""


@dataclass(frozen=True)
class Providers:
    """A server for each fault, one for all healthy accounts, and `elsewhere` for the redirect."""

    faulty: Mapping[str, FaultServer]
    healthy: YouServer
    elsewhere: FaultServer
    ca_bundle: str

    @property
    def accounts(self) -> list[Account]:
        """An account for each fault, then the healthy ones."""
        addresses = {name: server.url for name, server in self.faulty.items()}
        addresses |= dict.fromkeys(HEALTHY, self.healthy.url)
        return [you_account(name, url) for name, url in addresses.items()]

    @property
    def trusted(self) -> frozenset[str]:
        """All servers as TRUSTED_HOSTS, so that only the client's own rule stops a redirect."""
        servers = (*self.faulty.values(), self.elsewhere)
        return frozenset((self.healthy.authority, *(server.authority for server in servers)))


@contextmanager
def all_providers(directory: Path) -> Iterator[Providers]:
    """Starts all servers, and writes the certificate to trust into the directory."""
    context, authority = certified_for("other.example")
    bundle = directory / "ca.pem"
    bundle.write_bytes(authority)
    with ExitStack() as stack:
        elsewhere = stack.enter_context(FaultServer(replies("200 OK", BALANCE % b"500")))
        faulty = {
            name: stack.enter_context(
                FaultServer(
                    fault.behaviour, context if fault.tls else None, hang_seconds=HANG_SECONDS
                )
            )
            for name, fault in catalogue(elsewhere.url).items()
        }
        healthy = stack.enter_context(YouServer())
        healthy.accounts |= {key_of(name): ProviderAccount(HEALTHY[name]) for name in HEALTHY}
        yield Providers(faulty, healthy, elsewhere, str(bundle))


def key_of(account: str) -> str:
    return key(account)


def you_account(name: str, base_url: str, key: str | None = None) -> Account:
    """Returns an account of You.com at another address."""
    credentials = {"api_key": key_of(name) if key is None else key}
    return Account(name, "you", credentials, alert_below=THRESHOLD, base_url=base_url)


def accounts_secret(accounts: Sequence[Account]) -> dict[str, Any]:
    """Returns the secret with these accounts."""
    entries = [
        {
            "name": account.name,
            "provider": account.provider,
            "credentials": dict(account.credentials),
            "alert_below": str(account.alert_below),
            "base_url": account.base_url,
        }
        for account in accounts
    ]
    return {"accounts": entries}


def read_in_parallel(
    client: ProviderClient, accounts: Sequence[Account], seconds: float
) -> dict[str, ReadResult]:
    """Reads all accounts in parallel; returns the results by name, in the order they came in."""
    pairs = [(account, spec_of(account.provider)) for account in accounts]
    results = read_all(client, pairs, now=NOW, deadline=monotonic() + seconds)
    return {account.name: result for account, result in results}


class ImpatientTransport(Transport):
    """Limits an exchange to a second, for tests that do not test the timeouts."""

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        return super().exchange(request, timeout=min(timeout, 1.0))
