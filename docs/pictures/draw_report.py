"""Draws the page of a report, and the dashboard's widget, as a browser shows them.

python -m docs.pictures.draw_report           writes the pictures; needs Chromium
python -m docs.pictures.draw_report --check   fails if they are not up to date; needs no Chromium
"""

import sys
from pathlib import Path

from balance_watch.pages.report_html import report_html, widget_html
from docs.pictures.page_picture import Page, write_or_check
from docs.pictures.report_scene import report

FOLDER = Path(__file__).parent


def pages() -> dict[str, Page]:
    """Returns the page of each picture by the name of its file."""
    widget = widget_html(report(), is_dark=True)
    return {
        "report.png": Page(report_html(report()), 1100, 1150),
        "dashboard.png": Page(_console(widget), 1000, 900),
    }


def _console(widget: str) -> str:
    """Returns a widget in a page like the dark one of the console."""
    return (
        "<!DOCTYPE html><html><body style='margin:0;padding:12px;background:#0f1b2a'>"
        f"{widget}</body></html>"
    )


if __name__ == "__main__":
    sys.exit(write_or_check(FOLDER, pages(), sys.argv[1:]))
