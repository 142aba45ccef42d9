"""Where channels are stored: how one is added to the secret of its kind, or taken out of it."""

import json
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.channel_listing import routes_to, why_unreachable
from balance_watch.config.loading import Configuration
from balance_watch.config.secret_text import as_text
from balance_watch.config.secret_writing import update_secret
from balance_watch.errors import CommandError
from balance_watch.exact_parsing import exact_json
from balance_watch.notifiers.channels import ConfiguredChannel, Kind
from balance_watch.validation import Faults
from balance_watch.wiring import Wiring


def secret_of(wired: Wiring, kind: Kind) -> str:
    """Returns the name of the secret with the channels of a kind."""
    return wired.settings.secrets_prefix + kind.name


def taken(wired: Wiring, kind: Kind, name: str) -> CommandError:
    """Returns the error that there is such a channel already."""
    return CommandError(
        f"There is a {kind.noun} {name} already: choose another name, or change its {kind.entry} in"
        f" the secret {secret_of(wired, kind)}."
    )


def store(wired: Wiring, kind: Kind, name: str, address: str) -> ConfiguredChannel:
    """Stores an entry in the secret of its kind, and returns the channel that it configures.

    Raises:
        CommandError: it is invalid, no run could use it, or the secret is not one of its kind.
    """
    secret = secret_of(wired, kind)
    stored = list[ConfiguredChannel]()

    def change(text: str | None) -> str:
        content = {kind.table: {}, **kind.new_fields()} if text is None else _parsed(text)
        entries = _entries(kind, content, secret)
        before = entries.get(name)
        if before not in (None, address):
            raise taken(wired, kind, name)
        entries[name] = address
        faults = Faults()
        parse = kind.parse_secret
        addresses = {} if parse is None else parse(content, f"secret {secret}", faults)
        if faults:
            raise CommandError(f"{faults[-1]}. Nothing was stored.")
        channel = ConfiguredChannel(f"{kind.name}:{name}", kind, addresses[name])
        if why := why_unreachable(wired, channel):
            raise CommandError(f"{why} No run could send to it. Nothing was stored.")
        stored.append(channel)
        if before is not None and text is not None:
            return text
        return _written(content)

    update_secret(wired.client("secretsmanager"), secret, change)
    return stored[-1]


def remove(wired: Wiring, kind: Kind, name: str) -> None:
    """Takes an entry out of the secret of its kind; all else in the secret stays.

    The last entry leaves an empty table, which is valid.

    Raises:
        CommandError: there is no such entry, or the secret is not one of its kind.
    """
    secret = secret_of(wired, kind)

    def change(text: str | None) -> str:
        if text is None:
            raise _missing(kind, name, secret)
        content = _parsed(text)
        entries = _entries(kind, content, secret)
        if name not in entries:
            raise _missing(kind, name, secret)
        del entries[name]
        return _written(content)

    update_secret(wired.client("secretsmanager"), secret, change)


def what_it_gets(wired: Wiring, channel: str) -> list[str] | None:
    """Returns what leads to a channel by the policy in force; None if that cannot be read."""
    try:
        policy = wired.policy_file().policy
    except (BotoCoreError, ClientError):
        return None
    return routes_to(Configuration(policy=policy, kinds=wired.kinds), channel)


def route_to(channel: str) -> str:
    """Returns a route of the policy that leads to a channel, as TOML."""
    quoted = json.dumps(channel, ensure_ascii=False)
    return f'[[routes]]\nmatch = {{ severity = "critical" }}\nchannels = [{quoted}]'


def _missing(kind: Kind, name: str, secret: str) -> CommandError:
    return CommandError(
        f"There is no {kind.noun} {name} in the secret {secret}: see `balance-watch channels`."
    )


def _parsed(text: str) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return exact_json(text, any_number=True)
    except ValueError:
        return None


def _written(content: Any) -> str:  # noqa: ANN401 (any JSON)
    return msgspec.json.format(as_text(content), indent=2) + "\n"


def _entries(kind: Kind, content: Any, secret: str) -> dict[str, Any]:  # noqa: ANN401 (any JSON)
    """Returns the table of a secret's channels; raises CommandError if it has none."""
    entries = content.get(kind.table) if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        raise CommandError(
            f'The secret {secret} is not {{"{kind.table}": {{NAME: {kind.entry.upper()}}}}}:'
            " mend it first."
        )
    return entries
