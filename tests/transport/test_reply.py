"""The pause that a reply asks for, and what the repr of a request and an error show."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.reading import FailureKind
from balance_watch.transport import Reply, Request, TransportError
from tests.support.canaries import key

KEY = key()


def retry_after(value: str, name: str = "Retry-After") -> float | None:
    return Reply(429, b"", {name: value}).retry_after


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("7", 7), (" 30 ", 30)])
def test_a_pause_may_be_given_in_seconds(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_a_pause_may_be_given_as_a_date() -> None:
    pause = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert pause is not None
    assert 30 < pause <= 60


def test_a_date_that_has_passed_is_a_pause_of_zero() -> None:
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "inf", "1e5", "Wed, 21 Oct"])
def test_an_invalid_pause_is_none(value: str) -> None:
    assert retry_after(value) is None


def test_a_reply_may_ask_for_no_pause() -> None:
    assert Reply(429, b"").retry_after is None


def test_the_name_of_the_header_may_be_written_in_any_case() -> None:
    assert retry_after("5", "rEtRy-AfTeR") == 5


@settings(max_examples=50)
@given(
    st.text()
    | st.integers().map(str)
    | st.builds("Wed, {} Oct {} {}:00:00 GMT".format, *[st.integers(0, 99999)] * 3)
)
def test_every_header_is_a_finite_pause_or_none(value: str) -> None:
    pause = retry_after(value)
    assert pause is None or (isinstance(pause, float) and 0 <= pause < float("inf"))


def test_a_request_shows_no_header_query_or_body() -> None:
    request = Request(
        "POST",
        "https://api.example/",
        headers={"X-API-Key": KEY},
        query={"api_key": KEY},
        form={"trx": KEY},
        json={"text": KEY},
    )
    assert KEY not in repr(request)


def test_an_error_says_what_happened_and_whether_the_request_was_sent() -> None:
    error = TransportError(FailureKind.TIMED_OUT, "No complete reply came in time.", transient=True)
    assert str(error) == error.message == "No complete reply came in time."
    assert (error.transient, error.sent) == (True, True)
