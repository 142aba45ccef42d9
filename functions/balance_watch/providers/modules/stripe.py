"""Stripe: amounts in the smallest unit of each currency, which is not a hundredth in all of them.

Facts: https://docs.stripe.com/currencies, zero-decimal and three-decimal currencies. ISK and UGX
have no hundredths either, but Stripe writes them with two zeros.
"""

import re
from datetime import datetime
from decimal import Decimal

from balance_watch.domain.account import Account
from balance_watch.domain.money import NotAnAmountError, scaled
from balance_watch.domain.reading import ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.validation import Json

_WHOLE = re.compile(r"bif|clp|djf|gnf|jpy|kmf|krw|mga|pyg|rwf|vnd|vuv|xaf|xof|xpf", re.IGNORECASE)
_THOUSANDTHS = re.compile(r"bhd|jod|kwd|omr|tnd", re.IGNORECASE)


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balances, with every amount in hundredths, as the specification says."""
    del signed_at
    body = parse_body(spec, (yield balance_request(spec, account)))
    if isinstance(body, ReadFailure):
        return body
    return parse_reading(spec, account, Body(_in_hundredths(body.value)), now)


def _in_hundredths(body: Json) -> Json:
    entries = body.get("available") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return body
    return {**body, "available": [_entry_in_hundredths(entry) for entry in entries]}


def _entry_in_hundredths(entry: Json) -> Json:
    amount = entry.get("amount") if isinstance(entry, dict) else None
    currency = entry.get("currency") if isinstance(entry, dict) else None
    if not isinstance(amount, Decimal) or not isinstance(currency, str):
        return entry
    try:
        return {**entry, "amount": scaled(amount, _hundredths_in(currency))}
    except NotAnAmountError:
        return None


def _hundredths_in(currency: str) -> Decimal:
    """Returns how many hundredths the smallest unit of a currency is."""
    if _WHOLE.fullmatch(currency):
        return Decimal(100)
    return Decimal("0.1") if _THOUSANDTHS.fullmatch(currency) else Decimal(1)
