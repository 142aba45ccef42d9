"""A wall in front of an API speaks JSON too: it says nothing of the key."""

import json
from typing import Any

import pytest

from balance_watch.domain.reading import FailureKind
from tests.support.provider_reads import failed

PROBLEM = {
    "type": "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/error-1010",
    "title": "Error 1010: Access denied",
    "status": 403,
    "error_code": 1010,
    "cloudflare_error": True,
}

WALLS: list[tuple[object, dict[str, str]]] = [
    (PROBLEM, {}),
    ({"cloudflare_error": True, "error_code": 1020}, {}),
    ({"message": "no"}, {"cf-mitigated": "challenge"}),
    ({"errorCode": 15}, {"X-Iinfo": "14-154-0 0NNN RT(1432828937263 0) q(0 -1 -1 -1) r(0 -1) B10"}),
    ({"errorCode": 15}, {"X-Iinfo": "14-15427515-0"}),
    ({"message": "no"}, {"x-amzn-waf-action": "captcha"}),
    ({"url": "https://geo.captcha-delivery.com/captcha/?x=1"}, {}),
    ({"message": "no"}, {"X-DataDome": "protected"}),
    ({"appId": "PX1", "jsClientSrc": "/x.js", "blockScript": "/y.js"}, {}),
    ({"message": "no"}, {"x-sucuri-block": "1"}),
    ({"message": "no"}, {"x-vercel-mitigated": "deny"}),
    ({"message": "no"}, {"Server": "AkamaiGHost"}),
]  # fmt: skip


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("body", "headers"), WALLS)
def test_a_wall_s_json_is_blocked(body: object, headers: dict[str, str], status: int) -> None:
    got = failed("you", json.dumps(body), status, content_type="application/json", **headers)
    assert got.kind is FailureKind.BLOCKED
    assert "not from the API" in got.message


OWN: list[dict[str, Any]] = [
    {"cf-ray": "8f1-FRA", "Server": "cloudflare"},
    {"X-Iinfo": "5-17009424-17011001 PNNN RT(1388193526625 4677) q(0 0 0 -1) r(1 1) U10000"},
    {"X-DataDome": "unprotected"},
    {"Server": "awselb/2.0"},
]


@pytest.mark.parametrize("headers", OWN)
def test_an_api_s_own_reply_through_such_a_service_is_about_the_key(
    headers: dict[str, str],
) -> None:
    body = '{"detail":"no scope"}'
    got = failed("you", body, 403, content_type="application/json", **headers)
    assert got.kind is FailureKind.NOT_ALLOWED
