"""Writes a secret without losing what another one has written meanwhile."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from balance_watch.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_BYTES = 65_536
"""The largest text of a secret (AWS Secrets Manager quotas)."""

_ATTEMPTS = 5
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_MISSING, _EXISTS, _DELETED = (
    "ResourceNotFoundException",
    "ResourceExistsException",
    "InvalidRequestException",
)

Change = Callable[[str | None], str]
"""Returns the new text of a secret for its present one, or for None if there is no secret."""


class _Version(NamedTuple):
    id: str
    text: str | None


def update_secret(client: "SecretsManagerClient", name: str, change: Change) -> None:
    """Changes the text of a secret; makes the secret if there is none.

    Secrets Manager has no conditional write. So the version that was replaced is looked at
    afterwards: if it is not the one that was read, another one wrote in between, and the change is
    made to that version once more.

    Args:
        client: of Secrets Manager.
        name: the secret's name.
        change: is called once for each attempt. A text that has the change already, since another
            one has built on it, must stay as it is.

    Raises:
        CommandError: the text is too large, the secret is scheduled for deletion, or others write
            it all the time.
    """
    base, own = _read(client, name, _CURRENT), set[str]()
    for _ in range(_ATTEMPTS):
        text = change(None if base is None else base.text)
        if len(text.encode()) > MAX_BYTES:
            raise CommandError(
                f"The secret {name} would be larger than {MAX_BYTES:,} bytes, the limit of Secrets"
                " Manager: use another one."
            )
        if base is None:
            if _create(client, name, text):
                return
            base = _read(client, name, _CURRENT)
            continue
        token = str(uuid.uuid4())
        client.put_secret_value(SecretId=name, SecretString=text, ClientRequestToken=token)
        replaced = _read(client, name, _PREVIOUS)
        if replaced is None or replaced.id in (base.id, *own):
            return
        own.add(token)
        base = replaced
    raise CommandError(f"Others write the secret {name} all the time: try again.")


def _read(client: "SecretsManagerClient", name: str, stage: str) -> _Version | None:
    """Returns the version of a secret at a stage; None if there is none."""
    try:
        found = client.get_secret_value(SecretId=name, VersionStage=stage)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code == _DELETED:
            raise CommandError(
                f"The secret {name} is scheduled for deletion: restore it (`aws secretsmanager"
                f" restore-secret --secret-id {name}`), or use another one."
            ) from None
        if code != _MISSING:
            raise
        return None
    if "SecretString" not in found:
        raise CommandError(f"The secret {name} is binary, not text: use another one.")
    return _Version(found["VersionId"], found["SecretString"])


def _create(client: "SecretsManagerClient", name: str, text: str) -> bool:
    """Makes a secret; returns False if another one made it meanwhile."""
    try:
        client.create_secret(
            Name=name, SecretString=text, Description="Written by the command balance-watch."
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != _EXISTS:
            raise
        return False
    return True
