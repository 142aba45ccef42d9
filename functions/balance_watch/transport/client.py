"""The only module that speaks HTTP: ends on time, bounds what it reads, and checks where it goes.

`requests` applies its timeout to each read, so a reply that drips a byte a second never ends: the
sockets here have one deadline for the whole exchange.
"""

import socket
import ssl
import time
from collections.abc import Collection, Mapping
from functools import cache
from http import HTTPStatus
from http.client import BadStatusLine, HTTPResponse, parse_headers
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import requests.adapters
import urllib3
from msgspec import Struct, field
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from balance_watch.domain.confidential import Confidential
from balance_watch.domain.reading import FailureKind
from balance_watch.transport.errors import TransportError, transport_error
from balance_watch.transport.rate_limits import pause_of
from balance_watch.transport.sockets import (
    Network,
    TlsSocket,
    authority,
    connect,
    current,
    deadline,
    is_private,
)

MAX_BODY = 64 * 1024
"""No balance takes 64 KiB: the rest of a longer body is not read, compressed or not.

A parsed body takes up to sixty times its size in memory, and ten per host are read in parallel.
"""

USER_AGENT = "balance-watch/0.2"
"""Explicit, because You.com's front replies 403 to the default ones."""

_REDIRECTS = range(300, 400)
_INTERIM = range(102, 200)
_MOST_INTERIM = 10

Untyped = Any
"""A value of requests whose type is private, passed on as it is."""


class Request(Confidential, frozen=True):
    """One HTTP request. Its repr shows only the method: everything else may contain a key."""

    shown = ("method",)

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: object = None
    body: bytes | None = None
    """What is sent as it stands, byte by byte, in place of `form` and `json`."""

    max_body: int = MAX_BODY


class Reply(Struct, frozen=True):
    """A complete reply, with any status, its body decompressed."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_redirect(self) -> bool:
        """Whether the status is 3xx; the body is empty then, because it is not read."""
        return self.status in _REDIRECTS

    def header(self, name: str) -> str | None:
        """Returns a header by its name in lower case, whatever case the server uses."""
        return next((v for k, v in self.headers.items() if k.lower() == name), None)

    @property
    def retry_after(self) -> float | None:
        """The pause that the server asks for, in seconds: a number or a date (RFC 9110).

        Of a refused request without one, it is the time until its limit begins anew.
        """
        value = self.header("retry-after")
        if value is None:
            refused = self.status == HTTPStatus.TOO_MANY_REQUESTS
            return self._limit_pause(refused=True) if refused else None
        try:
            return float(urllib3.Retry().parse_retry_after(value))
        except (urllib3.exceptions.InvalidHeader, OverflowError, ValueError):
            return None

    @property
    def exhausted_for(self) -> float | None:
        """The seconds until the server's limit begins anew, if this reply was the last within."""
        return self._limit_pause(refused=False)

    def _limit_pause(self, *, refused: bool) -> float | None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return pause_of(headers, time.time(), refused=refused)


class _FinalResponse(HTTPResponse):
    """A response that skips interim ones, such as 103 Early Hints (RFC 9110, 15.2).

    The standard library skips 100 alone, and takes any other for the reply itself.
    """

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc] # not in its stub
            if status not in _INTERIM:
                return version, status, reason
            parse_headers(self.fp)
        raise BadStatusLine("too many interim replies")


@cache
def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    """Returns the TLS of every connection. To load a bundle takes 30 ms: it is loaded once."""
    context = create_urllib3_context()
    context.sslsocket_class = TlsSocket
    context.load_verify_locations(ca_bundle)
    return context


