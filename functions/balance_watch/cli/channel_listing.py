"""What `balance-watch channels` shows besides: what leads to a channel, who is behind the topic."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from balance_watch.config.loading import Configuration
from balance_watch.notifiers.channels import default_channels
from balance_watch.wiring import Client

REST = "what no route sends elsewhere"
FALLBACK = "only what a channel that is missing or refuses would get: a route matches every alert"
_PENDING = "PendingConfirmation"
"""What SNS says in place of the ARN of a subscription that nobody has confirmed (SNS API reference,
Subscribe)."""

_DELETED = "Deleted"
_MOST = 1000
"""So many subscribers are looked at."""


class Subscriber(NamedTuple):
    """A subscriber of the topic; its address is masked."""

    protocol: str
    address: str
    confirmed: bool


def routes_to(configuration: Configuration, channel: str) -> list[str]:
    """Returns what leads to a channel: routes of the policy, or being a default channel.

    The first route that matches counts, so none behind one that matches everything leads anywhere.
    """
    found, rest = list[str](), REST
    for number, route in enumerate(configuration.policy.routes):
        if channel in route.channels:
            found.append(f"routes[{number}]: {_describe(route.match)}")
        if not route.match:
            rest = "" if found else FALLBACK
            break
    if rest and channel in default_channels(configuration.kinds):
        found.append(rest)
    return found


def _describe(match: Mapping[str, str]) -> str:
    return ", ".join(f"{fact}={glob}" for fact, glob in match.items()) or "every alert"


def subscribers(client: Client, topic: str) -> Iterator[Subscriber]:
    """Yields who has subscribed to the topic, at most a thousand.

    Raises:
        ClientError: the person may not ask.
    """
    pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    listed = (it for page in pages for it in page["Subscriptions"])
    for it in islice(listed, _MOST):
        if it["SubscriptionArn"] != _DELETED:
            yield Subscriber(
                it["Protocol"],
                masked(it["Protocol"], it["Endpoint"]),
                it["SubscriptionArn"] != _PENDING,
            )


def masked(protocol: str, address: str) -> str:
    """Returns an address that tells the person who knows it which one it is, and nobody else."""
    match protocol:
        case "email" | "email-json":
            name, _, domain = address.rpartition("@")
            return f"{name[:1]}…@{domain}"
        case "sms":
            return f"…{address[-2:]}"
        case "http" | "https":
            return f"{protocol}://{urlsplit(address).hostname or ''}/…"
        case "sqs" | "lambda" | "firehose":
            return address.rpartition(":")[2]
        case _:
            return "…"
