"""A specification: what one can say, and how its faults are told."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.formatting import with_unit
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Auth, Spec, parse_spec
from balance_watch.providers.spec_types import Text
from balance_watch.transport import Reply
from balance_watch.validation import Faults
from tests.support.provider_reads import NOW, Options, account_of
from tests.support.samples import on_the_wire

GOOD = """
name = "Example"
docs = "https://example.com/docs"
billing = "https://example.com/pay"
url = "https://api.example.com/balance"
auth = { headers = { Authorization = "Bearer $api_key" } }
currency = "USD"
[reply]
balance = "balance"
"""


def parsed(text: str) -> tuple[Spec | None, Faults]:
    faults = Faults()
    return parse_spec(text, "example", faults), faults


def test_a_good_specification_has_no_fault() -> None:
    spec, faults = parsed(GOOD)
    assert spec is not None
    assert faults == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('name = "Example"\n', "", "has no name"),
        ('currency = "USD"\n', "", "has no currency"),
        ('balance = "balance"\n', "", "reply"),
        ('balance = "balance"\n', 'balance = "a..b"\n', "reply"),
        ('balance = "balance"\n', "balance = 5\n", "reply"),
        ('balance = "balance"\n', 'balance = "a"\nblance = "b"\n', "reply"),
        ("Bearer $api_key", "Bearer $", "auth"),
        ("headers =", "header =", "auth"),
        ("name =", "nmae =", "nmae"),
        ("[reply]", "scale = true\n[reply]", "scale"),
        ("[reply]", 'method = "DELETE"\n[reply]', "GET, POST"),
        ("[reply]", "json = { a = 1 }\n[reply]", "must be POST for a body"),
        ("[reply]", 'method = "POST"\njson = { a = 0.5 }\n[reply]', "json: must hold text"),
        ("[reply]", "scale = 0\n[reply]", "other than 0"),
        ("[reply]", "scale = nan\n[reply]", "other than 0"),
        ("[reply]", 'module = "os"\n[reply]', "module: is not there"),
        ("[reply]", 'module = "../client"\n[reply]', "module: is not there"),
        ("[reply]", 'failures.angry = "a"\n[reply]', "failures"),
        ("[reply]", 'failures.key_rejected = "a.."\n[reply]', "failures"),
        ("[reply]", 'headers = { "X Y" = "z" }\n[reply]', "header whose name is none"),
        ("[reply]", 'headers = { X = "$api_key" }\n[reply]', "what fills in names stands in auth"),
        ("[reply]", 'headers = { X = "a\\nb" }\n[reply]', "headers"),
        ("[reply]", 'regions.x = { host = "evil.example/path" }\n[reply]', "name of a host"),
        ('balance = "balance"', 'each = "all"\nbalance = "balance"', "a list by currency"),
        ('balance = "balance"', "balance = []", "reply"),
        ('balance = "balance"', "balance = { plus = [] }", "reply"),
        ('balance = "balance"', 'balance = { less = ["a"] }', "reply"),
        ('balance = "balance"', 'balance = { plus = ["a"], times = ["b"] }', "reply"),
        ("Bearer $api_key", "Bearer sk-live-1234", "a key stands in an account's credentials"),
        ("https://api", "ftp://api", "url"),
        ("https://api.example.com/balance", "api.example.com/balance", "url"),
        ("https://api.example.com/balance", "https://u:p@api.example.com/", "url"),
        ("https://api.example.com/balance", "https://api.example.com/?a=$api_key", "url"),
        ("https://api.example.com/balance", "//api.example.com/", "url"),
        ("https://example.com/pay", "javascript:alert(1)", "billing"),
        ("https://example.com/pay", "https://example.com/|<x>", "billing"),
        ('currency = "USD"', 'currency = "Dollars!"', "currency"),
        ('name = "Example"', 'name = "two\\nlines"', "name"),
        ("[reply]", "[[reply]]", "reply"),
        ("[reply]", "[reply", "is not TOML"),
    ],
)
def test_a_fault_of_a_specification_is_told_by_its_place(old: str, new: str, place: str) -> None:
    spec, faults = parsed(GOOD.replace(old, new))
    assert spec is None
    assert place in " ".join(faults)


def test_all_faults_of_a_specification_are_told_at_once() -> None:
    broken = GOOD.replace('name = "Example"\n', "").replace('balance = "balance"\n', "")
    _, faults = parsed(broken)
    assert len(faults) == 2


def test_a_scale_is_exact() -> None:
    spec, _ = parsed(GOOD.replace("[reply]", "scale = 0.0000005\n[reply]"))
    assert spec is not None
    assert spec.scale == Decimal("0.0000005")


def test_a_specification_tells_which_credentials_and_variables_it_needs() -> None:
    auth = Auth(basic=(Text("$api_key"), Text("$api_secret")))
    assert auth.names == ("api_key", "api_secret")
    spec, _ = parsed(GOOD.replace("/balance", "/$organization/balance"))
    assert spec is not None
    assert (spec.credentials(None), spec.variables) == (("api_key",), ("organization",))
    assert spec.credentials("query") is None


def test_a_variable_is_quoted_in_the_path() -> None:
    spec, _ = parsed(GOOD.replace("/balance", "/$organization/balance"))
    assert spec is not None
    account = account_of("you", variables={"organization": "../a b?c#d"})
    assert balance_request(spec, account).url == (
        "https://api.example.com/..%2Fa%20b%3Fc%23d/balance"
    )


Understood = Callable[[object], ReadResult]


def own(reply: str, *more: str) -> Understood:
    """From bodies to what they are taken for, by a specification with this reply."""
    return by("\n".join((*GOOD.partition("[reply]")[0].splitlines(), *more, "[reply]", reply)))


def unstated(reply: str, **account: Unpack[Options]) -> Understood:
    """As `own`, of a provider that states no currency."""
    text = GOOD.replace('currency = "USD"\n', "").replace('balance = "balance"', reply)
    return by(text, **account)


def by(text: str, **account: Unpack[Options]) -> Understood:
    spec, faults = parsed(text)
    assert spec is not None, faults
    return lambda body: parse_reply(
        spec, account_of("you", **account), Reply(200, on_the_wire(body)), NOW
    )


def balance_of(outcome: ReadResult) -> str:
    """The balance with its unit, or the message of a failure."""
    if isinstance(outcome, Reading):
        return with_unit(outcome.balance, outcome.currency)
    return outcome.message if isinstance(outcome, ReadFailure) else "unlimited"


def test_the_first_sum_counts_whose_own_first_part_is_there() -> None:
    told = own('balance = ["a", { plus = ["b", "c"], less = ["d"] }]')
    assert balance_of(told({"a": 1, "b": 5, "c": 7, "d": 2})) == "1.00 USD"
    assert balance_of(told({"b": 5, "c": 7, "d": 2})) == "10.00 USD"
    assert balance_of(told({"a": None, "b": 5, "c": 7})) == "The reply has no d."
    assert balance_of(told({"c": 7})) == "The reply has no a."


def test_the_least_of_several_sums_counts_whatever_their_order() -> None:
    told = own('balance = { least = ["a", "b"] }')
    assert [balance_of(told({"a": 3, "b": b})) for b in (2, 4, None)] == [
        "2.00 USD",
        "3.00 USD",
        "3.00 USD",
    ]


@given(st.lists(st.decimals(-(10**12), 10**12, places=6), min_size=2, max_size=5))
def test_a_sum_is_exact_to_the_last_digit(parts: list[Decimal]) -> None:
    names = [f"p{index}" for index in range(len(parts))]
    less = names[len(names) // 2 :]
    plus = names[: len(names) // 2]
    told = own(f"balance = {{ plus = {plus}, less = {less} }}", "scale = 0.0001")
    outcome = told(dict(zip(names, parts, strict=True)))
    assert isinstance(outcome, Reading)
    half = len(parts) // 2
    expected = sum(map(Fraction, parts[:half])) - sum(map(Fraction, parts[half:]))
    assert Fraction(outcome.balance) == expected / 10000


def test_a_sum_that_cannot_be_kept_exactly_is_no_balance() -> None:
    told = own('balance = { plus = ["a", "b"] }')
    said = balance_of(told({"a": Decimal("1e30"), "b": Decimal("1e-30")}))
    assert said == "The reply holds a, which has more than 38 digits."


LIST = 'each = "all"\nbalance = "left"\ncurrency = "unit"'
BOTH = {"all": [{"left": 5, "unit": "USD"}, {"left": 700, "unit": "CNY"}]}


def test_balances_in_several_currencies_are_never_added_up() -> None:
    told = unstated(LIST + "\nadd_up = true")(BOTH)
    assert isinstance(told, ReadFailure)
    assert told.kind is FailureKind.AMBIGUOUS
    assert told.message == (
        'The reply has balances in CNY and USD: name one as the account\'s "currency".'
    )


def test_the_account_names_the_currency_that_is_watched() -> None:
    assert balance_of(unstated(LIST, currency="CNY")(BOTH)) == "700.00 CNY"
    told = balance_of(unstated(LIST, currency="EUR")(BOTH))
    assert told == "The reply has no balance in EUR, but in CNY and USD."


def test_the_currency_that_is_stated_is_watched_unless_the_account_names_another() -> None:
    assert balance_of(own(LIST)(BOTH)) == "5.00 USD"


def test_two_balances_of_one_currency_are_no_balance_unless_they_add_up() -> None:
    twice = {"all": [{"left": 5, "unit": "usd"}, {"left": 7, "unit": "USD"}]}
    assert balance_of(unstated(LIST)(twice)) == "The reply has several balances in USD."
    assert balance_of(unstated(LIST + "\nadd_up = true")(twice)) == "12.00 USD"


@pytest.mark.parametrize("entries", [[], {}, None, "USD", [None], [{}], [[]]])
def test_a_list_without_a_balance_is_none(entries: object) -> None:
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
def test_commas_between_thousands_and_nothing_else_are_read(text: str, balance: str) -> None:
    told = own('balance = "balance"', 'numbers = "grouped text"')
    assert balance in balance_of(told({"balance": text}))


def test_text_is_a_number_only_where_the_provider_writes_text() -> None:
    assert balance_of(own('balance = "b"', 'numbers = "text"')({"b": "7.5"})) == "7.50 USD"
    assert balance_of(own('balance = "b"', 'numbers = "text"')({"b": 7.5})) == "7.50 USD"
    assert "not a number" in balance_of(own('balance = "b"')({"b": "7.5"}))
    assert "not a number" in balance_of(own('balance = "b"', 'numbers = "text"')({"b": "1,000"}))


def plain(text: bytes, **headers: str) -> str:
    text_alone = GOOD.replace('balance = "balance"', 'balance = "@"')
    spec, faults = parsed(text_alone.replace("[reply]", 'format = "text"\n[reply]'))
    assert spec is not None, faults
    return balance_of(parse_reply(spec, account_of("you"), Reply(200, text, headers), NOW))


def test_plain_text_is_a_number_once_it_is_known_to_be_whole() -> None:
    assert plain(b"6.11\n", **{"Content-Length": "5"}) == "6.11 USD"
    assert plain(b"6.11", **{"Transfer-Encoding": "chunked"}) == "6.11 USD"
    assert plain(b"6.1", **{"Content-Length": "4"}) == "The reply may have been cut short."
    assert plain(b"6.11") == "The reply may have been cut short."
    assert "not a number" in plain(b"ERROR", **{"Content-Length": "5"})
    assert "line of text" in plain(b"6\n7", **{"Content-Length": "3"})


def test_a_condition_that_holds_is_a_failure_of_its_kind() -> None:
    told = own(
        'balance = "b"',
        "failures.rate_limited = \"error == 'slow down'\"",
        'failures.provider_error = "error"',
    )
    kinds = [getattr(told({"b": 1, "error": it}), "kind", None) for it in ("slow down", "x", None)]
    assert kinds == [FailureKind.RATE_LIMITED, FailureKind.PROVIDER_ERROR, None]


def test_a_failing_status_is_told_closer_by_the_body_but_never_taken_back() -> None:
    spec, _ = parsed(GOOD.replace("[reply]", 'failures.key_rejected = "bad_key"\n[reply]'))
    assert spec is not None

    def kind(status: int, body: object) -> FailureKind:
        outcome = parse_reply(spec, account_of("you"), Reply(status, on_the_wire(body)), NOW)
        assert isinstance(outcome, ReadFailure)
        return outcome.kind

    assert kind(400, {"bad_key": True}) is FailureKind.KEY_REJECTED
    assert kind(400, {"balance": 5}) is FailureKind.PROVIDER_ERROR
    assert kind(500, "no JSON") is FailureKind.PROVIDER_ERROR
    assert kind(429, []) is FailureKind.RATE_LIMITED


def test_a_condition_that_tells_no_more_than_a_status_hides_none_that_does() -> None:
    conditions = 'failures.malformed = "!balance"\nfailures.not_allowed = "wrong_address"\n'
    spec, _ = parsed(GOOD.replace("[reply]", f"{conditions}[reply]"))
    assert spec is not None
    reply = Reply(401, on_the_wire({"wrong_address": True}))
    outcome = parse_reply(spec, account_of("you"), reply, NOW)
    assert isinstance(outcome, ReadFailure)
    assert outcome.kind is FailureKind.NOT_ALLOWED


def test_a_reset_is_read_in_seconds_or_as_a_date() -> None:
    told = own('balance = "b"\nresets_at = "at"')
    times = [
        getattr(told({"b": 1, "at": at}), "resets_at", "failed")
        for at in (1738356858, "2026-12-01", "2026-12-01T00:00:00Z", None, "soon", 10**30, True)
    ]
    first = datetime(2026, 12, 1, tzinfo=UTC)
    known = [datetime(2025, 1, 31, 20, 54, 18, tzinfo=UTC), first, first, None]
    assert times == [*known, "failed", "failed", "failed"]
