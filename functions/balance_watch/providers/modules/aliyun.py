"""Alibaba Cloud: one request, signed by ACS3-HMAC-SHA256.

Facts: https://help.aliyun.com/en/sdk/product-overview/v3-request-structure-and-signature. With this
signature the action and its version are headers, and the query is empty. Its own signing library,
alibabacloud-openapi-util, brings some twenty packages with it: docs/decisions has the reason.
"""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

from balance_watch.domain.account import Account
from balance_watch.domain.formatting import iso_time
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.signing import EMPTY, canonical, hmac_sha256
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request

_ALGORITHM = "ACS3-HMAC-SHA256"


def ask(spec: Spec, account: Account, now: datetime, clock: datetime) -> Flow:
    """Asks for the balance of an AccessKey's account."""
    request = balance_request(spec, account)
    headers = {
        "host": urlsplit(request.url).netloc,
        "x-acs-action": "QueryAccountBalance",
        "x-acs-version": "2017-12-14",
        "x-acs-date": iso_time(clock),
        "x-acs-signature-nonce": uuid4().hex,
        "x-acs-content-sha256": EMPTY,
    }
    reply = yield signed(request, headers, account)
    return parse_reply(spec, account, reply, now)


def signed(request: Request, headers: dict[str, str], account: Account) -> Request:
    """Returns a request with these headers, signed with the account's AccessKey."""
    form = canonical(request, headers)
    key = account.credentials["access_key_secret"].encode()
    signature = hmac_sha256(key, f"{_ALGORITHM}\n{form.digest}").hex()
    told = (
        f"{_ALGORITHM} Credential={account.credentials['access_key_id']}"
        f",SignedHeaders={form.names},Signature={signature}"
    )
    return replace(request, headers={**request.headers, **headers, "Authorization": told})
