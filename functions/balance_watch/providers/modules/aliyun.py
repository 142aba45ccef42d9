"""Alibaba Cloud: one request, signed by ACS3-HMAC-SHA256.

Facts: https://help.aliyun.com/en/sdk/product-overview/v3-request-structure-and-signature. With this
signature the action and its version are headers, and the query is empty. Alibaba Cloud's own
library for it, alibabacloud-openapi-util, depends on some twenty packages: see docs/decisions.
"""

from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.formatting import iso_time
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.signing import EMPTY_DIGEST, canonical_request, hmac_sha256
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request

_ALGORITHM = "ACS3-HMAC-SHA256"


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balance of the account that an AccessKey belongs to."""
    request = balance_request(spec, account)
    headers = {
        "host": urlsplit(request.url).netloc,
        "x-acs-action": "QueryAccountBalance",
        "x-acs-version": "2017-12-14",
        "x-acs-date": iso_time(signed_at),
        "x-acs-signature-nonce": uuid4().hex,
        "x-acs-content-sha256": EMPTY_DIGEST,
    }
    reply = yield signed(request, headers, account)
    return parse_reply(spec, account, reply, now)


def signed(request: Request, headers: dict[str, str], account: Account) -> Request:
    """Returns a request with these headers, signed with the account's AccessKey."""
    canonical = canonical_request(request, headers)
    key = account.credentials["access_key_secret"].encode()
    signature = hmac_sha256(key, f"{_ALGORITHM}\n{canonical.digest}").hex()
    authorization = (
        f"{_ALGORITHM} Credential={account.credentials['access_key_id']}"
        f",SignedHeaders={canonical.header_names},Signature={signature}"
    )
    return replace(request, headers={**request.headers, **headers, "Authorization": authorization})
