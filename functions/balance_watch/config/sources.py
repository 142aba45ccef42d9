"""Reads the text that the operator wrote: the secrets under a prefix, and the policy."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import field

from balance_watch.domain.confidential import Confidential
from balance_watch.exact_parsing import NotExactError, exact_json
from balance_watch.notifiers.channels import KINDS, Kind
from balance_watch.notifiers.heartbeat import HEARTBEAT
from balance_watch.notifiers.slack_secret import SLACK, signing_secret_of
from balance_watch.validation import Faults

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

_PAGE = 20
"""The limit of one BatchGetSecretValue (AWS Secrets Manager API reference, MaxResults)."""

_DELETED = "InvalidRequestException"
"""The error of a secret that is scheduled for deletion (same reference, GetSecretValue, Errors)."""

_NOT_FOUND = "ResourceNotFoundException"
"""The error of a secret that does not exist (same reference and place)."""

_NO_PARAMETER = "ParameterNotFound"
"""The error of a parameter that does not exist (AWS Systems Manager API reference, GetParameter,
Errors)."""

UNNAMED = "?"
"""The name of a secret that cannot be read if AWS does not say which one it is."""


class Secrets(Confidential, frozen=True):
    """The secrets under the prefix.

    Attributes:
        texts: by name.
        unread: the names of those that cannot be read.
        faults: of those that cannot be read, and of the foreign ones.
        foreign: the names under the prefix that mean nothing.
    """

    shown = ("unread", "faults")

    texts: dict[str, str]
    unread: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)
    foreign: frozenset[str] = frozenset()


def read_secrets(
    client: "SecretsManagerClient",
    prefix: str,
    kinds: Mapping[str, Kind] = KINDS,
    names: Sequence[str] | None = None,
) -> Secrets:
    """Returns the secrets under the prefix, and reads twenty with each call.

    A secret that cannot be read, or that has an unknown name, is a fault that names it.

    Args:
        client: a client of Secrets Manager.
        prefix: the prefix of the secrets' names.
        kinds: the kinds of channels.
        names: the secrets to read, if not all; those that do not exist are left out.

    Raises:
        ClientError: a call failed as a whole.
    """
    texts: dict[str, str] = {}
    unread: set[str] = set()
    others: set[str] = set()
    faults = Faults()
    for page in _pages(client, prefix) if names is None else _pages_of(client, names):
        for secret in page["SecretValues"]:
            name = secret["Name"]
            if not is_ours(name, prefix, kinds):
                others.add(name)
            elif "SecretString" in secret:
                texts[name] = secret["SecretString"]
            else:
                unread.add(name)
                faults.add(f"secret {name}", "is binary, not text")
        for error in page.get("Errors", []):
            name = _name_of(error.get("SecretId", UNNAMED))
            if names is not None and error.get("ErrorCode") == _NOT_FOUND:
                continue
            if name != UNNAMED and not is_ours(name, prefix, kinds):
                others.add(name)
                continue
            unread.add(name)
            faults.add(f"secret {name}", _why_unread(error.get("ErrorCode", "no reason given")))
    foreign = frozenset(name for name in others if name.startswith(prefix))
    for name in sorted(foreign):
        faults.add(f"secret {name}", f"its name means nothing: {_known_names(prefix, kinds)}")
    return Secrets(dict(sorted(texts.items())), frozenset(unread), faults, foreign)


def _pages(client: "SecretsManagerClient", prefix: str) -> list[Any]:
    """Returns the pages of secrets. One that is scheduled for deletion stops no other.

    AWS documents an entry under Errors for it, or leaves it out. Moto refuses the whole call, so
    that the secrets are then asked for by their names.
    """
    try:
        return list(_filtered_pages(client, prefix))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != _DELETED:
            raise
    return list(_pages_by_name(client, prefix))


def _filtered_pages(client: "SecretsManagerClient", prefix: str) -> Iterator[Any]:
    wanted = {"Filters": [{"Key": "name", "Values": [prefix]}], "MaxResults": _PAGE}
    token: dict[str, str] = {}
    while True:
        page = client.batch_get_secret_value(**wanted, **token)  # type: ignore[arg-type]
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _pages_by_name(client: "SecretsManagerClient", prefix: str) -> Iterator[Any]:
    listed = client.get_paginator("list_secrets").paginate(
        Filters=[{"Key": "name", "Values": [prefix]}], IncludePlannedDeletion=True
    )
    yield from _pages_of(client, [it["Name"] for page in listed for it in page["SecretList"]])


def _pages_of(client: "SecretsManagerClient", names: Sequence[str]) -> Iterator[Any]:
    for start in range(0, len(names), _PAGE):
        yield client.batch_get_secret_value(SecretIdList=names[start : start + _PAGE])


def _why_unread(code: str) -> str:
    if code == _DELETED:
        return f"cannot be read ({code}): it may be scheduled for deletion"
    return f"cannot be read ({code})"


def _name_of(secret: str) -> str:
    """Returns the name of a secret that an error identifies by its name or by its ARN.

    An ARN ends with the name, a hyphen and six random characters.
    """
    _, separator, ending = secret.rpartition(":secret:")
    return ending.rpartition("-")[0] or ending if separator else secret


def is_ours(name: str, prefix: str, kinds: Mapping[str, Kind] = KINDS) -> bool:
    """Tells whether a secret configures accounts, channels or the heartbeat."""
    if not name.startswith(prefix):
        return False
    suffix = name.removeprefix(prefix)
    kind = kinds.get(suffix)
    return (
        suffix in ("accounts", HEARTBEAT)
        or suffix.startswith("accounts/")
        or (kind is not None and kind.parse_secret is not None)
    )


def _known_names(prefix: str, kinds: Mapping[str, Kind]) -> str:
    of_channels = (kind.name for kind in kinds.values() if kind.parse_secret is not None)
    *others, last = ("accounts", "accounts/NAME", *of_channels, HEARTBEAT)
    return f"after {prefix} it must be {', '.join(others)} or {last}"


def read_signing_secret(client: "SecretsManagerClient", prefix: str) -> str | None:
    """Returns what Slack signs presses of buttons with; None if the slack secret has nothing valid.

    Raises:
        ClientError: the secret cannot be read, though it may be there.
    """
    try:
        text = client.get_secret_value(SecretId=f"{prefix}{SLACK}")["SecretString"]
        return signing_secret_of(exact_json(text, any_number=True))
    except (KeyError, NotExactError):
        return None
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in (_NOT_FOUND, _DELETED):
            return None
        raise


def read_parameter(client: "SSMClient", name: str, faults: Faults) -> str | None:
    """Returns the parameter's text; None if there is none, or if it cannot be read: a fault."""
    try:
        return client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except ClientError as error:
        why = error.response.get("Error", {}).get("Code", "no reason given")
        if why == _NO_PARAMETER:
            return None
    except BotoCoreError as error:
        why = type(error).__name__
    faults.add(f"policy {name}", f"cannot be read ({why})")
    return None
