"""From the bytes of a reply to plain values with exact numbers, and to what stands in them."""

from typing import Any, Literal, NamedTuple
from xml.parsers.expat import ExpatError

import jmespath

from balance_watch.providers.spec_types import Path
from balance_watch.transport import Reply
from balance_watch.validation import NotExactError, exact_json

_LINE = 200


class UnexpectedReplyError(Exception):
    """What is wrong with a body, as the end of a sentence; never repeats a value of it."""


class Body(NamedTuple):
    """A body as plain values; `textual`: it can hold nothing but text, so numbers are text too."""

    value: Any
    textual: bool = False


def decode(reply: Reply, form: Literal["json", "xml", "text"]) -> Body:
    """Returns a body as plain values; where XML is expected, it may be JSON all the same.

    Raises:
        NotUnderstoodError: it is not what was expected.
    """
    # PHP calls plain text text/html, too.
    if form == "text" and not reply.body.lstrip().startswith(b"<"):
        return Body(_line(reply), textual=True)
    if is_html(reply):
        raise UnexpectedReplyError("is a web page")
    if form == "text":
        raise UnexpectedReplyError("is not a line of text")
    if form == "xml" and reply.body.lstrip().startswith(b"<"):
        import xmltodict  # noqa: PLC0415 (one provider answers in XML: a start is spared it)

        try:
            # Entities are off: no expansion, no external one (the parser's own documentation).
            return Body(xmltodict.parse(reply.body, disable_entities=True), textual=True)
        except (ExpatError, ValueError, LookupError):
            # LookupError: the encoding that it names is none.
            raise UnexpectedReplyError("is not XML") from None
    try:
        return Body(exact_json(reply.body))
    except NotExactError as error:
        raise UnexpectedReplyError(str(error)) from None


def _line(reply: Reply) -> str:
    """A number that is cut short is a number still: only a reply that tells its length is whole."""
    length, coding = reply.header("content-length"), reply.header("transfer-encoding") or ""
    chunked = coding.rpartition(",")[2].strip().lower() == "chunked"
    if not chunked and length != str(len(reply.body)):
        raise UnexpectedReplyError("may have been cut short")
    try:
        text = reply.body.decode().strip()
    except UnicodeDecodeError:
        raise UnexpectedReplyError("is not text") from None
    if not text or len(text) > _LINE or not text.isprintable():
        raise UnexpectedReplyError("is not a line of text")
    return text


def is_html(reply: Reply) -> bool:
    """Whether it is a web page, by its own word or by its looks."""
    content_type = reply.header("content-type") or ""
    start = reply.body[:512].lstrip().lower()
    return "text/html" in content_type.lower() or start.startswith((b"<!doctype html", b"<html"))


def search(path: Path, body: object) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Returns what stands at a path; NotUnderstoodError if a body has no such shape."""
    try:
        return jmespath.search(path, body)
    except (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError):
        # Its own errors are ValueErrors; text compared with a number is a TypeError of Python's.
        raise UnexpectedReplyError("has another shape than the provider documents") from None


def holds(condition: Path, body: object) -> bool:
    """Whether it is true, as jmespath has it: not null, not false, not empty."""
    found = search(condition, body)
    return found is not None and found is not False and found not in ("", [], {})
