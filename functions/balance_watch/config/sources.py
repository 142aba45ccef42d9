"""Reads the operator's text: every secret under a prefix, and the policy's parameter."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.validation import Faults

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

_PAGE = 20
"""The most that one BatchGetSecretValue returns (AWS Secrets Manager API reference, MaxResults)."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The texts of the secrets by name, and what was wrong with those that could not be read."""

    texts: dict[str, str] = field(repr=False)
    faults: Faults


def read_secrets(client: "SecretsManagerClient", prefix: str) -> Secrets:
    """Returns the accounts' and the webhooks' secrets.

    Secrets under the prefix that belong to neither are left alone. A secret that cannot be read is
    a fault by its name; the call as a whole failing raises botocore's ClientError.
    """
    texts: dict[str, str] = {}
    faults = Faults()
    wanted = {"Filters": [{"Key": "name", "Values": [prefix]}], "MaxResults": _PAGE}
    token: dict[str, str] = {}
    while True:
        page = client.batch_get_secret_value(**wanted, **token)  # type: ignore[arg-type]
        for secret in page["SecretValues"]:
            name = secret["Name"]
            if not is_ours(name, prefix):
                continue
            if "SecretString" in secret:
                texts[name] = secret["SecretString"]
            else:
                faults.add(f"secret {name}", "is binary, not text")
        for error in page.get("Errors", []):
            name = _name_of(error.get("SecretId", "?"))
            if name == "?" or is_ours(name, prefix):
                why = error.get("ErrorCode", "no reason")
                faults.add(f"secret {name}", f"cannot be read ({why})")
        if not page.get("NextToken"):
            return Secrets(dict(sorted(texts.items())), faults)
        token = {"NextToken": page["NextToken"]}


def _name_of(secret: str) -> str:
    """The name of a secret out of its ARN, which ends in the name and six random characters."""
    _, arn, last = secret.rpartition(":secret:")
    return last.rpartition("-")[0] or last if arn else secret


def is_ours(name: str, prefix: str) -> bool:
    """Tells whether a secret holds accounts or webhooks."""
    return name in {f"{prefix}accounts", f"{prefix}slack"} or name.startswith(f"{prefix}accounts/")


def read_parameter(client: "SSMClient", name: str, faults: Faults) -> str | None:
    """Returns the parameter's text; None after noting why it cannot be read."""
    try:
        return client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except ClientError as error:
        why = error.response.get("Error", {}).get("Code", "no reason given")
    except BotoCoreError as error:
        why = type(error).__name__
    faults.add(f"policy {name}", f"cannot be read ({why})")
    return None