class _Adapter(requests.adapters.HTTPAdapter):
    """Pools of connections that check where they lead and keep to the deadline."""

    def __init__(
        self, trusted: Collection[str], *, ca_bundle: str | None, pool: int, network: Network
    ) -> None:
        self._trusted, self._ca_bundle, self._network = trusted, ca_bundle, network
        super().__init__(pool_connections=256, pool_maxsize=pool, max_retries=0)

    def init_poolmanager(self, *args: Untyped, **kwargs: Untyped) -> None:
        context = _tls_context(self._ca_bundle or certifi.where())
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        trusted, network = self._trusted, self._network

        class Plain(HTTPConnection):
            response_class = _FinalResponse

            def _new_conn(self) -> socket.socket:
                return connect(self._dns_host, self.port or 80, trusted, network)

        class Tls(HTTPSConnection):
            response_class = _FinalResponse

            def _new_conn(self) -> socket.socket:
                return connect(self._dns_host, self.port or 443, trusted, network)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    def cert_verify(self, conn: Untyped, *_: Untyped) -> None:
        """Leaves the context as it is: requests would load the whole bundle at each connection."""
        conn.cert_reqs = "CERT_REQUIRED"

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Untyped, cert: Untyped = None
    ) -> Untyped:
        """Keeps requests from adding a bundle of its own choice to the context's."""
        host, pool_options = super().build_connection_pool_key_attributes(request, verify, cert)
        pool_options.pop("ca_certs", None)
        pool_options.pop("ca_cert_dir", None)
        return host, pool_options


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Finds no redirect: requests would read its whole body, however long, to follow it."""


class Transport:
    """Sends requests, from any number of threads.

    Args:
        trusted_hosts: each `host:port` that may be plain http or a private address.
        ca_bundle: a file of certificates to trust instead of certifi's.
        connections_per_host: the connections that are kept open, at most.
        network: resolves and connects; tests replace it.
    """

    def __init__(
        self,
        trusted_hosts: Collection[str] = (),
        *,
        ca_bundle: str | None = None,
        connections_per_host: int = 10,
        network: Network | None = None,
    ) -> None:
        self._trusted = frozenset(host.lower() for host in trusted_hosts)
        self._session = _Session()
        # No proxy, .netrc or bundle from the environment may extend what is trusted.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(
            self._trusted,
            ca_bundle=ca_bundle,
            pool=connections_per_host,
            network=network or Network(),
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        """Sends a request and returns the complete reply, with any status; follows no redirect.

        Args:
            request: what to send.
            timeout: seconds for the whole exchange, from resolving the name to the last byte.

        Raises:
            TransportError: no complete reply came.
        """
        with deadline(time.monotonic() + timeout):
            try:
                self._reject_plain_http(request.url)
                return self._complete_reply(request, timeout)
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                OSError,
                ValueError,
            ) as error:
                failure = transport_error(error, sent=current.sent)
        # Raised out here, so that the library's error is not its context: that may contain a key.
        raise failure

    def _complete_reply(self, request: Request, timeout: float) -> Reply:
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **request.headers}
        with self._session.request(
            request.method,
            request.url,
            params=dict(request.query),
            headers=headers,
            data=request.form if request.body is None else request.body,
            json=request.json,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            status, body = response.status_code, b""
            if status not in _REDIRECTS:
                body = response.raw.read(request.max_body + 1, decode_content=True)
            if len(body) > request.max_body:
                longest = f"{request.max_body // 1024} KiB"
                raise TransportError(FailureKind.TOO_LARGE, f"The reply is longer than {longest}.")
            return Reply(status, body, dict(response.headers))

    def _reject_plain_http(self, url: str) -> None:
        if urlsplit(url).scheme != "https" and (why := why_refused(url, self._trusted)):
            raise TransportError(FailureKind.UNREACHABLE, why, sent=False)


def why_refused(url: str, trusted_hosts: Collection[str]) -> str:
    """Returns why no request to an address is ever sent; empty if one may be.

    It asks no name server: a name that leads to a private address shows only when it is tried.
    The trusted hosts are in lower case.
    """
    parts = urlsplit(url)
    is_plain = parts.scheme != "https"
    own = authority(parts.hostname, parts.port or (80 if is_plain else 443))
    if own in trusted_hosts:
        return ""
    if is_plain:
        return "The address is not https, and its host is not in TRUSTED_HOSTS."
    if is_private(parts.hostname or ""):
        return "The host is a private address and is not in TRUSTED_HOSTS."
    return ""
