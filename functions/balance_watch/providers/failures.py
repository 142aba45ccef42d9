"""Whether a reply is one of a request that failed, by its status or by its own word."""

from http import HTTPStatus

from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.decoding import UnexpectedReplyError, decode, holds, is_html, search
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply

_NO_CLOSER = (FailureKind.PROVIDER_ERROR, FailureKind.MALFORMED)
"""What a status says already, or says better."""


def failed_by_status(spec: Spec, reply: Reply) -> ReadFailure | None:
    """Returns the failure that a status is, told closer by the body where that says more."""
    failure = _by_status_alone(reply)
    if failure is None or reply.status < 400 or is_html(reply) or not spec.failures:  # noqa: PLR2004
        return failure
    try:
        kind = _kind_by_body(spec, decode(reply, spec.format).value, but=_NO_CLOSER)
    except UnexpectedReplyError:
        return failure
    if kind is None:
        return failure
    # Some say 400 to a key that is not valid.
    return _failure(kind, f"HTTP {reply.status}, and by the reply itself", reply.retry_after)


def _by_status_alone(reply: Reply) -> ReadFailure | None:
    status = reply.status
    if status == HTTPStatus.OK:
        return None
    if 300 <= status < 400:  # noqa: PLR2004 (3xx)
        text = "The provider redirects to another address, which is never followed."
        return ReadFailure(FailureKind.REDIRECTED, text)
    # An API refuses a key in its own format. A web page, or a bare line, is from what stands in
    # front of it: You.com's front says 403 "error code: 1010" to clients that it does not like.
    from_api = not is_html(reply) and reply.body.lstrip()[:1] in (b"{", b"[", b"<")
    bare = status == HTTPStatus.UNAUTHORIZED and not reply.body.lstrip().startswith(b"<")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and not (from_api or bare):
        text = f"HTTP {status} from what stands in front of the provider, not from its API."
        return ReadFailure(FailureKind.BLOCKED, text)
    if status == HTTPStatus.NOT_FOUND:
        text = "HTTP 404: there is nothing at the address that was asked."
        return ReadFailure(FailureKind.PROVIDER_ERROR, text)
    return _failure(_KINDS.get(status), f"HTTP {status}", reply.retry_after)


_KINDS = {
    401: FailureKind.KEY_REJECTED,
    403: FailureKind.NOT_ALLOWED,
    429: FailureKind.RATE_LIMITED,
}

_WORDS = {
    FailureKind.KEY_REJECTED: "the key is not valid.",
    FailureKind.NOT_ALLOWED: "the key is not allowed to read the balance.",
    FailureKind.RATE_LIMITED: "too many requests.",
    FailureKind.PROVIDER_ERROR: "the provider failed.",
    FailureKind.MALFORMED: "it is not what the provider documents.",
}


def _failure(kind: FailureKind | None, said: str, retry_after: float | None = None) -> ReadFailure:
    kind = kind or FailureKind.PROVIDER_ERROR
    return ReadFailure(kind, f"{said}: {_WORDS[kind]}", retry_after)


def _kind_by_body(
    spec: Spec, body: object, but: tuple[FailureKind, ...] = ()
) -> FailureKind | None:
    for word, condition in spec.failures.items():
        if word not in but and holds(condition, body):
            return FailureKind(word)
    return None


def failed_by_body(spec: Spec, body: object) -> ReadFailure | None:
    """A body that says that it failed, though HTTP says 200."""
    if (kind := _kind_by_body(spec, body)) is not None:
        return _failure(kind, "HTTP 200, but by the reply itself")
    success = spec.success
    if success is None:
        return None
    found = search(success.path, body)
    if found is None:
        found = search(success.path, search(spec.reply.root, body))
    if found is None and not success.required:
        return None
    if isinstance(found, bool) == isinstance(success.equals, bool) and str(found) == str(
        success.equals
    ):
        return None
    code = str(found)
    if code.isdecimal() and len(code) == 3:  # noqa: PLR2004 (as long as an HTTP status)
        return _failure(_KINDS.get(int(code)), f"HTTP 200, but the reply's own code is {code}")
    text = "HTTP 200, but the reply itself does not say success."
    return ReadFailure(FailureKind.PROVIDER_ERROR, text)
