"""Access tokens of OAuth 2.0's client credentials grant (RFC 6749, section 4.4)."""

import re
from datetime import datetime

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request

_TOKEN = re.compile(r"[!-~]{1,8000}")


def read_with_token(
    spec: Spec, account: Account, now: datetime, token_url: str, **form: str
) -> Flow:
    """Asks for a token with the account's id and secret, and reads the balance with it.

    Args:
        spec: the provider, whose id and secret are its HTTP Basic.
        account: the account.
        now: the tick that the reading belongs to.
        token_url: the address of tokens, as `url` of a specification.
        form: what the request for a token says besides the kind of grant.
    """
    token = _token(spec, (yield _token_request(spec, account, token_url, form)))
    if isinstance(token, ReadFailure):
        return token
    request = balance_request(spec, account)
    headers = {**request.headers, "Authorization": f"Bearer {token}"}
    reply = yield replace(request, headers=headers)
    return parse_reply(spec, account, reply, now)


def _token_request(spec: Spec, account: Account, url: str, form: dict[str, str]) -> Request:
    request = balance_request(spec, account, url)
    return replace(request, method="POST", form={"grant_type": "client_credentials", **form})


def _token(spec: Spec, reply: Reply) -> str | ReadFailure:
    body = parse_body(spec, reply)
    if isinstance(body, ReadFailure):
        return body
    token = body.value.get("access_token") if isinstance(body.value, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return ReadFailure(FailureKind.MALFORMED, "The reply has no access token.")
    return token
