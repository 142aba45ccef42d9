"""Volcengine: one request, signed by its HMAC-SHA256, a sibling of AWS's Signature Version 4.

Facts: https://www.volcengine.com/docs/6369/67269 (method) and /67270 (worked example). Unlike
AWS's, the name of the algorithm is HMAC-SHA256, the secret has no prefix, and the scope ends in
`request`. docs/decisions has the reason why no library signs it.
"""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from balance_watch.domain.account import Account
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.signing import canonical, hmac_sha256
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request

_ALGORITHM = "HMAC-SHA256"
_REGION, _SERVICE = "cn-beijing", "billing"


def ask(spec: Spec, account: Account, now: datetime, clock: datetime) -> Flow:
    """Asks for the balance of an access key's account."""
    request = balance_request(spec, account)
    reply = yield signed(request, account, clock)
    return parse_reply(spec, account, reply, now)


def signed(request: Request, account: Account, clock: datetime) -> Request:
    """Returns a request signed with the account's access key, as of `clock`, in UTC."""
    at, day = f"{clock:%Y%m%dT%H%M%SZ}", f"{clock:%Y%m%d}"
    headers = {"host": urlsplit(request.url).netloc, "x-date": at}
    form = canonical(request, headers)
    scope = f"{day}/{_REGION}/{_SERVICE}/request"
    key = account.credentials["secret_access_key"].encode()
    for part in scope.split("/"):
        key = hmac_sha256(key, part)
    signature = hmac_sha256(key, f"{_ALGORITHM}\n{at}\n{scope}\n{form.digest}").hex()
    told = (
        f"{_ALGORITHM} Credential={account.credentials['access_key_id']}/{scope},"
        f" SignedHeaders={form.names}, Signature={signature}"
    )
    return replace(request, headers={**request.headers, **headers, "Authorization": told})
