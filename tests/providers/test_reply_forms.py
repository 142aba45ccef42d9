"""Replies as they are spoken: 201, a byte order mark, a charset, data labelled as a page."""

import socket
from decimal import Decimal
from threading import Thread

import pytest

from balance_watch.domain.reading import ReadFailure, Reading
from balance_watch.exact_parsing import exact_json, exact_toml
from balance_watch.providers.decoding import UnexpectedReplyError, decode
from balance_watch.transport import Reply, Request, Transport, TransportError
from balance_watch.validation import Faults
from tests.support.provider_reads import BODY, parsed
from tests.support.specifications import parse

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("status", [200, 201, 202, 203])
def test_a_documented_body_is_read_with_any_status_of_success(status: int) -> None:
    assert isinstance(parsed("you", BODY % 5, status), Reading)


@pytest.mark.parametrize("status", [204, 206])
def test_no_body_and_a_part_of_one_are_failures(status: int) -> None:
    assert isinstance(parsed("you", BODY % 5 if status == 206 else "", status), ReadFailure)


def test_a_byte_order_mark_before_json_xml_text_and_toml_is_skipped() -> None:
    assert decode(Reply(200, BOM + b'{"a": 1}'), "json").value == {"a": 1}
    assert decode(Reply(200, BOM + b"<a>1</a>"), "xml").value == {"a": "1"}
    text = Reply(200, BOM + b"12.5", {"Content-Length": "7"})
    assert decode(text, "text").value == "12.5"
    assert exact_json("\ufeff[1]") == [1]
    assert exact_toml("\ufeffa = 1", "policy", Faults()) == {"a": 1}


@pytest.mark.parametrize("charset", ["ISO-8859-1", "iso-8859-15", "windows-1252", "utf-16"])
def test_a_declared_charset_is_used(charset: str) -> None:
    body = '{"name": "Café", "left": 1.5}'.encode(charset)
    reply = Reply(200, body, {"Content-Type": f'application/json; charset="{charset}"'})
    assert decode(reply, "json").value == {"name": "Café", "left": Decimal("1.5")}


def test_a_charset_that_does_not_exist_is_ignored() -> None:
    reply = Reply(200, b'{"a": 1}', {"Content-Type": "application/json; charset=klingon"})
    assert decode(reply, "json").value == {"a": 1}


@pytest.mark.parametrize("form", ["json", "xml"])
def test_whole_data_that_is_labelled_as_a_web_page_is_read(form: str) -> None:
    body = b'{"a": "1"}' if form == "json" else b"<?xml version='1.0'?><a>1</a>"
    reply = Reply(200, body, {"Content-Type": "text/html; charset=UTF-8"})
    assert decode(reply, form).value == {"a": "1"}  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"<html></html>", b"\xef\xbb\xbf<!DOCTYPE html>", b"<p>no</p>"])
def test_a_web_page_stays_one(body: bytes) -> None:
    with pytest.raises(UnexpectedReplyError, match="web page"):
        decode(Reply(200, body, {"Content-Type": "text/html"}), "json")


def served(*parts: bytes) -> str:
    """Returns the authority of a server that answers one request with these bytes."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = server.accept()
        with connection, server:
            connection.recv(65536)
            for part in parts:
                connection.sendall(part)

    Thread(target=answer, daemon=True).start()
    return f"127.0.0.1:{server.getsockname()[1]}"


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n" + b'{"a": 1}'


@pytest.mark.parametrize("interim", [0, 1, 3])
def test_interim_replies_before_the_reply_are_skipped(interim: int) -> None:
    authority = served(*[EARLY] * interim, FINAL)
    transport = Transport({authority})
    reply = transport.exchange(Request("GET", f"http://{authority}/"), timeout=5)
    assert (reply.status, reply.body) == (200, b'{"a": 1}')


def test_interim_replies_without_end_are_a_failure() -> None:
    authority = served(EARLY * 50)
    with pytest.raises(TransportError):
        Transport({authority}).exchange(Request("GET", f"http://{authority}/"), timeout=5)


LONG = b"[" + b"0," * 50_000 + b"0]"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(LONG)


def test_a_reply_of_more_than_64_kib_is_too_large() -> None:
    authority = served(HEAD, LONG)
    with pytest.raises(TransportError, match="longer than 64 KiB"):
        Transport({authority}).exchange(Request("GET", f"http://{authority}/"), timeout=5)


def test_a_specification_raises_the_longest_reply() -> None:
    authority = served(HEAD, LONG)
    request = Request("GET", f"http://{authority}/", max_body=1024 * 1024)
    assert len(Transport({authority}).exchange(request, timeout=5).body) == len(LONG)


@pytest.mark.parametrize(
    ("longest", "valid"), [(64, True), (1024, True), (63, False), (1025, False)]
)
def test_the_longest_reply_is_between_64_kib_and_one_mib(longest: int, *, valid: bool) -> None:
    spec, faults = parse(f"""
name = "Own"
url = "https://api.example.com"
auth = {{ headers = {{ X-Key = "$api_key" }} }}
currency = "USD"
max_kib = {longest}
reply.balance = "balance"
""")
    assert (spec is not None, not faults) == (valid, valid)
