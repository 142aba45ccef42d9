"""What went wrong with an exchange, by a name of ours: the libraries' own texts may hold a key."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

import requests
import urllib3

from balance_watch.domain.reading import FailureKind
from balance_watch.transport.sockets import NotTrustedError


class TransportError(Exception):
    """No whole reply came. The message names what happened and no address, header or key."""

    def __init__(
        self, kind: FailureKind, message: str, *, passing: bool = False, sent: bool = True
    ) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message
        self.passing = passing
        """Whether trying again may help."""
        self.sent = sent
        """Whether the server may have received the request."""


class _Meaning(NamedTuple):
    kind: FailureKind
    message: str
    passing: bool = False


_NAMES: tuple[tuple[tuple[type[BaseException], ...], _Meaning], ...] = (
    (
        (NotTrustedError,),
        _Meaning(
            FailureKind.UNREACHABLE,
            "The host stands for a private address, and is not in TRUSTED_HOSTS.",
        ),
    ),
    (
        (ssl.SSLCertVerificationError,),
        _Meaning(
            FailureKind.UNREACHABLE,
            "The server's TLS certificate could not be verified.",
        ),
    ),
    (
        (ssl.SSLError,),
        _Meaning(
            FailureKind.UNREACHABLE,
            "TLS failed: it may be no https.",
            passing=True,
        ),
    ),
    (
        (socket.gaierror,),
        _Meaning(
            FailureKind.UNREACHABLE,
            "The host's name could not be resolved.",
            passing=True,
        ),
    ),
    (
        (TimeoutError, urllib3.exceptions.TimeoutError),
        _Meaning(FailureKind.TIMED_OUT, "No whole reply came in time.", passing=True),
    ),
    (
        (ConnectionRefusedError,),
        _Meaning(FailureKind.UNREACHABLE, "The connection was refused.", passing=True),
    ),
    (
        (urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError),
        _Meaning(FailureKind.MALFORMED, "The reply's compression is broken."),
    ),
    (
        (http.client.IncompleteRead,),
        _Meaning(FailureKind.MALFORMED, "The reply broke off.", passing=True),
    ),
    (
        (http.client.RemoteDisconnected,),
        _Meaning(FailureKind.UNREACHABLE, "The connection broke.", passing=True),
    ),
    (
        (http.client.HTTPException, urllib3.exceptions.InvalidHeader),
        _Meaning(FailureKind.MALFORMED, "The reply is not HTTP.", passing=True),
    ),
    (
        (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, ValueError),
        _Meaning(FailureKind.UNREACHABLE, "The request could not be made."),
    ),
)
"""What an error among the causes means, the first that fits."""


def transport_error(error: BaseException, *, sent: bool) -> TransportError:
    """Names what happened. The library's own text is dropped: it may repeat a URL with a key."""
    causes = list(_causes(error))
    unnamed = _Meaning(FailureKind.UNREACHABLE, "The connection broke.", passing=True)
    kind, message, passing = next(
        (named for kinds, named in _NAMES if any(isinstance(cause, kinds) for cause in causes)),
        unnamed,
    )
    return TransportError(kind, message, passing=passing, sent=sent)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all it stems from, wrapped in arguments and reasons as urllib3 does."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
