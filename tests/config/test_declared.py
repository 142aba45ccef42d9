"""What an account declares to have: credit, or a budget."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from balance_watch.config.accounts import parse_account
from balance_watch.domain.account import Account
from balance_watch.domain.credit import Budget, Credit, Purchase
from balance_watch.exact_parsing import exact_json
from balance_watch.validation import Faults
from tests.support.canaries import key
from tests.support.provider_reads import spec_of

CREDIT = [{"amount": "500", "paid_at": "2026-11-01"}]


def parsed(provider: str = "openai", **declared: object) -> tuple[Account | None, list[str]]:
    """Returns the account that declares this, and the faults."""
    spec, faults = spec_of(provider), Faults()
    entry = {
        "name": "a",
        "provider": provider,
        "credentials": dict.fromkeys(spec.credentials(None) or (), key()),
        "variables": dict.fromkeys(spec.variables, "v"),
        **declared,
    }
    watched = parse_account(exact_json(json.dumps(entry)), "x", lambda *_: spec, faults)
    return (None if watched is None else watched[0]), list(faults)


def test_credit_is_several_purchases() -> None:
    account, faults = parsed(
        credit=[
            {"amount": "500", "paid_at": "2026-11-01", "expires_at": "2027-11-01"},
            {"amount": 20.5, "paid_at": "2026-11-20T15:00:00+02:00", "expires_at": None},
        ]
    )
    assert account is not None, faults
    assert account.declared == Credit(
        (
            Purchase(
                Decimal(500),
                datetime(2026, 11, 1, tzinfo=UTC),
                datetime(2027, 11, 1, 23, 59, 59, tzinfo=UTC),
            ),
            Purchase(Decimal("20.5"), datetime(2026, 11, 20, 13, tzinfo=UTC)),
        )
    )


def test_a_budget_is_an_amount_a_month() -> None:
    account, faults = parsed(budget={"amount": "1000", "per": "month"})
    assert account is not None, faults
    assert account.declared == Budget(Decimal(1000))


@pytest.mark.parametrize("declared", [{}, {"credit": None}])
def test_neither_is_needed_where_the_provider_tells_a_limit(declared: dict[str, Any]) -> None:
    account, faults = parsed(**declared)
    assert account is not None, faults
    assert account.declared is None
    account, faults = parsed("anthropic", **declared)
    assert account is None
    assert "must declare either credit or a budget" in faults[0]


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        (
            {"credit": CREDIT, "budget": {"amount": 1, "per": "month"}},
            "must declare either credit or a budget",
        ),
        ({"credit": []}, "must have 1 to 500 purchases"),
        ({"credit": CREDIT * 501}, "must have 1 to 500 purchases"),
        ({"credit": [{"amount": "0", "paid_at": "2026-11-01"}]}, "must be more than 0"),
        ({"credit": [{"amount": "-5", "paid_at": "2026-11-01"}]}, "must be more than 0"),
        ({"credit": [{"amount": "5"}]}, "paid_at: is missing"),
        ({"credit": [{"paid_at": "2026-11-01"}]}, "amount: is missing"),
        ({"credit": [{"amount": "5", "paid_at": "2026-11-31"}]}, "paid_at: must be a time"),
        ({"credit": [{"amount": "5", "paid_at": "yesterday"}]}, "paid_at: must be a time"),
        ({"credit": [{"amount": "5", "paid_at": "2026-11-01", "expire": "x"}]}, "unknown field"),
        (
            {"credit": [{"amount": "5", "paid_at": "2026-11-02", "expires_at": "2026-11-01"}]},
            "expires_at must be after paid_at",
        ),
        ({"credit": 5}, "credit: must be"),
        ({"credit": ["5"]}, "credit"),
        ({"budget": {"amount": 0, "per": "month"}}, "must be more than 0"),
        ({"budget": {"amount": 5, "per": "week"}}, "must be one of month"),
        ({"budget": {"amount": "lots", "per": "month"}}, "budget, amount"),
    ],
)
def test_a_fault_in_it_is_named(declared: dict[str, Any], fault: str) -> None:
    account, faults = parsed(**declared)
    assert account is None
    assert [it for it in faults if fault in it], faults


def test_a_provider_that_tells_the_balance_takes_neither() -> None:
    account, faults = parsed("you", credit=CREDIT)
    assert account is None
    assert faults == ["x: credit: must be left out, because the provider tells the balance itself"]


def test_costs_by_month_need_credit_from_the_first_of_a_month() -> None:
    middle = [{"amount": "5", "paid_at": "2026-11-15"}]
    assert parsed("github-copilot", credit=middle)[0] is None
    assert parsed("github-copilot", credit=CREDIT)[0] is not None
    assert parsed("github-billing", credit=middle)[0] is not None


@pytest.mark.parametrize(
    ("expires_at", "is_known"),
    [
        ("2026-11-30", True),
        ("2026-12-01T00:00:00Z", True),
        ("2026-11-29", False),
        ("2026-12-01", False),
        ("2026-12-01T00:00:01Z", False),
    ],
)
def test_costs_by_month_need_credit_that_expires_with_a_month(
    expires_at: str, *, is_known: bool
) -> None:
    credit = [{"amount": "5", "paid_at": "2026-11-01", "expires_at": expires_at}]
    assert (parsed("scaleway", credit=credit)[0] is not None) is is_known
    assert parsed("github-billing", credit=credit)[0] is not None
