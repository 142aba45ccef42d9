"""What the signatures of several clouds share: the canonical form of a request."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from balance_watch.transport import Request

EMPTY_DIGEST = hashlib.sha256(b"").hexdigest()
"""The digest of an empty body."""


class CanonicalRequest(NamedTuple):
    """A request without a body in the form that is signed, and the names of its signed headers."""

    text: str
    header_names: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the form, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def canonical_request(request: Request, headers: Mapping[str, str]) -> CanonicalRequest:
    """Returns the canonical form of a request without a body, with these headers signed.

    The form is that of AWS's Signature Version 4, which Alibaba Cloud's ACS3 and Volcengine share:
    method, path, query, headers, their names, and the digest of the body. The names in `headers`
    are in lower case.
    """
    parts = urlsplit(request.url)
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parse_qsl(parts.query))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    names = ";".join(sorted(headers))
    path = parts.path or "/"
    text = f"{request.method}\n{path}\n{query}\n{lines}\n{names}\n{EMPTY_DIGEST}"
    return CanonicalRequest(text, names)


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def hmac_sha256(key: bytes, text: str) -> bytes:
    """Returns the HMAC-SHA256 of a text."""
    return hmac.digest(key, text.encode(), "sha256")
