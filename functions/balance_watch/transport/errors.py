"""Names what went wrong with an exchange; the libraries' own messages may contain a key."""

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
    """No complete reply came. The message contains no address, header or key."""

    def __init__(
        self, kind: FailureKind, message: str, *, transient: bool = False, sent: bool = True
    ) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message
        self.transient = transient
        """Whether a retry may help."""
        self.sent = sent
        """Whether the server may have received the request."""


class _Cause(NamedTuple):
    """What an error of a library means."""

    kind: FailureKind
    message: str
    transient: bool = False


_BROKEN = _Cause(FailureKind.UNREACHABLE, "The connection broke.", transient=True)

_CAUSES: tuple[tuple[tuple[type[BaseException], ...], _Cause], ...] = (
    (
        (NotTrustedError,),
        _Cause(
            FailureKind.UNREACHABLE,
            "The host resolves to a private address and is not in TRUSTED_HOSTS.",
        ),
    ),
    (
        (ssl.SSLCertVerificationError,),
        _Cause(FailureKind.UNREACHABLE, "The server's TLS certificate could not be verified."),
    ),
    (
        (ssl.SSLError,),
        _Cause(
            FailureKind.UNREACHABLE,
            "TLS failed: the server may not speak https.",
            transient=True,
        ),
    ),
    (
        (socket.gaierror,),
        _Cause(FailureKind.UNREACHABLE, "The host name could not be resolved.", transient=True),
    ),
    (
        (TimeoutError, urllib3.exceptions.TimeoutError),
        _Cause(FailureKind.TIMED_OUT, "No complete reply came in time.", transient=True),
    ),
    (
        (ConnectionRefusedError,),
        _Cause(FailureKind.UNREACHABLE, "The connection was refused.", transient=True),
    ),
    (
        (urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError),
        _Cause(FailureKind.MALFORMED, "The reply could not be decompressed."),
    ),
    (
        (http.client.IncompleteRead,),
        _Cause(FailureKind.MALFORMED, "The reply broke off.", transient=True),
    ),
    (
        (http.client.RemoteDisconnected,),
        _BROKEN,
    ),
    (
        (http.client.HTTPException, urllib3.exceptions.InvalidHeader),
        _Cause(FailureKind.MALFORMED, "The reply is not HTTP.", transient=True),
    ),
    (
        (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, ValueError),
        _Cause(FailureKind.UNREACHABLE, "The request is invalid and could not be sent."),
    ),
)
"""The first row with an error in the chain of causes counts."""


def transport_error(error: BaseException, *, sent: bool) -> TransportError:
    """Returns what happened, without the library's own message: it may contain a URL with a key."""
    chain = list(_chain(error))
    kind, message, transient = next(
        (cause for types, cause in _CAUSES if any(isinstance(linked, types) for linked in chain)),
        _BROKEN,
    )
    return TransportError(kind, message, transient=transient, sent=sent)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields the error and its causes, with those that urllib3 wraps in arguments and reasons."""
    visited: set[int] = set()
    pending = [error]
    while pending:
        current = pending.pop()
        if not isinstance(current, BaseException) or id(current) in visited:
            continue
        visited.add(id(current))
        yield current
        pending += [
            current.__cause__,
            current.__context__,
            getattr(current, "reason", None),
            *current.args,
        ]
