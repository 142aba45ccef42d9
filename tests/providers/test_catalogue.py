"""Every provider of the catalogue: in order, documented by a sample, and never wrong about it."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

import balance_watch.providers
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult, Unlimited
from balance_watch.providers.flow import flow_for
from balance_watch.providers.registry import catalogue_provider, slugs
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Auth, ReplyPaths, Spec
from balance_watch.transport import Reply, Request
from tests.support.provider_reads import KEY, NOW, account_of, learnt, spec_of
from tests.support.samples import (
    UNLIMITED,
    Sample,
    another,
    changed,
    content_type,
    damaged,
    good_samples,
    in_words,
    on_the_wire,
    paths,
    samples,
    value_at,
)

CATALOGUE = Path(balance_watch.providers.__file__).parent / "catalogue"
SAMPLES = good_samples()
IDS = [sample.name for sample in SAMPLES]
XML = next(sample for sample in SAMPLES if content_type(sample.bodies[0]) == "application/xml")
FAILED = [sample for sample in samples() if sample.failure is not None]
ORIGINS = {"documentation", "official sdk", "client fixture", "made of the documented fields"}


def of(sample: Sample) -> ReadResult:
    """What is learnt of a sample."""
    return learnt(sample.slug, [reply_of(body, sample.status) for body in sample.bodies])


def reply_of(body: Any, status: int = 200) -> Reply:  # noqa: ANN401 (whatever JSON holds)
    raw = on_the_wire(body)
    headers = {"Content-Type": content_type(body), "Content-Length": str(len(raw))}
    return Reply(status, raw, headers)


def said(outcome: ReadResult) -> object:
    """What a look says, as samples do: a reading, no limit, or None for a failure."""
    if isinstance(outcome, ReadFailure):
        return None
    return UNLIMITED if isinstance(outcome, Unlimited) else in_words(outcome)


def balance(outcome: ReadResult) -> object:
    """The balance and its unit; no limit, or None for a failure."""
    told = said(outcome)
    return (told["balance"], told["currency"]) if isinstance(told, dict) else told


def documented(sample: Sample) -> object:
    """What the documentation says that the balance is."""
    reading = sample.reading
    return reading if reading == UNLIMITED else (reading["balance"], reading["currency"])


def is_documented(sample: Sample) -> bool:
    """Whether a damaged sample is itself a reply that is documented."""
    return any(one.bodies == sample.bodies for one in samples() if one.slug == sample.slug)


def places(sample: Sample) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Every field of every body of a sample."""
    for index, body in enumerate(sample.bodies):
        yield from ((index, path) for path in paths(body))


def with_damage(sample: Sample, index: int, path: tuple[Any, ...]) -> Iterator[Sample]:
    """The sample with that field removed, nulled or of another type, but for documented replies."""
    for body in damaged(sample.bodies[index], path):
        worse = sample.with_body(index, body)
        if not is_documented(worse):
            yield worse


@pytest.mark.parametrize("slug", slugs())
def test_every_file_is_in_order(slug: str) -> None:
    assert isinstance(catalogue_provider(slug), Spec)


@pytest.mark.parametrize("slug", slugs())
def test_every_slug_is_a_word_of_plain_letters(slug: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)


def test_the_first_four_providers_are_there() -> None:
    first = {"legnext", "you", "aimlapi", "aimlapi-v1-legacy", "vonage"}
    assert first <= set(slugs())


@pytest.mark.parametrize("slug", slugs())
def test_every_provider_has_a_sample_that_says_where_it_is_from(slug: str) -> None:
    mine = [sample for sample in SAMPLES if sample.slug == slug]
    assert mine
    assert {sample.origin for sample in mine} <= ORIGINS
    linked = [it for it in mine if it.origin != "client fixture" or "client" not in it.source]
    assert all(sample.source.startswith("https://") for sample in linked)


@pytest.mark.parametrize("slug", slugs())
def test_a_file_says_when_its_sample_is_not_the_provider_s_own(slug: str) -> None:
    own = {"documentation", "official sdk"} & {it.origin for it in SAMPLES if it.slug == slug}
    text = (CATALOGUE / f"{slug}.toml").read_text(encoding="utf-8")
    told = [line for line in text.splitlines() if line.startswith("#")]
    assert own or re.search("[Ss]ample", " ".join(told))


def test_every_sample_is_of_a_provider() -> None:
    assert {sample.slug for sample in samples()} <= set(slugs())


def test_every_row_of_the_first_list_is_there() -> None:
    assert len(slugs()) >= 60


@pytest.mark.parametrize("slug", slugs())
def test_every_file_says_what_its_number_is_where_the_facts_are_from_and_when(slug: str) -> None:
    spec = spec_of(slug)
    assert None not in (spec.number, spec.docs, spec.evidence, spec.checked)
    assert spec.billing or spec.url.startswith("/")  # whoever serves that sells it, too
    assert (CATALOGUE / f"{slug}.toml").read_text(encoding="utf-8").startswith("# Facts:")


@pytest.mark.parametrize("slug", slugs())
def test_every_file_is_minimal(slug: str) -> None:
    raw = tomllib.loads((CATALOGUE / f"{slug}.toml").read_text(encoding="utf-8"))
    for table, kind in ((raw, Spec), (raw["reply"], ReplyPaths), (raw["auth"], Auth)):
        defaults = {it.encode_name: it.default for it in msgspec.structs.fields(kind)}
        assert [name for name, value in table.items() if defaults[name] == value] == []


