"""A provider's status text is shown, without the account's keys, in whatever form they are."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.registry import catalogue_provider
from balance_watch.transport import Reply
from tests.support.canaries import CORE, key

KEY = key("==")


def status_of(text: str, **credentials: str) -> str:
    spec = catalogue_provider("aimlapi-v1-legacy")
    assert spec is not None
    account = Account("a", "aimlapi-v1-legacy", {"api_key": KEY, **credentials})
    body = json.dumps({"balance": 1, "statusExplanation": text})
    got = parse_reply(spec, account, Reply(200, body.encode()), datetime(2026, 11, 22, tzinfo=UTC))
    assert isinstance(got, Reading)
    return got.status or ""


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        KEY.upper(),
        quote(KEY, safe=""),
        b64encode(KEY.encode()).decode(),
        "\u200b".join(KEY),
        KEY.encode().hex(),
        KEY.encode().hex().upper(),
        KEY.encode().hex(":"),
        " ".join(f"0x{byte:02x}," for byte in KEY.encode()),
        "".join(f"\\x{byte:02x}" for byte in KEY.encode()),
        f"0x{KEY[:8].encode().hex()}",
    ],
    ids=[
        "as it is",
        "upper case",
        "in a URL",
        "base64",
        "with characters without width",
        "hex",
        "hex in upper case",
        "hex with colons",
        "hex as in C",
        "hex escapes",
        "a part in hex",
    ],
)
def test_a_key_in_a_status_is_masked_in_whatever_form(form: str) -> None:
    status = status_of(f"key {form} is fine")
    assert CORE.upper() not in status.upper()
    assert KEY[:8].encode().hex() not in status.lower().replace(":", "")
    assert "***" in status


def test_hex_that_is_no_key_is_shown() -> None:
    shown = "request 6ba7b810-9dad-11d1-80b4-00c04fd430c8 of 0xdeadbeefcafe"
    assert status_of(shown) == shown


def test_a_longer_key_is_masked_before_a_shorter_one_inside_it() -> None:
    assert status_of("old-rest", old="old", new="old-rest") == "***"


def test_an_empty_credential_masks_nothing() -> None:
    assert status_of("Balance is current", spare="") == "Balance is current"
