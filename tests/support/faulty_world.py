"""Servers with every fault beside healthy accounts, and damaged bodies."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from balance_watch.domain.account import Account
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.transport import Reply, Request, Transport
from local.provider_server import ProviderAccount
from local.providers import YouServer
from tests.support.canaries import key
from tests.support.fault_behaviours import replies
from tests.support.fault_catalogue import BALANCE, catalogue, certified_for
from tests.support.fault_server import FaultServer
from tests.support.provider_reads import spec_of
from tests.support.samples import Sample, good_samples, on_the_wire

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
    """A server per fault and one for all healthy accounts; the redirect leads to `elsewhere`."""

    faulty: Mapping[str, FaultServer]
    healthy: YouServer
    elsewhere: FaultServer
    ca_bundle: str

    @property
    def accounts(self) -> list[Account]:
        """An account for each fault, then the healthy ones."""
        addresses = {name: server.url for name, server in self.faulty.items()}
        addresses |= dict.fromkeys(HEALTHY, self.healthy.url)
        return [you(name, url) for name, url in addresses.items()]

    @property
    def trusted(self) -> frozenset[str]:
        """All servers, as TRUSTED_HOSTS, so that only the client itself can stop at a redirect."""
        servers = (*self.faulty.values(), self.elsewhere)
        return frozenset((self.healthy.authority, *(server.authority for server in servers)))


@contextmanager
def all_providers(directory: Path) -> Iterator[Providers]:
    """Starts all servers; writes the certificate to trust into the directory."""
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


def you(name: str, base_url: str, key: str | None = None) -> Account:
    """Returns an account of You.com with another address."""
    credentials = {"api_key": key_of(name) if key is None else key}
    return Account(name, "you", credentials, alert_below=THRESHOLD, base_url=base_url)


def in_a_secret(accounts: Sequence[Account]) -> dict[str, Any]:
    """Returns accounts in the form of their secret."""
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


class ImpatientTransport(Transport):
    """Limits an exchange to a second, for tests that do not test the timeouts."""

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        return super().exchange(request, timeout=min(timeout, 1.0))


@dataclass
class Outbox:
    """Notes the entries that are removed."""

    removed: list[OutboxEntry] = field(default_factory=list)

    def remove(self, entries: Iterable[OutboxEntry]) -> bool:
        self.removed += entries
        return True


_LITERAL = re.compile(rb'(?<=[:>\s,\[])(?:-?\d[\d.eE+-]*|true|false|null|"[^"]*")(?=[,<\s}\]])')
_WRITTEN = [
    *("NaN", "-Infinity", "1e400", "1e-400", "1e126", "9e125", "1e-130", "-0", "0", "0.0", "00"),
    *("1E2", "1e+2", "1e", "1.", ".5", "+1", "--1", "0x1", "1_0", "1,0", "\u0661", "1\u00a0"),
    *("9" * 38, "9" * 39, "9" * 5000, "0." + "1" * 38, "0." + "0" * 500 + "1", "1." + "0" * 500),
    *('"7"', '""', '"USD"', '"EUR"', '"\\ud83d"', "null", "true", "false", "[]", "{}", "[7]"),
    *("7,7", "7}", '7,"balance":8', "7</value><value>8", "<value>7</value>", "<!---->", "&lt;", ""),
]
_LITERALS = (
    st.sampled_from(_WRITTEN) | st.decimals(allow_nan=False, allow_infinity=False).map(str)
).map(str.encode)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)


def bodies(slug: str) -> st.SearchStrategy[bytes]:
    """Returns a provider's documented replies with damage, and random JSON."""
    own = [_last(sample) for sample in good_samples() if sample.slug == slug]
    real = st.sampled_from(own)
    other = st.sampled_from([_last(sample) for sample in good_samples()])
    places = st.integers(0, 400)
    rewritten = st.builds(_rewritten, real, st.integers(0, 50), _LITERALS)
    wrong = st.one_of(
        st.builds(_cut, real, places, places),
        st.builds(_flipped, real, _flips(8)),
        st.builds(_flipped, rewritten, _flips(2)),
        st.builds(_spliced, real, other, places, places),
        _json_with_names_of(slug),
    )
    return rewritten | wrong


def _last(sample: Sample) -> bytes:
    """Returns the last body, which has the balance even if a provider takes several requests."""
    return on_the_wire(sample.bodies[-1])


def _json_with_names_of(slug: str) -> st.SearchStrategy[bytes]:
    paths = spec_of(slug).reply
    sums = paths.balance.sums
    values = [getattr(paths, name) for name in paths.__struct_fields__ if name != "balance"]
    values += [path for amounts in sums for path in (*amounts.plus, *amounts.less)]
    texts = [path for path in values if isinstance(path, str)]
    words = {word for path in texts for word in re.findall(r"[\w-]+", path)}
    names = st.sampled_from(sorted(words | {"code", "error-code"}))
    json_values = st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=10,
    )
    return json_values.map(lambda value: on_the_wire([value])[1:-1])


def _flips(max_size: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Places and the bytes to put there, mostly bytes that mean something in JSON and XML."""
    bytes_that_mean_something = st.sampled_from(list(b'0123456789-+.eE"{}[],:<>/& \n\x00\xff'))
    byte = bytes_that_mean_something | st.integers(0, 255)
    return st.lists(st.tuples(st.integers(0, 400), byte), min_size=1, max_size=max_size)


def _cut(body: bytes, start: int, length: int) -> bytes:
    """Cuts at the beginning in half of all cases."""
    first = start // 2 % len(body) * (start % 2)
    return body[first : first + length]


def _flipped(body: bytes, flips: Sequence[tuple[int, int]]) -> bytes:
    changed = bytearray(body)
    for place, byte in flips if body else ():
        changed[place % len(changed)] = byte
    return bytes(changed)


def _spliced(body: bytes, other: bytes, end: int, start: int) -> bytes:
    return body[: end % len(body)] + other[start % len(other) :]


def _rewritten(body: bytes, which: int, literal: bytes) -> bytes:
    """Replaces the text of one value, without parsing the body."""
    places = list(_LITERAL.finditer(body))
    if not places:
        return literal
    place = places[which % len(places)]
    return body[: place.start()] + literal + body[place.end() :]
