"""AWS: each request is signed by botocore with Signature Version 4.

Facts: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. The host names the
service, and the region where it is not part of the host is us-east-1. The key is the account's own,
or that of the function's role, which Lambda puts into its environment.
"""

import json
from datetime import datetime
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.session import get_session
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.providers import cost
from balance_watch.providers.flow import Flow, single_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request

_SERVICES = {"email": "ses"}
"""What a service is called in a signature, where its host is called otherwise."""

_REGION = "us-east-1"

Key = Credentials | ReadOnlyCredentials
"""An access key; that of a role has a session token as well."""

_ROLE = "role"
"""The way to authenticate that uses the function's own role."""


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balance or the costs of the account that an access key belongs to."""
    unsigned = single_request if spec.cost is None else cost.flow
    requests = unsigned(spec, account, now, signed_at)
    key = key_of(account)
    if isinstance(key, ReadFailure):
        return key
    try:
        request = next(requests)
        while True:
            request = requests.send((yield signed(request, account, key)))
    except StopIteration as end:
        result: ReadResult = end.value
        return result


def key_of(account: Account) -> Key | ReadFailure:
    """Returns the account's access key, or that of the function's role."""
    if account.auth != _ROLE:
        credentials = account.credentials
        return Credentials(credentials["access_key_id"], credentials["secret_access_key"])
    found = get_session().get_credentials()
    if found is None:
        text = "The function has no role of AWS: name an access key in the account's credentials."
        return ReadFailure(FailureKind.KEY_REJECTED, text)
    return found.get_frozen_credentials()


def signed(request: Request, account: Account, key: Key) -> Request:
    """Returns a request signed with this access key, for now."""
    host = urlsplit(request.url).netloc
    service = host.split(".")[0]
    body = None if request.json is None else json.dumps(request.json)
    named = {name: value for name, value in request.headers.items() if name != "Accept"}
    to_sign = AWSRequest(request.method, request.url, {**named, "host": host}, body)
    region = account.variables.get("region", _REGION)
    SigV4Auth(key, _SERVICES.get(service, service), region).add_auth(to_sign)
    return replace(request, headers={**request.headers, **dict(to_sign.headers.items())})
