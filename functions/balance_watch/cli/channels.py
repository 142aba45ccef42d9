"""`balance-watch channels`: who hears the alerts; adds, tests and removes a channel."""

import argparse
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from botocore.exceptions import ClientError
from rich.table import Table
from rich.text import Text

from balance_watch.cli.channel_listing import (
    DIGESTS,
    Subscriber,
    ears,
    routes_to,
    subscribers,
    topic_ear,
)
from balance_watch.cli.channel_storing import (
    remove,
    route_to,
    secret_of,
    store,
    taken,
    what_it_gets,
)
from balance_watch.cli.connection import wiring
from balance_watch.cli.questions import ask_hidden, can_ask, confirm
from balance_watch.cli.terminal import (
    Subparsers,
    err,
    is_pipe,
    out,
    pipe_help,
    print_faults,
    print_json,
    print_rows_for_pipe,
    print_wrapped,
    read_text,
    sanitize,
)
from balance_watch.domain.channels import TOPIC
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric, Severity
from balance_watch.errors import CommandError
from balance_watch.notifiers.channels import KINDS, ConfiguredChannel
from balance_watch.wiring import Wiring

EMAIL = "email"
_KINDS = tuple(name for name, kind in KINDS.items() if kind.parse_secret is not None)
_SECONDS = 30.0
_PIPE_COLUMNS = {
    "channel": "its name",
    "ok": "yes, or no if it is known to fail or nobody hears it",
    "state": "whether it works, as far as is known",
    "gets": "which alerts it gets, with a semicolon between two",
    "subscribers": "of the topic, with a semicolon between two",
}
_SHOWN = 20
"""So many subscribers are shown."""


def add_commands(commands: Subparsers) -> None:
    """Adds `channels`."""
    command = commands.add_parser(
        "channels",
        help="list who hears the alerts; add, test or remove one",
        epilog=pipe_help("a channel", _PIPE_COLUMNS),
    )
    command.add_argument("--json", action="store_true", help="print the list as JSON")
    command.set_defaults(run=_list)
    actions = command.add_subparsers(title="actions", metavar="ACTION")
    test = actions.add_parser("test", help="send a test message to every channel, or to one")
    test.add_argument("channel", nargs="?", metavar="CHANNEL", help="such as slack:default or sns")
    test.set_defaults(run=_test)
    add = actions.add_parser(
        "add",
        help="add a webhook, a routing key, or an e-mail address",
        description="Adds a channel to the secret of its kind, such as `channels add slack"
        " default`. Its address or key is asked for, or comes from a file. `channels add email"
        " ADDRESS` subscribes an address to the topic.",
    )
    add.add_argument("kind", metavar="KIND", help=f"{', '.join(_KINDS)} or email")
    add.add_argument("channel", metavar="NAME", help="the channel's name, or the e-mail address")
    add.add_argument("--address", metavar="FILE", help="its address or key; - for standard input")
    add.set_defaults(run=_add, wrong_use=add.error)
    removal = actions.add_parser(
        "remove",
        help="take a channel out of the secret of its kind",
        description="Takes a channel out of the secret of its kind; all others stay. Whoever"
        " subscribed to the topic by e-mail leaves by the link in each mail.",
    )
    removal.add_argument("kind", metavar="KIND", help=", ".join(_KINDS))
    removal.add_argument("channel", metavar="NAME", help="the channel's name")
    removal.add_argument("--yes", action="store_true", help="do not ask")
    removal.set_defaults(run=_remove, wrong_use=removal.error)


