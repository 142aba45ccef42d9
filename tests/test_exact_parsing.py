"""JSON is parsed with every number exact, or rejected with an error that does not repeat it."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.money import NotAnAmountError, exact
from balance_watch.exact_parsing import NotExactError, exact_json
from balance_watch.validation import Json

JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-(10**30), 10**30),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_is_parsed_as_it_was_written(value: Json) -> None:
    assert exact_json(json.dumps(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_every_number_is_exact_or_rejected(number: Decimal) -> None:
    text = f"[{number}]".replace("E+", "e+")
    try:
        (parsed,) = exact_json(text)
    except NotExactError:
        with pytest.raises(NotAnAmountError):
            exact(number)
        return
    assert isinstance(parsed, Decimal)
    assert parsed == number


@given(st.binary())
def test_no_bytes_raise_another_error(data: bytes) -> None:
    try:
        exact_json(data)
    except NotExactError as error:
        assert str(error)  # noqa: PT017 (either outcome is fine, no other is)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        (b"\xff", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"a":1,"a":1}', "contains the same name twice"),
        ('{"a":{"b":1,"b":2}}', "contains the same name twice"),
        ("NaN", "not finite"),
        ("[Infinity]", "not finite"),
        ("1e400", "impossible size"),
        ("1" * 39, "more than 38 digits"),
    ],
)
def test_text_that_is_not_exact_json_is_rejected_and_not_repeated(
    text: str | bytes, message: str
) -> None:
    with pytest.raises(NotExactError, match=message) as caught:
        exact_json(text)
    assert "1e400" not in str(caught.value)
