"""ShowReport: a custom widget of a CloudWatch dashboard that shows the report.

IAM is its door: whoever looks at the dashboard invokes it with rights of their own.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from balance_watch.config.settings import PolicySettings
from balance_watch.domain.report import Period, period
from balance_watch.errors import EventError
from balance_watch.handlers.runtime import logger, seconds_left, warm_start
from balance_watch.usecases.reporting import gather
from balance_watch.wiring import PolicyWiring

_DAYS, _MOST_DAYS = 30, 400
_MOST_BYTES = 6_000_000
"""Lambda's largest answer is 6 MB (AWS Lambda quotas)."""

_READING_SHARE = 0.75
"""The share of the time that is left in which accounts are read; the page is drawn in the rest."""

_AS_A_FILE = "<code>balance-watch report</code> writes the same page as a file."
_TOO_SLOW = f"<p>There was no time for all accounts: choose a shorter time range. {_AS_A_FILE}</p>"
_LOOK = (
    "The log of ShowReport says why: if it is <code>AccessDenied</code>, the function's role lacks"
    " a right on the table or the policy's parameter."
)

_DESCRIPTION = """\
## balance-watch

Shows what runs dry next, and every account over the dashboard's time range: balances, forecasts,
spending by day, provider and label, alerts, and when nothing was read. It takes no parameters.
"""


def handler(event: object, context: LambdaContext) -> str | dict[str, str]:
    """Returns the report as HTML, in the dashboard's time range and theme.

    Args:
        event: what the console sends: `widgetContext`, or `describe` for the widget's description
            ("Details about custom widgets in CloudWatch", Amazon CloudWatch user guide).
        context: Lambda's.

    Raises:
        EventError: the event is no object, or its time range is invalid.
    """
    if not isinstance(event, Mapping):
        raise EventError("The event must be an object, such as {} for the last 30 days.")
    if "describe" in event:
        return {"markdown": _DESCRIPTION}
    shown = event.get("widgetContext")
    shown = shown if isinstance(shown, Mapping) else {}
    span = time_range(shown, datetime.now(UTC).replace(microsecond=0))
    wired = warm_start(PolicySettings, PolicyWiring)
    deadline = time.monotonic() + seconds_left(context) * _READING_SHARE
    try:
        return _page(wired, span, deadline, is_dark=shown.get("theme") == "dark")
    except TimeoutError:
        logger.error("no report: there is no time left")
        return _TOO_SLOW
    except Exception as error:  # noqa: BLE001 (the console would show Lambda's own words)
        logger.exception("no report")
        return f"<p>The report cannot be shown ({type(error).__name__}). {_LOOK}</p>"


def _page(wired: PolicyWiring, span: Period, deadline: float, *, is_dark: bool) -> str:
    """Returns the report as HTML, or a sentence in its place."""
    found = wired.store.inventories.latest()
    if found is None:
        return "<p>No run has listed the accounts yet: wait for the schedule.</p>"
    policy = wired.policy_file()
    report = gather(wired.store, found.accounts, policy, span, deadline=deadline)
    # Its template engine takes a tenth of a second to import, which no other handler needs.
    from balance_watch.pages.report_html import widget_html

    page = widget_html(report, is_dark=is_dark)
    size = len(page.encode())
    logger.info("report", extra={"accounts": len(report.accounts), "bytes": size})
    if size > _MOST_BYTES:
        return f"<p>{len(report.accounts)} accounts are too many for a widget. {_AS_A_FILE}</p>"
    return page


def time_range(shown: Mapping[str, Any], now: datetime) -> Period:
    """Returns the time that a dashboard shows, in whole days; without one, the last 30 days.

    Args:
        shown: the `widgetContext`; its times are milliseconds since the epoch.
        now: the current time. A report has no future.

    Raises:
        EventError: the time range is invalid.
    """
    times = shown.get("timeRange")
    if times is None:
        return period(now, _DAYS)
    try:
        times = times.get("zoom") or times
        since, until = (
            # No table is older, and a negative time may be in no year at all.
            datetime.fromtimestamp(max(0, int(times[end])) / 1000, UTC)
            for end in ("start", "end")
        )
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError):
        raise EventError(
            "timeRange must have start and end, in milliseconds since the epoch."
        ) from None
    until = min(until, now).replace(microsecond=0)
    days = ceil((until - since) / timedelta(days=1))
    return period(until, min(max(days, 1), _MOST_DAYS))
