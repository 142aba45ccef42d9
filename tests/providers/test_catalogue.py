"""Every provider of the catalogue: in order, documented by a sample, and never wrong about it."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Auth, Spec, Text, parse_spec, provider, slugs
from balance_watch.validation import Faults
from tests.providers.asking import KEY, SECRET, account_of, spec_of, understood
from tests.providers.replies import Sample, content_type, damaged, in_words, on_the_wire, samples

SAMPLES = samples()
IDS = [sample.name for sample in SAMPLES]

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


def balances(reading: Reading | ReadFailure) -> tuple[Decimal, str] | None:
    return (reading.balance, reading.currency) if isinstance(reading, Reading) else None


@pytest.mark.parametrize("slug", slugs())
def test_every_file_is_in_order(slug: str) -> None:
    assert isinstance(provider(slug), Spec)


@pytest.mark.parametrize("slug", slugs())
def test_every_slug_is_a_word_of_plain_letters(slug: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)


def test_the_first_four_providers_are_there() -> None:
    first = {"legnext", "you", "aimlapi", "aimlapi-billing", "aimlapi-v1", "vonage"}
    assert first <= set(slugs())


@pytest.mark.parametrize("slug", slugs())
def test_every_provider_has_a_documented_sample(slug: str) -> None:
    assert [sample for sample in SAMPLES if sample.slug == slug]


def test_every_sample_is_of_a_provider() -> None:
    assert {sample.slug for sample in SAMPLES} <= set(slugs())


@pytest.mark.parametrize("slug", slugs())
def test_every_provider_is_asked_by_https(slug: str) -> None:
    spec = spec_of(slug)
    addresses = [spec.url, spec.docs, spec.billing]
    addresses += [spec.top_up.url] if spec.top_up is not None else []
    assert {urlsplit(address).scheme for address in addresses} == {"https"}


@pytest.mark.parametrize("slug", slugs())
def test_every_currency_is_a_code_or_a_word_of_the_provider_s_own(slug: str) -> None:
    assert re.fullmatch(r"[A-Z]{3}|[a-z][a-z _-]{1,30}", spec_of(slug).currency)


@pytest.mark.parametrize("slug", slugs())
def test_no_credential_is_in_an_address(slug: str) -> None:
    spec = spec_of(slug)
    variables = dict.fromkeys(spec.variables, "1")
    request = balance_request(spec, account_of(slug, variables=variables))
    in_query = " ".join(request.query.values())
    assert not [key for key in (KEY, SECRET) if key in request.url]
    assert spec.auth.query or not [key for key in (KEY, SECRET) if key in in_query]


@pytest.mark.parametrize("slug", slugs())
def test_every_way_to_authenticate_needs_a_credential(slug: str) -> None:
    spec = spec_of(slug)
    assert all(auth.names for auth in (spec.auth, *spec.auth_options.values()))


def test_a_credential_s_spelling_in_a_header_is_the_credential_s_own() -> None:
    request = balance_request(spec_of("aimlapi"), account_of("aimlapi"))
    assert request.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "slug", ["nobody", "", ".", "..", "../you", "you.toml", "you\n", "YOU", "you/../you", "/you"]
)
def test_what_is_not_in_the_catalogue_is_not_found(slug: str) -> None:
    assert provider(slug) is None


def test_loading_one_provider_reads_its_file_alone() -> None:
    script = (
        "import sys\n"
        "opened = []\n"
        "from balance_watch.providers.spec import provider\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0]))"
        " if event == 'open' and str(args[0]).endswith('.toml') else None)\n"
        "provider('you')\n"
        "print(*opened, sep='\\n')\n"
    )
    run = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert [Path(line).name for line in run.stdout.split()] == ["you.toml"]


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_documented_sample_is_read_whole(sample: Sample) -> None:
    got = understood(sample.slug, on_the_wire(sample.body), 200, content_type(sample.body))
    assert isinstance(got, Reading), got
    expected = {name: fact for name, fact in sample.reading.items() if fact is not None}
    assert in_words(got) == expected


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_with_a_damaged_field_gives_its_balance_or_none(sample: Sample) -> None:
    right = (Decimal(sample.reading["balance"]), sample.reading["currency"])
    for body in damaged(sample.body):
        got = balances(understood(sample.slug, on_the_wire(body), 200, content_type(sample.body)))
        assert got in (None, right), body


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_that_is_cut_short_gives_no_balance(sample: Sample) -> None:
    whole = on_the_wire(sample.body)
    for length in range(len(whole)):
        got = understood(sample.slug, whole[:length], 200, content_type(sample.body))
        assert isinstance(got, ReadFailure), whole[:length]
        assert got.kind is FailureKind.MALFORMED


XML = next(sample for sample in SAMPLES if isinstance(sample.body, str))


@pytest.mark.parametrize("tag", ["accountBalance", "value", "autoReload"])
@pytest.mark.parametrize(
    "replacement",
    ["", "<{0}/>", "<{0}>text</{0}>", "<{0}>{1}</{0}><{0}>7</{0}>", "<other>7</other>"],
)
def test_an_xml_sample_with_a_damaged_field_gives_its_balance_or_none(
    tag: str, replacement: str
) -> None:
    field = re.compile(f"<{tag}>(.*)</{tag}>", re.DOTALL)
    body = field.sub(lambda found: replacement.format(tag, found[1]), XML.body)
    got = balances(understood(XML.slug, body, 200, "application/xml"))
    assert got in (None, (Decimal(XML.reading["balance"]), XML.reading["currency"]))


@pytest.mark.parametrize("status", [401, 403, 429, 500, 302, 404])
@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_of_a_failed_request_gives_no_balance(sample: Sample, status: int) -> None:
    got = understood(sample.slug, on_the_wire(sample.body), status, content_type(sample.body))
    assert isinstance(got, ReadFailure)


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
    broken = GOOD.replace('name = "Example"\n', "").replace('currency = "USD"\n', "")
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
