"""Draws what Teams, Discord and PagerDuty show, as near as can be, at a desk's width and a phone's.

python -m docs.pictures.draw_channels           writes the pictures; needs Chromium
python -m docs.pictures.draw_channels --check   fails if they are not up to date; needs no Chromium

The pages are made of the messages that the function sends. Each picture holds the digest of its
page, because a browser draws the same page otherwise on another machine.
"""

import hashlib
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, FileSystemLoader

from balance_watch.domain.notification import Reason
from balance_watch.notifiers.discord import embed
from balance_watch.notifiers.pagerduty import event
from balance_watch.notifiers.teams import alert, message
from docs.pictures.draw_report import QUIET, SECONDS, browser
from docs.pictures.slack_scene import notifications

FOLDER = Path(__file__).parent
WIDTHS = {"": 640, "-phone": 390}
SHOWN = (("llm", Reason.FIRED), ("sms", Reason.FIRED), ("images", Reason.RESOLVED))
"""The alerts that are shown: their accounts and reasons."""

_TALL, _SCALE = 4000, 1.35
_SIGNATURE, _KEYWORD = b"\x89PNG\r\n\x1a\n", b"page"
_MEASURE = (
    "<script>document.documentElement.dataset.height ="
    " document.documentElement.getBoundingClientRect().height</script>"
)


def pages() -> dict[tuple[str, int], str]:
    """Returns the page of each picture, with its width, by the name of its file."""
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
        (f"{name}{suffix}.png", width): jinja.get_template(f"{name}.html").render(
            content, width=width
        )
        for name, content in messages.items()
        for suffix, width in WIDTHS.items()
    }


def _without_escapes(markdown: str) -> str:
    """Returns what Discord shows of escaped text."""
    return re.sub(r"\\(.)", r"\1", markdown)


def digest_of(page: str) -> bytes:
    """Returns what a picture holds of the page that it shows."""
    return hashlib.sha256(page.encode()).hexdigest().encode()


def digest_in(picture: bytes) -> bytes:
    """Returns the digest that a picture holds; empty if it holds none."""
    found = re.search(rb"tEXt" + _KEYWORD + rb"\0([0-9a-f]{64})", picture)
    return found[1] if found else b""


def with_digest(picture: bytes, digest: bytes) -> bytes:
    """Returns a PNG with the digest as a text chunk, its pixels packed as well as zlib can."""
    header, pixels, at = b"", b"", len(_SIGNATURE)
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        header = content if kind == b"IHDR" else header
        pixels += content if kind == b"IDAT" else b""
        at += length + 12
    packed = zlib.compress(zlib.decompress(pixels), 9)
    chunks = ((b"IHDR", header), (b"tEXt", _KEYWORD + b"\0" + digest), (b"IDAT", packed))
    return _SIGNATURE + b"".join(_chunk(*it) for it in (*chunks, (b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def draw(program: str, page: str, width: int) -> bytes:
    """Returns the picture of a page at this width, as high as the page is."""
    with TemporaryDirectory() as folder:
        file, picture = Path(folder) / "page.html", Path(folder) / "page.png"
        file.write_text(page.replace("</html>", f"{_MEASURE}</html>"), encoding="utf-8")
        common = [
            program,
            *QUIET,
            f"--user-data-dir={folder}/browser",
            f"--force-device-scale-factor={_SCALE}",
        ]

        def run(*words: str) -> str:
            command = [*common, *words, file.as_uri()]
            done = subprocess.run(  # noqa: S603 (our own words)
                command, timeout=SECONDS, check=True, capture_output=True, text=True
            )
            return done.stdout

        found = re.search(
            r'data-height="([\d.]+)"', run(f"--window-size={width},{_TALL}", "--dump-dom")
        )
        height = _TALL if found is None else round(float(found[1]))
        run(
            f"--window-size={width},{height}",
            f"--screenshot={picture}",
        )
        return picture.read_bytes()


def main(words: list[str]) -> int:
    """Writes the pictures, or checks them; returns the exit code."""
    stale = [
        (FOLDER / name, page, width)
        for (name, width), page in pages().items()
        if _old(FOLDER / name) != digest_of(page)
    ]
    if "--check" in words:
        for file, _, _ in stale:
            sys.stderr.write(f"docs/pictures/{file.name} is not up to date: run make pictures\n")
        return 1 if stale else 0
    program = browser() if stale else None
    for file, page, width in stale:
        if program is None:
            sys.stderr.write(f"Chromium is missing: skipping docs/pictures/{file.name}\n")
        else:
            file.write_bytes(with_digest(draw(program, page, width), digest_of(page)))
    return 0


def _old(file: Path) -> bytes:
    return digest_in(file.read_bytes()) if file.is_file() else b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
