"""The providers that need code: what they send, in which order, and how it is signed."""

import hmac
import re
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.providers.flow import flow_for
from balance_watch.providers.modules import aliyun, volcengine
from balance_watch.providers.request import balance_request
from balance_watch.providers.signing import EMPTY_DIGEST, canonical_request
from balance_watch.transport import Request
from balance_watch.validation import Json
from tests.support.canaries import key
from tests.support.provider_reads import (
    NOW,
    account_of,
    conversation,
    reply_of,
    result_of_replies,
    spec_of,
)
from tests.support.samples import samples

BALANCES = {"balances": [{"amount": 5, "units": "USD"}]}


def test_deepgram_s_only_project_is_found() -> None:
    sent, result = conversation("deepgram", [{"projects": [{"project_id": "p-1"}]}, BALANCES])
    assert [request.url for request in sent] == [
        "https://api.deepgram.com/v1/projects",
        "https://api.deepgram.com/v1/projects/p-1/balances",
    ]
    assert isinstance(result, Reading)


def test_deepgram_s_project_that_the_account_names_is_used_at_once() -> None:
    account = account_of("deepgram", variables={"project_id": "mine"})
    sent, result = conversation("deepgram", [BALANCES], account)
    assert [request.url for request in sent] == [
        "https://api.deepgram.com/v1/projects/mine/balances"
    ]
    assert isinstance(result, Reading)


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"projects": []}, {"projects": [{}]}, [], 5),
        *({"projects": [{"project_id": name}]} for name in ("..", "a/b", "a?b", "$x", "")),
    ],
)
def test_a_reply_without_a_valid_project_is_malformed(body: object) -> None:
    sent, result = conversation("deepgram", [body])
    assert len(sent) == 1
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.MALFORMED


def test_deepgram_s_balance_is_read_in_the_account_s_unit() -> None:
    balances = [*BALANCES["balances"], {"amount": 700, "units": "minutes"}]
    account = account_of("deepgram", variables={"project_id": "p"}, currency="minutes")
    _, result = conversation("deepgram", [{"balances": balances}], account)
    assert isinstance(result, Reading)
    assert (f"{result.balance}", result.currency) == ("700", "minutes")


LIMIT = {"hard_limit_usd": 100, "has_payment_method": True}


def test_a_relay_s_limit_is_read_and_then_its_usage() -> None:
    sent, result = conversation("one-api-new-api", [LIMIT, {"total_usage": 2512.5}])
    limit, usage = (request.url for request in sent)
    assert limit == "https://relay.example/v1/dashboard/billing/subscription"
    assert usage == limit.replace("subscription", "usage?start_date=2026-11-01&end_date=2026-11-22")
    assert isinstance(result, Reading)
    assert f"{result.balance}" == "74.875"


def test_a_relay_without_a_payment_method_is_read_for_a_hundred_days() -> None:
    sent, _ = conversation("one-api-new-api", [{"hard_limit_usd": 100}])
    assert sent[1].url.endswith("?start_date=2026-08-14&end_date=2026-11-22")


def test_aliyun_s_signature_matches_its_documented_example() -> None:
    """Uses the fixed example of the documentation of V3 signatures, with its made-up AccessKey."""
    request = Request(
        "POST",
        "https://ecs.cn-shanghai.aliyuncs.com/?RegionId=cn-shanghai"
        "&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
    )
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": EMPTY_DIGEST,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    keys = {"access_key_id": "YourAccessKeyId", "access_key_secret": "YourAccessKeySecret"}
    signed = aliyun.signed(request, headers, Account("a", "aliyun", keys))
    assert signed.headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
        "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature="
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_aliyun_s_headers_name_the_action_and_each_request_has_a_new_nonce() -> None:
    first, second = (conversation("aliyun", [])[0][0] for _ in range(2))
    assert (first.method, first.url) == ("POST", "https://business.aliyuncs.com/")
    assert first.headers["x-acs-action"] == "QueryAccountBalance"
    assert first.headers["x-acs-date"] == "2026-11-22T10:05:00Z"
    assert first.headers["x-acs-signature-nonce"] != second.headers["x-acs-signature-nonce"]


