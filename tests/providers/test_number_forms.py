"""A specification says how numbers are written, by a word or by an example; nothing is guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.money import rounded
from balance_watch.providers.number_forms import NumberForm

NBSP, NARROW, THIN, APOSTROPHE = "\u00a0", "\u202f", "\u2009", "\u2019"

READ = [
    ("grouped text", "1,234.56", "1234.56"),
    ("grouped text", "-1,234", "-1234"),
    ("1,234.56", "1,234,567.8", "1234567.8"),
    ("1,23,456.56", "1,23,456.78", "123456.78"),
    ("1,23,456.56", "12,34,56,789", "123456789"),
    ("1,23,456.56", "456.7", "456.7"),
    ("1'234.56", "1'234.56", "1234.56"),
    ("1'234.56", f"12{APOSTROPHE}345{APOSTROPHE}678.90", "12345678.90"),
    ("1 234.56", "1 234.56", "1234.56"),
    ("1 234,56", f"1{NBSP}234{NARROW}567,89", "1234567.89"),
    ("1 234,56", f"1{THIN}234", "1234"),
    ("1.234,56", "1.234.567,8", "1234567.8"),
    ("1234,56", "1234,5", "1234.5"),
    ("$1,234.56", "$1,234.56", "1234.56"),
    ("$1,234.56", "1,234.56", "1234.56"),
    ("$1,234.56", "-$5", "-5"),
    ("$1,234.56", "$-5.25", "-5.25"),
    ("\u20b91,23,456.56", "\u20b91,23,456.78", "123456.78"),
    ("1.234,56 \u20ac", f"12,50{NBSP}\u20ac", "12.50"),
    ("1.234,56 \u20ac", "12,50\u20ac", "12.50"),
    ("USD 1,234.56", "USD 7", "7"),
]


@pytest.mark.parametrize(("form", "text", "number"), READ)
def test_a_number_in_its_form_is_read_exactly(form: str, text: str, number: str) -> None:
    assert NumberForm.parse(form).read(text) == Decimal(number)


REFUSED = [
    ("text", "1,234"),
    ("grouped text", "12,34"),
    ("grouped text", "1,23,456.78"),
    ("grouped text", "1'234"),
    ("1,234.56", "1.234,56"),
    ("1,234.56", "1,234,56"),
    ("1,23,456.56", "123,456"),
    ("1,23,456.56", "1,234,567"),
    ("1'234.56", "1,234"),
    ("1 234.56", "1  234"),
    ("1 234.56", "12 34"),
    ("1.234,56", "1,234.56"),
    ("1.234,56", "12.34"),
    ("$1,234.56", "\u20ac5"),
    ("$1,234.56", "$$5"),
    ("$1,234.56", "--5"),
    ("$1,234.56", "5$"),
    ("1.234,56 \u20ac", "\u20ac 5"),
    ("1,234.56", ""),
    ("1,234.56", "\u0661,234"),
]


@pytest.mark.parametrize(("form", "text"), REFUSED)
def test_a_number_in_another_form_is_none(form: str, text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        NumberForm.parse(form).read(text)


@pytest.mark.parametrize(
    "form", ["", "numbers", "1,234", "1.234.56", "1,234,56", "12,34.56", "1,23,456,56", 5, None]
)
def test_an_example_that_does_not_say_which_mark_is_which_is_a_fault(form: object) -> None:
    with pytest.raises(ValueError, match="an example such as"):
        NumberForm.parse(form)


@given(st.decimals(-(10**9), 10**9, places=2, allow_nan=False))
def test_what_a_form_writes_it_reads(number: Decimal) -> None:
    assert NumberForm.parse("1,234.56").read(f"{number:,f}") == number
    swapped = f"{number:,f}".translate(str.maketrans(",.", ".,"))
    assert NumberForm.parse("1.234,56").read(swapped) == number


@given(st.floats(-(10**12), 10**12))
def test_the_digits_of_a_double_are_rounded_to_38(number: float) -> None:
    kept = rounded(Decimal(number))
    assert len(kept.as_tuple().digits) <= 38
    assert float(kept) == number


def test_more_digits_that_are_no_double_are_kept_to_be_refused() -> None:
    long = Decimal("0.1234567890123456789012345678901234567890123")
    assert rounded(long) == long


def test_a_whole_number_is_never_rounded() -> None:
    """This one is a double too, with 39 digits."""
    whole = Decimal(160810350575654556354482909961307291648)
    assert rounded(whole) == whole
