"""Connects a command with the stack: by the environment, or by the stack's own outputs."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.terminal import sanitize
from balance_watch.config.loading import inventory_of
from balance_watch.config.settings import CheckSettings, is_complete
from balance_watch.domain.account import Account
from balance_watch.domain.inventory import Inventory
from balance_watch.errors import CommandError
from balance_watch.wiring import Client, Wiring, new_client

DEFAULT_STACK = "balance-watch"

_OUTPUTS = {
    "TABLE_NAME": "TableName",
    "TOPIC_ARN": "TopicArn",
    "POLICY_PARAMETER": "PolicyParameter",
    "SECRETS_PREFIX": "SecretsPrefix",
    "DASHBOARD_URL": "DashboardUrl",
}
"""The output of the stack that stands for each variable of the environment."""

_PARAMETERS = {
    "HISTORY_DAYS": "HistoryDays",
    "TRUSTED_HOSTS": "TrustedHosts",
    "EVENT_BUS": "EventBus",
    "SLACK_ACTIONS": "SlackActions",
}
"""The parameter of the stack that stands for each further variable."""

_NO_SUCH_STACK = "ValidationError"
"""What DescribeStacks answers to the name of a stack that does not exist (API reference)."""


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say where the stack is; each may stand before or after a command."""
    group = parser.add_argument_group("where the stack is")
    for name, metavar, text in (
        ("--stack", "NAME", f"the CloudFormation stack (default: {DEFAULT_STACK})"),
        ("--profile", "NAME", "the AWS profile to use"),
        ("--region", "REGION", "the AWS region of the stack"),
    ):
        group.add_argument(name, metavar=metavar, default=argparse.SUPPRESS, help=text)


def session_of(arguments: argparse.Namespace) -> boto3.Session:
    """Returns the AWS session of a command's `--profile` and `--region`."""
    return boto3.Session(profile_name=arguments.profile, region_name=arguments.region)


def wiring(arguments: argparse.Namespace) -> Wiring:
    """Builds everything from the environment, or from the stack that the arguments name.

    A variable that is set wins over the stack's output. Without `--stack`, the stack is looked up
    only if the environment lacks a variable that is required.

    Raises:
        CommandError: there is no such stack, or it is not one of balance-watch.
        SettingsError: a variable is invalid.
    """
    make_client: Callable[[str], Client] = new_client
    if arguments.profile is not None or arguments.region is not None:
        make_client = partial(new_client, session=session_of(arguments))
    found: dict[str, str] = {}
    if arguments.stack is not None or not is_complete(CheckSettings):
        found = stack_environment(make_client, arguments.stack or DEFAULT_STACK)
    settings = CheckSettings.from_environment(otherwise=found)
    return Wiring(settings, make_client=make_client)


def inventory(wired: Wiring) -> Inventory:
    """Returns the accounts and channels as the latest run found them.

    It reads no secret, unless no run has stored an inventory yet.

    Raises:
        CommandError: no run has stored one yet, and the secrets cannot be read.
    """
    found = wired.store.inventories.latest()
    if found is not None:
        return found
    try:
        return inventory_of(wired.load())
    except (BotoCoreError, ClientError):
        raise CommandError(
            "No run has listed the accounts yet: wait for the schedule, or run"
            " `balance-watch check`."
        ) from None


def find_account(found: Inventory, name: str) -> Account:
    """Returns an account by its name, watched or disabled.

    Raises:
        CommandError: there is none; the message has names that are similar.
    """
    accounts = {account.name: account for account in (*found.disabled, *found.accounts)}
    if name in accounts:
        return accounts[name]
    raise no_such_account(name, accounts, "status")


def no_such_account(name: str, names: Iterable[str], listing: str) -> CommandError:
    """Returns the error that there is no account of this name, with the similar ones.

    Args:
        name: the name that was looked for.
        names: the names that there are.
        listing: the command that lists them.
    """
    close = similar(name, names)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"See `balance-watch {listing}`."
    return CommandError(f"There is no such account. {sanitize(hint).plain}")


def similar(name: str, names: Iterable[str]) -> list[str]:
    """Returns up to three names that a name may be a misspelling or a part of, in whatever case."""
    if not name.strip():
        return []  # it is a part of every name
    folded = {other.casefold(): other for other in names}
    close = get_close_matches(name.casefold(), folded, n=3)
    parts = [other for other in folded if name.casefold() in other]
    return [folded[other] for other in dict.fromkeys((*close, *parts))][:3]


def stack_environment(make_client: Callable[[str], Client], name: str) -> dict[str, str]:
    """Returns the variables of the environment that a stack's outputs and parameters stand for.

    Raises:
        CommandError: there is no such stack, or it lacks the outputs.
    """
    client = make_client("cloudformation")
    try:
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != _NO_SUCH_STACK:
            raise
        raise CommandError(_missing(client, name)) from None
    outputs = _pairs(stack.get("Outputs", ()), "OutputKey", "OutputValue")
    parameters = _pairs(stack.get("Parameters", ()), "ParameterKey", "ParameterValue")
    if "TableName" not in outputs:
        raise CommandError(
            f"The stack {name} in {client.meta.region_name} is {stack['StackStatus']} and has no"
            " output TableName: deploy it again, or name another one with --stack."
        )
    return {
        **{variable: outputs[key] for variable, key in _OUTPUTS.items() if key in outputs},
        **{variable: parameters[key] for variable, key in _PARAMETERS.items() if key in parameters},
    }


def _pairs(rows: Iterable[Mapping[str, str]], key: str, value: str) -> dict[str, str]:
    return {row[key]: row[value] for row in rows}


def _missing(client: Client, name: str) -> str:
    """Says that a stack does not exist, and which ones of balance-watch the region has."""
    region = client.meta.region_name
    text = f"There is no stack {name} in {region}."
    try:
        pages = client.get_paginator("describe_stacks").paginate()
        others = [
            stack["StackName"]
            for page in pages
            for stack in page["Stacks"]
            if "ReaderPolicyArn" in _pairs(stack.get("Outputs", ()), "OutputKey", "OutputValue")
        ]
    except (BotoCoreError, ClientError):
        others = []
    if others:
        return f"{text} Found there: {', '.join(others)}. Name one with --stack."
    return f"{text} Name another region with --region, another stack with --stack, or deploy one."