def test_volcengine_s_canonical_request_matches_its_worked_example() -> None:
    """Uses the documentation's example: GET ListUsers of iam, with host and x-date signed."""
    request = Request(
        "GET",
        "https://iam.volcengineapi.com/?Limit=10&Offset=0&Action=ListUsers&Version=2018-01-01",
    )
    headers = {"host": "iam.volcengineapi.com", "x-date": "20240619T071306Z"}
    assert canonical_request(request, headers).digest == (
        "5ed5bca3905e1fcbf789abb56a17c2d819674a3bcfa468ae476bd1ea80d135cb"
    )


def test_volcengine_s_signature_matches_another_implementation_s() -> None:
    request = balance_request(spec_of("volcengine"), account_of("volcengine"))
    keys = {
        "access_key_id": "AKLTTestAccessKeyId",
        "secret_access_key": "dGVzdC1zZWNyZXQtYWNjZXNzLWtleQ==",
    }
    signed_at = datetime(2026, 9, 7, 9, 30, tzinfo=UTC)
    signed = volcengine.signed(request, Account("a", "volcengine", keys), signed_at)
    assert signed.headers["Authorization"] == (
        "HMAC-SHA256 Credential=AKLTTestAccessKeyId/20260907/cn-beijing/billing/request,"
        " SignedHeaders=host;x-date, Signature="
        "f64e2c296478a84fa80be967b4c23abd741dd9241d8cab8c7c2cb952f1518600"
    )


def mac(secret: str, ts: str, nonce: str, path: str) -> str:
    """SMSGlobal's MAC, as its documentation describes it."""
    text = f"{ts}\n{nonce}\nGET\n{path}\napi.smsglobal.com\n443\n\n"
    return b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()


def test_smsglobal_s_signature_matches_its_own_client_s() -> None:
    vector = mac("abcd", "1375000000", "random-nonce", "/v1/sms/")
    assert vector == "xHRg9NU2FyDXb6X/iWGfseHslX7ES3IKPSwFV5QLguQ="  # its ApiKeyTest.php
    header = conversation("smsglobal", [])[0][0].headers["Authorization"]
    match = re.fullmatch(r'MAC id="(.+)", ts="(\d+)", nonce="(\d+)", mac="(.+)"', header)
    assert match is not None
    name, ts, nonce, sent_mac = match.groups()
    assert name == key()
    assert sent_mac == mac(key("secret"), ts, nonce, "/v2/user/credit-balance")
    assert len(nonce) <= 32


@pytest.mark.parametrize("slug", ["aliyun", "volcengine", "smsglobal"])
def test_a_secret_that_signs_is_not_sent(slug: str) -> None:
    (request,), _ = conversation(slug, [])
    secrets = [it for name, it in account_of(slug).credentials.items() if "secret" in name]
    assert secrets
    assert not [it for it in secrets if it in f"{request.url}{dict(request.headers)}"]


# AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html


def test_a_request_to_aws_is_signed_for_its_service_and_region() -> None:
    account = account_of("aws-ses", variables={"region": "eu-west-1"})
    (request,), _ = conversation("aws-ses", [], account)
    assert request.url == "https://email.eu-west-1.amazonaws.com/v2/email/account"
    time = request.headers["X-Amz-Date"]
    scope = f"{time[:8]}/eu-west-1/ses/aws4_request"
    headers = {"host": "email.eu-west-1.amazonaws.com", "x-amz-date": time}
    canonical = canonical_request(request, headers)
    signing_key = f"AWS4{account.credentials['secret_access_key']}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical.digest}"
    signature = hmac.digest(signing_key, text.encode(), "sha256").hex()
    assert request.headers["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={account.credentials['access_key_id']}/{scope}, "
        f"SignedHeaders={canonical.header_names}, Signature={signature}"
    )


def test_the_body_of_a_request_to_aws_is_signed_as_it_is_sent() -> None:
    (request,), _ = conversation("aws-credits", [])
    assert (request.method, request.json) == ("POST", {})
    signed = re.search("SignedHeaders=([^,]*)", request.headers["Authorization"])
    assert signed is not None
    assert signed[1].split(";") == ["content-type", "host", "x-amz-date", "x-amz-target"]
    assert "/us-east-1/freetier/aws4_request" in request.headers["Authorization"]