def _list(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    configuration = wired.load()
    print_faults(configuration.faults)
    behind, why_unknown = _subscribers(wired)
    rows = list(ears(wired, tuple(configuration.channels.values())))
    routes = {row.channel: routes_to(configuration, row.channel) for row in rows}
    if arguments.json:
        of_topic = {TOPIC: {"subscribers": [it._asdict() for it in behind]}}
        print_json(
            [
                {**row._asdict(), "routes": routes[row.channel], **of_topic.get(row.channel, {})}
                for row in rows
            ]
        )
        return 0
    if is_pipe():
        of_topic_in_words = "; ".join(line.plain for line in _subscriber_lines(behind, why_unknown))
        print_rows_for_pipe(
            _PIPE_COLUMNS,
            (
                (
                    row.channel,
                    "yes" if row.is_ok else "no",
                    row.state,
                    "; ".join(routes[row.channel]),
                    of_topic_in_words if row.channel == TOPIC else "",
                )
                for row in rows
            ),
        )
        return 0
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        lines = [sanitize(row.state, "" if row.is_ok else "yellow")]
        if row.channel == TOPIC:
            lines += _subscriber_lines(behind, why_unknown)
        leads = [sanitize(f"gets {route}", "dim") for route in routes[row.channel]]
        lines += leads or [sanitize("no route leads to it: it gets nothing", "yellow")]
        table.add_row(sanitize(row.channel), Text("\n").join(lines))
    out.print(table)
    out.print("To hear one: balance-watch channels test", style="dim")
    return 0


def _subscribers(wired: Wiring) -> tuple[list[Subscriber], str]:
    """Returns the topic's subscribers, or none and why they are not known."""
    try:
        return list(subscribers(wired.client("sns"), wired.settings.topic_arn)), ""
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        return [], f"SNS answers {code} to ListSubscriptionsByTopic: who they are is not known"


def _subscriber_lines(behind: Sequence[Subscriber], why_unknown: str) -> list[Text]:
    lines = [
        sanitize(
            f"{it.protocol} {it.address}, {'confirmed' if it.confirmed else 'not confirmed yet'}",
            "" if it.confirmed else "yellow",
        )
        for it in behind[:_SHOWN]
    ]
    if (more := len(behind) - len(lines)) > 0:
        lines.append(sanitize(f"… and {more} more", "dim"))
    return [*lines, sanitize(why_unknown, "yellow")] if why_unknown else lines


def _test(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    configuration = wired.load()
    print_faults(configuration.faults)
    channels = configuration.channels
    wanted = arguments.channel
    if wanted is not None and wanted not in channels:
        raise CommandError(f"There is no channel {wanted}. There are: {', '.join(channels)}.")
    chosen = [it for it in channels.values() if wanted in (None, it.name)]
    refused = [it for it in chosen if not test_channel(wired, it)]
    return 1 if refused else 0


def test_channel(wired: Wiring, channel: ConfiguredChannel) -> bool:
    """Sends a test message and prints the answer; returns False if the channel refuses it.

    Nothing is stored: a test is no alert.
    """
    sender = channel.connect(wired.new_connections())
    deadline = time.monotonic() + _SECONDS
    (result,) = list(sender.send([_message(datetime.now(UTC))], deadline=deadline))
    line = sanitize(f"{channel.name}  ")
    if result.accepted:
        line += Text("accepted the test message", style="green")
        if channel.name == TOPIC and not (topic := topic_ear(wired)).is_ok:
            line += sanitize(f", but has {topic.state}", "yellow")
    elif result.unsure:
        line += sanitize(f"may have accepted it: {result.why}", "yellow")
    else:
        line += sanitize(f"refuses it: {result.why}", "red")
    out.print(line, soft_wrap=True)
    return bool(result.accepted)


def _message(now: datetime) -> Notification:
    return Notification(
        alert_id=str(uuid.uuid4()),
        account="test",
        provider="balance-watch",
        rule="test",
        metric=Metric.TEST,
        severity=Severity.INFO,
        reason=Reason.FIRED,
        since=now.replace(microsecond=0),
        said_at=now.replace(microsecond=0),
        detail="It is sent by `balance-watch channels test`. Nothing has to be done.",
    )


def _add(arguments: argparse.Namespace) -> int:
    if arguments.kind not in (*_KINDS, EMAIL):
        arguments.wrong_use(f"KIND must be one of {', '.join((*_KINDS, EMAIL))}")
    if arguments.kind != EMAIL and arguments.address is None and not can_ask():
        arguments.wrong_use("there is nobody to ask: add --address FILE, or - for standard input")
    given = None if arguments.address is None else read_text(arguments.address).strip()
    wired = wiring(arguments)
    if arguments.kind == EMAIL:
        return _subscribe(wired, arguments.channel)
    kind = wired.kinds[arguments.kind]
    name = arguments.channel.removeprefix(f"{kind.name}:")
    if given is None and f"{kind.name}:{name}" in wired.load().channels:
        raise taken(wired, kind, name)
    what = f"{kind.entry.capitalize()} of the {kind.noun} {name}"
    address = ask_hidden(what) if given is None else given
    channel = store(wired, kind, name, address)
    out.print(sanitize(f"Stored: {channel.name}."), soft_wrap=True)
    _tell_what_it_gets(wired, channel.name)
    if kind.new_fields():
        secret = secret_of(wired, kind)
        err.print(f"Its signing secret is in the secret {secret}: give it to the receiver.")
    if not can_ask():
        err.print(sanitize(f"To hear it: balance-watch channels test {channel.name}", "dim"))
    elif _wants_a_test() and not test_channel(wired, channel):
        remedy = f"balance-watch channels remove {kind.name} {name}"
        text = f"The test has failed, and it stays stored. To take it out: {remedy}"
        err.print(sanitize(text, "yellow"), soft_wrap=True)
        return 1
    return 0


def _tell_what_it_gets(wired: Wiring, channel: str) -> None:
    gets = what_it_gets(wired, channel)
    if gets is None:
        out.print("What it gets cannot be read: see `balance-watch channels`.", style="yellow")
    elif gets:
        out.print(sanitize(f"From the next run on it gets: {'; '.join(gets)}."), soft_wrap=True)
    else:
        text = "It gets nothing yet: no route leads to it. The first route that matches an alert"
        text += " counts; put one such as this into the policy, before any that matches the same:"
        print_wrapped(sanitize(text, "yellow"))
        for line in route_to(channel).splitlines():
            out.print(sanitize(line), soft_wrap=True)


def _remove(arguments: argparse.Namespace) -> int:
    if arguments.kind not in _KINDS:
        arguments.wrong_use(f"KIND must be one of {', '.join(_KINDS)}")
    if not arguments.yes and not can_ask():
        arguments.wrong_use("there is nobody to ask: scripts need --yes")
    wired = wiring(arguments)
    kind = wired.kinds[arguments.kind]
    name = arguments.channel.removeprefix(f"{kind.name}:")
    channel = f"{kind.name}:{name}"
    gets = what_it_gets(wired, channel) or []
    about = f"; it gets: {'; '.join(gets)}" if gets else ""
    out.print(sanitize(f"{channel} in the secret {secret_of(wired, kind)}{about}"), soft_wrap=True)
    if not arguments.yes and not confirm("Remove it? What it would get goes elsewhere."):
        out.print("Nothing was changed.")
        return 1
    remove(wired, kind, name)
    out.print(sanitize(f"Removed: the next run sends nothing to {channel}."), soft_wrap=True)
    if any(it.startswith("routes[") or it == DIGESTS for it in gets):
        err.print(sanitize("The policy still names it: take it out there, too.", "yellow"))
    return 0


def _wants_a_test() -> bool:
    try:
        return confirm("Send a test message to it?", default=True)
    except CommandError:  # the input has ended, after the channel was stored
        return False


def _subscribe(wired: Wiring, address: str) -> int:
    if "@" not in address:
        raise CommandError("An e-mail address has an @.")
    wired.client("sns").subscribe(
        TopicArn=wired.settings.topic_arn, Protocol=EMAIL, Endpoint=address
    )
    out.print("Subscribed. AWS sends a mail with a link: alerts arrive once it was clicked.")
    err.print("To hear one then: balance-watch channels test sns", style="dim")
    return 0
