"""Whatever bytes a provider replies with: no exception, and no balance that is not in them."""

import json
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from balance_watch.domain.money import MAX_DIGITS
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.parser import parse_reply, parse_top_up_reply
from balance_watch.providers.registry import slugs
from balance_watch.transport import Reply
from balance_watch.validation import Json
from tests.support.invented_amounts import invented_amounts
from tests.support.provider_reads import NOW, account_of, reply_of, result_of_replies, spec_of
from tests.support.samples import Sample, good_samples, on_the_wire

COST_SLUGS = [slug for slug in slugs() if spec_of(slug).cost is not None]
SLUGS = st.sampled_from(sorted({*slugs()} - {*COST_SLUGS}))
SAMPLES = st.sampled_from(
    [
        sample
        for sample in good_samples()
        if isinstance(sample.bodies[-1], dict) and sample.slug not in COST_SLUGS
    ]
)
TYPES = st.sampled_from(["application/json", "application/xml", "text/html", "", "text/plain"])
NUMBERS = (
    st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.decimals(-1000, 1000, places=3)
)
NAMES = st.text(max_size=5) | st.sampled_from(
    [
        "code", "data", "attributes", "balance", "balance_usd", "current_balance", "currency",
        "value", "accountBalance", "error-code", "autoReload", "autotopup_settings", "is_enabled",
        "lowBalance", "lowBalanceThreshold", "status", "updated_at", "available_credits",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text(max_size=8)
    | st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())
    | st.sampled_from(["USD", "true", "200", "0001-01-01T00:00:00+23:59"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
XML_NAMES = st.sampled_from(["accountBalance", "value", "autoReload", "error-code", "a"])


def parsed_whole(slug: str, status: int, body: bytes, content_type: str) -> ReadResult:
    length = {"Content-Length": str(len(body))}
    reply = Reply(status, body, {"Content-Type": content_type, **length})
    return parse_reply(spec_of(slug), account_of(slug), reply, NOW)


def assert_nothing_is_invented(slug: str, body: bytes, result: ReadResult) -> None:
    """Asserts that the balance of a reading is in the body, digit by digit, in the right unit."""
    if isinstance(result, ReadFailure):
        assert isinstance(result.kind, FailureKind)
    if isinstance(result, Reading):
        assert invented_amounts(spec_of(slug), result, body) == []


@given(SLUGS, st.integers(100, 599), st.binary(max_size=200), TYPES)
@example("vonage", 200, b"<?xml version='1.0' encoding='nonsense'?><a/>", "application/xml")
@example("vonage", 200, b"<a:b/>", "application/xml")
@example("you", 200, b"\xef\xbb\xbf{}", "application/json")
@example("you", 200, b"\xff\xfe{\x00}\x00", "application/json")
def test_any_bytes_are_a_failure_or_a_true_reading(
    slug: str, status: int, body: bytes, content_type: str
) -> None:
    assert_nothing_is_invented(slug, body, parsed_whole(slug, status, body, content_type))


@settings(max_examples=300)
@given(SLUGS, VALUES, TYPES)
def test_any_json_is_a_failure_or_a_true_reading(slug: str, value: Json, content_type: str) -> None:
    body = on_the_wire([value])[1:-1]
    assert_nothing_is_invented(slug, body, parsed_whole(slug, 200, body, content_type))


@settings(max_examples=300)
@given(st.sampled_from(COST_SLUGS), VALUES)
def test_any_json_is_costs_in_the_currency_of_the_account_or_a_failure(
    slug: str, value: Json
) -> None:
    result = result_of_replies(slug, [reply_of(value)])
    if isinstance(result, ReadFailure):
        assert isinstance(result.kind, FailureKind)
    else:
        assert isinstance(result, Reading)
        assert result.currency == spec_of(slug).currency


@st.composite
def changed_samples(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draws a documented sample with any value in one of its fields."""
    sample = draw(SAMPLES)
    body = json.loads(on_the_wire(sample.bodies[-1]), parse_float=Decimal, parse_int=Decimal)
    place = body
    while True:
        name = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict) or not place[name] or draw(st.booleans()):
            break
        place = place[name]
    place[name] = draw(VALUES)
    return sample.slug, on_the_wire(body)


@settings(max_examples=300)
@given(changed_samples())
def test_a_sample_with_any_one_value_changed_is_a_failure_or_a_true_reading(
    changed: tuple[str, bytes],
) -> None:
    slug, body = changed
    assert_nothing_is_invented(slug, body, parsed_whole(slug, 200, body, "application/json"))


@given(SAMPLES, st.data())
def test_a_sample_with_any_one_byte_changed_is_a_failure_or_a_true_reading(
    sample: Sample,
    data: st.DataObject,
) -> None:
    whole = bytearray(on_the_wire(sample.bodies[-1]))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    result = parsed_whole(sample.slug, 200, bytes(whole), "application/json")
    if isinstance(result, Reading):
        assert_nothing_is_invented(sample.slug, bytes(whole), result)


@given(
    st.recursive(
        st.text(max_size=6) | NUMBERS.map(str),
        lambda inner: st.builds("<{0}>{1}</{0}>".format, XML_NAMES, inner),
        max_leaves=6,
    )
)
def test_any_xml_is_a_failure_or_a_true_reading(content: str) -> None:
    body = f"<accountBalance>{content}</accountBalance>".encode("utf-8", "surrogatepass")
    result = parsed_whole("vonage", 200, body, "application/xml")
    if isinstance(result, Reading):
        assert f"<value>{content.partition('<value>')[2].partition('<')[0]}</value>" in content
        assert result.balance == Decimal(content.partition("<value>")[2].partition("<")[0])


@given(NUMBERS)
def test_any_amount_that_fits_is_read_to_its_last_digit(amount: int | Decimal) -> None:
    body = b'{"current_balance":%s,"currency":"USD"}' % on_the_wire([amount])[1:-1]
    result = parsed_whole("aimlapi", 200, body, "application/json")
    if len(Decimal(amount).as_tuple().digits) > MAX_DIGITS:
        return  # a double in full is rounded
    if isinstance(result, Reading):
        assert result.balance == amount
    elif isinstance(result, ReadFailure):
        assert len(Decimal(amount).normalize().as_tuple().digits) > 20 or "size" in result.message


@given(
    st.integers(100, 599), st.binary(max_size=100) | VALUES.map(lambda value: on_the_wire([value]))
)
def test_no_bytes_without_the_documented_field_make_a_payment_look_paid(
    status: int, body: bytes
) -> None:
    outcome = parse_top_up_reply(spec_of("vonage"), Reply(status, body))
    assert outcome is PaymentOutcome.UNKNOWN or b"error-code-label" in body