def test_a_further_page_of_costs_at_aws_is_asked_for_in_the_body_and_signed_anew() -> None:
    first = {"ResultsByTime": [], "NextPageToken": "abc"}
    cost = {"UnblendedCost": {"Amount": "1", "Unit": "USD"}}
    period = {"Start": "2026-11-21", "End": "2026-11-22"}
    last = {"ResultsByTime": [{"TimePeriod": period, "Total": cost, "Groups": []}]}
    requests, result = conversation("aws-costs", [first, last])
    assert isinstance(result, Reading)
    bodies = [request.json for request in requests]
    assert [isinstance(it, dict) and it.get("NextPageToken") for it in bodies] == [None, "abc"]
    assert [isinstance(it, dict) and it["TimePeriod"] for it in bodies] == [
        {"Start": "2026-11-21", "End": "2026-11-23"}
    ] * 2
    assert len({request.headers["Authorization"] for request in requests}) == 2


def test_the_role_of_the_function_signs_with_its_session_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "role-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "role-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "role-token")
    account = account_of("aws-credits", auth="role")
    (request,), _ = conversation("aws-credits", [], account)
    assert "Credential=role-id/" in request.headers["Authorization"]
    assert request.headers["X-Amz-Security-Token"] == "role-token"


def test_without_a_role_an_account_that_needs_one_is_unreadable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for slug in ("aws-credits", "aws-sms"):
        variables = {"region": "eu-west-1"} if slug == "aws-sms" else {}
        account = account_of(slug, auth="role", variables=variables)
        with pytest.raises(StopIteration) as end:
            next(flow_for(spec_of(slug), account, NOW, NOW))
        assert end.value.value.kind is FailureKind.KEY_REJECTED


def test_what_was_spent_for_sms_is_asked_of_the_metrics_of_the_same_region() -> None:
    account = account_of("aws-sms", variables={"region": "eu-west-1"})
    limit = next(it for it in samples() if it.slug == "aws-sms").bodies[0]
    requests, _ = conversation("aws-sms", [limit], account)
    addresses = [urlsplit(request.url) for request in requests]
    assert [it.netloc for it in addresses] == [
        "sns.eu-west-1.amazonaws.com",
        "monitoring.eu-west-1.amazonaws.com",
    ]
    asked = dict(parse_qsl(addresses[1].query))
    assert (asked["StartTime"], asked["EndTime"]) == (
        "2026-11-01T00:00:00Z",
        "2026-11-22T10:05:00Z",
    )
    assert "/eu-west-1/monitoring/aws4_request" in requests[1].headers["Authorization"]


KEY_OF_A_TEAM = {"info": {"spend": 1, "max_budget": None, "team_id": "t 1", "user_id": "u"}}


@pytest.mark.parametrize(
    ("key", "url", "query"),
    [
        ({"team_id": "t 1", "user_id": "u"}, "https://relay.example/team/info", {"team_id": "t 1"}),
        ({"team_id": None, "user_id": "u"}, "https://relay.example/user/info", {"user_id": "u"}),
    ],
)
def test_a_key_of_litellm_without_a_budget_has_its_team_s_or_else_its_user_s(
    key: dict[str, str | None], url: str, query: dict[str, str]
) -> None:
    requests, _ = conversation("litellm", [{"info": {"spend": 1, "max_budget": None, **key}}])
    assert [request.url for request in requests] == ["https://relay.example/key/info", url]
    assert requests[1].query == query
    assert (
        requests[1].headers["Authorization"]
        == f"Bearer {account_of('litellm').credentials['api_key']}"
    )


def test_a_key_of_litellm_with_a_budget_asks_for_no_other() -> None:
    own = {"spend": 1, "max_budget": 5, "team_id": "t", "user_id": "u"}
    requests, result = conversation("litellm", [{"info": own}])
    assert isinstance(result, Reading)
    assert (f"{result.balance}", len(requests)) == ("4", 1)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"error": {"message": "not allowed"}}, 403, FailureKind.NOT_ALLOWED),
        ({}, 200, FailureKind.MALFORMED),
        ([], 200, FailureKind.MALFORMED),
        ({"team_info": None}, 200, FailureKind.MALFORMED),
        ({"team_info": {"spend": 5}}, 200, FailureKind.MALFORMED),
        ({"team_info": {"max_budget": 5}}, 200, FailureKind.MALFORMED),
        ({"user_info": {"spend": 5, "max_budget": 9}}, 200, FailureKind.MALFORMED),
    ],
)
def test_a_team_whose_budget_is_not_told_is_not_one_without_a_limit(
    body: Json, status: int, kind: FailureKind
) -> None:
    replies = [reply_of(KEY_OF_A_TEAM), reply_of(body, status)]
    result = result_of_replies("litellm", replies)
    assert isinstance(result, ReadFailure), result
    assert result.kind is kind
