"""One API and New API: the limit of a token, and in a second request what it has used.

Facts: controller/billing.go and controller/channel-billing.go of github.com/QuantumNous/new-api.
The use is in hundredths of what the limit is in. The servers take the dates and do not look at
them; one that does, counts from the first of the month, or 100 days back without a payment method.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from balance_watch.domain.account import Account
from balance_watch.domain.money import NotAnAmountError, scaled
from balance_watch.domain.reading import ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec

_CENT = Decimal("0.01")


def ask(spec: Spec, account: Account, now: datetime, clock: datetime) -> Flow:
    """Asks for the limit, then for the use; both, in one body, are understood as specified."""
    del clock
    limit = parse_body(spec, (yield balance_request(spec, account)))
    if isinstance(limit, ReadFailure):
        return limit
    url = f"{spec.url.removesuffix('subscription')}usage?{_dates(limit.value, now)}"
    use = parse_body(spec, (yield balance_request(spec, account, url)))
    if isinstance(use, ReadFailure):
        return use
    body = {"subscription": limit.value, "usage": _in_units(use.value)}
    return parse_reading(spec, account, Body(body), now)


def _dates(limit: Any, now: datetime) -> str:  # noqa: ANN401 (whatever JSON holds)
    pays = isinstance(limit, dict) and limit.get("has_payment_method") is True
    start = now.replace(day=1) if pays else now - timedelta(days=100)
    return urlencode({"start_date": f"{start:%Y-%m-%d}", "end_date": f"{now:%Y-%m-%d}"})


def _in_units(use: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    total = use.get("total_usage") if isinstance(use, dict) else None
    if not isinstance(total, Decimal):
        return use
    try:
        return {"total_usage_usd": scaled(total, _CENT)}
    except NotAnAmountError:
        return None
