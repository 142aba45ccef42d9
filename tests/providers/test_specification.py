"""A specification: what it can express, and how its faults are reported."""

from decimal import Decimal

import pytest

from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Auth
from balance_watch.providers.spec_types import Text
from tests.support.provider_reads import account_of
from tests.support.specifications import GOOD, parse


def test_a_good_specification_has_no_fault() -> None:
    spec, faults = parse(GOOD)
    assert spec is not None
    assert faults == []


@pytest.mark.parametrize(
    ("rate", "requests", "seconds"), [("3/s", 3, 1), ("20/20min", 20, 1200), ("100/h", 100, 3600)]
)
def test_a_file_may_state_a_rate(rate: str, requests: int, seconds: int) -> None:
    spec, faults = parse(GOOD.replace("[reply]", f'rate = "{rate}"\n[reply]'))
    assert spec is not None, faults
    assert spec.rate is not None
    assert (spec.rate.requests, spec.rate.seconds) == (requests, seconds)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('name = "Example"\n', "", "name: is missing"),
        ('currency = "USD"\n', "", "must have a currency"),
        ('balance = "balance"\n', "", "reply"),
        ('balance = "balance"\n', 'balance = "a..b"\n', "reply"),
        ('balance = "balance"\n', "balance = 5\n", "reply"),
        ('balance = "balance"\n', 'balance = "a"\nblance = "b"\n', "reply"),
        ("Bearer $api_key", "Bearer $", "auth"),
        ("headers =", "header =", "auth"),
        ("name =", "nmae =", "nmae"),
        ("[reply]", "scale = true\n[reply]", "scale"),
        ("[reply]", 'rate = "3/d"\n[reply]', "rate: must be a number of requests in a time"),
        ("[reply]", "rate = [3, 1]\n[reply]", "rate"),
        ("[reply]", 'method = "DELETE"\n[reply]', "GET, POST"),
        ("[reply]", "json = { a = 1 }\n[reply]", "must be POST for a body"),
        ("[reply]", 'method = "POST"\njson = { a = 0.5 }\n[reply]', "json: must hold text"),
        ("[reply]", "scale = 0\n[reply]", "other than 0"),
        ("[reply]", "scale = nan\n[reply]", "other than 0"),
        ("[reply]", 'module = "os"\n[reply]', "module: does not exist"),
        ("[reply]", 'module = "../client"\n[reply]', "module: does not exist"),
        ("[reply]", 'failures.angry = "a"\n[reply]', "failures"),
        ("[reply]", 'failures.key_rejected = "a.."\n[reply]', "failures"),
        ("[reply]", 'headers = { "X Y" = "z" }\n[reply]', "has a header with an invalid name"),
        ("[reply]", 'headers = { X = "$api_key" }\n[reply]', "only auth is filled in"),
        ("[reply]", 'headers = { X = "a\\nb" }\n[reply]', "headers"),
        ("[reply]", 'regions.x = { host = "evil.example/path" }\n[reply]', "name of a host"),
        ('balance = "balance"', 'each = "all"\nbalance = "balance"', "a list by currency"),
        ('balance = "balance"', "balance = []", "reply"),
        ('balance = "balance"', "balance = { plus = [] }", "reply"),
        ('balance = "balance"', 'balance = { less = ["a"] }', "reply"),
        ('balance = "balance"', 'balance = { plus = ["a"], times = ["b"] }', "reply"),
        ("Bearer $api_key", "Bearer sk-live-1234", "the key belongs to an account's credentials"),
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
def test_a_fault_of_a_specification_names_its_place(old: str, new: str, place: str) -> None:
    spec, faults = parse(GOOD.replace(old, new))
    assert spec is None
    assert place in " ".join(faults)


def test_all_faults_of_a_specification_are_reported_together() -> None:
    broken = GOOD.replace('name = "Example"\n', "").replace('balance = "balance"\n', "")
    _, faults = parse(broken)
    assert len(faults) == 2


def test_a_scale_is_exact() -> None:
    spec, _ = parse(GOOD.replace("[reply]", "scale = 0.0000005\n[reply]"))
    assert spec is not None
    assert spec.scale == Decimal("0.0000005")


def test_a_specification_names_the_credentials_and_variables_that_it_needs() -> None:
    auth = Auth(basic=(Text("$api_key"), Text("$api_secret")))
    assert auth.names == ("api_key", "api_secret")
    spec, _ = parse(GOOD.replace("/balance", "/$organization/balance"))
    assert spec is not None
    assert (spec.credentials(None), spec.variables) == (("api_key",), ("organization",))
    assert spec.credentials("query") is None


def test_a_variable_is_quoted_in_the_path() -> None:
    spec, _ = parse(GOOD.replace("/balance", "/$organization/balance"))
    assert spec is not None
    account = account_of("you", variables={"organization": "../a b?c#d"})
    assert balance_request(spec, account).url == (
        "https://api.example.com/..%2Fa%20b%3Fc%23d/balance"
    )
