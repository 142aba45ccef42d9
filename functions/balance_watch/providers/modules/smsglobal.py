"""SMSGlobal: one request with a MAC (draft-ietf-oauth-v2-http-mac), which oauthlib computes.

Facts: https://www.smsglobal.com/rest-api/, and the official PHP client (ApiKeyTest), whose test
vector oauthlib reproduces. oauthlib chooses the time and the nonce itself.
"""

from datetime import datetime

from msgspec.structs import replace
from oauthlib.oauth2.rfc6749.tokens import prepare_mac_header

from balance_watch.domain.account import Account
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the credit of the account that a key belongs to."""
    del signed_at
    request = balance_request(spec, account)
    headers = prepare_mac_header(
        account.credentials["api_key"],
        request.url,
        key=account.credentials["api_secret"],
        http_method="GET",
        headers=dict(request.headers),
        hash_algorithm="hmac-sha-256",
        draft=1,
    )
    reply = yield replace(request, headers=headers)
    return parse_reply(spec, account, reply, now)
