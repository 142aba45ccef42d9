"""Exact amounts: which numbers are valid, and how they are scaled and added without rounding."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation

MAX_DIGITS = 38
"""DynamoDB keeps 38 significant digits ("Data types", Amazon DynamoDB developer guide)."""

CALCULATION_DIGITS = 200
"""Digits that hold any difference, and any multiple in use, of two amounts within these limits."""

_MAX_EXPONENT, _MIN_EXPONENT = 125, -130
"""DynamoDB holds magnitudes from 1E-130 to 9.99…E+125 (same page)."""

_EXACT = Context(prec=MAX_DIGITS, traps=[Inexact, InvalidOperation])

_AS_STORED = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")
"""Text in the one form of amounts, if it has no more than `MAX_DIGITS` characters; but for -0."""

_UNIT = re.compile(r"[A-Z]{3}|[a-z][a-z _-]{1,30}")
_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT
LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""The ISO 4217 codes of money. Three letters alone prove nothing: they may be `nan` or `err`."""


class NotAnAmountError(ValueError):
    """The value is not a finite number that can be kept exactly. The message never repeats it."""


def exact(value: Decimal | int | str) -> Decimal:
    """Returns `value` in the one form of Decimal that is stored, compared and shown.

    Trailing zeros are dropped and -0 becomes 0, as in DynamoDB, so that an amount is unchanged by a
    round trip through the table.

    Raises:
        NotAnAmountError: the value is not a number, is not finite, or is more than DynamoDB holds.
    """
    if isinstance(value, str) and len(value) <= MAX_DIGITS and _AS_STORED.fullmatch(value):
        # Most of what the table holds: there is nothing to drop from it.
        return Decimal(value) if value != "-0" else Decimal(0)
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        # Decimal() accepts 1_0 and Arabic digits, which no provider means as an amount.
        raise NotAnAmountError("is not a number")
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        raise NotAnAmountError("is not a number") from None
    if not number.is_finite():
        raise NotAnAmountError("is not a finite number")
    if number == 0:
        return Decimal(0)
    if not _MIN_EXPONENT <= number.adjusted() <= _MAX_EXPONENT:
        raise NotAnAmountError("is a number of an impossible size")
    try:
        short = number.normalize(_EXACT)
    except Inexact:
        raise NotAnAmountError(f"has more than {MAX_DIGITS} digits") from None
    if int(short.as_tuple().exponent) < _MIN_EXPONENT:
        # The number itself would fit, but the decimal context of boto3 underflows below this.
        raise NotAnAmountError("is a number of an impossible size")
    whole_but_short = int(short.as_tuple().exponent) > 0 and short.adjusted() < MAX_DIGITS
    # normalize() turns 200 into 2E+2: the same number, but not as people write it.
    return short.quantize(Decimal(1), context=_EXACT) if whole_but_short else short


def rounded(number: Decimal) -> Decimal:
    """Returns a number rounded to 38 digits if the rest is the noise of a float.

    Some providers write all 52 digits of a double, which is next to the amount that they mean. A
    whole number has no such noise.
    """
    if len(number.as_tuple().digits) <= MAX_DIGITS or not number.is_finite():
        return number
    if number == number.to_integral_value():
        return number
    is_double = Decimal(float(number)) == number
    return number.normalize(Context(prec=MAX_DIGITS)) if is_double else number


def scaled(amount: Decimal, scale: Decimal) -> Decimal:
    """Returns `amount * scale` exactly, e.g. cents in dollars with a scale of 0.01.

    Raises:
        NotAnAmountError: the product cannot be kept exactly.
    """
    try:
        return exact(_EXACT.multiply(amount, scale))
    except Inexact:
        raise NotAnAmountError(f"has more than {MAX_DIGITS} digits") from None


def total(plus: Iterable[Decimal], minus: Iterable[Decimal] = ()) -> Decimal:
    """Returns the sum of `plus` minus the sum of `minus`, exactly.

    Raises:
        NotAnAmountError: the result cannot be kept exactly.
    """
    number = Decimal(0)
    try:
        for amount in plus:
            number = _EXACT.add(number, amount)
        for amount in minus:
            number = _EXACT.subtract(number, amount)
    except Inexact:
        raise NotAnAmountError(f"has more than {MAX_DIGITS} digits") from None
    return exact(number)


def is_unit(text: str) -> bool:
    """Tells whether a balance can be counted in this: an ISO 4217 code or a lower-case word."""
    return _UNIT.fullmatch(text) is not None
