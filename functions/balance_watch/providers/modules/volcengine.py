"""Volcengine: one request, signed by its HMAC-SHA256, a sibling of AWS's Signature Version 4.

Facts: https://www.volcengine.com/docs/6369/67269 (method) and /67270 (worked example). Other than
in AWS's, the algorithm is called HMAC-SHA256, the secret has no prefix, and the scope ends in
`request`. docs/decisions says why no library signs it.
"""

from datetime import datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.signing import canonical_request, hmac_sha256
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request

_ALGORITHM = "HMAC-SHA256"
_REGION, _SERVICE = "cn-beijing", "billing"


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balance of the account that an access key belongs to."""
    request = balance_request(spec, account)
    reply = yield signed(request, account, signed_at)
    return parse_reply(spec, account, reply, now)


def signed(request: Request, account: Account, signed_at: datetime) -> Request:
    """Returns a request signed with the account's access key at a time in UTC."""
    time, day = f"{signed_at:%Y%m%dT%H%M%SZ}", f"{signed_at:%Y%m%d}"
    headers = {"host": urlsplit(request.url).netloc, "x-date": time}
    canonical = canonical_request(request, headers)
    scope = f"{day}/{_REGION}/{_SERVICE}/request"
    key = account.credentials["secret_access_key"].encode()
    for part in scope.split("/"):
        key = hmac_sha256(key, part)
    text = f"{_ALGORITHM}\n{time}\n{scope}\n{canonical.digest}"
    signature = hmac_sha256(key, text).hex()
    authorization = (
        f"{_ALGORITHM} Credential={account.credentials['access_key_id']}/{scope},"
        f" SignedHeaders={canonical.header_names}, Signature={signature}"
    )
    return replace(request, headers={**request.headers, **headers, "Authorization": authorization})
