"""Draws the page of a report, as a browser shows it; needs Chromium.

python -m docs.pictures.draw_report
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from balance_watch.pages.report_html import report_html
from docs.pictures.report_scene import report

PICTURE = Path(__file__).parent / "report.png"
SIZE = "1100,1150"
SECONDS = 60
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def browser() -> str | None:
    """Returns the program of Chromium, if there is one."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def main() -> int:
    """Writes the picture; returns the exit code."""
    program = browser()
    if program is None:
        sys.stderr.write("Chromium is missing: skipping docs/pictures/report.png\n")
        return 0
    with TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(report_html(report()), encoding="utf-8")
        words = (
            f"--user-data-dir={folder}/browser",
            f"--screenshot={PICTURE}",
            f"--window-size={SIZE}",
            page.as_uri(),
        )
        command = [program, *QUIET, *words]
        done = subprocess.run(command, timeout=SECONDS, check=False, capture_output=True)  # noqa: S603 (our own words)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
