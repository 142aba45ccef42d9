"""How much an account may owe and when its credit expires, as a specification finds them."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.registry import slugs
from balance_watch.providers.spec_validation import parse_spec
from balance_watch.transport import Reply
from balance_watch.validation import Faults
from tests.support.provider_reads import NOW, account_of, spec_of
from tests.support.samples import on_the_wire

TEXT = """
name = "Wallet"
url = "https://wallet.example/balance"
auth = { headers = { Authorization = "Bearer $api_key" } }
currency = "USD"
scale = 0.01

[reply]
balance = "balance"
credit_limit = "limit"
expires_at = "ends"
resets_at = "resets"
"""


@pytest.fixture
def read() -> Callable[..., ReadResult]:
    """Reads a balance of 5 with these facts beside it."""
    faults = Faults()
    spec = parse_spec(TEXT, "spec", faults)
    assert spec is not None, faults

    def parsed(**facts: object) -> ReadResult:
        body = on_the_wire({"balance": 500, **facts})
        return parse_reply(spec, account_of("you"), Reply(200, body), NOW)

    return parsed


Read = Callable[..., Any]


@pytest.mark.parametrize(
    ("told", "limit"),
    [(10_000, "100"), (-10_000, "100"), (0, "0"), (None, None), (1, "0.01")],
)
def test_a_credit_limit_is_an_amount_in_the_unit_of_the_balance_whatever_its_sign(
    read: Read, told: int | None, limit: str | None
) -> None:
    assert read(limit=told).credit_limit == (None if limit is None else Decimal(limit))


def test_a_credit_limit_keeps_every_digit(read: Read) -> None:
    digits = Decimal(-12345678901234567890123456789012345678)
    assert read(limit=digits).credit_limit == Decimal("123456789012345678901234567890123456.78")


@pytest.mark.parametrize("told", ["100", True, [], {}, "none"])
def test_a_credit_limit_that_is_no_number_makes_the_account_unreadable(
    read: Read, told: object
) -> None:
    result = read(limit=told)
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.MALFORMED


SECONDS, MILLISECONDS = 1_798_761_599, 1_798_761_599_123
NEW_YEAR = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("field", ["ends", "resets"])
@pytest.mark.parametrize(
    ("told", "at"),
    [
        (SECONDS, NEW_YEAR),
        (MILLISECONDS, NEW_YEAR),
        ("2026-12-31T23:59:59Z", NEW_YEAR),
        ("2026-12-31T23:59:59", NEW_YEAR),
        ("2027-01-01T00:59:59+01:00", NEW_YEAR),
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_is_text_or_seconds_or_milliseconds(
    read: Read, field: str, told: object, at: datetime | None
) -> None:
    result = read(**{field: told})
    assert (result.expires_at if field == "ends" else result.resets_at) == at


@pytest.mark.parametrize("told", ["soon", True, [], 10**30, -(10**30), "31.12.2026"])
def test_a_time_that_is_none_makes_the_account_unreadable(read: Read, told: object) -> None:
    result = read(ends=told)
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.MALFORMED


def test_what_can_be_spent_is_the_balance_and_the_limit(read: Read) -> None:
    result = read(limit=10_000)
    assert isinstance(result, Reading)
    assert [result.usable, result.floor] == [105, -100]
    assert [read().usable, read().floor] == [5, 0]


# The catalogue.


def test_these_providers_tell_a_credit_limit_and_these_an_expiry() -> None:
    """Novita, Alibaba Cloud and Volcengine have theirs in the balance already: none at 0."""
    replies = {slug: spec_of(slug).reply for slug in slugs()}
    assert {slug for slug, reply in replies.items() if reply.credit_limit} == {
        "telnyx",
        "vonage-subaccounts",
    }
    assert {slug for slug, reply in replies.items() if reply.expires_at} == {
        "aws-credits",
        "kling",
        "litellm",
        "new-api-token",
        "openrouter-key",
        "sub2api",
    }
