"""Azure: a token of Entra ID, then the credit of a billing profile.

Facts: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
which takes id and secret by HTTP Basic, too. It accepts no `organizations` in place of a tenant.
"""

from datetime import datetime
from urllib.parse import quote

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadFailure
from balance_watch.providers.access_tokens import read_with_token
from balance_watch.providers.flow import Flow
from balance_watch.providers.spec import Spec

_SCOPE = "https://management.azure.com/.default"


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the credit of the billing profile that the account names."""
    del signed_at
    tenant = account.variables.get("tenant_id")
    path = quote(tenant or "organizations", safe="")
    token_url = f"https://login.microsoftonline.com/{path}/oauth2/v2.0/token"
    result = yield from read_with_token(spec, account, now, token_url, scope=_SCOPE)
    if isinstance(result, ReadFailure) and not tenant:
        return replace(result, message="The account's variables do not name the tenant_id.")
    return result
