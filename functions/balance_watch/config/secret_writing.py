"""Writes a secret without losing what another one has written meanwhile."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_BYTES = 65_536
"""The largest text of a secret (AWS Secrets Manager quotas)."""

PENDING = "balance-watch-pending"
"""The staging label of a version that is not in force yet.

All writers share it, because a secret has room for 20 labels: a writer that dies leaves one, which
the next writer takes over. A version that has lost it to another writer stays for 24 hours (AWS
Secrets Manager API reference, PutSecretValue). It is not documented whether AWS puts it in force
then; if AWS refuses, the change is made again.
"""

_ATTEMPTS = 6
_PAUSE_SECONDS = 0.1
"""The pause after the first attempt; each further one lasts twice as long."""

_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_MISSING, _EXISTS, _DELETED, _INVALID = (
    "ResourceNotFoundException",
    "ResourceExistsException",
    "InvalidRequestException",
    "InvalidParameterException",
)
_REFUSALS = frozenset({_MISSING, _DELETED, _INVALID})
"""How AWS may refuse to move a label from a version that does not have it: the API reference of
UpdateSecretVersionStage says that the operation fails, and not with which of its errors. Emulators
answer InvalidParameterException."""

Change = Callable[[str | None], str]
"""Returns the new text of a secret for its present one, or for None if it has none."""


class _Version(NamedTuple):
    id: str
    text: str


def update_secret(
    client: "SecretsManagerClient",
    name: str,
    change: Change,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Changes the text of a secret; makes the secret if there is none.

    Secrets Manager has no conditional write of a value, but a conditional move of a label. So the
    new version is stored beside the one in force, and takes its place only if that is still the one
    that was read. Otherwise the secret is read again, and the change is made to the newer text. A
    process that dies before the move leaves the present text in force.

    Args:
        client: of Secrets Manager.
        name: the secret's name.
        change: is called once for each attempt, with the text in force.
        pause: waits for so many seconds between two attempts.

    Raises:
        CommandError: the text is too large, the secret is scheduled for deletion, or others write
            it all the time. The change is not in force.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            pause(_PAUSE_SECONDS * 2 ** (attempt - 1))
        base = _read(client, name, _CURRENT)
        text = change(None if base is None else base.text)
        if base is not None and text == base.text:
            return
        if len(text.encode()) > MAX_BYTES:
            raise CommandError(
                f"The secret {name} would be larger than {MAX_BYTES:,} bytes, the limit of Secrets"
                " Manager: use another one."
            )
        if base is None and _create(client, name, text):
            return
        if _replace(client, name, base, text):
            return
    raise CommandError(f"Others write the secret {name} all the time: try again.")


def _replace(client: "SecretsManagerClient", name: str, base: _Version | None, text: str) -> bool:
    """Puts a text in force in place of the version that was read; returns False if that is not it.

    Args:
        client: of Secrets Manager.
        name: the secret's name.
        base: the version that was read; None: the secret had no value, or was just being made.
        text: the new text.
    """
    version = str(uuid.uuid4())
    stored = client.put_secret_value(
        SecretId=name, SecretString=text, ClientRequestToken=version, VersionStages=[PENDING]
    )
    try:
        # AWS puts the first version of a secret in force by itself.
        return _CURRENT in stored["VersionStages"] or (
            base is not None and _put_in_force(client, name, base, version)
        )
    finally:
        # What it leaves behind is but a label, which the next writer takes.
        with suppress(BotoCoreError, ClientError):
            client.update_secret_version_stage(
                SecretId=name, VersionStage=PENDING, RemoveFromVersionId=version
            )


def _put_in_force(client: "SecretsManagerClient", name: str, base: _Version, version: str) -> bool:
    """Puts a version in force in place of another; returns False if that is not in force."""
    try:
        client.update_secret_version_stage(
            SecretId=name,
            VersionStage=_CURRENT,
            RemoveFromVersionId=base.id,
            MoveToVersionId=version,
        )
    except ClientError as error:
        if _code(error) not in _REFUSALS:
            raise
    else:
        return True
    # A move whose answer was lost is repeated by boto3 and then refused, though it was made; and
    # another writer may have built on it already.
    latest = (_read(client, name, stage) for stage in (_CURRENT, _PREVIOUS))
    return any(found is not None and found.id == version for found in latest)


def _read(client: "SecretsManagerClient", name: str, stage: str) -> _Version | None:
    """Returns the version of a secret at a stage; None if there is none."""
    try:
        found = client.get_secret_value(SecretId=name, VersionStage=stage)
    except ClientError as error:
        code = _code(error)
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
    """Makes a secret; returns False if there is one, without a value or made meanwhile."""
    try:
        client.create_secret(
            Name=name, SecretString=text, Description="Written by the command balance-watch."
        )
    except ClientError as error:
        if _code(error) != _EXISTS:
            raise
        return False
    return True


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
