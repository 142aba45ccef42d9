"""Africa's Talking: the balance is one text, `KES 1785.50`, which is taken apart here.

Facts: github.com/AfricasTalkingLtd/africastalking-python, Application.py, and public clients.
"""

import re
from datetime import datetime

from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.validation import Json

_MONEY = re.compile(r"(?P<currency>[A-Z]{3}) (?P<amount>-?\d{1,20}(\.\d{1,10})?)", re.ASCII)


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balance of the user that the account names."""
    del signed_at
    body = parse_body(spec, (yield balance_request(spec, account)))
    if isinstance(body, ReadFailure):
        return body
    return parse_reading(spec, account, Body(_taken_apart(body.value)), now)


def _taken_apart(body: Json) -> Json:
    user = body.get("UserData") if isinstance(body, dict) else None
    text = user.get("balance") if isinstance(user, dict) else None
    money = _MONEY.fullmatch(text) if isinstance(text, str) else None
    return money.groupdict() if money else None
