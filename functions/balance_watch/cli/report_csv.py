"""Writes a report as CSV: a row for each account and day of UTC, with every digit."""

import csv
import io

from balance_watch.domain.formatting import digits
from balance_watch.domain.report import Report

COLUMNS = ("account", "provider", "currency", "day", "balance", "spent", "topped_up")


def report_csv(report: Report) -> str:
    """Returns the text; a day on which nothing was read has no numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for account in sorted(report.accounts, key=lambda it: it.name):
        for row in account.days:
            numbers = (digits(it) or "" for it in (row.balance, row.spent, row.topped_up))
            name, provider = account.name, account.provider
            writer.writerow((name, provider, row.currency, row.day.isoformat(), *numbers))
    return text.getvalue()
