"""Reads what the operator wrote: every secret under a prefix, and the policy's parameter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.notifiers.channels import KINDS, Kind
from balance_watch.validation import Faults

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

_PAGE = 20
"""The most that one BatchGetSecretValue returns (AWS Secrets Manager API reference, MaxResults)."""


RESERVED = frozenset({"heartbeat"})
"""The names under the prefix that the contract keeps for secrets of other uses."""

UNNAMED = "?"
"""The name of a secret that could not be read where AWS does not say which one it is."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The texts of the secrets by name; the names and faults of those that could not be read.

    `foreign` are the names under the prefix that mean nothing: each is a fault.
    """

    texts: dict[str, str] = field(repr=False)
    unread: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)
    foreign: frozenset[str] = frozenset()


def read_secrets(
    client: "SecretsManagerClient", prefix: str, kinds: Mapping[str, Kind] = KINDS
) -> Secrets:
    """Returns the secrets of accounts and channels, twenty to a call.

    A secret that cannot be read, and one whose name means nothing, is a fault by its name; the
    call as a whole failing raises botocore's ClientError.
    """
    texts: dict[str, str] = {}
    unread: set[str] = set()
    foreign: set[str] = set()
    faults = Faults()
    for page in _pages(client, prefix):
        for secret in page["SecretValues"]:
            name = secret["Name"]
            if not is_ours(name, prefix, kinds):
                foreign.add(name)
            elif "SecretString" in secret:
                texts[name] = secret["SecretString"]
            else:
                unread.add(name)
                faults.add(f"secret {name}", "is binary, not text")
        for error in page.get("Errors", []):
            name = _name_of(error.get("SecretId", UNNAMED))
            if name == UNNAMED or is_ours(name, prefix, kinds):
                unread.add(name)
                faults.add(
                    f"secret {name}", f"cannot be read ({error.get('ErrorCode', 'no reason')})"
                )
            else:
                foreign.add(name)
    meaningless = frozenset(name for name in foreign if _is_meaningless(name, prefix))
    for name in sorted(meaningless):
        faults.add(f"secret {name}", f"its name means nothing: {_known_names(prefix, kinds)}")
    return Secrets(dict(sorted(texts.items())), frozenset(unread), faults, meaningless)


def _pages(client: "SecretsManagerClient", prefix: str) -> Iterator[Any]:
    wanted = {"Filters": [{"Key": "name", "Values": [prefix]}], "MaxResults": _PAGE}
    token: dict[str, str] = {}
    while True:
        page = client.batch_get_secret_value(**wanted, **token)  # type: ignore[arg-type]
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _name_of(secret: str) -> str:
    """Returns the name in a secret's ARN, which ends in the name and six random characters."""
    _, arn, last = secret.rpartition(":secret:")
    return last.rpartition("-")[0] or last if arn else secret


def is_ours(name: str, prefix: str, kinds: Mapping[str, Kind] = KINDS) -> bool:
    """Tells whether a secret configures accounts or channels."""
    if not name.startswith(prefix):
        return False
    own = name.removeprefix(prefix)
    kind = kinds.get(own)
    return (
        own == "accounts"
        or own.startswith("accounts/")
        or (kind is not None and kind.parse_secret is not None)
    )


def _is_meaningless(name: str, prefix: str) -> bool:
    """Tells whether a secret that is not ours is under the prefix, and reserved for nothing."""
    return name.startswith(prefix) and name.removeprefix(prefix) not in RESERVED


def _known_names(prefix: str, kinds: Mapping[str, Kind]) -> str:
    own = (kind.name for kind in kinds.values() if kind.parse_secret is not None)
    *others, last = ("accounts", "accounts/NAME", *own, *sorted(RESERVED))
    return f"after {prefix} it can have {', '.join(others)} or {last}"


def read_parameter(client: "SSMClient", name: str, faults: Faults) -> str | None:
    """Returns the parameter's text; None after adding the fault that it cannot be read."""
    try:
        return client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except ClientError as error:
        why = error.response.get("Error", {}).get("Code", "no reason given")
    except BotoCoreError as error:
        why = type(error).__name__
    faults.add(f"policy {name}", f"cannot be read ({why})")
    return None
