"""Every fault of a provider by name, each with its kind of failure.

To try the faults by hand, each under its own path, until Ctrl-C:

    python -m tests.support.fault_catalogue
"""

import contextlib
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import trustme

from balance_watch.domain.reading import FailureKind
from tests.support.fault_behaviours import (
    CHUNKED,
    bombs,
    drips,
    floods,
    hangs,
    replies,
    reply_head,
    resets,
    sends,
    sends_then_hangs,
)
from tests.support.fault_server import Behaviour, FaultServer, Wire

BALANCE = b'{"data":{"attributes":{"balance":%b}}}'
"""You.com's reply, with a balance in cents."""

GIGABYTES = 5
BRACKETS = 100_000

_PAGE = b"<!DOCTYPE html><html><body><h1>Balance: 500</h1></body></html>"
_GARBAGE = b"\x16\x03\x01\x00\xff\x00{}\xfe" * 8
_STATUSES = {
    "401 Unauthorized": FailureKind.KEY_REJECTED,
    "403 Forbidden": FailureKind.NOT_ALLOWED,
    "429 Too Many Requests": FailureKind.RATE_LIMITED,
    "500 Internal Server Error": FailureKind.PROVIDER_ERROR,
    "502 Bad Gateway": FailureKind.PROVIDER_ERROR,
    "503 Service Unavailable": FailureKind.PROVIDER_ERROR,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to misbehave, and its kind of failure; None if it only looks like a failure.

    `tls`: the server needs a certificate for another name.
    """

    does: str
    behaviour: Behaviour
    kind: FailureKind | None
    tls: bool = False


def catalogue(elsewhere: str = "https://elsewhere.invalid") -> dict[str, Fault]:
    """Returns the faults by name; the redirect leads to the address `elsewhere`."""
    return {
        **_endless(),
        **_too_large(),
        **_interrupted(),
        **_malformed(),
        **_error_statuses(),
        "redirect": Fault(
            "redirects to another host",
            replies("302 Found", b"", location=f"{elsewhere}/v1/billing/account_balance"),
            FailureKind.REDIRECTED,
        ),
        "tls-of-another-name": Fault(
            "has a TLS certificate for another name",
            replies("200 OK", BALANCE % b"500"),
            FailureKind.UNREACHABLE,
            tls=True,
        ),
    }


def _endless() -> dict[str, Fault]:
    head = reply_head("Content-Length: 1000")
    endless = {
        "hangs-before-reply": ("never sends anything", hangs),
        "hangs-after-head": ("sends a head and no body", sends_then_hangs(head)),
        "hangs-in-a-chunk": ("stops in a chunk", sends_then_hangs(CHUNKED + b"10\r\n{")),
        "drips": ("sends a byte at a time, endlessly", drips(reply_head(), b" ")),
        "drips-a-head": ("sends a head a byte at a time", drips(b"HTTP/1.1 200 OK\r\nX: ", b"y")),
    }
    return {
        name: Fault(does, behaviour, FailureKind.TIMED_OUT)
        for name, (does, behaviour) in endless.items()
    }


def _too_large() -> dict[str, Fault]:
    length = f"Content-Length: {GIGABYTES * 10**9}"
    nested = b"[" * (BRACKETS // 2) + b"]" * (BRACKETS // 2)
    large = {
        "five-gigabytes": (f"announces {GIGABYTES} GB and sends them", floods(reply_head(length))),
        "flood": (
            "sends as much as the client takes, without stating a length",
            floods(reply_head()),
        ),
        "endless-chunk": ("sends one endless chunk", floods(CHUNKED + b"7FFFFFFFFFFF\r\n")),
        "gzip-bomb": ("sends 1 GiB of zeros in 1 MB of gzip", bombs("gzip")),
        "deflate-bomb": ("sends 1 GiB of zeros in 1 MB of deflate", bombs("deflate")),
        "nested-too-long": (f"sends {BRACKETS:,} brackets", replies("200 OK", BALANCE % nested)),
    }
    return {
        name: Fault(does, behaviour, FailureKind.TOO_LARGE)
        for name, (does, behaviour) in large.items()
    }


def _interrupted() -> dict[str, Fault]:
    cut = (BALANCE % b"500")[:-9]
    behaviours = {
        "closed-before-reply": ("hangs up without a reply", sends(), FailureKind.UNREACHABLE),
        "reset-in-mid-body": (
            "resets the connection in the middle of the body",
            resets(reply_head("Content-Length: 1000") + cut),
            FailureKind.UNREACHABLE,
        ),
        "cut-short": (
            "sends fewer bytes than it announced",
            replies("200 OK", cut, content_length="99"),
            FailureKind.MALFORMED,
        ),
        "endless-header": (
            "sends one endless header line",
            floods(b"HTTP/1.1 200 OK\r\nX: "),
            FailureKind.MALFORMED,
        ),
        "endless-headers": (
            "sends endless headers",
            floods(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
            FailureKind.MALFORMED,
        ),
        "garbage": ("sends bytes that are not HTTP", sends(_GARBAGE), FailureKind.MALFORMED),
    }
    return {name: Fault(*fault) for name, fault in behaviours.items()}


def _malformed() -> dict[str, Fault]:
    bodies = {
        "truncated-json": ("ends in the middle of the JSON", (BALANCE % b"500")[:-2]),
        "empty-body": ("sends only a head", b""),
        "invalid-utf-8": ("sends invalid UTF-8", b'{"x":"\xff\xfe",' + (BALANCE % b"500")[1:]),
        "nested": ("nests 60,000 brackets", BALANCE % (b"[" * 30_000 + b"]" * 30_000)),
        "duplicate-keys": ("has two balances", BALANCE % b'500,"balance":900000'),
        "nan": ("has a balance of NaN", BALANCE % b"NaN"),
        "infinity": ("has a balance of Infinity", BALANCE % b"Infinity"),
        "1e400": ("has a balance larger than any float", BALANCE % b"1e400"),
    }
    page = replies("200 OK", _PAGE, content_type="text/html; charset=utf-8")
    return {
        **{
            name: Fault(does, replies("200 OK", body), FailureKind.MALFORMED)
            for name, (does, body) in bodies.items()
        },
        "html": Fault("replies 200 with a web page", page, FailureKind.MALFORMED),
        "negative-zero": Fault(
            "has a balance of -0, which is 0", replies("200 OK", BALANCE % b"-0"), None
        ),
    }


def _error_statuses() -> dict[str, Fault]:
    """Returns the statuses of errors; a web page or an empty 403 comes from in front of the API."""
    faults = {}
    for status, kind in _STATUSES.items():
        about_the_key = kind in (FailureKind.KEY_REJECTED, FailureKind.NOT_ALLOWED)
        for_html = FailureKind.BLOCKED if about_the_key else kind
        for_empty = for_html if kind is FailureKind.NOT_ALLOWED else kind
        for form, body, content_type, expected in (
            ("json", b'{"detail":"no"}', "application/json", kind),
            ("html", _PAGE, "text/html", for_html),
            ("empty", b"", "text/plain", for_empty),
        ):
            faults[f"{status[:3]}-{form}"] = Fault(
                f"replies {status} ({form})",
                replies(status, body, content_type=content_type),
                expected,
            )
    return faults


def certified_for(name: str) -> tuple[ssl.SSLContext, bytes]:
    """Returns a server's context with a certificate for a name, and the authority's own (PEM)."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context, authority.cert_pem.bytes()


def by_path(faults: Mapping[str, Fault]) -> Behaviour:
    """Behaves as the fault named by the first part of the path."""
    not_found = replies("404 Not Found", "\n".join(faults).encode(), content_type="text/plain")

    def behave(wire: Wire) -> None:
        path = wire.request.partition(b" ")[2].partition(b" ")[0].decode(errors="replace")
        name = path.partition("?")[0].strip("/").partition("/")[0]
        (faults[name].behaviour if name in faults else not_found)(wire)

    return behave


def main() -> None:
    """Serves every fault until Ctrl-C."""
    day = 86_400.0

    def reports(wire: Wire) -> None:
        sys.stdout.write("The redirect was followed.\n")
        sys.stdout.flush()
        replies("200 OK", BALANCE % b"500")(wire)

    with FaultServer(reports) as elsewhere:
        faults = catalogue(elsewhere.url)
        context, _ = certified_for("other.example")
        with (
            FaultServer(by_path(faults), hang_seconds=day) as plain,
            FaultServer(by_path(faults), context, hang_seconds=day) as tls,
        ):
            lines = [
                f"Faults are served at {plain.url} until Ctrl-C. Use an address as base_url of an",
                f"account, with TRUSTED_HOSTS={plain.authority},{tls.authority}",
                *(
                    f"{(tls if fault.tls else plain).url}/{name:<20}  {fault.does}"
                    f" -> {fault.kind or 'a balance of 0'}"
                    for name, fault in faults.items()
                ),
            ]
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()


if __name__ == "__main__":
    main()
