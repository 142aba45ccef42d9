"""Draws messages to Slack as SVG, at a desktop's width and at a phone's: alerts, and a digest.

python -m docs.pictures.draw_slack           writes the pictures
python -m docs.pictures.draw_slack --check   fails if they are not up to date
"""

import html
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from docs.pictures.digest_scene import digest_message
from docs.pictures.slack_scene import (
    message,
    message_acknowledged,
    message_silenced,
    message_topped_up,
    message_with_buttons,
    message_with_presses,
)
from docs.pictures.text_pictures import write_or_check

FOLDER = Path(__file__).parent
PICTURES: Mapping[str, tuple[Callable[[], dict[str, Any]], str, int]] = {
    "slack.svg": (message, "6:00 PM", 700),
    "slack-phone.svg": (message, "6:00 PM", 380),
    "slack-buttons.svg": (message_with_buttons, "6:00 PM", 700),
    "slack-buttons-phone.svg": (message_with_buttons, "6:00 PM", 380),
    "slack-acknowledged.svg": (message_acknowledged, "6:00 PM", 700),
    "slack-acknowledged-phone.svg": (message_acknowledged, "6:00 PM", 380),
    "slack-silenced.svg": (message_silenced, "6:00 PM", 700),
    "slack-silenced-phone.svg": (message_silenced, "6:00 PM", 380),
    "slack-topped-up.svg": (message_topped_up, "6:00 PM", 700),
    "slack-topped-up-phone.svg": (message_topped_up, "6:00 PM", 380),
    "slack-pressed.svg": (message_with_presses, "6:00 PM", 700),
    "slack-pressed-phone.svg": (message_with_presses, "6:00 PM", 380),
    "digest.svg": (digest_message, "9:00 AM", 700),
    "digest-phone.svg": (digest_message, "9:00 AM", 380),
}
"""The pictures by their names: what they show, sent at which time, and how wide they are."""

_FONT = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
_INK, _QUIET, _LINK, _LINE, _PAPER = "#1d1c1d", "#616061", "#1264a3", "#dddddd", "#ffffff"
_LEFT, _RIGHT, _TOP = 68, 18, 20
_BUTTON = 13.0
_CELL, _SMALL_CELL = 12.5, 11.0
_ONE_COLUMN = 480
"""Below this width, Slack shows the fields of a section one below the other."""

_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" font-family="{font}" role="img" \
aria-label="A message of balance-watch in Slack">"""
_FRAME = """<rect x="0.5" y="0.5" width="{width}" height="{height}" rx="8" \
fill="{paper}" stroke="{line}"/>"""
_ICON = """<rect x="18" y="{top}" width="36" height="36" rx="6" fill="#0b6e4f"/>
<path d="M26 {middle} l5 -9 l5 5 l6 -11 l4 6" fill="none" stroke="#fff" stroke-width="2.5" \
stroke-linejoin="round"/>"""

_TOKEN = re.compile(r"\*([^*]+)\*|<([^|>]+)\|([^>]+)>|`([^`]+)`")
_LAST_NARROW = "\u2fff"
"""Letters of East Asia and emoji come after this character."""

_NARROW, _WIDE = set("iljtfrI.,:;|!'()[] "), set("mwMW@%")


class Piece(NamedTuple):
    """A text in one style."""

    text: str
    bold: bool = False
    link: bool = False


class Line(NamedTuple):
    """A line of pieces at a place."""

    x: float
    y: float
    size: float
    colour: str
    pieces: tuple[Piece, ...]


class Rule(NamedTuple):
    """A thin line of a table, from left to right."""

    y: float
    right: float


class Box(NamedTuple):
    """The frame of a button."""

    x: float
    y: float
    width: float
    height: float


def draw(shown: Mapping[str, Any], sent_at: str, width: int) -> str:
    """Returns the picture of a message at this width."""
    lines, rules, boxes, y = list[Line](), list[Rule](), list[Box](), float(_TOP + 14)
    bot = Piece("balance-watch", bold=True), Piece(f"  APP  {sent_at}")
    lines.append(Line(_LEFT, y, 15, _INK, bot))
    y += 8
    for block in shown["blocks"]:
        match block["type"]:
            case "header":
                title = Piece(block["text"]["text"], bold=True)
                room = width - _LEFT - _RIGHT
                fits = _width(title.text, 18, bold=True) <= room
                for pieces in [(title,)] if fits else _folded([title], room, 18):
                    y += 24
                    lines.append(Line(_LEFT, y, 18, _INK, pieces))
                y += 4
            case "section":
                y += 4
                if "text" in block:
                    y = _text(lines, block["text"]["text"], _LEFT, y, width - _RIGHT, 15, _INK)
                y = _fields(lines, [it["text"] for it in block.get("fields", ())], y, width)
            case "context":
                for element in block["elements"]:
                    y = _text(lines, element["text"], _LEFT, y, width - _RIGHT, 12.5, _QUIET)
                y += 8
            case "actions":
                y = _buttons(lines, boxes, block["elements"], y, width - _RIGHT)
            case "table":
                y = _table(lines, rules, block, y + 12, width - _RIGHT)
    return _svg(lines, rules, boxes, width, round(y + 14))


def _buttons(
    lines: list[Line],
    boxes: list[Box],
    buttons: list[Mapping[str, Any]],
    y: float,
    right: float,
) -> float:
    """Adds buttons in rows; returns where they end."""
    x, height = float(_LEFT), 28.0
    for button in buttons:
        piece = Piece(button["text"]["text"], bold=True)
        wide = _width(piece.text, _BUTTON, bold=True) + 24
        if x + wide > right:
            x, y = float(_LEFT), y + height + 8
        boxes.append(Box(x, y, wide, height))
        lines.append(Line(x + 12, y + 18.5, _BUTTON, _INK, (piece,)))
        x += wide + 8
    return y + height + 6


