"""Draws a page as a picture, as a browser shows it, and tells whether a picture is up to date.

Each picture holds the digest of its page, because a browser draws the same page otherwise on
another machine. To draw needs Chromium; to check does not.
"""

import hashlib
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

_SECONDS = 60
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
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


_TALL, _SCALE = 4000, 1.35
_SIGNATURE, _KEYWORD = b"\x89PNG\r\n\x1a\n", b"page"
_MEASURE = (
    "<script>document.documentElement.dataset.height ="
    " document.documentElement.getBoundingClientRect().height</script>"
)


def _browser() -> str | None:
    """Returns the program of Chromium, if there is one."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


class Page(NamedTuple):
    """A page, and the size of its picture in pixels of CSS; without a height, all of the page."""

    html: str
    width: int
    height: int | None = None


def digest_of(page: Page) -> bytes:
    """Returns what a picture holds of the page that it shows."""
    return hashlib.sha256(f"{page.html}{page.height or ''}".encode()).hexdigest().encode()


def digest_in(picture: bytes) -> bytes:
    """Returns the digest that a picture holds; empty if it holds none."""
    found = re.search(rb"tEXt" + _KEYWORD + rb"\0([0-9a-f]{64})", picture)
    return found[1] if found else b""


def _with_digest(picture: bytes, digest: bytes) -> bytes:
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


def _draw(program: str, page: Page) -> bytes:
    """Returns the picture of a page."""
    with TemporaryDirectory() as folder:
        file, picture = Path(folder) / "page.html", Path(folder) / "page.png"
        file.write_text(page.html.replace("</html>", f"{_MEASURE}</html>"), encoding="utf-8")
        common = [
            program,
            *_QUIET,
            f"--user-data-dir={folder}/browser",
            f"--force-device-scale-factor={_SCALE}",
        ]

        def run(*words: str) -> str:
            command = [*common, *words, file.as_uri()]
            done = subprocess.run(  # noqa: S603 (our own words)
                command, timeout=_SECONDS, check=True, capture_output=True, text=True
            )
            return done.stdout

        height = page.height
        if height is None:
            shown = run(f"--window-size={page.width},{_TALL}", "--dump-dom")
            found = re.search(r'data-height="([\d.]+)"', shown)
            height = _TALL if found is None else round(float(found[1]))
        run(f"--window-size={page.width},{height}", f"--screenshot={picture}")
        return picture.read_bytes()


def write_or_check(folder: Path, pages: Mapping[str, Page], words: list[str]) -> int:
    """Writes the pictures of a folder that are not up to date, or with `--check` names them.

    Returns the exit code.
    """
    stale = {
        folder / name: page
        for name, page in pages.items()
        if _old(folder / name) != digest_of(page)
    }
    if "--check" in words:
        for file in stale:
            sys.stderr.write(f"docs/pictures/{file.name} is not up to date: run make pictures\n")
        return 1 if stale else 0
    program = _browser() if stale else None
    for file, page in stale.items():
        if program is None:
            sys.stderr.write(f"Chromium is missing: skipping docs/pictures/{file.name}\n")
        else:
            file.write_bytes(_with_digest(_draw(program, page), digest_of(page)))
    return 0


def _old(file: Path) -> bytes:
    return digest_in(file.read_bytes()) if file.is_file() else b""
