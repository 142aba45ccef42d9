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


COST = """
name = "Costs"
kind = "cost"
url = "https://api.example.com/costs"
auth = { headers = { Authorization = "Bearer $api_key" } }
currency = "USD"
[cost]
amount = "cost"
"""
UNRELATED = ("number = 5\n", "max_kib = 1\n", "nonsense = 1\n", 'checked = "x"\n', "rate = 5\n")
BETWEEN = [
    (GOOD, 'currency = "USD"\n', "", "must have a currency"),
    (GOOD, '[reply]\nbalance = "balance"\n', "", "is missing reply.balance"),
    (GOOD, "[reply]", "json = { a = 1 }\n[reply]", "must be POST for a body"),
    (GOOD, "[reply]", "scale = 0\n[reply]", "other than 0"),
    (GOOD, "[reply]", 'module = "os"\n[reply]', "module: does not exist"),
    (GOOD, "[reply]", 'failures.angry = "a"\n[reply]', "failures: unknown kind"),
    (GOOD, "[reply]", 'headers = { "X Y" = "z" }\n[reply]', "a header with an invalid name"),
    (GOOD, "[reply]", 'headers = { X = "$api_key" }\n[reply]', "only auth is filled in"),
    (GOOD, "[reply]", 'headers = { X-Token = "abc" }\n[reply]', "headers: seems to hold a key"),
    (GOOD, "[reply]", 'regions.x = { host = "evil.example/p" }\n[reply]', "name of a host"),
    (GOOD, "[reply]", 'env = "lower"\n[reply]', "env: must name variables"),
    (GOOD, "[reply]", 'env = { A = "token" }\n[reply]', "holds each of api_key"),
    (GOOD, "/balance", "/balance?token=abc", "url: seems to hold a key"),
    (GOOD, 'balance = "balance"', 'each = "all"\nbalance = "balance"', "a list by currency"),
    (GOOD, "Bearer $api_key", "Bearer abc", "the key belongs to an account's credentials"),
    (COST, 'kind = "cost"\n', "", "kind: must be cost"),
    (COST, "[cost]", 'reply = { balance = "b" }\n[cost]', "reply: must be left out"),
    (COST, "[cost]", '[cost]\ncursor = { path = "next" }', "must have either query or field"),
    (COST, "[cost]", '[cost]\ncursor = { path = "n", field = "c" }', "needs a table json"),
]


@pytest.mark.parametrize("unrelated", UNRELATED)
@pytest.mark.parametrize(("text", "old", "new", "problem"), BETWEEN)
def test_a_fault_between_fields_is_told_beside_one_of_another_field(
    text: str, old: str, new: str, problem: str, unrelated: str
) -> None:
    _, alone = parse(text.replace(old, new, 1))
    _, both = parse(unrelated + text.replace(old, new, 1))
    assert problem in " ".join(alone)
    assert set(alone) < set(both)
    assert len(both) == len(alone) + 1


def test_what_is_missing_hides_no_fault_between_fields() -> None:
    _, faults = parse('method = "GET"\njson = { a = 1 }\nscale = 0\n')
    assert sorted(faults) == [
        "example, auth: is missing",
        "example, method: must be POST for a body",
        "example, name: is missing",
        "example, scale: must be a number other than 0, of an ordinary size",
        "example, url: is missing",
        "example: is missing reply.balance",
        "example: must have a currency, or the path of one in reply",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[reply]", 'json = { a = 1 }\nmethod = "DELETE"\n[reply]'),
        ('currency = "USD"', "currency = 5"),
        ('balance = "balance"', 'balance = "a.."'),
        ("[reply]", 'env = "API_KEY"\n[reply]\nroot = 5'),
        ('auth = { headers = { Authorization = "Bearer $api_key" } }', "auth = 5\nenv = 'A_KEY'"),
        ('[reply]\nbalance = "balance"', 'reply = "balance"'),
        ('currency = "USD"\n[reply]\nbalance = "balance"', 'reply = "balance"'),
    ],
)
def test_a_fault_of_one_field_makes_no_other_one(old: str, new: str) -> None:
    _, faults = parse(GOOD.replace(old, new))
    assert len(faults) == 1, faults


def test_a_variable_of_the_environment_without_a_key_to_hold_is_a_fault() -> None:
    text = GOOD.replace('auth = { headers = { Authorization = "Bearer $api_key" } }', "auth = {}")
    _, faults = parse(text.replace("[reply]", 'env = "A_KEY"\n[reply]'))
    assert faults == ["example, env: must be left out: nothing is filled in"]


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
