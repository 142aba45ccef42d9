"""Used-up credit is a kind of its own, wherever a provider says it."""

import json

import pytest

from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.used_up import says_out_of_credit
from tests.support.provider_reads import failed
from tests.support.watchman import watching

PROBLEM_TYPES = [
    "https://api.example.com/problems/insufficient-credits",
    "https://example.com/errors/out-of-credit",
    "urn:problem:insufficient-funds",
]
SAYING_SO: list[object] = [
    {"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "x"}},
    {"error": {"type": "insufficient_quota"}},
    {"error": "insufficient_credits"},
    {"code": "InsufficientBalance"},
    {"code": "402"},
    {"code": 402, "message": "x"},
    {"status": 402, "title": "Payment Required"},
    {"errors": [{"code": "OUT_OF_CREDITS"}]},
    {"error": {"code": "insufficient_user_quota", "type": "new_api_error"}},
    {"error": {"code": "billing_hard_limit_reached"}},
    *({"type": it, "title": "No credit"} for it in PROBLEM_TYPES),
]
SAYING_SOMETHING_ELSE: list[object] = [
    {"error": {"code": "rate_limit_exceeded", "type": "requests"}},
    {"error": {"code": "quota_exceeded"}},
    {"error": {"message": "insufficient_quota"}},
    {"code": 429},
    {"code": 4020},
    {"type": "https://example.com/errors/too-many-requests"},
    ["insufficient_quota"],
    "insufficient_quota",
    None,
]


@pytest.mark.parametrize("status", [400, 401, 403, 429])
@pytest.mark.parametrize("body", SAYING_SO)
def test_a_code_or_type_of_the_body_says_it_whatever_the_status(body: object, status: int) -> None:
    got = failed("you", json.dumps(body), status, content_type="application/json")
    assert got.kind is FailureKind.OUT_OF_CREDIT
    assert "nothing is left" in got.message


@pytest.mark.parametrize("body", ["{}", "", "Payment required", '{"a": 1}'])
def test_402_of_anybody_is_used_up_credit(body: str) -> None:
    assert failed("you", body, 402).kind is FailureKind.OUT_OF_CREDIT


@pytest.mark.parametrize("body", SAYING_SOMETHING_ELSE)
def test_other_words_are_no_used_up_credit(body: object) -> None:
    assert not says_out_of_credit(body)


def test_a_web_page_with_402_is_used_up_credit_too() -> None:
    got = failed("you", "<html>Pay</html>", 402, content_type="text/html")
    assert got.kind is FailureKind.OUT_OF_CREDIT


def test_it_is_critical_at_once_and_ends_at_the_next_good_look() -> None:
    watchman = watching(defaults=Defaults(unreadable_after=3))
    (notification,) = watchman.notifies(
        ReadFailure(FailureKind.OUT_OF_CREDIT, "HTTP 402: nothing is left, the credit is used up.")
    )
    assert (notification.severity, notification.value) == ("critical", "out_of_credit")
    assert "nothing is left" in notification.detail
    (resolved,) = watchman.notifies("50")
    assert (resolved.reason, resolved.severity) == ("resolved", "critical")
