"""One API and New API: the limit of a token, and in a second request its usage.

Facts: controller/billing.go and controller/channel-billing.go of github.com/QuantumNous/new-api.
The usage is in hundredths of the unit of the limit. The servers accept dates and ignore them; a
server that respects them counts from the first of the month, or 100 days back if the account has no
payment method.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from balance_watch.domain.account import Account
from balance_watch.domain.money import NotAnAmountError, scaled
from balance_watch.domain.reading import ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.validation import Json

_CENT = Decimal("0.01")


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the limit, then the usage, and parses both as one body."""
    del signed_at
    limit = parse_body(spec, (yield balance_request(spec, account)))
    if isinstance(limit, ReadFailure):
        return limit
    url = f"{spec.url.removesuffix('subscription')}usage?{_dates(limit.value, now)}"
    usage = parse_body(spec, (yield balance_request(spec, account, url)))
    if isinstance(usage, ReadFailure):
        return usage
    body = {"subscription": limit.value, "usage": _in_units(usage.value)}
    return parse_reading(spec, account, Body(body), now)


def _dates(limit: Json, now: datetime) -> str:
    pays = isinstance(limit, dict) and limit.get("has_payment_method") is True
    start = now.replace(day=1) if pays else now - timedelta(days=100)
    return urlencode({"start_date": f"{start:%Y-%m-%d}", "end_date": f"{now:%Y-%m-%d}"})


def _in_units(usage: Json) -> Json:
    total = usage.get("total_usage") if isinstance(usage, dict) else None
    if not isinstance(total, Decimal):
        return usage
    try:
        return {"total_usage_usd": scaled(total, _CENT)}
    except NotAnAmountError:
        return None
