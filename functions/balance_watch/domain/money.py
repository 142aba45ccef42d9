"""Exact amounts: what may be one, how it is scaled, and how it is written."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation

MAX_DIGITS = 38
"""DynamoDB keeps 38 significant digits ("Data types", Amazon DynamoDB developer guide)."""

_MAX_EXPONENT, _MIN_EXPONENT = 125, -130
"""DynamoDB holds magnitudes from 1E-130 to 9.99…E+125 (same page)."""

_EXACT = Context(prec=MAX_DIGITS, traps=[Inexact, InvalidOperation])

_ISO_4217_LENGTH = 3
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
"""The codes of ISO 4217 that name money: three letters may as well be `nan`, `nil` or `err`."""


class NotAnAmountError(ValueError):
    """The value is no finite number that can be kept exactly; the message never repeats it."""


def exact(value: Decimal | int | str) -> Decimal:
    """Returns `value` as the one Decimal that is stored, compared and shown.

    Trailing zeros go and -0 becomes 0, so that an amount equals itself after a round trip through
    DynamoDB, which drops them too.

    Raises:
        NotAnAmountError: it is no number, not finite, or beyond what DynamoDB can hold.
    """
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        # Decimal() reads 1_0 and Arabic digits: a notation of Python's, nobody's amount.
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
        # boto3's own context underflows below that, though the number itself would fit.
        raise NotAnAmountError("is a number of an impossible size")
    whole_but_short = int(short.as_tuple().exponent) > 0 and short.adjusted() < MAX_DIGITS
    # normalize() writes 200 as 2E+2: the same number, but no reader's idea of one.
    return short.quantize(Decimal(1), context=_EXACT) if whole_but_short else short


def scaled(amount: Decimal, scale: Decimal) -> Decimal:
    """Returns `amount * scale` to the last digit, e.g. cents to dollars with a scale of 0.01.

    Raises:
        NotAnAmountError: the product cannot be kept exactly.
    """
    try:
        return exact(_EXACT.multiply(amount, scale))
    except Inexact:
        raise NotAnAmountError(f"has more than {MAX_DIGITS} digits") from None


def total(plus: Iterable[Decimal], less: Iterable[Decimal] = ()) -> Decimal:
    """Returns the sum of `plus` less the sum of `less`, to the last digit.

    Raises:
        NotAnAmountError: it cannot be kept exactly.
    """
    number = Decimal(0)
    try:
        for each in plus:
            number = _EXACT.add(number, each)
        for each in less:
            number = _EXACT.subtract(number, each)
    except Inexact:
        raise NotAnAmountError(f"has more than {MAX_DIGITS} digits") from None
    return exact(number)


def is_unit(text: str) -> bool:
    """Whether it is what a balance can be counted in: an ISO 4217 code, or a word in lower case."""
    return _UNIT.fullmatch(text) is not None


def plain(amount: Decimal) -> str:
    """Writes every digit and no exponent: the form for JSON, e.g. `"7189.245"`."""
    return f"{amount:f}"


def with_unit(amount: Decimal, unit: str) -> str:
    """Writes an amount for people, never rounded: `7,189.245 USD`, `10.00 EUR`, `71,000 credits`.

    An ISO 4217 code (upper case) gets at least two decimals; a provider's own unit does not.
    """
    text = f"{amount:,f}"
    if len(unit) == _ISO_4217_LENGTH and unit.isupper():
        whole, _, cents = text.partition(".")
        text = f"{whole}.{cents.ljust(2, '0')}"
    return f"{text} {unit}"
