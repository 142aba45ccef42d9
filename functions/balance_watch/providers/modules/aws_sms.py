"""Amazon SNS: what is left of the month's limit for SMS, from two services of AWS.

Facts: https://docs.aws.amazon.com/sns/latest/api/API_GetSMSAttributes.html has the limit, and the
metric SMSMonthToDateSpentUSD what was spent
(https://docs.aws.amazon.com/sns/latest/dg/sms_stats_cloudwatch.html). The metric has no value in a
month without an SMS. A reply that is not of this metric, or that lacks the figure of a day, is no
such month: it is malformed.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode, urlsplit

import jmespath
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.formatting import iso_time
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.modules.aws import key_of, signed
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request
from balance_watch.validation import Json

_DAY_SECONDS = 86_400
_SHORTEST = timedelta(minutes=1)
"""What is asked for in the moment in which a month begins: the end has to be after the start."""

_METRIC = "SMSMonthToDateSpentUSD"
_RESULT = jmespath.compile("GetMetricStatisticsResponse.GetMetricStatisticsResult")
_POINTS = jmespath.compile("Datapoints.[member][]")
_FIGURE = re.compile(r"\d{1,15}(\.\d{1,15})?(E-?\d)?", re.ASCII)
"""A figure of the metric; AWS writes very small ones such as 4.5E-4."""


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the limit of SNS, then the highest figure of the metric in this month."""
    del signed_at
    key = key_of(account)
    if isinstance(key, ReadFailure):
        return key
    request = balance_request(spec, account)
    limit = parse_body(spec, (yield signed(request, account, key)))
    if isinstance(limit, ReadFailure):
        return limit
    statistics = parse_body(spec, (yield signed(_statistics(request, now), account, key)))
    if isinstance(statistics, ReadFailure):
        return statistics
    spent = _highest(statistics.value)
    if spent is None:
        text = f"The reply is no statistics of {_METRIC}."
        return ReadFailure(FailureKind.MALFORMED, text)
    both = {
        "limit": limit.value,
        "spent": f"{spent:f}",
        "resets_at": iso_time(_next_month(now)),
    }
    return parse_reading(spec, account, Body(both, textual=limit.textual), now)


def _highest(body: Json) -> Decimal | None:
    """Returns the highest figure, 0 without any; None if the reply is not of the metric.

    The metric only rises within a month.
    """
    result = _RESULT.search(body)
    if not isinstance(result, dict) or result.get("Label") != _METRIC:
        return None
    if "Datapoints" not in result:
        return None
    figures = [Decimal(0)]
    for point in _POINTS.search(result) or ([] if result["Datapoints"] is None else [None]):
        figure = point.get("Maximum") if isinstance(point, dict) else None
        if not isinstance(figure, str) or not _FIGURE.fullmatch(figure):
            return None
        figures.append(Decimal(figure))
    return max(figures)


def _statistics(request: Request, now: datetime) -> Request:
    """Returns the request for the highest figure of each day of this month."""
    start = _month(now)
    query = {
        "Action": "GetMetricStatistics",
        "EndTime": iso_time(max(now, start + _SHORTEST)),
        "MetricName": _METRIC,
        "Namespace": "AWS/SNS",
        "Period": str(_DAY_SECONDS),
        "StartTime": iso_time(start),
        "Statistics.member.1": "Maximum",
        "Version": "2010-08-01",
    }
    address = urlsplit(request.url)
    host = address.netloc
    if host.startswith("sns."):
        host = "monitoring." + host.removeprefix("sns.")
    return replace(request, url=address._replace(netloc=host, query=urlencode(query)).geturl())


def _month(now: datetime) -> datetime:
    return datetime(now.year, now.month, 1, tzinfo=UTC)


def _next_month(now: datetime) -> datetime:
    return _month(_month(now) + timedelta(days=32))
