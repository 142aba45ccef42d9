"""Shows what Slack and the topic get: a line for each alert, as it arrives."""

import re
from collections.abc import Iterable, Iterator

from rich.table import Table

from balance_watch.cli.terminal import sanitize
from local.aws import Published
from local.slack_inbox import Message, SlackInbox

_BOLD = re.compile(r"(\S* ?)\*(.+)\*")
"""A headline: a sign, and a sentence in bold."""

_CODE = re.compile(r"`([^`]+)`")


class Arrivals:
    """The alerts that Slack accepted, each shown once, whichever webhooks got it."""

    def __init__(self, slack: SlackInbox) -> None:
        self._slack = slack
        self._shown: dict[str, int] = {}

    @property
    def messages(self) -> int:
        """How many messages were shown."""
        return sum(self._shown.values())

    def lines(self, at: str) -> list[Table]:
        """Returns a line for each alert since the last call, with the webhooks that got it.

        Args:
            at: the time, as the beginning of each line.
        """
        webhooks_of: dict[str, list[str]] = {}
        for name in self._slack.webhooks:
            new = self._slack.messages[name][self._shown.get(name, 0) :]
            self._shown[name] = self._shown.get(name, 0) + len(new)
            for title in (title for message in new for title in _titles(message)):
                webhooks_of.setdefault(title, []).append(f"#{name}")
        return [line(at, " ".join(names), title) for title, names in webhooks_of.items()]


def published_lines(messages: Iterable[Published], at: str) -> Iterator[Table]:
    """Yields a line for each message to the topic: its attributes, by which subscribers filter."""
    for message in messages:
        names = ("reason", "account", "rule", "severity")
        facts = [message.attributes[name] for name in names if name in message.attributes]
        yield line(at, "sns", " · ".join(facts) or message.body.partition("\n")[0])


def line(at: str, where: str, text: str) -> Table:
    """Returns a line: when, where, what. Its text is folded in a column of its own."""
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(ratio=1, overflow="fold")
    row.add_row(sanitize(f"{at}  {where:<16}", "dim"), sanitize(text))
    return row


def _titles(message: Message) -> Iterator[str]:
    """Yields the first line of each section of a message; of one without sections, its text."""
    sections = [
        block["text"]["text"] for block in message.get("blocks", ()) if block["type"] == "section"
    ]
    for text in sections or [message.get("text", "")]:
        yield shown_by_slack(text.partition("\n")[0])


def shown_by_slack(markup: str) -> str:
    """Returns a line of markup as Slack shows it, but for its fonts: bold and code are plain."""
    bold = _BOLD.fullmatch(markup)
    plain = _CODE.sub(r"\1", markup if bold is None else f"{bold[1]}{bold[2]}")
    for escape, mark in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        plain = plain.replace(escape, mark)
    return plain
