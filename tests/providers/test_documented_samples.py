"""Every documented reply is read as documented; damaged, it is never read as another balance."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult, Unlimited
from tests.support.provider_reads import (
    reply_of,
    result_of,
    result_of_replies,
    spec_of,
)
from tests.support.samples import (
    UNLIMITED,
    Sample,
    another,
    changed,
    content_type,
    damaged,
    facts_of,
    good_samples,
    paths,
    samples,
    value_at,
)

SAMPLES = good_samples()
IDS = [sample.name for sample in SAMPLES]


XML = next(
    sample
    for sample in SAMPLES
    if sample.slug == "vonage" and content_type(sample.bodies[0]) == "application/xml"
)


FAILED = [sample for sample in samples() if sample.failure is not None]


def as_in_samples(result: ReadResult) -> object:
    """Returns the facts of a reading, in the form of the samples; UNLIMITED; None for a failure."""
    if isinstance(result, ReadFailure):
        return None
    return UNLIMITED if isinstance(result, Unlimited) else facts_of(result)


def balance(result: ReadResult) -> object:
    """Returns the balance and its unit; UNLIMITED, or None for a failure."""
    facts = as_in_samples(result)
    return (facts["balance"], facts["currency"]) if isinstance(facts, dict) else facts


def documented(sample: Sample) -> object:
    """Returns the balance that the documentation states."""
    reading = sample.reading
    return reading if reading == UNLIMITED else (reading["balance"], reading["currency"])


def is_documented(sample: Sample) -> bool:
    """Tells whether a damaged sample is itself a documented reply."""
    same_provider = [other for other in samples() if other.slug == sample.slug]
    return any(other.bodies == sample.bodies for other in same_provider)


def places(sample: Sample) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yields every field of every body of a sample."""
    for index, body in enumerate(sample.bodies):
        yield from ((index, path) for path in paths(body))


def with_damage(sample: Sample, index: int, path: tuple[Any, ...]) -> Iterator[Sample]:
    """Yields the sample with one field removed, nulled or of another type, unless documented so."""
    for body in damaged(sample.bodies[index], path):
        worse = sample.with_body(index, body)
        if not is_documented(worse):
            yield worse


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_documented_sample_is_read_completely(sample: Sample) -> None:
    result = result_of(sample)
    reading = sample.reading
    if reading != UNLIMITED:
        reading = {name: fact for name, fact in reading.items() if fact is not None}
    assert as_in_samples(result) == reading, result


@pytest.mark.parametrize("sample", FAILED, ids=[sample.name for sample in FAILED])
def test_every_documented_failure_has_its_kind(sample: Sample) -> None:
    result = result_of(sample)
    assert isinstance(result, ReadFailure), result
    assert result.kind == sample.failure, result


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_with_a_damaged_field_yields_its_balance_or_none(sample: Sample) -> None:
    for index, path in places(sample):
        for worse in with_damage(sample, index, path):
            assert balance(result_of(worse)) in (None, documented(sample)), worse


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_damaged_field_that_the_balance_depends_on_yields_a_failure(
    sample: Sample,
) -> None:
    depends_on, alternatives = 0, len(spec_of(sample.slug).reply.balance.sums) > 1
    for index, path in places(sample):
        value = another(value_at(sample.bodies[index], path))
        other = sample.with_body(index, changed(sample.bodies[index], path, value))
        if value is None or balance(result_of(other)) in (None, documented(sample)):
            continue
        depends_on += 1
        for worse in with_damage(sample, index, path):
            result = result_of(worse)
            # Another alternative may yield the same balance.
            assert isinstance(result, ReadFailure) or (
                alternatives and balance(result) == documented(sample)
            ), worse
    untouched = "0" if spec_of(sample.slug).cost is None else "1000"
    nothing = sample.reading == UNLIMITED or sample.reading["balance"] == untouched
    assert depends_on or nothing or isinstance(sample.bodies[0], str)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_that_is_cut_short_yields_no_balance(sample: Sample) -> None:
    for index, body in enumerate(sample.bodies):
        whole = reply_of(body)
        for length in range(len(whole.body)):
            cut = replace(whole, body=whole.body[:length])
            before = [reply_of(earlier) for earlier in sample.bodies[:index]]
            result = result_of_replies(sample.slug, [*before, cut])
            assert isinstance(result, ReadFailure), cut.body
            assert result.kind is FailureKind.MALFORMED


@pytest.mark.parametrize("tag", ["accountBalance", "value", "autoReload"])
@pytest.mark.parametrize(
    "replacement",
    ["", "<{0}/>", "<{0}>text</{0}>", "<{0}>{1}</{0}><{0}>7</{0}>", "<other>7</other>"],
)
def test_an_xml_sample_with_a_damaged_field_yields_its_balance_or_none(
    tag: str, replacement: str
) -> None:
    field = re.compile(f"<{tag}>(.*)</{tag}>", re.DOTALL)
    body = field.sub(lambda match: replacement.format(tag, match[1]), XML.bodies[0])
    assert balance(result_of(XML.with_body(0, body))) in (None, documented(XML))


@pytest.mark.parametrize("status", [401, 403, 429, 500, 302, 404])
@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_sample_with_a_failing_status_yields_no_balance(sample: Sample, status: int) -> None:
    assert isinstance(result_of(sample._replace(status=status)), ReadFailure)
