"""AWS: one request, signed by botocore with Signature Version 4.

Facts: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. The host names the
service, and the region where it is not part of the host is us-east-1.
"""

import json
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from balance_watch.domain.account import Account
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request

_SERVICES = {"email": "ses"}
"""What a service is called in a signature, where its host is called otherwise."""

_REGION = "us-east-1"


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balance of the account that an access key belongs to."""
    del signed_at  # botocore reads the clock itself
    reply = yield signed(balance_request(spec, account), account)
    return parse_reply(spec, account, reply, now)


def signed(request: Request, account: Account) -> Request:
    """Returns a request signed with the account's access key, for now."""
    host = urlsplit(request.url).netloc
    service = host.split(".")[0]
    credentials = account.credentials
    key = Credentials(credentials["access_key_id"], credentials["secret_access_key"])
    body = None if request.json is None else json.dumps(request.json)
    named = {name: value for name, value in request.headers.items() if name != "Accept"}
    to_sign = AWSRequest(request.method, request.url, {**named, "host": host}, body)
    region = account.variables.get("region", _REGION)
    SigV4Auth(key, _SERVICES.get(service, service), region).add_auth(to_sign)
    return replace(request, headers={**request.headers, **dict(to_sign.headers.items())})