def _table(
    lines: list[Line], rules: list[Rule], table: Mapping[str, Any], y: float, right: float
) -> float:
    """Adds a table; returns where it ends. Its letters are small where there is little room."""
    rows = [[cell["text"] for cell in row] for row in table["rows"]]
    size = _CELL if right > _ONE_COLUMN else _SMALL_CELL
    aligned = [it.get("align") for it in table["column_settings"]]
    columns = zip(*rows, strict=True)
    widths = (max(_width(text, size, bold=True) for text in column) + 12 for column in columns)
    ends = list(accumulate(widths, initial=float(_LEFT)))
    rules.append(Rule(y, ends[-1]))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            piece, x = Piece(text, bold=not number), ends[column] + 6
            if aligned[column : column + 1] == ["right"]:
                x = ends[column + 1] - 6 - _width(text, size, bold=piece.bold)
            lines.append(Line(x, y + size * 1.35, size, _INK, (piece,)))
        y += size * 2
        rules.append(Rule(y, ends[-1]))
    return y


def _fields(lines: list[Line], fields: list[str], y: float, width: int) -> float:
    columns = 1 if width < _ONE_COLUMN else 2
    room = (width - _LEFT - _RIGHT) / columns
    for start in range(0, len(fields), columns):
        ends = [
            _text(lines, field, _LEFT + column * room, y + 2, _LEFT + (column + 1) * room, 15, _INK)
            for column, field in enumerate(fields[start : start + columns])
        ]
        y = max(ends)
    return y


def _text(
    lines: list[Line], text: str, x: float, y: float, right: float, size: float, colour: str
) -> float:
    """Adds a text of several lines, folded at the right; returns where it ends."""
    for paragraph in text.split("\n"):
        for pieces in _folded(list(_pieces(paragraph)), right - x, size):
            y += size * 1.47
            lines.append(Line(x, y, size, colour, pieces))
    return y


def _pieces(markup: str) -> Iterator[Piece]:
    """Yields the pieces of a line of Slack's markup."""
    end = 0
    for found in _TOKEN.finditer(markup):
        if before := markup[end : found.start()]:
            yield Piece(html.unescape(before))
        bold, target, label, code = found.groups()
        if bold is not None:
            yield Piece(html.unescape(bold), bold=True)
        elif target is not None:
            # A date is shown in the reader's own zone; the picture has its fallback.
            is_link = not target.startswith("!date")
            yield Piece(html.unescape(label), link=is_link)
        else:
            yield Piece(html.unescape(code))
        end = found.end()
    if rest := markup[end:]:
        yield Piece(html.unescape(rest))


def _folded(pieces: list[Piece], room: float, size: float) -> Iterator[tuple[Piece, ...]]:
    """Yields the lines that pieces take, folded between words."""
    line, used = list[Piece](), 0.0
    for piece in pieces:
        for word in re.findall(r"\S+\s*|\s+", piece.text):
            wide = _width(word.rstrip(), size, bold=piece.bold)
            if line and used + wide > room:
                yield tuple(line)
                line, used = [], 0.0
            line.append(piece._replace(text=word))
            used += _width(word, size, bold=piece.bold)
    yield tuple(line)


def _width(text: str, size: float, *, bold: bool) -> float:
    """Returns how wide a text is, about, in an ordinary sans-serif font."""
    width = 0.0
    for char in text:
        if char in _NARROW:
            width += 0.30
        elif char in _WIDE:
            width += 0.86
        elif char > _LAST_NARROW:
            width += 1.3
        elif char.isupper() or "▁" <= char <= "█":
            width += 0.68
        else:
            width += 0.56
    return width * size * (1.06 if bold else 1.0)


def _svg(lines: list[Line], rules: list[Rule], boxes: list[Box], width: int, height: int) -> str:
    parts = [
        _HEAD.format(width=width, height=height, font=_FONT),
        _FRAME.format(width=width - 1, height=height - 1, paper=_PAPER, line=_LINE),
        _ICON.format(top=_TOP, middle=_TOP + 26),
    ]
    parts += (
        f'<path d="M{_LEFT} {rule.y:.1f}H{rule.right:.1f}" stroke="{_LINE}"/>' for rule in rules
    )
    parts += (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:g}"'
        f' rx="4" fill="{_PAPER}" stroke="#bbbabb"/>'
        for box in boxes
    )
    for line in lines:
        spans = "".join(map(_span, line.pieces))
        parts.append(
            f'<text x="{line.x:g}" y="{line.y:.1f}" font-size="{line.size:g}"'
            f' fill="{line.colour}" xml:space="preserve">{spans}</text>'
        )
    return "\n".join((*parts, "</svg>", ""))


def _span(piece: Piece) -> str:
    style = ' font-weight="700"' if piece.bold else ""
    style += f' fill="{_LINK}"' if piece.link else ""
    text = html.escape(piece.text, quote=False)
    return f"<tspan{style}>{text}</tspan>" if style else text


def drawn() -> dict[str, str]:
    """Returns the pictures by the names of their files."""
    return {name: draw(shown(), at, width) for name, (shown, at, width) in PICTURES.items()}


if __name__ == "__main__":
    sys.exit(write_or_check(FOLDER, drawn(), sys.argv[1:]))
