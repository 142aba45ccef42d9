"""Renders a report as HTML that needs nothing else: nothing is loaded when it is shown.

It is either a file of its own, or a part of a page of the CloudWatch console.
"""

from base64 import b64encode
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from balance_watch.domain.alert_spans import AlertSpan, length_of
from balance_watch.domain.daily_use import sum_of
from balance_watch.domain.formatting import (
    counted,
    format_duration,
    format_time,
    visible,
    with_unit,
)
from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.report import (
    AccountReport,
    Report,
    Spending,
    label_names,
    spending_by,
)
from balance_watch.domain.state import TopUpSeen
from balance_watch.pages.report_plot import HEIGHT, WIDTH, bars_of, plot_of

_ROUGH = Context(prec=3)
_CENTS = Decimal("0.01")
_NOTHING_KNOWN = "—"


class _Table(NamedTuple):
    """A table of what groups spent."""

    title: str
    column: str
    rows: list[Spending]


def report_html(report: Report) -> str:
    """Returns the report as an HTML file, dark where the reader prefers that."""
    style = _style("screen and (prefers-color-scheme: dark)")
    script = _text_of("report.js")
    return _rendered(
        "report.html.j2",
        report,
        style=Markup(style),  # noqa: S704 (files of the package)
        script=Markup(script),  # noqa: S704 (a file of the package)
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
    )


def widget_html(report: Report, *, is_dark: bool) -> str:
    """Returns the report as the HTML of a custom widget of a CloudWatch dashboard.

    The console allows styles and SVG, and neither scripts nor forms ("Details about custom widgets
    in CloudWatch", Amazon CloudWatch user guide):
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
    """
    style = _style("screen" if is_dark else "")
    return _rendered("widget.html.j2", report, style=Markup(style))  # noqa: S704 (files of ours)


def _style(dark: str) -> str:
    """Returns the style: dark on these media, if there are any, and never on paper."""
    light = _text_of("report.css")
    return f"{light}@media {dark} {{\n{_text_of('dark.css')}}}\n" if dark else light


def _rendered(template: str, report: Report, **own: str) -> str:
    environment = Environment(
        loader=FunctionLoader(_text_of),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters.update(
        amount=_amount,
        rate=_rate,
        rise=_rise,
        estimate=_estimate,
        forecast=_forecast,
        since=_since,
        time=format_time,
        day=_day,
        duration=format_duration,
        counted=counted,
    )
    accounts, period = report.accounts, report.period
    totals = spending_by(report, lambda _: "")
    return environment.get_template(template).render(
        period=period,
        accounts=accounts,
        plots={it.name: plot_of(it, period) for it in accounts},
        next_dry=[it for it in accounts if it.runs_dry_at is not None],
        totals=totals,
        days=[(total, _days_of(total, report)) for total in totals],
        tables=[
            _Table("By provider", "Provider", spending_by(report, lambda it: it.provider)),
            *(_by_label(report, name) for name in label_names(report)),
        ],
        alerts=sorted(_alerts(accounts), key=lambda it: it.since, reverse=True),
        silent=[(it, length_of(it.gaps)) for it in accounts if it.gaps],
        unread=[it for it in accounts if it.latest is None and not it.gaps],
        lasted=lambda alert: (alert.until or period.until) - alert.since,
        share=lambda span: f"{span / (period.until - period.since):.1%}",
        seconds=timedelta.total_seconds,
        width=WIDTH,
        height=HEIGHT,
        **own,
    )


def _text_of(name: str) -> str:
    return files("balance_watch.pages").joinpath("templates", name).read_text(encoding="utf-8")


def _harmless(value: object) -> object:
    """Replaces what cannot be seen, such as marks that turn the direction of a text around."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _by_label(report: Report, name: str) -> _Table:
    rows = spending_by(report, lambda it: it.labels.get(name, _NOTHING_KNOWN))
    return _Table(f"By label: {name}", name, rows)


def _alerts(accounts: Iterable[AccountReport]) -> list[AlertSpan]:
    return [alert for account in accounts for alert in account.alerts]


def _days_of(total: Spending, report: Report) -> list[tuple[date, Decimal | None, object]]:
    """Returns each day, what was spent on it if anything was read on it, and its bar."""
    period = report.period
    count = (period.last_day - period.first_day).days + 1
    days = [period.first_day + timedelta(days=number) for number in range(count)]
    amounts = [total.days.get(day) for day in days]
    bars = bars_of([amount or Decimal(0) for amount in amounts])
    return list(zip(days, amounts, bars, strict=True))


def _amount(amount: Decimal | None, unit: str) -> str:
    return _NOTHING_KNOWN if amount is None else with_unit(amount, unit)


def _since(read_since: date | None, first: date) -> str:
    """Writes since when a sum is known, if that is not from the first of its days on."""
    return "" if read_since is None or read_since <= first else f" since {_day(read_since)}"


def _rise(top_up: TopUpSeen) -> Decimal:
    return sum_of((top_up.after, top_up.before.copy_negate()))


def _rate(per_day: Decimal | None, unit: str) -> str:
    return "" if per_day is None else f"{with_unit(_ROUGH.plus(per_day), unit)} a day"


def _estimate(amount: Decimal | None, unit: str) -> str:
    """Writes an estimate: no digit of it beyond a hundredth is worth reading."""
    if amount is None:
        return "not known yet"
    with localcontext(prec=CALCULATION_DIGITS):
        return f"~{with_unit(amount.quantize(_CENTS), unit)}"


def _forecast(spending: Spending) -> str:
    """Writes what is spent by the end of the month, and how many accounts that leaves out."""
    text = _estimate(spending.forecast, spending.currency)
    if spending.forecast is None or not spending.without:
        return text
    return f"{text} without {counted(spending.without, 'account')}"


def _day(day: date | datetime) -> str:
    return f"{day.day} {day:%b}"
