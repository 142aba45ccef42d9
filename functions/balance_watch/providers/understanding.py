"""From a reply to a reading or a named failure: pure, and never a guess."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from http import HTTPStatus
from typing import Any
from unicodedata import category
from urllib.parse import quote, quote_plus, unquote
from xml.parsers.expat import ExpatError

import jmespath
import xmltodict

from balance_watch.domain.account import Account
from balance_watch.domain.money import NotAnAmountError, exact, scaled
from balance_watch.domain.reading import AutoReload, FailureKind, ReadFailure, Reading
from balance_watch.providers.spec import Path, Spec
from balance_watch.transport import Reply
from balance_watch.validation import NotExactError, exact_json

_STATUS_LENGTH = 200
_PART = 8
_STANDARD = str.maketrans("-_", "+/")
_ISO_CODE = re.compile(r"[A-Za-z]{3}")
_UNIT_WORD = re.compile(r"[A-Za-z][A-Za-z _-]{1,30}")


class _NotUnderstoodError(Exception):
    """What is wrong with a body, as the end of a sentence; never repeats a value of it."""


def understand(spec: Spec, account: Account, reply: Reply, now: datetime) -> Reading | ReadFailure:
    """Returns the reading that a reply holds, or the failure that it is.

    Args:
        spec: the provider.
        account: whose balance was asked for.
        reply: a whole reply, of any status.
        now: the tick that the reading belongs to.
    """
    if (failure := _failed_by_status(reply)) is not None:
        return failure
    try:
        body, textual = parse(reply, xml=spec.xml)
        if (failure := _failed_by_body(spec, body)) is not None:
            return failure
        return _Reply(spec, account, body, textual=textual).reading(now)
    except _NotUnderstoodError as error:
        return ReadFailure(FailureKind.MALFORMED, f"The reply {error}.")


def parse(reply: Reply, *, xml: bool) -> tuple[Any, bool]:
    """Returns a body as plain values, exact numbers, and whether it holds nothing but text (XML).

    Raises:
        _NotUnderstoodError: it is neither JSON nor, where that is expected, XML.
    """
    if xml and reply.body.lstrip().startswith(b"<") and not _is_html(reply):
        try:
            # Entities are off: no expansion, no external one (the parser's own documentation).
            return xmltodict.parse(reply.body, disable_entities=True), True
        except (ExpatError, ValueError, LookupError):
            # LookupError: the encoding that it names is none.
            raise _NotUnderstoodError("is not XML") from None
    if _is_html(reply):
        raise _NotUnderstoodError("is a web page")
    try:
        return exact_json(reply.body), False
    except NotExactError as error:
        raise _NotUnderstoodError(str(error)) from None


def _is_html(reply: Reply) -> bool:
    content_type = reply.header("content-type") or ""
    start = reply.body[:512].lstrip().lower()
    return "text/html" in content_type.lower() or start.startswith((b"<!doctype html", b"<html"))


def _failed_by_status(reply: Reply) -> ReadFailure | None:
    status = reply.status
    if status == HTTPStatus.OK:
        return None
    if 300 <= status < 400:  # noqa: PLR2004 (3xx)
        text = "The provider redirects to another address, which is never followed."
        return ReadFailure(FailureKind.REDIRECTED, text)
    # An API refuses a key in its own format. A web page, or a bare line, is from what stands in
    # front of it: You.com's front says 403 "error code: 1010" to clients that it does not like.
    from_api = not _is_html(reply) and reply.body.lstrip()[:1] in (b"{", b"[", b"<")
    bare = status == HTTPStatus.UNAUTHORIZED and not _is_html(reply)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and not (from_api or bare):
        text = f"HTTP {status} from what stands in front of the provider, not from its API."
        return ReadFailure(FailureKind.BLOCKED, text)
    return _failure(status, "HTTP", reply.retry_after)


def _failure(status: int, said: str, retry_after: float | None = None) -> ReadFailure:
    kinds = {
        401: (FailureKind.KEY_REJECTED, "the key is not valid."),
        403: (FailureKind.NOT_ALLOWED, "the key is not allowed to read the balance."),
        429: (FailureKind.RATE_LIMITED, "too many requests."),
    }
    kind, text = kinds.get(status, (FailureKind.PROVIDER_ERROR, "the provider failed."))
    return ReadFailure(kind, f"{said} {status}: {text}", retry_after)


def _failed_by_body(spec: Spec, body: object) -> ReadFailure | None:
    """A body that says that it failed, though HTTP says 200."""
    success = spec.success
    if success is None:
        return None
    found = _search(success.path, body)
    if found is None:
        found = _search(success.path, _search(spec.reply.root, body))
    if found is None and not success.required:
        return None
    if isinstance(found, bool) == isinstance(success.equals, bool) and str(found) == str(
        success.equals
    ):
        return None
    code = str(found)
    if code.isdecimal() and len(code) == 3:  # noqa: PLR2004 (as long as an HTTP status)
        return _failure(int(code), "HTTP 200, but the reply's own code is")
    text = "HTTP 200, but the reply itself does not say success."
    return ReadFailure(FailureKind.PROVIDER_ERROR, text)


def _search(path: Path, body: object) -> Any:  # noqa: ANN401 (whatever JSON holds)
    try:
        return jmespath.search(path, body)
    except jmespath.exceptions.JMESPathError:
        raise _NotUnderstoodError("has another shape than the provider documents") from None


class _Reply:
    """A body, read field by field; `textual` is one that can hold nothing but text."""

    def __init__(self, spec: Spec, account: Account, body: object, *, textual: bool) -> None:
        self._spec, self._paths, self._textual = spec, spec.reply, textual
        self._account = account
        self._root = _search(spec.reply.root, body)

    def reading(self, now: datetime) -> Reading:
        paths = self._paths
        balance = self._money(paths.balance)
        if balance is None:
            raise _NotUnderstoodError(f"has no {paths.balance}")
        return Reading(
            observed_at=now,
            balance=balance,
            currency=self._currency(),
            credits=self._number(paths.credits),
            points=self._number(paths.points),
            provider_flag=self._flag(paths.provider_flag),
            provider_threshold=self._money(paths.provider_threshold),
            auto_reload=self._auto_reload(),
            provider_time=self._time(paths.provider_time),
            status=self._text(paths.status),
        )

    def _find(self, path: Path | None) -> Any:  # noqa: ANN401 (whatever JSON holds)
        return None if path is None else _search(path, self._root)

    def _number(self, path: Path | None) -> Decimal | None:
        found = self._find(path)
        if found is None or isinstance(found, Decimal):
            return found
        if self._textual and isinstance(found, str):
            try:
                return exact(found)
            except NotAnAmountError as error:
                raise _NotUnderstoodError(f"holds a {path} that {error}") from None
        raise _NotUnderstoodError(f"holds a {path} that is not a number")

    def _money(self, path: Path | None) -> Decimal | None:
        number = self._number(path)
        try:
            return None if number is None else scaled(number, self._spec.scale)
        except NotAnAmountError as error:
            raise _NotUnderstoodError(f"holds a {path} that {error}") from None

    def _flag(self, path: Path | None) -> bool | None:
        found = self._find(path)
        if found is None or isinstance(found, bool):
            return found
        if isinstance(found, str) and self._spec.words:
            return self._spec.words.get(found.strip().lower())
        if self._textual and found in ("true", "false"):
            return bool(found == "true")
        raise _NotUnderstoodError(f"holds a {path} that is neither true nor false")

    def _auto_reload(self) -> AutoReload | None:
        enabled = self._flag(self._paths.auto_reload)
        if enabled is None:
            return None
        threshold = self._money(self._paths.auto_reload_threshold)
        return AutoReload(enabled, threshold, self._money(self._paths.auto_reload_amount))

    def _currency(self) -> str:
        stated = self._spec.currency
        if self._paths.currency is None:
            return self._account.currency or stated
        found = self._find(self._paths.currency)
        if not isinstance(found, str):
            raise _NotUnderstoodError(f"has no {self._paths.currency}")
        if _ISO_CODE.fullmatch(found):
            found = found.upper()
        elif _UNIT_WORD.fullmatch(found) and not _ISO_CODE.fullmatch(stated):
            found = found.lower()
        else:
            raise _NotUnderstoodError(f"holds a {self._paths.currency} that is no currency")
        expected = self._account.currency or stated
        if _ISO_CODE.fullmatch(expected) and found != expected:
            raise _NotUnderstoodError(f"is in another currency than {expected}")
        return str(found)

    def _time(self, path: Path | None) -> datetime | None:
        found = self._find(path)
        if found is None:
            return None
        try:
            parsed = datetime.fromisoformat(found)
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            raise _NotUnderstoodError(f"holds a {path} that is no time") from None

    def _text(self, path: Path | None) -> str | None:
        found = self._find(path)
        if found is None:
            return None
        if not isinstance(found, str):
            raise _NotUnderstoodError(f"holds a {path} that is no text")
        # What has no width goes, so that it cannot hide a key; what only is no letter is a space.
        kept = "".join(each for each in found if category(each) != "Cf")
        printable = "".join(each if each.isprintable() else " " for each in kept)
        shown = " ".join(_masked(printable, self._account).split())[:_STATUS_LENGTH]
        return ("***" if _tells_a_part(shown, self._account) else shown) or None


def _masked(text: str, account: Account) -> str:
    """Takes the account's keys out of a provider's words, as they are and as they are encoded."""
    secrets = [secret for secret in account.credentials.values() if secret]
    pairs = [":".join(secrets), *secrets]
    encoded = [b64encode(each.encode()).decode().rstrip("=") for each in pairs]
    forms = {*secrets, *map(quote, secrets), *map(quote_plus, secrets), *filter(None, encoded)}
    longest_first = sorted(map(re.escape, forms), key=len, reverse=True)
    return re.sub("|".join(longest_first), "***", text, flags=re.IGNORECASE) if forms else text


def _tells_a_part(text: str, account: Account) -> bool:
    """Tells whether eight characters of a key are left, escaped, spaced, or anywhere in base64."""
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda it: chr(int(it[1], 16)), text)
    unescaped = unescape(unquote(unquote(unescaped))).replace("\\", "")
    told = re.sub(r"\s", "", f"{text}\n{unescaped}").lower().translate(_STANDARD)
    words = [secret for secret in account.credentials.values() if len(secret) >= _PART]
    for secret in tuple(words):
        for raw in (secret, quote_plus(secret)):
            for before in range(3):
                encoded = b64encode(b"." * before + raw.encode()).decode()
                words.append(encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6])
    parts = (word.lower().translate(_STANDARD) for word in words)
    return any(it[at : at + _PART] in told for it in parts for at in range(len(it) - _PART + 1))


def outcome_word(spec: Spec, reply: Reply) -> str | None:
    """Returns what a top-up's reply means by the specification; None: that cannot be told."""
    if spec.top_up is None:
        return None
    try:
        body, _ = parse(reply, xml=spec.xml)
        said = _search(spec.top_up.outcome, body)
    except _NotUnderstoodError:
        return None
    word = spec.top_up.outcomes.get(said) if isinstance(said, str) else None
    succeeded = reply.status == HTTPStatus.OK
    # A success in the words of a failed request, or the other way round, is neither.
    return word if word is not None and (word == "paid") is succeeded else None
