"""Every provider of the catalogue: valid, documented by a sample, and never wrong about it."""

import re
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import pytest

import balance_watch.providers
from balance_watch.providers.cost_spec import CostSpec
from balance_watch.providers.flow import flow_for
from balance_watch.providers.registry import catalogue_provider, slugs
from balance_watch.providers.reply_spec import ReplyPaths
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Auth, Spec
from tests.support.provider_reads import (
    KEY,
    NOW,
    account_of,
    reply_of,
    spec_of,
)
from tests.support.samples import (
    UNLIMITED,
    good_samples,
    samples,
)

if TYPE_CHECKING:
    from balance_watch.transport import Request

CATALOGUE = Path(balance_watch.providers.__file__).parent / "catalogue"
SAMPLES = good_samples()
ORIGINS = {"documentation", "official sdk", "client fixture", "made of the documented fields"}


@pytest.mark.parametrize("slug", slugs())
def test_every_file_is_valid(slug: str) -> None:
    assert isinstance(catalogue_provider(slug), Spec)


@pytest.mark.parametrize("slug", slugs())
def test_every_slug_is_of_plain_letters_and_digits(slug: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)


def test_the_first_four_providers_are_there() -> None:
    first = {"legnext", "you", "aimlapi", "aimlapi-v1-legacy", "vonage"}
    assert first <= set(slugs())


@pytest.mark.parametrize("slug", slugs())
def test_every_provider_has_a_sample_that_names_its_source(slug: str) -> None:
    own = [sample for sample in SAMPLES if sample.slug == slug]
    assert own
    assert {sample.origin for sample in own} <= ORIGINS
    linked = [it for it in own if it.origin != "client fixture" or "client" not in it.source]
    assert all(sample.source.startswith("https://") for sample in linked)


@pytest.mark.parametrize("slug", slugs())
def test_a_file_says_when_its_sample_is_not_the_provider_s_own(slug: str) -> None:
    own = {"documentation", "official sdk"} & {it.origin for it in SAMPLES if it.slug == slug}
    text = (CATALOGUE / f"{slug}.toml").read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert own or re.search("[Ss]ample", " ".join(comments))


def test_every_sample_belongs_to_a_provider() -> None:
    assert {sample.slug for sample in samples()} <= set(slugs())


def test_the_catalogue_has_at_least_sixty_providers() -> None:
    assert len(slugs()) >= 60


@pytest.mark.parametrize("slug", slugs())
def test_every_file_says_what_its_number_is_and_where_and_when_the_facts_were_found(
    slug: str,
) -> None:
    spec = spec_of(slug)
    assert None not in (spec.number, spec.docs, spec.evidence, spec.checked)
    assert spec.billing or spec.url.startswith("/")  # whoever runs the server sells the credit, too
    assert (CATALOGUE / f"{slug}.toml").read_text(encoding="utf-8").startswith("# Facts:")


@pytest.mark.parametrize("slug", slugs())
def test_every_file_is_minimal(slug: str) -> None:
    raw = tomllib.loads((CATALOGUE / f"{slug}.toml").read_text(encoding="utf-8"))
    tables: dict[str, Any] = {"reply": ReplyPaths, "cost": CostSpec, "auth": Auth}
    inner = [(raw[name], kind) for name, kind in tables.items() if name in raw]
    for table, kind in ((raw, Spec), *inner):
        defaults = {it.encode_name: it.default for it in msgspec.structs.fields(kind)}
        assert [name for name, value in table.items() if defaults[name] == value] == []


@pytest.mark.parametrize("slug", slugs())
def test_every_path_of_a_file_leads_to_a_value_in_a_sample(slug: str) -> None:
    reply = spec_of(slug).reply
    facts: dict[str, Any] = {}
    for sample in SAMPLES:
        if sample.slug == slug and sample.reading != UNLIMITED:
            facts |= {name: it for name, it in sample.reading.items() if it is not None}
    reload = {f"auto_reload_{name}": it for name, it in (facts.get("auto_reload") or {}).items()}
    names = {it.encode_name for it in msgspec.structs.fields(ReplyPaths)} - {"root", "each"}
    specified = {name for name in names if getattr(reply, name)} - {"add_up"}
    assert specified <= {*facts, *(name for name, it in reload.items() if it is not None)}


@pytest.mark.parametrize("slug", slugs())
def test_every_condition_of_a_file_holds_in_a_sample(slug: str) -> None:
    spec = spec_of(slug)
    own = [sample for sample in samples() if sample.slug == slug]
    assert {kind for kind in spec.failures if kind != "malformed"} <= {it.failure for it in own}
    assert spec.unlimited is None or UNLIMITED in [sample.reading for sample in own]


@pytest.mark.parametrize("slug", slugs())
def test_every_address_is_https_at_the_provider_s_host_or_the_account_s(slug: str) -> None:
    spec = spec_of(slug)
    addresses = [spec.url] + ([spec.top_up.url] if spec.top_up is not None else [])
    assert {urlsplit(it).scheme for it in addresses} <= {"https", ""}


@pytest.mark.parametrize("slug", slugs())
def test_every_currency_is_a_code_or_a_word_of_the_provider_s_own(slug: str) -> None:
    assert re.fullmatch(r"[A-Z]{3}|[a-z][a-z _-]{1,30}", spec_of(slug).currency or "any")


@pytest.mark.parametrize("slug", slugs())
def test_no_credential_is_in_an_address_unless_the_file_says_why(slug: str) -> None:
    spec, account = spec_of(slug), account_of(slug)
    reason = spec.auth.why_query
    sent: list[Request] = []
    flow = flow_for(spec, account, NOW, NOW)
    reply = reply_of(next(it for it in SAMPLES if it.slug == slug).bodies[0])
    with suppress(StopIteration):
        sent.append(next(flow))
        while True:
            sent.append(flow.send(reply))
    for request in sent:
        keys = set(account.credentials.values())
        assert not [key for key in keys if key in request.url]
        assert reason or not [key for key in keys if key in " ".join(request.query.values())]


@pytest.mark.parametrize("slug", slugs())
def test_every_authentication_option_needs_a_credential_but_for_the_function_s_role(
    slug: str,
) -> None:
    spec = spec_of(slug)
    options = {name: it for name, it in spec.auth_options.items() if name != "role"}
    assert spec.auth.names
    assert all(it.names for it in options.values())
    assert spec.module in ("aws", "aws_sms") or len(options) == len(spec.auth_options)


def test_a_header_contains_the_credential_as_it_is() -> None:
    request = balance_request(spec_of("aimlapi"), account_of("aimlapi"))
    assert request.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "slug", ["nobody", "", ".", "..", "../you", "you.toml", "you\n", "YOU", "you/../you", "/you"]
)
def test_a_slug_that_is_not_in_the_catalogue_is_not_found(slug: str) -> None:
    assert catalogue_provider(slug) is None


def test_loading_one_provider_reads_only_its_file() -> None:
    script = (
        "import sys\n"
        "opened = []\n"
        "from balance_watch.providers.registry import catalogue_provider\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0]))"
        " if event == 'open' and str(args[0]).endswith('.toml') else None)\n"
        "catalogue_provider('you')\n"
        "print(*opened, sep='\\n')\n"
    )
    run = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert [Path(line).name for line in run.stdout.split()] == ["you.toml"]
