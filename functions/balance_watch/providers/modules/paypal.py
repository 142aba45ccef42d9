"""PayPal: a token, then the balances.

Facts: reporting_transactions_v1.json of github.com/paypal/paypal-rest-api-specifications, with the
address of tokens. The sandbox has its own.
"""

from datetime import datetime
from urllib.parse import urlsplit

from balance_watch.domain.account import Account
from balance_watch.providers.access_tokens import read_with_token
from balance_watch.providers.flow import Flow
from balance_watch.providers.spec import Spec


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balances of the business that an app belongs to."""
    del signed_at
    token_url = f"https://{urlsplit(spec.url).netloc}/v1/oauth2/token"
    return read_with_token(spec, account, now, token_url)
