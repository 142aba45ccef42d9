"""A provider on loopback that repeats the key it is sent, and two specifications of it."""

import json

from local.loopback import LoopbackServer, Reply, Request
from tests.support.canaries import key

KEY = key()
EMAIL = "jo.doe@mail.example"
TOKEN = "a-token-for-an-hour"
SPEC = """
name = "Wallet"
url = "https://wallet.example/v2/left"
auth = { headers = { Authorization = "Bearer $api_key" } }
numbers = "grouped text"

[reply]
balance = "wallet.left"
currency = "wallet.unit"
credits = "wallet.credits"
"""
OWN = """
[[providers]]
slug = "funds"
name = "Funds"
url = "https://funds.example/gql"
method = "POST"
json.query = "query { me { funds } }"
auth = { body = { token = "$api_key" } }
currency = "EUR"
reply.balance = "data.me.funds"
"""


class WalletServer(LoopbackServer):
    """Replies by path, and repeats the header or body that the key was in."""

    def answer(self, request: Request) -> Reply:
        body = {
            "/v2/left": {
                "wallet": {"left": "1,234.50", "unit": "usd"},
                "your key": request.headers.get("authorization"),
                "as a number": 10.50,
                "owner": f"Jo <{EMAIL}>",
            },
            "/v1/projects": {"projects": [{"project_id": "p-1"}]},
            "/v1/projects/p-1/balances": {"balances": [{"amount": 12.5, "units": "usd"}]},
            "/v1/oauth2/token": {"access_token": TOKEN},
            "/v1/reporting/balances": {
                "balances": [{"currency": "USD", "available_balance": {"value": "8.00"}}],
            },
            "/pieces": {"left": 1, "said": [KEY[at : at + 5] for at in range(0, len(KEY), 5)]},
            "/gql": {"data": {"me": {"funds": 3.2}}, "sent": request.body.decode()},
            "/api/v1/key": {"data": {"limit": None, "limit_remaining": None}},
        }.get(request.path)
        if body is None:
            return Reply(404, b"<html>no", "text/html")
        return Reply(200, json.dumps(body).encode(), f"application/json; key={KEY}")
