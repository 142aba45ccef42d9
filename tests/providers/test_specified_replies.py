"""How specifications parse replies: sums, lists, numbers, conditions, times."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.formatting import with_unit
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.parser import parse_reply
from balance_watch.transport import Reply
from tests.support.provider_reads import NOW, account_of
from tests.support.samples import on_the_wire
from tests.support.specifications import GOOD, own, parse, unstated


def balance_of(result: ReadResult) -> str:
    """Returns the balance with its unit, or the message of a failure."""
    if isinstance(result, Reading):
        return with_unit(result.balance, result.currency)
    return result.message if isinstance(result, ReadFailure) else "unlimited"


def test_the_first_sum_whose_first_part_is_there_counts() -> None:
    result_for = own('balance = ["a", { plus = ["b", "c"], less = ["d"] }]')
    assert balance_of(result_for({"a": 1, "b": 5, "c": 7, "d": 2})) == "1.00 USD"
    assert balance_of(result_for({"b": 5, "c": 7, "d": 2})) == "10.00 USD"
    assert balance_of(result_for({"a": None, "b": 5, "c": 7})) == "The reply has no value at d."
    assert balance_of(result_for({"c": 7})) == "The reply has no value at a."


def test_the_smallest_of_several_sums_counts_whatever_their_order() -> None:
    result_for = own('balance = { least = ["a", "b"] }')
    assert [balance_of(result_for({"a": 3, "b": b})) for b in (2, 4, None)] == [
        "2.00 USD",
        "3.00 USD",
        "3.00 USD",
    ]


@given(st.lists(st.decimals(-(10**12), 10**12, places=6), min_size=2, max_size=5))
def test_a_sum_is_exact_to_the_last_digit(parts: list[Decimal]) -> None:
    names = [f"p{index}" for index in range(len(parts))]
    less = names[len(names) // 2 :]
    plus = names[: len(names) // 2]
    result_for = own(f"balance = {{ plus = {plus}, less = {less} }}", "scale = 0.0001")
    result = result_for(dict(zip(names, parts, strict=True)))
    assert isinstance(result, Reading)
    half = len(parts) // 2
    expected = sum(map(Fraction, parts[:half])) - sum(map(Fraction, parts[half:]))
    assert Fraction(result.balance) == expected / 10000


def test_a_sum_that_cannot_be_kept_exactly_is_no_balance() -> None:
    result_for = own('balance = { plus = ["a", "b"] }')
    message = balance_of(result_for({"a": Decimal("1e30"), "b": Decimal("1e-30")}))
    assert message == "The reply's value at a has more than 38 digits."


LIST = 'each = "all"\nbalance = "left"\ncurrency = "unit"'


BOTH = {"all": [{"left": 5, "unit": "USD"}, {"left": 700, "unit": "CNY"}]}


def test_balances_in_several_currencies_are_never_added_up() -> None:
    failure = unstated(LIST + "\nadd_up = true")(BOTH)
    assert isinstance(failure, ReadFailure)
    assert failure.kind is FailureKind.AMBIGUOUS
    assert failure.message == (
        'The reply has balances in CNY and USD: set the account\'s "currency" to the one to watch.'
    )


def test_the_account_chooses_the_currency() -> None:
    assert balance_of(unstated(LIST, currency="CNY")(BOTH)) == "700.00 CNY"
    message = balance_of(unstated(LIST, currency="EUR")(BOTH))
    assert message == "The reply has balances in CNY and USD, but none in EUR."


def test_the_specified_currency_counts_unless_the_account_chooses_another() -> None:
    assert balance_of(own(LIST)(BOTH)) == "5.00 USD"


def test_two_balances_in_one_currency_are_malformed_unless_they_add_up() -> None:
    twice = {"all": [{"left": 5, "unit": "usd"}, {"left": 7, "unit": "USD"}]}
    assert balance_of(unstated(LIST)(twice)) == "The reply has several balances in USD."
    assert balance_of(unstated(LIST + "\nadd_up = true")(twice)) == "12.00 USD"


@pytest.mark.parametrize("entries", [[], {}, None, "USD", [None], [{}], [[]]])
def test_a_list_without_a_balance_is_a_failure(entries: object) -> None:
    assert isinstance(unstated(LIST)({"all": entries}), ReadFailure)


@pytest.mark.parametrize(
    ("text", "balance"),
    [
        ("1,234.56", "1,234.56 USD"),
        ("1234.56", "1,234.56 USD"),
        ("-1,234,567", "-1,234,567.00 USD"),
        ("12,34", "not a number"),
        ("1,2345", "not a number"),
        ("1.234,56", "not a number"),
        (",123", "not a number"),
        ("1e3", "not a number"),
        ("", "not a number"),
        ("\u0661", "not a number"),
    ],
)
def test_only_commas_between_thousands_are_read(text: str, balance: str) -> None:
    result_for = own('balance = "balance"', 'numbers = "grouped text"')
    assert balance in balance_of(result_for({"balance": text}))


def test_text_is_a_number_only_if_the_specification_says_so() -> None:
    assert balance_of(own('balance = "b"', 'numbers = "text"')({"b": "7.5"})) == "7.50 USD"
    assert balance_of(own('balance = "b"', 'numbers = "text"')({"b": 7.5})) == "7.50 USD"
    assert "not a number" in balance_of(own('balance = "b"')({"b": "7.5"}))
    assert "not a number" in balance_of(own('balance = "b"', 'numbers = "text"')({"b": "1,000"}))


def plain(text: bytes, **headers: str) -> str:
    text_alone = GOOD.replace('balance = "balance"', 'balance = "@"')
    spec, faults = parse(text_alone.replace("[reply]", 'format = "text"\n[reply]'))
    assert spec is not None, faults
    return balance_of(parse_reply(spec, account_of("you"), Reply(200, text, headers), NOW))


def test_plain_text_is_read_only_if_it_is_known_to_be_complete() -> None:
    assert plain(b"6.11\n", **{"Content-Length": "5"}) == "6.11 USD"
    assert plain(b"6.11", **{"Transfer-Encoding": "chunked"}) == "6.11 USD"
    assert plain(b"6.1", **{"Content-Length": "4"}) == "The reply may be cut short."
    assert plain(b"6.11") == "The reply may be cut short."
    assert "not a number" in plain(b"ERROR", **{"Content-Length": "5"})
    assert "line of text" in plain(b"6\n7", **{"Content-Length": "3"})


def test_a_condition_that_holds_is_a_failure_of_its_kind() -> None:
    result_for = own(
        'balance = "b"',
        "failures.rate_limited = \"error == 'slow down'\"",
        'failures.provider_error = "error"',
    )
    errors = ("slow down", "x", None)
    kinds = [getattr(result_for({"b": 1, "error": it}), "kind", None) for it in errors]
    assert kinds == [FailureKind.RATE_LIMITED, FailureKind.PROVIDER_ERROR, None]


def test_a_body_makes_a_failing_status_more_exact_but_never_a_success() -> None:
    spec, _ = parse(GOOD.replace("[reply]", 'failures.key_rejected = "bad_key"\n[reply]'))
    assert spec is not None

    def kind(status: int, body: object) -> FailureKind:
        result = parse_reply(spec, account_of("you"), Reply(status, on_the_wire(body)), NOW)
        assert isinstance(result, ReadFailure)
        return result.kind

    assert kind(400, {"bad_key": True}) is FailureKind.KEY_REJECTED
    assert kind(400, {"balance": 5}) is FailureKind.PROVIDER_ERROR
    assert kind(500, "no JSON") is FailureKind.PROVIDER_ERROR
    assert kind(429, []) is FailureKind.RATE_LIMITED


def test_a_condition_no_more_exact_than_the_status_hides_no_other() -> None:
    conditions = 'failures.malformed = "!balance"\nfailures.not_allowed = "wrong_address"\n'
    spec, _ = parse(GOOD.replace("[reply]", f"{conditions}[reply]"))
    assert spec is not None
    reply = Reply(401, on_the_wire({"wrong_address": True}))
    result = parse_reply(spec, account_of("you"), reply, NOW)
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.NOT_ALLOWED


def test_a_reset_is_read_in_seconds_or_as_a_date() -> None:
    result_for = own('balance = "b"\nresets_at = "at"')
    times = [
        getattr(result_for({"b": 1, "at": at}), "resets_at", "failed")
        for at in (1738356858, "2026-12-01", "2026-12-01T00:00:00Z", None, "soon", 10**30, True)
    ]
    first = datetime(2026, 12, 1, tzinfo=UTC)
    known = [datetime(2025, 1, 31, 20, 54, 18, tzinfo=UTC), first, first, None]
    assert times == [*known, "failed", "failed", "failed"]
