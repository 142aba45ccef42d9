"""A canary is found in every encoding in which a key can come out, and nothing else is."""

import json
from base64 import b64encode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

import pytest

from tests.support.canaries import CORE, canary_form, key, webhook

KEY = key("status")


def lower_hex(text: str) -> str:
    return text.replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d")


ENCODED = {
    "as it is": KEY,
    "in upper case": KEY.upper(),
    "in lower case": KEY.lower(),
    "in other text": f"Key {KEY}: not valid",
    "cut short": KEY[:9],
    "quote": quote(KEY),
    "quote, slash too": quote(KEY, safe=""),
    "quote_plus": quote_plus(KEY),
    "quote in lower case": lower_hex(quote(KEY)),
    "quote_plus in lower case": lower_hex(quote_plus(KEY)),
    "quoted twice": quote_plus(quote_plus(KEY)),
    "JSON": json.dumps({"key": KEY}),
    "JSON in JSON": json.dumps(json.dumps({"key": f'"{KEY}"'})),
    "JSON with slashes escaped": KEY.replace("/", "\\/"),
    "JSON with all escaped": "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in KEY),
    "XML": escape(KEY),
    "a repr of bytes": repr(KEY.encode()),
    "HTTP Basic": b64encode(f"{KEY}:secret".encode()).decode(),
    "base64 of a quoted key": b64encode(quote_plus(KEY).encode()).decode(),
    **{
        f"{alphabet.__name__}, {before} before": alphabet(b"?" * before + KEY.encode()).decode()
        for alphabet in (b64encode, urlsafe_b64encode)
        for before in range(4)
    },
    "a webhook": webhook(),
    "a webhook in base64": b64encode(webhook().encode()).decode(),
}


@pytest.mark.parametrize("text", ENCODED.values(), ids=ENCODED.keys())
def test_a_canary_is_found_in_every_encoding(text: str) -> None:
    assert canary_form(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (KEY, "as it is"),
        (quote(KEY, safe=""), "percent-encoded"),
        (KEY.replace("/", "\\/"), "JSON-escaped"),
        (KEY[:9], "in part"),
        (b64encode(KEY.encode()).decode(), "in base64"),
    ],
    ids=["as it is", "percent-encoded", "JSON-escaped", "in part", "in base64"],
)
def test_the_form_of_a_canary_is_named(text: str, form: str) -> None:
    assert canary_form(text) == form


def test_every_encoding_but_plain_text_changes_the_canary() -> None:
    plain = ("in other text", "JSON", "JSON in JSON", "a repr of bytes")
    assert [name for name, text in ENCODED.items() if KEY in text] == ["as it is", *plain]


@pytest.mark.parametrize("text", ["", "canary", KEY[:8], KEY[1:], webhook().partition(CORE)[0]])
def test_text_without_a_canary_has_no_form(text: str) -> None:
    assert canary_form(text) is None
