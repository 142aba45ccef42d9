"""A specification: what one can say, and how its faults are told."""

from decimal import Decimal

import pytest

from balance_watch.providers.expressions import Text
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Auth, Spec, parse_spec
from balance_watch.validation import Faults
from tests.providers.asking import account_of

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
