"""What a reply says of the server's limit, in every form in use; anything else is ignored."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.transport import Reply
from balance_watch.transport.rate_limits import pause_of

NOW = 1_795_341_900.0


def pause(*, refused: bool = False, **headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return pause_of(named, NOW, refused=refused)


@pytest.mark.parametrize(
    "field",
    [
        '"default";r=0;t=30',
        "limit=100, remaining=0, reset=30",
        '"a";r=9;t=90, "b";r=0;t=30',
        "r=0;t=30",
    ],
)
def test_the_draft_s_field_names_the_time_of_a_limit_of_which_nothing_is_left(field: str) -> None:
    assert pause(ratelimit=field) == 30


@pytest.mark.parametrize(
    "field", ['"default";r=5;t=30', "limit=100, remaining=1, reset=30", "r=0", "t=9"]
)
def test_a_limit_of_which_something_is_left_asks_for_no_pause(field: str) -> None:
    assert pause(ratelimit=field) is None


def test_of_several_limits_the_longest_pause_counts() -> None:
    assert pause(ratelimit='"a";r=0;t=5, "b";r=0;t=60') == 60


@pytest.mark.parametrize("prefix", ["ratelimit", "x_ratelimit", "x_rate_limit"])
@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("1.5", 1),
        (f"{int(NOW) + 45}", 45),
        (f"{int(NOW) * 1000 + 45_500}", 45.5),
        (f"{int(NOW) - 45}", 0),
    ],
)
def test_the_older_fields_name_it_in_seconds_or_as_a_time(
    prefix: str, reset: str, seconds: float
) -> None:
    headers: dict[str, Any] = {f"{prefix}_remaining": "0", f"{prefix}_reset": reset}
    assert pause(**headers) == seconds


def test_a_refused_request_needs_no_word_on_what_is_left() -> None:
    assert pause(refused=True, x_ratelimit_reset="12") == 12
    assert pause(refused=True, x_ratelimit_reset="12", x_ratelimit_remaining="3") == 12
    assert pause(x_ratelimit_reset="12") is None


@pytest.mark.parametrize(
    "reset", ["", "soon", "-5", "1e9", "NaN", "\u0663", "9" * 16, "9" * 11, "86401", "+5"]
)
def test_a_reset_that_no_server_means_is_ignored(reset: str) -> None:
    assert pause(x_ratelimit_remaining="0", x_ratelimit_reset=reset) is None


@given(st.text(), st.text(), st.text(), st.booleans())
def test_whatever_the_fields_hold_is_a_pause_of_a_day_at_most_or_none(
    field: str,
    left: str,
    reset: str,
    refused: bool,  # noqa: FBT001 (drawn)
) -> None:
    found = pause(
        refused=refused, ratelimit=field, x_ratelimit_remaining=left, x_ratelimit_reset=reset
    )
    assert found is None or 0 <= found <= 86_400


def test_retry_after_comes_before_the_other_fields() -> None:
    headers = {"Retry-After": "7", "X-RateLimit-Reset": "60"}
    assert Reply(429, b"", headers).retry_after == 7
    assert Reply(429, b"", {"X-RateLimit-Reset": "60"}).retry_after == 60
    assert Reply(200, b"", {"X-RateLimit-Reset": "60"}).retry_after is None


def test_the_last_reply_within_a_limit_says_so() -> None:
    last = {"RateLimit-Remaining": "0", "RateLimit-Reset": "1"}
    assert Reply(200, b"", last).exhausted_for == 1
    assert Reply(200, b"", {**last, "RateLimit-Remaining": "1"}).exhausted_for is None
