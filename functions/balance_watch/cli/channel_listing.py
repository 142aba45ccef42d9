"""What is known of each channel: whether it works, what leads to it, who is behind the topic."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from balance_watch.config.loading import Configuration
from balance_watch.domain.channels import TOPIC
from balance_watch.domain.formatting import counted, format_time
from balance_watch.domain.run import FailingChannel
from balance_watch.notifiers.channels import ConfiguredChannel, default_channels
from balance_watch.transport import why_refused
from balance_watch.wiring import Client, Wiring

REST = "what no route sends elsewhere"
DIGESTS = "digests"
FALLBACK = "only what a channel that is missing or refuses would get: a route matches every alert"
_PENDING = "PendingConfirmation"
"""What SNS says in place of the ARN of a subscription that nobody has confirmed (SNS API reference,
Subscribe)."""

_DELETED = "Deleted"
_MOST = 1000
"""So many subscribers are looked at."""


class Ear(NamedTuple):
    """A channel as the list shows it.

    Attributes:
        channel: its name.
        state: whether it works, as far as is known.
        is_ok: False if it is known to fail, or if nobody hears it.
    """

    channel: str
    state: str
    is_ok: bool


class Subscriber(NamedTuple):
    """A subscriber of the topic; its address is masked."""

    protocol: str
    address: str
    confirmed: bool


def routes_to(configuration: Configuration, channel: str) -> list[str]:
    """Returns what leads to a channel: routes of the policy, its digest, or being a default.

    The first route that matches counts, so none behind one that matches everything leads anywhere.
    """
    found, rest = list[str](), REST
    digest = configuration.policy.digest
    for number, route in enumerate(configuration.policy.routes):
        if channel in route.channels:
            found.append(f"routes[{number}]: {_describe(route.match)}")
        if not route.match:
            rest = "" if found else FALLBACK
            break
    if rest and channel in default_channels(configuration.kinds):
        found.append(rest)
    if digest is not None and channel in digest.channels:
        found.append(DIGESTS)
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


def ears(wired: Wiring, channels: Sequence[ConfiguredChannel]) -> Iterator[Ear]:
    """Yields what is known of each channel: by the latest run, and of the topic by SNS."""
    failing = dict(wired.store.runs.record().failing_channels)
    for channel in channels:
        known = failing.get(channel.name)
        if known is not None and known.digest == channel.digest:
            yield Ear(channel.name, _failure(known), is_ok=False)
        elif channel.name == TOPIC:
            yield topic_ear(wired)
        elif why := why_unreachable(wired, channel):
            yield Ear(channel.name, f"gets nothing: {why}", is_ok=False)
        else:
            yield Ear(channel.name, "no failure is known", is_ok=True)


def why_unreachable(wired: Wiring, channel: ConfiguredChannel) -> str:
    """Returns why no run can ever send to a channel's address; empty if one may."""
    trusted = {host.lower() for host in wired.settings.trusted_hosts}
    return channel.url and why_refused(channel.url, trusted)


def _failure(channel: FailingChannel) -> str:
    word = "fails permanently" if channel.is_dead else "has accepted nothing"
    return f"{word} since {format_time(channel.since)}: {channel.why}"


def topic_ear(wired: Wiring) -> Ear:
    """Returns how many subscribers the topic has, as SNS counts them."""
    try:
        attributes = wired.client("sns").get_topic_attributes(TopicArn=wired.settings.topic_arn)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        return Ear(TOPIC, f"SNS answers {code}: who has subscribed is not known", is_ok=False)
    numbers = attributes["Attributes"]
    return heard_by(
        int(numbers.get("SubscriptionsConfirmed", 0)), int(numbers.get("SubscriptionsPending", 0))
    )


def heard_by(confirmed: int, pending: int) -> Ear:
    """Returns the topic with so many subscribers, and so many who have not confirmed yet."""
    noun = "confirmed subscriber"
    state = counted(confirmed, noun) if confirmed else f"no {noun}s"
    if pending:
        has = "has" if pending == 1 else "have"
        state += f"; {pending} {has} not clicked yet on the link in the mail from AWS"
    elif not confirmed:
        state += ": `balance-watch channels add email ADDRESS` adds one"
    return Ear(TOPIC, state, is_ok=confirmed > 0)
