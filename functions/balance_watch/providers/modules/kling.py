"""Kling AI: the resource packs that were bought in the last 400 days.

Facts: https://klingai.com/document-api/api/assets/account-usage. The time in the request is that of
the purchase, so that a shorter one misses packs that are still in use. Packs may be of several
products, whose units are not the same: they are told apart by their names, and never added up.
"""

from datetime import datetime, timedelta
from urllib.parse import urlencode

import jmespath

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec

_SPAN = timedelta(days=400)
_NAMES = "data.resource_pack_subscribe_infos[?status == 'online'].resource_pack_name"


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the packs in use: those with the name that the account chose, or all of one name."""
    del signed_at
    query = {"start_time": _milliseconds(now - _SPAN), "end_time": _milliseconds(now)}
    name = account.variables.get("resource_pack_name")
    if name is not None:
        query["resource_pack_name"] = name
    url = f"{spec.url}?{urlencode(query)}"
    body = parse_body(spec, (yield balance_request(spec, account, url)))
    if isinstance(body, ReadFailure):
        return body
    return _several_names(body) or parse_reading(spec, account, body, now)


def _several_names(body: Body) -> ReadFailure | None:
    names = jmespath.search(_NAMES, body.value) or []
    number = len({f"{name}" for name in names})
    if number <= 1:
        return None
    text = (
        f"The packs have {number} names: set the account's variables, resource_pack_name, to one."
    )
    return ReadFailure(FailureKind.AMBIGUOUS, text)


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp()) * 1000)
