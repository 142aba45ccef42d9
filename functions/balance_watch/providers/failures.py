"""Recognizes a reply to a request that failed: by its HTTP status, or by what its body reports."""

from http import HTTPStatus

from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.decoding import UnexpectedReplyError, decode, holds, is_html, search
from balance_watch.providers.spec import Spec
from balance_watch.providers.used_up import says_out_of_credit
from balance_watch.providers.walls import wall_of
from balance_watch.transport import Reply
from balance_watch.validation import Json

_NOT_MORE_EXACT = (FailureKind.PROVIDER_ERROR, FailureKind.MALFORMED)
"""Kinds in a body that add nothing to a status."""

_STATUS_DIGITS = 3

_COMPLETE = range(200, 204)
"""Statuses of a whole body: some providers reply 201 to a POST that reads."""

_OF_WALLS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED)

_KINDS = {
    401: FailureKind.KEY_REJECTED,
    402: FailureKind.OUT_OF_CREDIT,
    403: FailureKind.NOT_ALLOWED,
    429: FailureKind.RATE_LIMITED,
}

_CAUSES = {
    FailureKind.KEY_REJECTED: "the key is invalid.",
    FailureKind.NOT_ALLOWED: "the key is not allowed to read the balance.",
    FailureKind.RATE_LIMITED: "too many requests.",
    FailureKind.OUT_OF_CREDIT: "nothing is left, the credit is used up.",
    FailureKind.PROVIDER_ERROR: "the provider failed.",
    FailureKind.MALFORMED: "the body is not what the provider documents.",
}


def failed_by_status(spec: Spec, reply: Reply) -> ReadFailure | None:
    """Returns the failure of a status other than 200; the body may report a more exact kind."""
    failure = _by_status_alone(reply)
    if failure is None or reply.status < HTTPStatus.BAD_REQUEST or is_html(reply):
        return failure
    try:
        body = decode(reply, spec.format).value
        kind = _kind_by_body(spec, body, ignored=_NOT_MORE_EXACT)
    except UnexpectedReplyError:
        return failure
    if kind is None and failure.kind is not FailureKind.BLOCKED and says_out_of_credit(body):
        kind = FailureKind.OUT_OF_CREDIT
    if kind is None:
        return failure
    # Some providers reply 400 to an invalid key.
    return _failure(kind, f"HTTP {reply.status}, and the reply says", reply.retry_after)


def _by_status_alone(reply: Reply) -> ReadFailure | None:
    status = reply.status
    if status in _COMPLETE:
        return None
    if reply.is_redirect:
        text = "The provider redirects to another address, and redirects are never followed."
        return ReadFailure(FailureKind.REDIRECTED, text)
    # An API rejects a key in its own format. A web page or a bare line comes from a server in front
    # of it: You.com's replies 403 "error code: 1010" to clients that it blocks.
    if status in _OF_WALLS and (wall := wall_of(reply)) is not None:
        text = f"HTTP {status} from {wall} in front of the provider's API, not from the API."
        return ReadFailure(FailureKind.BLOCKED, text)
    from_api = not is_html(reply) and reply.body.lstrip()[:1] in (b"{", b"[", b"<")
    bare = status == HTTPStatus.UNAUTHORIZED and not reply.body.lstrip().startswith(b"<")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and not (from_api or bare):
        text = f"HTTP {status} from a server in front of the provider's API, not from the API."
        return ReadFailure(FailureKind.BLOCKED, text)
    if status == HTTPStatus.NOT_FOUND:
        text = "HTTP 404: nothing exists at the requested address."
        return ReadFailure(FailureKind.PROVIDER_ERROR, text)
    return _failure(_KINDS.get(status), f"HTTP {status}", reply.retry_after)


def _failure(
    kind: FailureKind | None, evidence: str, retry_after: float | None = None
) -> ReadFailure:
    kind = kind or FailureKind.PROVIDER_ERROR
    return ReadFailure(kind, f"{evidence}: {_CAUSES[kind]}", retry_after)


def _kind_by_body(
    spec: Spec, body: Json, ignored: tuple[FailureKind, ...] = ()
) -> FailureKind | None:
    """Returns the first kind of failure whose condition holds."""
    for kind, condition in spec.failures.items():
        if kind not in ignored and holds(condition, body):
            return FailureKind(kind)
    return None


def failed_by_body(spec: Spec, body: Json) -> ReadFailure | None:
    """Returns the failure that a body reports although the status is 200."""
    if (kind := _kind_by_body(spec, body)) is not None:
        return _failure(kind, "HTTP 200, but the reply says")
    success = spec.success
    if success is None:
        return None
    value = search(success.path, body)
    if value is None:
        value = search(success.path, search(spec.reply.root, body))
    if value is None and not success.required:
        return None
    same_type = isinstance(value, bool) == isinstance(success.equals, bool)
    if same_type and str(value) == str(success.equals):
        return None
    code = str(value)
    if code.isdecimal() and len(code) == _STATUS_DIGITS:
        return _failure(_KINDS.get(int(code)), f"HTTP 200, but the reply's own code is {code}")
    text = "HTTP 200, but the reply does not report success."
    return ReadFailure(FailureKind.PROVIDER_ERROR, text)
