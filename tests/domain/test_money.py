"""Amounts are exact from the first digit to the last, or they are rejected."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from balance_watch.domain.money import MAX_DIGITS, NotAnAmountError, exact, scaled

KEPT = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**MAX_DIGITS) + 1, 10**MAX_DIGITS - 1),
    st.integers(-90, 80),
)
"""What DynamoDB can hold."""


def plain(amount: Decimal) -> str:
    """Writes every digit and no exponent."""
    return f"{amount:f}"


CENTS = st.decimals(-(10**9), 10**9, places=2)


@given(KEPT)
def test_an_amount_that_can_be_stored_keeps_its_value(amount: Decimal) -> None:
    assert exact(amount) == amount


@given(KEPT)
def test_an_amount_is_the_same_however_it_is_written(amount: Decimal) -> None:
    kept = exact(amount)
    assert exact(str(amount)).as_tuple() == kept.as_tuple()
    assert exact(f"{amount:f}").as_tuple() == kept.as_tuple()


@given(KEPT)
def test_an_amount_equals_itself_digit_by_digit_after_a_round_trip(amount: Decimal) -> None:
    kept = exact(amount)
    assert exact(plain(kept)).as_tuple() == exact(kept).as_tuple() == kept.as_tuple()


@given(KEPT)
def test_a_plain_amount_has_neither_exponent_nor_trailing_zeros(amount: Decimal) -> None:
    text = plain(exact(amount))
    assert set(text) <= set("-0123456789.")
    assert not ("." in text and text.endswith("0"))
    assert Decimal(text) == amount


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0e50", "0"),
        ("1.50", "1.5"),
        ("2E+2", "200"),
        ("200", "200"),
        ("1e37", "1" + "0" * 37),
        ("1e50", "1" + "0" * 50),
        ("1e-10", "0.0000000001"),
        (" 7 ", "7"),
        ("+7", "7"),
        ("7189.245", "7189.245"),
        ("9" * 38, "9" * 38),
        ("9" * 38 + "000", "9" * 38 + "000"),
        ("-718924.5", "-718924.5"),
    ],
)
def test_an_amount_is_written_as_people_write_it(value: str, text: str) -> None:
    assert plain(exact(value)) == text


@pytest.mark.parametrize("value", ["200", "1000000", "1e5"])
def test_a_whole_amount_is_kept_without_an_exponent(value: str) -> None:
    assert exact(value).as_tuple().exponent == 0


@pytest.mark.parametrize("value", ["1e125", "9.9e125", "-1e125", "1e-130", "1" * 38])
def test_the_largest_and_the_smallest_number_that_can_be_stored_are_amounts(value: str) -> None:
    assert exact(value) == Decimal(value)


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "x", "1,000", "1_000", "--1", "1e", "0x10", "\u0661", "\uff11", "1 2", "1.2.3",
        "NaN", "sNaN", "-NaN", "NaN123", "Infinity", "-inf",
        "1e126", "1e400", "-1e126", "1e-131", "1e99999999999999999999", "1e-99999999999999999999",
        "1" * 39, "9" * 5000, "0." + "1" * 39, "1e20" + "1" * 10,
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_kept_exactly_is_no_amount(value: str) -> None:
    with pytest.raises(NotAnAmountError):
        exact(value)


def test_the_message_does_not_repeat_the_value() -> None:
    for value in ("secret", "1" * 39, "1e126", "1_1"):
        with pytest.raises(NotAnAmountError) as caught:
            exact(value)
        assert value not in str(caught.value)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_raises_the_documented_error(text: str) -> None:
    try:
        kept = exact(text)
    except NotAnAmountError:
        return
    assert kept == Decimal(text)


@given(st.integers(10**38, 10**60))
def test_no_amount_is_ever_rounded(number: int) -> None:
    assume(len(str(number).rstrip("0")) > MAX_DIGITS)
    for value in (number, str(number), Decimal(number), f"0.{number}"):
        with pytest.raises(NotAnAmountError):
            exact(value)


@given(CENTS)
def test_cents_are_dollars_to_the_last_digit(cents: Decimal) -> None:
    assert scaled(cents, Decimal("0.01")) * 100 == cents


def test_the_documented_amounts_are_scaled_exactly() -> None:
    assert plain(scaled(Decimal("718924.5"), Decimal("0.01"))) == "7189.245"
    assert plain(scaled(Decimal(551564495), Decimal("0.0000005"))) == "275.7822475"


@given(KEPT)
def test_a_scale_of_one_changes_nothing(amount: Decimal) -> None:
    assert scaled(exact(amount), Decimal(1)).as_tuple() == exact(amount).as_tuple()


@given(KEPT, st.sampled_from([Decimal("0.01"), Decimal("0.0000005"), Decimal(1000), Decimal(3)]))
def test_a_product_is_exact_or_an_error(amount: Decimal, scale: Decimal) -> None:
    try:
        product = scaled(exact(amount), scale)
    except NotAnAmountError:
        return
    assert product / scale == amount or abs(product) >= Decimal(10) ** 20
    assert product.as_tuple().digits == () or len(plain(product).strip("-0.")) <= 300


@pytest.mark.parametrize("amount", ["1" * 38, "9" * 38, "9e125"])
def test_a_product_that_cannot_be_kept_is_an_error(amount: str) -> None:
    with pytest.raises(NotAnAmountError):
        scaled(exact(amount), Decimal("33.3"))


def test_a_number_on_which_the_table_would_underflow_is_no_amount() -> None:
    with pytest.raises(NotAnAmountError):
        exact("1.2345678901234567890123456789012345678E-128")
