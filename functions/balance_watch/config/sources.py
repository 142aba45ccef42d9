"""Reads the text that the operator wrote: the secrets under a prefix, and the policy."""

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
"""The limit of one BatchGetSecretValue (AWS Secrets Manager API reference, MaxResults)."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The texts of the secrets by name; the names and faults of those that could not be read."""

    texts: dict[str, str] = field(repr=False)
    unread: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)


def read_secrets(
    client: "SecretsManagerClient", prefix: str, kinds: Mapping[str, Kind] = KINDS
) -> Secrets:
    """Returns the secrets of accounts and channels, and reads twenty with each call.

    Other secrets under the prefix are ignored. A secret that cannot be read is a fault that names
    it.

    Raises:
        ClientError: a call failed as a whole.
    """
    texts: dict[str, str] = {}
    unread: set[str] = set()
    faults = Faults()
    for page in _pages(client, prefix):
        for secret in page["SecretValues"]:
            name = secret["Name"]
            if not is_ours(name, prefix, kinds):
                continue
            if "SecretString" in secret:
                texts[name] = secret["SecretString"]
            else:
                unread.add(name)
                faults.add(f"secret {name}", "is binary, not text")
        for error in page.get("Errors", []):
            name = _name_of(error.get("SecretId", "?"))
            if name == "?" or is_ours(name, prefix, kinds):
                unread.add(name)
                why = error.get("ErrorCode", "no reason given")
                faults.add(f"secret {name}", f"cannot be read ({why})")
    return Secrets(dict(sorted(texts.items())), frozenset(unread), faults)


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
    """Returns the name of a secret that an error identifies by its name or by its ARN.

    An ARN ends with the name, a hyphen and six random characters.
    """
    _, separator, ending = secret.rpartition(":secret:")
    return ending.rpartition("-")[0] or ending if separator else secret


def is_ours(name: str, prefix: str, kinds: Mapping[str, Kind] = KINDS) -> bool:
    """Tells whether a secret configures accounts or channels."""
    if not name.startswith(prefix):
        return False
    suffix = name.removeprefix(prefix)
    kind = kinds.get(suffix)
    return (
        suffix == "accounts"
        or suffix.startswith("accounts/")
        or (kind is not None and kind.parse_secret is not None)
    )


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
