"""Hugging Face: the use of Inference Providers since the first of the month.

Facts: public clients of https://huggingface.co/api/settings/billing/usage-v2, which takes dates in
seconds; milliseconds are an error there.
"""

from datetime import datetime
from urllib.parse import urlencode

from balance_watch.domain.account import Account
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the use of this month (UTC) and its limit."""
    del signed_at
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    query = urlencode({"startDate": int(start.timestamp()), "endDate": int(now.timestamp())})
    reply = yield balance_request(spec, account, f"{spec.url}?{query}")
    return parse_reply(spec, account, reply, now)
