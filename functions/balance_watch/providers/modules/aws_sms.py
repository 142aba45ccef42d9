"""Amazon SNS: what is left of the month's limit for SMS, from two services of AWS.

Facts: https://docs.aws.amazon.com/sns/latest/api/API_GetSMSAttributes.html has the limit, and the
metric SMSMonthToDateSpentUSD what was spent
(https://docs.aws.amazon.com/sns/latest/dg/sms_stats_cloudwatch.html). The metric has no value in a
month without an SMS.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import jmespath

from balance_watch.domain.account import Account
from balance_watch.domain.formatting import iso_time
from balance_watch.domain.reading import ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.modules.aws import key_of, signed
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Request

_DAY_SECONDS = 86_400
_SPENT = jmespath.compile(
    "GetMetricStatisticsResponse.GetMetricStatisticsResult.Datapoints.[member][].Maximum"
)


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the limit of SNS, then the latest figure of the metric of this month."""
    del signed_at
    key = key_of(account)
    if isinstance(key, ReadFailure):
        return key
    request = balance_request(spec, account)
    limit = parse_body(spec, (yield signed(request, account, key)))
    if isinstance(limit, ReadFailure):
        return limit
    spent = parse_body(spec, (yield signed(_spent(request, now), account, key)))
    if isinstance(spent, ReadFailure):
        return spent
    both = {
        "limit": limit.value,
        "statistics": spent.value,
        "spent": _SPENT.search(spent.value) or ["0"],
        "resets_at": iso_time(_next_month(now)),
    }
    return parse_reading(spec, account, Body(both, textual=limit.textual), now)


def _spent(request: Request, now: datetime) -> Request:
    """Returns the request for the highest figure of each day of this month."""
    query = {
        "Action": "GetMetricStatistics",
        "EndTime": iso_time(now),
        "MetricName": "SMSMonthToDateSpentUSD",
        "Namespace": "AWS/SNS",
        "Period": str(_DAY_SECONDS),
        "StartTime": iso_time(_month(now)),
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
