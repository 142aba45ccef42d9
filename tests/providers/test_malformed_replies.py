"""Every reply that is not exactly as documented is malformed, and nothing of it is repeated."""

import pytest

from balance_watch.domain.reading import FailureKind
from tests.support.fault_behaviours import replies
from tests.support.fault_server import FaultServer
from tests.support.provider_reads import BODY, failed

DEEP = 20_000


NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "text": b"balance: 1",
    "cut short": b'{"data":{"attributes":{"balance":1}}',
    "something after it": b'{"data":{"attributes":{"balance":1}}} {}',
    "invalid UTF-8": b'{"data":{"attributes":{"balance":1,"x":"\xff\xfe"}}}',
    "single quotes": b"{'data':{'attributes':{'balance':1}}}",
    "nested deeply": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "nested deeply in lists": b"[" * DEEP,
    "the same name twice": b'{"data":{"attributes":{"balance":1,"balance":2}}}',
    "the same table twice": b'{"data":{"attributes":{"balance":1}},"data":{}}',
    "a control character": b'{"data":{"attributes":{"balance":1,"x":"\x01"}}}',
    "XML where JSON belongs": b"<data><attributes><balance>1</balance></attributes></data>",
    "a web page": b"<!DOCTYPE html><html>1</html>",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_body_that_is_not_json_is_malformed(body: bytes) -> None:
    assert failed("you", body).kind is FailureKind.MALFORMED


def test_a_part_of_json_that_is_labelled_as_a_web_page_is_malformed() -> None:
    part = (BODY % 1)[:-1]
    assert failed("you", part, content_type="text/html").kind is FailureKind.MALFORMED


NO_AMOUNT = [
    "null",
    "true",
    "false",
    '"1"',
    '"718924.5"',
    '""',
    "[]",
    "[1]",
    "{}",
    '{"balance":1}',
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "1e126",
    "1e-131",
    "1e99999999999999999999",
    "1" * 39,
    "9" * 5000,
    "0." + "1" * 39,
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
    "1_000",
    "1,000",
]


@pytest.mark.parametrize("amount", NO_AMOUNT)
def test_a_balance_that_is_not_an_exact_finite_number_is_malformed(amount: str) -> None:
    assert failed("you", BODY % amount).kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "body",
    [
        "null",
        "1",
        '"1"',
        "[]",
        "{}",
        '{"data":null}',
        '{"data":[]}',
        '{"data":{"attributes":null}}',
    ],
)
def test_json_of_another_structure_is_malformed(body: str) -> None:
    assert failed("you", body).kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "field",
    [
        '"available_credits":"71000"',
        '"available_credits":true',
        '"available_points":[]',
        '"alert_threshold":"10"',
        '"alert_threshold":1e400',
        '"low_balance_alert":"no"',
        '"low_balance_alert":0',
        '"updated_at":"yesterday"',
        '"updated_at":5',
        '"updated_at":"0001-01-01T00:00:00+23:59"',
        '"updated_at":"9999-12-31T23:59:59-23:59"',
    ],
)
def test_an_invalid_fact_beside_the_balance_is_malformed(field: str) -> None:
    assert failed("legnext", f'{{"balance_usd":1,{field}}}').kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "currency", ["null", '""', "1", '"US"', '"dollars"', '"<b>"', '"U$D"', '["USD"]']
)
def test_an_invalid_currency_is_malformed(currency: str) -> None:
    body = f'{{"current_balance":1,"currency":{currency}}}'
    assert failed("aimlapi", body).kind is FailureKind.MALFORMED


def test_a_message_repeats_nothing_of_the_reply() -> None:
    for body in ('{"marker":1}', BODY % '"marker"', '{"data":{"attributes":"marker"}}', "marker"):
        assert "marker" not in failed("you", body).message


BAD_XML = {
    "entities that multiply": (
        '<!DOCTYPE a [<!ENTITY a "9"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">'
        "]><accountBalance><value>&c;</value></accountBalance>"
    ),
    "an entity": (
        '<!DOCTYPE a [<!ENTITY v "5">]><accountBalance><value>&v;</value></accountBalance>'
    ),
    "an external entity": (
        '<!DOCTYPE a [<!ENTITY v SYSTEM "file:///etc/hostname">]>'
        "<accountBalance><value>&v;</value></accountBalance>"
    ),
    "an external document type": (
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">'
        "<accountBalance><value>&v;</value></accountBalance>"
    ),
    "a missing end tag": "<accountBalance><value>5</value>",
    "a mismatched end tag": "<accountBalance><value>5</accountBalance></value>",
    "two roots": "<accountBalance><value>5</value></accountBalance><value>6</value>",
    "two values": "<accountBalance><value>5</value><value>6</value></accountBalance>",
    "a value with an attribute": '<accountBalance><value unit="c">5</value></accountBalance>',
    "a value inside a value": "<accountBalance><value><value>5</value></value></accountBalance>",
    "no value": "<accountBalance/>",
    "an empty value": "<accountBalance><value/></accountBalance>",
    "a value in words": "<accountBalance><value>five</value></accountBalance>",
    "a value in Python's notation": "<accountBalance><value>1_0</value></accountBalance>",
    "a value in Arabic digits": "<accountBalance><value>\u0661\u0662</value></accountBalance>",
    "a value of NaN": "<accountBalance><value>NaN</value></accountBalance>",
    "an infinite value": "<accountBalance><value>Infinity</value></accountBalance>",
    "a flag in other words": (
        "<accountBalance><value>5</value><autoReload>yes</autoReload></accountBalance>"
    ),
    "a web page": "<html><value>5</value></html>",
    "nesting": "<a>" * DEEP + "</a>" * DEEP,
}


@pytest.mark.parametrize("body", BAD_XML.values(), ids=BAD_XML.keys())
def test_xml_that_is_not_plain_is_malformed(body: str) -> None:
    got = failed("vonage", body, content_type="application/xml")
    assert got.kind is FailureKind.MALFORMED


def test_an_external_entity_is_not_fetched() -> None:
    with FaultServer(replies("200 OK", b"5")) as server:
        failed(
            "vonage",
            f'<!DOCTYPE a [<!ENTITY v SYSTEM "{server.url}/v">]>'
            "<accountBalance><value>&v;</value></accountBalance>",
            content_type="application/xml",
        )
        assert server.connections == 0