@pytest.mark.parametrize("slug", slugs())
def test_every_path_of_a_file_finds_something_in_a_sample(slug: str) -> None:
    reply = spec_of(slug).reply
    found: dict[str, Any] = {}
    for sample in SAMPLES:
        if sample.slug == slug and sample.reading != UNLIMITED:
            found |= {name: it for name, it in sample.reading.items() if it is not None}
    reload = {f"auto_reload_{name}": it for name, it in (found.get("auto_reload") or {}).items()}
    named = {it.encode_name for it in msgspec.structs.fields(ReplyPaths)} - {"root", "each"}
    asked = {name for name in named if getattr(reply, name)} - {"add_up"}
    assert asked <= {*found, *(name for name, it in reload.items() if it is not None)}


@pytest.mark.parametrize("slug", slugs())
def test_every_condition_of_a_file_holds_in_a_sample(slug: str) -> None:
    spec = spec_of(slug)
    mine = [sample for sample in samples() if sample.slug == slug]
    assert {kind for kind in spec.failures if kind != "malformed"} <= {it.failure for it in mine}
    assert spec.unlimited is None or UNLIMITED in [sample.reading for sample in mine]


@pytest.mark.parametrize("slug", slugs())
def test_every_provider_is_asked_by_https_at_its_own_host_or_the_account_s(slug: str) -> None:
    spec = spec_of(slug)
    addresses = [spec.url] + ([spec.top_up.url] if spec.top_up is not None else [])
    assert {urlsplit(it).scheme for it in addresses} <= {"https", ""}


@pytest.mark.parametrize("slug", slugs())
def test_every_currency_is_a_code_or_a_word_of_the_provider_s_own(slug: str) -> None:
    assert re.fullmatch(r"[A-Z]{3}|[a-z][a-z _-]{1,30}", spec_of(slug).currency or "any")


@pytest.mark.parametrize("slug", slugs())
def test_no_credential_is_in_an_address_unless_the_file_says_why(slug: str) -> None:
    spec, account = spec_of(slug), account_of(slug)
    told = [spec.auth.why_query] if spec.auth.why_query else []
    sent: list[Request] = []
    requests = flow_for(spec, account, NOW, NOW)
    reply = reply_of(next(it for it in SAMPLES if it.slug == slug).bodies[0])
    with suppress(StopIteration):
        sent.append(next(requests))
        while True:
            sent.append(requests.send(reply))
    for request in sent:
        keys = set(account.credentials.values())
        assert not [key for key in keys if key in request.url]
        assert told or not [key for key in keys if key in " ".join(request.query.values())]


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
    assert catalogue_provider(slug) is None


def test_loading_one_provider_reads_its_file_alone() -> None:
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


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_documented_sample_is_read_whole(sample: Sample) -> None:
    outcome = of(sample)
    reading = sample.reading
    if reading != UNLIMITED:
        reading = {name: fact for name, fact in reading.items() if fact is not None}
    assert said(outcome) == reading, outcome


@pytest.mark.parametrize("sample", FAILED, ids=[sample.name for sample in FAILED])
def test_every_documented_failure_is_told_by_its_kind(sample: Sample) -> None:
    outcome = of(sample)
    assert isinstance(outcome, ReadFailure), outcome
    assert outcome.kind == sample.failure, outcome


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_with_a_damaged_field_gives_its_balance_or_none(sample: Sample) -> None:
    for index, path in places(sample):
        for worse in with_damage(sample, index, path):
            assert balance(of(worse)) in (None, documented(sample)), worse


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_field_that_the_balance_rests_on_gives_a_named_failure_when_damaged(
    sample: Sample,
) -> None:
    rests_on, alternatives = 0, len(spec_of(sample.slug).reply.balance.sums) > 1
    for index, path in places(sample):
        value = another(value_at(sample.bodies[index], path))
        other = sample.with_body(index, changed(sample.bodies[index], path, value))
        if value is None or balance(of(other)) in (None, documented(sample)):
            continue
        rests_on += 1
        for worse in with_damage(sample, index, path):
            outcome = of(worse)
            # Where there are alternatives, another one may say the same.
            assert isinstance(outcome, ReadFailure) or (
                alternatives and balance(outcome) == documented(sample)
            ), worse
    nothing = sample.reading == UNLIMITED or sample.reading["balance"] == "0"
    assert rests_on or nothing or isinstance(sample.bodies[0], str)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_that_is_cut_short_gives_no_balance(sample: Sample) -> None:
    for index, body in enumerate(sample.bodies):
        whole = reply_of(body)
        for length in range(len(whole.body)):
            cut = replace(whole, body=whole.body[:length])
            before = [reply_of(one) for one in sample.bodies[:index]]
            outcome = learnt(sample.slug, [*before, cut])
            assert isinstance(outcome, ReadFailure), cut.body
            assert outcome.kind is FailureKind.MALFORMED


@pytest.mark.parametrize("tag", ["accountBalance", "value", "autoReload"])
@pytest.mark.parametrize(
    "replacement",
    ["", "<{0}/>", "<{0}>text</{0}>", "<{0}>{1}</{0}><{0}>7</{0}>", "<other>7</other>"],
)
def test_an_xml_sample_with_a_damaged_field_gives_its_balance_or_none(
    tag: str, replacement: str
) -> None:
    field = re.compile(f"<{tag}>(.*)</{tag}>", re.DOTALL)
    body = field.sub(lambda found: replacement.format(tag, found[1]), XML.bodies[0])
    assert balance(of(XML.with_body(0, body))) in (None, documented(XML))


@pytest.mark.parametrize("status", [401, 403, 429, 500, 302, 404])
@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_of_a_failed_request_gives_no_balance(sample: Sample, status: int) -> None:
    assert isinstance(of(sample._replace(status=status)), ReadFailure)
