"""AWS: whatever its replies lack, or say otherwise than documented, is a named failure.

Facts: the protocols and errors of the services in botocore's data. An error of a JSON service has
its name in `__type`, with HTTP 400 also for a key that is denied; SNS and CloudWatch have XML.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from urllib.parse import parse_qsl, urlsplit

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.transport import Reply
from balance_watch.validation import Json
from tests.support.provider_reads import (
    NOW,
    account_of,
    conversation,
    reply_of,
    result_of_replies,
    spec_of,
)

COSTS = ("aws-costs", "aws-bedrock")


def money(amount: Json, unit: Json = "USD") -> dict[str, Json]:
    return {"UnblendedCost": {"Amount": amount, "Unit": unit}}


def day(number: int, amount: Json = "1", unit: Json = "USD") -> dict[str, Json]:
    """Returns a day of November as both providers read it: a total, and a group of Bedrock."""
    return {
        "TimePeriod": {"Start": f"2026-11-{number}", "End": f"2026-11-{number + 1}"},
        "Total": money(amount, unit),
        "Groups": [{"Keys": ["Amazon Bedrock"], "Metrics": money(amount, unit)}],
        "Estimated": False,
    }


def page(*days: Json, token: Json = None) -> dict[str, Json]:
    return {"ResultsByTime": list(days), **({} if token is None else {"NextPageToken": token})}


def read(slug: str, *bodies: Json, status: int = 200) -> ReadResult:
    """Returns the result of these replies; all but the last one have HTTP 200."""
    *before, last = bodies
    return result_of_replies(slug, [*map(reply_of, before), reply_of(last, status)])


def failure(result: ReadResult) -> tuple[FailureKind, str]:
    assert isinstance(result, ReadFailure), result
    return result.kind, result.message


@pytest.mark.parametrize("slug", COSTS)
def test_the_costs_of_two_days_are_added_up(slug: str) -> None:
    result = read(slug, page(day(21, "1.5"), day(22, "0.25")))
    assert isinstance(result, Reading)
    assert result.balance == Decimal("998.25")


@pytest.mark.parametrize("slug", COSTS)
def test_credits_of_aws_do_not_hide_what_they_pay_for(slug: str) -> None:
    """An account that lives on credits would cost nothing, and its credit would never fall."""
    (request,), _ = conversation(slug, [])
    assert isinstance(request.json, dict)
    left_out = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}
    assert request.json["Filter"] == {"Not": left_out}


WITHOUT_TOTAL = {name: value for name, value in day(21).items() if name not in ("Total", "Groups")}
WITHOUT_TIME = {name: value for name, value in day(21).items() if name != "TimePeriod"}


@pytest.mark.parametrize("slug", COSTS)
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "",
        page(),
        {"ResultsByTime": None},
        {"ResultsByTime": {}},
        page({}),
        page(WITHOUT_TOTAL),
        page(WITHOUT_TIME),
        page({**day(21), "TimePeriod": {"Start": "yesterday"}}),
        page({**day(21), "Total": {}, "Groups": [{"Keys": ["Amazon Bedrock"]}]}),
        page({**day(21), "Total": None, "Groups": None}),
        page({**day(21), "Total": {}, "Groups": [{"Keys": [], "Metrics": money("1")}]}),
        *(page(day(21, it)) for it in (None, "", "1,5", "$1", "NaN", "Infinity", "1e999", True)),
        *(page(day(21, unit=it)) for it in (None, "", "N/A", "Hrs", 840)),
        page(day(20), day(22)),
        page(day(21), day(22), token=7),
        page(day(21), day(22), token={}),
    ],
)
def test_costs_that_are_not_as_documented_are_malformed(slug: str, body: Json) -> None:
    kind, _ = failure(read(slug, body))
    assert kind is FailureKind.MALFORMED


@pytest.mark.parametrize("slug", COSTS)
@pytest.mark.parametrize("days", [(day(21), day(22, unit="EUR")), (day(21, unit="CNY"), day(22))])
def test_costs_in_several_currencies_are_never_added_up(slug: str, days: tuple[Json, Json]) -> None:
    kind, message = failure(read(slug, page(*days)))
    assert kind is FailureKind.AMBIGUOUS
    assert 'set the account\'s "currency"' in message


def test_costs_of_other_services_are_not_those_of_bedrock() -> None:
    other = {"Keys": ["Amazon Simple Storage Service"], "Metrics": money("500", "EUR")}
    groups = [other, {"Keys": ["Amazon Bedrock"], "Metrics": money("1")}]
    result = read("aws-bedrock", page({**day(21), "Groups": groups}, {**day(22), "Groups": groups}))
    assert isinstance(result, Reading)
    assert (result.balance, result.currency) == (Decimal(998), "USD")


def test_a_day_that_is_not_grouped_is_no_day_without_bedrock() -> None:
    whole = {**day(21, "5"), "Groups": []}
    assert failure(read("aws-bedrock", page(whole)))[0] is FailureKind.MALFORMED
    nothing = {**day(21, "0"), "Groups": []}
    assert isinstance(read("aws-bedrock", page(nothing)), Reading)


@pytest.mark.parametrize("slug", COSTS)
@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([page(day(21), token="a"), page(day(22), token="a")], "leads back"),
        ([page(token="a"), page(token="a")], "leads back"),
        ([page(day(21), token="a"), page(day(21))], "Two pages"),
        ([page(day(20), token="a"), page(day(22))], "a day are missing"),
        ([page(day(21), token="a"), page()], "not what the provider documents"),
    ],
)
def test_pages_that_lead_nowhere_are_no_smaller_sum(
    slug: str, pages: list[Json], message: str
) -> None:
    kind, text = failure(read(slug, *pages))
    assert kind is FailureKind.MALFORMED
    assert message in text


@pytest.mark.parametrize("slug", COSTS)
def test_pages_without_end_end_the_read(slug: str) -> None:
    numbers = count(1)
    flow = flow_for(spec_of(slug), account_of(slug), NOW, NOW)
    result = run_flow(flow, lambda _: reply_of(page(token=f"page {next(numbers)}")))
    assert "more than 60 pages" in failure(result)[1]


JSON_ERRORS = [
    ("AccessDeniedException", 400, FailureKind.NOT_ALLOWED),
    ("com.amazon.coral.service#AccessDeniedException", 400, FailureKind.NOT_ALLOWED),
    ("UnrecognizedClientException", 400, FailureKind.KEY_REJECTED),
    ("InvalidSignatureException", 400, FailureKind.KEY_REJECTED),
    ("ExpiredTokenException", 400, FailureKind.KEY_REJECTED),
    ("ThrottlingException", 400, FailureKind.RATE_LIMITED),
    ("LimitExceededException", 400, FailureKind.RATE_LIMITED),
    ("DataUnavailableException", 400, FailureKind.PROVIDER_ERROR),
    ("ResourceNotFoundException", 400, FailureKind.PROVIDER_ERROR),
    ("ValidationException", 400, FailureKind.PROVIDER_ERROR),
    ("InternalServerException", 500, FailureKind.PROVIDER_ERROR),
    ("ServiceUnavailableException", 503, FailureKind.PROVIDER_ERROR),
]


@pytest.mark.parametrize("slug", [*COSTS, "aws-credits"])
@pytest.mark.parametrize(("name", "status", "kind"), JSON_ERRORS)
def test_an_error_of_a_json_service_has_its_kind(
    slug: str, name: str, status: int, kind: FailureKind
) -> None:
    body = {"__type": name, "Message": "arn:aws:iam::111122223333:user/x may not"}
    found, message = failure(read(slug, body, status=status))
    assert found is kind
    assert "arn:" not in message


@pytest.mark.parametrize("slug", COSTS)
@pytest.mark.parametrize(("name", "status", "kind"), JSON_ERRORS)
def test_an_error_on_the_second_page_is_no_smaller_sum(
    slug: str, name: str, status: int, kind: FailureKind
) -> None:
    result = read(slug, page(day(21), token="a"), {"__type": name}, status=status)
    assert failure(result)[0] is kind


def plan(**changes: Json) -> dict[str, Json]:
    credit = {"amount": Decimal(80), "unit": "USD"}
    return {"accountPlanStatus": "ACTIVE", "accountPlanRemainingCredits": credit, **changes}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        plan(accountPlanRemainingCredits=None),
        *(
            plan(accountPlanRemainingCredits=it)
            for it in (
                {"amount": 80},
                {"unit": "USD"},
                {"amount": None, "unit": "USD"},
                {"amount": "eighty", "unit": "USD"},
                {"amount": [80], "unit": "USD"},
                {"amount": 80, "unit": "EUR"},
                {"amount": 80, "unit": "POINTS"},
                [{"amount": 80, "unit": "USD"}],
            )
        ),
        plan(accountPlanExpirationDate="soon"),
    ],
)
def test_credits_that_are_not_as_documented_are_malformed(body: Json) -> None:
    assert failure(read("aws-credits", body))[0] is FailureKind.MALFORMED


def quota(**changes: Json) -> dict[str, Json]:
    quota = {"Max24HourSend": 200, "SentLast24Hours": 5, "MaxSendRate": 1, **changes}
    return {"SendQuota": quota, "SendingEnabled": True, "EnforcementStatus": "HEALTHY"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"SendQuota": None, "SendingEnabled": True},
        *(quota(Max24HourSend=it) for it in (None, "many", True, -2, -200)),
        *(quota(SentLast24Hours=it) for it in (None, "few", False, -5)),
    ],
)
def test_a_quota_of_ses_that_is_not_as_documented_is_malformed(body: Json) -> None:
    assert failure(read("aws-ses", body))[0] is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"message": "The security token included in the request is expired"}, 403, "key_rejected"),
        ({"message": "Rate exceeded"}, 400, "rate_limited"),
        ({"message": "Too many requests"}, 429, "rate_limited"),
        ({"Message": "User: arn:aws:iam::1:user/x is not authorized"}, 403, "not_allowed"),
        ({"message": None}, 400, "provider_error"),
        ({}, 500, "provider_error"),
    ],
)
def test_an_error_of_ses_has_its_kind(body: Json, status: int, kind: str) -> None:
    assert failure(read("aws-ses", body, status=status))[0] == kind


def limit(*entries: tuple[str, str]) -> str:
    """Returns what SNS replies."""
    written = "".join(
        f"<entry><key>{name}</key><value>{it}</value></entry>" for name, it in entries
    )
    return (
        '<GetSMSAttributesResponse xmlns="https://sns.amazonaws.com/doc/2010-03-31/">'
        f"<GetSMSAttributesResult><attributes>{written}</attributes></GetSMSAttributesResult>"
        "</GetSMSAttributesResponse>"
    )


def statistics(*points: str, label: str = "SMSMonthToDateSpentUSD") -> str:
    """Returns what CloudWatch replies."""
    members = "".join(f"<member>{point}</member>" for point in points)
    return (
        '<GetMetricStatisticsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">'
        f"<GetMetricStatisticsResult><Datapoints>{members}</Datapoints><Label>{label}</Label>"
        "</GetMetricStatisticsResult></GetMetricStatisticsResponse>"
    )


def xml_error(code: str) -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"


def spent(figure: str) -> str:
    return f"<Timestamp>2026-11-20T00:00:00Z</Timestamp><Maximum>{figure}</Maximum>"


LIMIT = limit(("MonthlySpendLimit", "50"))


@pytest.mark.parametrize(
    ("figures", "left"),
    [((), "50"), (("9.5",), "40.5"), (("12.25", "9.5"), "37.75"), (("4.5E-4",), "49.99955")],
)
def test_the_highest_figure_of_the_month_is_what_was_spent(
    figures: tuple[str, ...], left: str
) -> None:
    result = read("aws-sms", LIMIT, statistics(*map(spent, figures)))
    assert isinstance(result, Reading)
    assert result.balance == Decimal(left)


def test_the_limit_is_found_among_other_attributes() -> None:
    attributes = limit(("DefaultSMSType", "Transactional"), ("MonthlySpendLimit", "50"))
    result = read("aws-sms", attributes, statistics())
    assert isinstance(result, Reading)
    assert result.balance == 50


@pytest.mark.parametrize(
    "body",
    [
        limit(),
        limit(("DeliveryStatusSuccessSamplingRate", "100")),
        limit(("MonthlySpendLimit", "1"), ("MonthlySpendLimit", "50")),
        *(limit(("MonthlySpendLimit", it)) for it in ("", "none", "1,000", "NaN", "1e999")),
        "<GetSMSAttributesResponse/>",
        "<other/>",
        {},
    ],
)
def test_a_limit_for_sms_that_is_not_as_documented_is_malformed(body: Json) -> None:
    assert failure(read("aws-sms", body, statistics(spent("1"))))[0] is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "body",
    [
        *(statistics(spent(it)) for it in ("", "none", "-3", "1,5", "NaN", "INF", "1E999")),
        statistics(spent("1"), "<Average>3</Average>"),
        statistics("<Average>3</Average>"),
        statistics("<Maximum>1</Maximum><Maximum>2</Maximum>"),
        statistics(""),
        statistics(spent("1"), label="SMSSuccessRate"),
        statistics().replace("Label>", "Name>"),
        statistics().replace("Datapoints>", "Points>"),
        statistics().replace("<Datapoints>", "<Datapoints>none"),
        statistics().replace("<Datapoints>", "<Datapoints><point/>"),
        "<GetMetricStatisticsResponse/>",
        "<other/>",
        LIMIT,
        {},
        [],
    ],
)
def test_statistics_that_are_not_as_documented_are_no_month_without_sms(body: Json) -> None:
    assert failure(read("aws-sms", LIMIT, body))[0] is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDenied", 403, FailureKind.NOT_ALLOWED),
        ("AuthorizationError", 403, FailureKind.NOT_ALLOWED),
        ("InvalidClientTokenId", 403, FailureKind.KEY_REJECTED),
        ("SignatureDoesNotMatch", 403, FailureKind.KEY_REJECTED),
        ("ExpiredToken", 403, FailureKind.KEY_REJECTED),
        ("Throttling", 400, FailureKind.RATE_LIMITED),
        ("InternalFailure", 500, FailureKind.PROVIDER_ERROR),
        ("InvalidParameterValue", 400, FailureKind.PROVIDER_ERROR),
    ],
)
@pytest.mark.parametrize("before", [(), (LIMIT,)], ids=["of SNS", "of CloudWatch"])
def test_an_error_of_either_service_is_named_and_no_limit_without_sms(
    before: tuple[str, ...], code: str, status: int, kind: FailureKind
) -> None:
    assert failure(read("aws-sms", *before, xml_error(code), status=status))[0] is kind


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 3600])
def test_the_range_that_is_asked_for_is_never_empty(seconds: int) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    now = start + timedelta(seconds=seconds)
    flow = flow_for(spec_of("aws-sms"), account_of("aws-sms"), now, now)
    next(flow)
    request = flow.send(Reply(200, LIMIT.encode(), {"Content-Type": "text/xml"}))
    asked = dict(parse_qsl(urlsplit(request.url).query))
    assert datetime.fromisoformat(asked["StartTime"]) == start
    assert datetime.fromisoformat(asked["EndTime"]) >= max(now, start + timedelta(minutes=1))
