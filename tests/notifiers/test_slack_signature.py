"""Slack's signature of a request: only Slack's own, of just now, of this very body, is taken."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.notifiers.slack_signature import MAX_BODY, is_from_slack, sign

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
"""The signing secret of Slack's documentation of it."""

BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
AT = datetime.fromtimestamp(1531420618, UTC)
TIMESTAMP = ("X-Slack-Request-Timestamp", "1531420618")
SIGNATURE = (
    "X-Slack-Signature",
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
)
HEADERS = [TIMESTAMP, SIGNATURE]


def test_the_example_of_slacks_documentation_is_from_slack() -> None:
    assert sign(SECRET, "1531420618", BODY) == SIGNATURE[1]
    assert is_from_slack(HEADERS, BODY, SECRET, AT)


def test_the_names_of_headers_may_be_in_any_case() -> None:
    for change in (str.upper, str.lower):
        assert is_from_slack([(change(it), value) for it, value in HEADERS], BODY, SECRET, AT)


@pytest.mark.parametrize("late", [timedelta(minutes=5, seconds=1), timedelta(days=365)])
def test_a_request_that_is_old_or_of_the_future_is_refused(late: timedelta) -> None:
    assert not is_from_slack(HEADERS, BODY, SECRET, AT + late)
    assert not is_from_slack(HEADERS, BODY, SECRET, AT - late)


def test_a_request_of_five_minutes_ago_is_taken() -> None:
    assert is_from_slack(HEADERS, BODY, SECRET, AT + timedelta(minutes=5))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [TIMESTAMP],
        [SIGNATURE],
        [*HEADERS, TIMESTAMP],
        [*HEADERS, SIGNATURE],
        [*HEADERS, (SIGNATURE[0].lower(), SIGNATURE[1])],
        [TIMESTAMP, (SIGNATURE[0], f"{SIGNATURE[1]},{SIGNATURE[1]}")],
        [TIMESTAMP, (SIGNATURE[0], SIGNATURE[1].upper())],
        [TIMESTAMP, (SIGNATURE[0], SIGNATURE[1].removeprefix("v0="))],
        [TIMESTAMP, (SIGNATURE[0], "")],
        [TIMESTAMP, (SIGNATURE[0], "v0=\ud800é漢")],
        [(TIMESTAMP[0], "1531420619"), SIGNATURE],
        [(TIMESTAMP[0], " 1531420618"), SIGNATURE],
        [(TIMESTAMP[0], "1531420618.0"), SIGNATURE],
        [(TIMESTAMP[0], "١٥٣١٤٢٠٦١٨"), SIGNATURE],
        [(TIMESTAMP[0], "-1"), SIGNATURE],
        [(TIMESTAMP[0], "nan"), SIGNATURE],
        [(TIMESTAMP[0], "9" * 5000), SIGNATURE],
        [(TIMESTAMP[0], ""), SIGNATURE],
    ],
)
def test_headers_that_slack_does_not_send_are_refused(headers: list[tuple[str, str]]) -> None:
    assert not is_from_slack(headers, BODY, SECRET, AT)


def test_another_secret_and_an_empty_one_are_refused() -> None:
    assert not is_from_slack(HEADERS, BODY, SECRET[::-1], AT)
    empty = [TIMESTAMP, (SIGNATURE[0], sign("", TIMESTAMP[1], BODY))]
    assert not is_from_slack(empty, BODY, "", AT)


def test_a_giant_body_is_refused_though_it_is_signed() -> None:
    for size, taken in ((MAX_BODY, True), (MAX_BODY + 1, False)):
        body = b"a" * size
        headers = [TIMESTAMP, (SIGNATURE[0], sign(SECRET, TIMESTAMP[1], body))]
        assert is_from_slack(headers, body, SECRET, AT) is taken


@given(st.binary(max_size=200))
def test_no_other_body_is_taken(body: bytes) -> None:
    assert is_from_slack(HEADERS, body, SECRET, AT) is (body == BODY)


@given(st.text(max_size=80))
def test_no_other_signature_is_taken(signature: str) -> None:
    headers = [TIMESTAMP, (SIGNATURE[0], signature)]
    assert is_from_slack(headers, BODY, SECRET, AT) is (signature == SIGNATURE[1])
