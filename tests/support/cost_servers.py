"""A provider that tells costs by day, in pages, as OpenAI's API does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadResult
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request

DAY = timedelta(days=1)

Json = object


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def unix(day: date) -> int:
    return int(midnight(day).timestamp())


def reply_of(body: Json, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"content-type": "application/json"})


@dataclass
class CostServer:
    """Answers like OpenAI's `organization/costs`: a bucket a day, so many of them a page.

    `costs` has the amounts of a day, as JSON; `change` edits a page before it is sent.
    """

    costs: Mapping[date, Json] = field(default_factory=dict)
    page_size: int = 180
    currency: str = "usd"
    change: Callable[[dict[str, Json], int], Json] = lambda page, _: page
    queries: list[dict[str, str]] = field(default_factory=list)

    def exchange(self, request: Request) -> Reply:
        self.queries.append(dict(request.query))
        start = datetime.fromtimestamp(int(request.query["start_time"]), UTC).date()
        end = datetime.fromtimestamp(int(request.query["end_time"]), UTC).date()
        number = int(request.query.get("page", "p0")[1:])
        days = [start + n * DAY for n in range((end - start).days)]
        first = number * self.page_size
        page = days[first : first + self.page_size]
        more = first + self.page_size < len(days)
        body = {
            "object": "page",
            "data": [self._bucket(day) for day in page],
            "has_more": more,
            "next_page": f"p{number + 1}" if more else None,
        }
        return reply_of(self.change(body, number))

    def _bucket(self, day: date) -> Json:
        amounts = self.costs.get(day)
        values = amounts if isinstance(amounts, list) else [] if amounts is None else [amounts]
        rows = [
            {"object": "row", "amount": {"value": value, "currency": self.currency}}
            for value in values
        ]
        return {"start_time": unix(day), "end_time": unix(day + DAY), "results": rows}


def read(
    spec: Spec, account: Account, now: datetime, exchange: Callable[[Request], Reply]
) -> ReadResult:
    """Reads an account once, through this exchange."""
    return run_flow(flow_for(spec, account, now, now), exchange)
