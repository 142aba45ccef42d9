"""Turns the bytes of a reply into plain values with exact numbers, and finds values by path."""

import re
from codecs import BOM_UTF8
from typing import Literal, Self

from msgspec import Struct

from balance_watch.exact_parsing import NotExactError, exact_json, without_mark
from balance_watch.providers import exact_jmespath
from balance_watch.providers.spec_types import Path
from balance_watch.transport import Reply
from balance_watch.validation import Json

_MAX_LINE = 200
_CHARSET = r"(?i)charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})"


class UnexpectedReplyError(Exception):
    """The body is not as documented. The message is a sentence and repeats no value of the body."""

    @classmethod
    def missing(cls, path: Path | None) -> Self:
        """Returns the error of a path that leads to nothing."""
        return cls(f"The reply has no value at {path}.")

    @classmethod
    def at(cls, path: Path | None, problem: str) -> Self:
        """Returns the error of an invalid value; `problem` is a predicate: `is not a number`."""
        return cls(f"The reply's value at {path} {problem}.")


class Body(Struct, frozen=True):
    """A body as plain values; `textual`: its format has only text, so its numbers are text too."""

    value: Json
    textual: bool = False


def decode(reply: Reply, form: Literal["json", "xml", "text"]) -> Body:
    """Returns a body as plain values; accepts JSON where XML is expected.

    Raises:
        UnexpectedReplyError: the body is not in the expected format.
    """
    # PHP labels plain text as text/html, too.
    if form == "text" and not _start(reply).startswith(b"<"):
        return Body(_single_line(reply), textual=True)
    if _is_page(reply):
        raise UnexpectedReplyError("The reply is a web page.")
    if form == "text":
        raise UnexpectedReplyError("The reply is not a line of text.")
    if form == "xml" and _start(reply).startswith(b"<"):
        # Few providers reply in XML: a start does not import it.
        from xml.parsers.expat import ExpatError

        import xmltodict

        try:
            # This parser expands no entities, internal or external (see its documentation).
            return Body(xmltodict.parse(reply.body, disable_entities=True), textual=True)
        except (ExpatError, ValueError, LookupError):
            # LookupError: the body names an encoding that does not exist.
            raise UnexpectedReplyError("The reply is not XML.") from None
    try:
        return Body(exact_json(_text(reply) or reply.body, any_length=True))
    except NotExactError as error:
        raise UnexpectedReplyError(f"The reply {error}.") from None


def _single_line(reply: Reply) -> str:
    """Returns a body that is one line of text.

    Accepts it only if the reply states its length: the first digits of a number are a number too.
    """
    length, coding = reply.header("content-length"), reply.header("transfer-encoding") or ""
    chunked = coding.rpartition(",")[2].strip().lower() == "chunked"
    if not chunked and length != str(len(reply.body)):
        raise UnexpectedReplyError("The reply may be cut short.")
    try:
        text = without_mark(_text(reply) or reply.body.decode()).strip()
    except UnicodeDecodeError:
        raise UnexpectedReplyError("The reply is not text.") from None
    if not text or len(text) > _MAX_LINE or not text.isprintable():
        raise UnexpectedReplyError("The reply is not a line of text.")
    return text


def is_html(reply: Reply) -> bool:
    """Tells whether a reply is a web page, by its first bytes or by its content type."""
    content_type = reply.header("content-type") or ""
    return "text/html" in content_type.lower() or _starts_as_page(reply)


def _is_page(reply: Reply) -> bool:
    """Tells whether a reply is a web page, and not JSON or XML that is labelled as one."""
    is_data = _start(reply).startswith((b"{", b"[", b"<?xml"))
    return _starts_as_page(reply) or (is_html(reply) and not is_data)


def _starts_as_page(reply: Reply) -> bool:
    return _start(reply).lower().startswith((b"<!doctype html", b"<html"))


def _start(reply: Reply) -> bytes:
    """Returns the first bytes of a body, without a byte order mark and white space."""
    return reply.body[:512].removeprefix(BOM_UTF8).lstrip()


def _text(reply: Reply) -> str | None:
    """Returns the text of a body that declares another charset than UTF-8; None otherwise.

    Raises:
        UnexpectedReplyError: the body is not in that charset.
    """
    charset = re.search(_CHARSET, reply.header("content-type") or "")
    if charset is None or charset[1].lower() in ("utf-8", "utf8"):
        return None
    try:
        return reply.body.decode(charset[1])
    except LookupError:
        return None
    except UnicodeDecodeError:
        raise UnexpectedReplyError("The reply is not in the charset that it declares.") from None


def search(path: Path, body: Json) -> Json:
    """Returns the value at a path.

    Raises:
        UnexpectedReplyError: the path cannot be evaluated on a body of this structure.
    """
    try:
        return exact_jmespath.search(path, body)
    except exact_jmespath.TooManyStepsError:
        raise UnexpectedReplyError(f"The reply is too large for {path}.") from None
    except (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError):
        # jmespath raises ValueErrors; comparing text with a number is a TypeError of Python.
        raise UnexpectedReplyError(
            "The reply does not have the structure that the provider documents."
        ) from None


def holds(condition: Path, body: Json) -> bool:
    """Tells whether a condition is true, as jmespath defines it: not null, false or empty."""
    value = search(condition, body)
    return value is not None and value is not False and value not in ("", [], {})
