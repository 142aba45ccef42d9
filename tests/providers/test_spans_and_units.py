"""Modules that ask for a span of time, or that read amounts in units of their own."""

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from tests.support.provider_reads import account_of, conversation


def test_kling_is_asked_for_the_packs_of_400_days() -> None:
    (request,), _ = conversation("kling", [])
    assert request.url == (
        "https://api-singapore.klingai.com/account/costs"
        "?start_time=1760781900000&end_time=1795341900000"
    )


def test_kling_is_asked_for_the_packs_that_the_account_names() -> None:
    account = account_of("kling", variables={"resource_pack_name": "Video & more"})
    (request,), _ = conversation("kling", [], account)
    assert request.url.endswith("&resource_pack_name=Video+%26+more")


def test_packs_of_several_names_are_not_added_up() -> None:
    packs = [
        {
            "resource_pack_name": name,
            "resource_pack_type": "decreasing_total",
            "remaining_quantity": 100,
            "status": "online",
        }
        for name in ("Video", "Image")
    ]
    body = {"code": 0, "data": {"code": 0, "resource_pack_subscribe_infos": packs}}
    _, result = conversation("kling", [body])
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.AMBIGUOUS
    assert "resource_pack_name" in result.message


def test_hugging_face_is_asked_for_the_use_of_this_month() -> None:
    (request,), _ = conversation("huggingface", [])
    assert request.url == (
        "https://huggingface.co/api/settings/billing/usage-v2"
        "?startDate=1793491200&endDate=1795341900"
    )


@pytest.mark.parametrize(
    ("amount", "currency", "balance"),
    [
        (1050, "usd", "10.5"),
        (1050, "jpy", "1050"),
        (1050, "krw", "1050"),
        (1050, "kwd", "1.05"),
        (1050, "isk", "10.5"),
        (1050, "ugx", "10.5"),
        (-1050, "eur", "-10.5"),
    ],
)
def test_stripe_s_smallest_unit_is_that_of_the_currency(
    amount: int, currency: str, balance: str
) -> None:
    _, result = conversation("stripe", [{"available": [{"amount": amount, "currency": currency}]}])
    assert isinstance(result, Reading)
    assert (f"{result.balance}", result.currency) == (balance, currency.upper())


def test_stripe_s_balance_is_read_in_the_account_s_currency() -> None:
    available = [{"amount": 1050, "currency": "usd"}, {"amount": 1050, "currency": "jpy"}]
    account = account_of("stripe", currency="JPY")
    _, result = conversation("stripe", [{"available": available}], account)
    assert isinstance(result, Reading)
    assert f"{result.balance}" == "1050"


@pytest.mark.parametrize("available", [None, 5, {}, [], [5], [None], [{}], [{"amount": "1"}]])
def test_stripe_s_balance_in_another_form_is_malformed(available: object) -> None:
    _, result = conversation("stripe", [{"available": available}])
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.MALFORMED


@pytest.mark.parametrize("balance", [None, 5, "", "KES", "KES 1 2", "kes 5", "KES five", "KES5"])
def test_a_text_that_is_no_currency_and_a_number_is_malformed(balance: object) -> None:
    _, result = conversation("africastalking", [{"UserData": {"balance": balance}}])
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.MALFORMED
