"""Draws what Teams, Discord and PagerDuty show, as near as can be, at a desk's width and a phone's.

python -m docs.pictures.draw_channels           writes the pictures; needs Chromium
python -m docs.pictures.draw_channels --check   fails if they are not up to date; needs no Chromium

The pages are made of the messages that the function sends.
"""

import re
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from balance_watch.domain.notification import Reason
from balance_watch.notifiers.discord import embed
from balance_watch.notifiers.pagerduty import event
from balance_watch.notifiers.teams import alert, message
from docs.pictures.page_picture import Page, write_or_check
from docs.pictures.slack_scene import notifications

FOLDER = Path(__file__).parent
WIDTHS = {"": 640, "-phone": 390}
SHOWN = (("llm", Reason.FIRED), ("sms", Reason.FIRED), ("images", Reason.RESOLVED))
"""The alerts that are shown: their accounts and reasons."""


def pages() -> dict[str, Page]:
    """Returns the page of each picture by the name of its file."""
    # What a message leaves out is undefined in its page, and shown as nothing.
    jinja = Environment(loader=FileSystemLoader(FOLDER / "apps"), autoescape=True)
    jinja.filters["shown"] = _without_escapes
    said = [it for it in notifications() if (it.account, it.reason) in SHOWN]
    messages: dict[str, dict[str, Any]] = {
        "teams": {"message": message([alert(it) for it in said])},
        "discord": {"message": {"embeds": [embed(it) for it in said]}},
        "pagerduty": {"events": [event(it) for it in said if it.reason is Reason.FIRED]},
    }
    return {
        f"{name}{suffix}.png": Page(
            jinja.get_template(f"{name}.html").render(content, width=width), width
        )
        for name, content in messages.items()
        for suffix, width in WIDTHS.items()
    }


def _without_escapes(markdown: str) -> str:
    """Returns what Discord shows of escaped text."""
    return re.sub(r"\\(.)", r"\1", markdown)


if __name__ == "__main__":
    sys.exit(write_or_check(FOLDER, pages(), sys.argv[1:]))
