"""Writes a report as CSV: a row for each account and day of UTC, with every digit."""

import csv
import io

from balance_watch.domain.formatting import digits
from balance_watch.domain.report import Report

_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""A spreadsheet takes a cell that begins with one of them for a formula, some in full width too:
https://owasp.org/www-community/attacks/CSV_Injection
"""

COLUMNS = ("account", "provider", "currency", "day", "balance", "spent", "topped_up")


def report_csv(report: Report) -> str:
    """Returns the text; a day on which nothing was read has no numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for account in sorted(report.accounts, key=lambda it: it.name):
        for row in account.days:
            numbers = (digits(it) or "" for it in (row.balance, row.spent, row.topped_up))
            words = map(_as_text, (account.name, account.provider, row.currency))
            writer.writerow((*words, row.day.isoformat(), *numbers))
    return text.getvalue()


def _as_text(cell: str) -> str:
    """Returns a text with an apostrophe before it if a spreadsheet would compute it."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
