"""Every secret under the prefix, twenty to a call; one that cannot be read is told by name."""

import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from balance_watch.config.sources import is_ours, read_secrets
from local.aws import CREDENTIALS
from local.loopback import LOOPBACK
from local.stack import REGION
from tests.support.canaries import CORE, key
from tests.support.secret_texts import PREFIX, Json

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"


class Pages:
    """A stand-in for Secrets Manager that gives these pages, and notes how it was asked."""

    def __init__(self, *pages: Json) -> None:
        self.pages, self.asked = list(pages), list[Json]()

    def batch_get_secret_value(self, **asked: Any) -> Json:  # noqa: ANN401 (as boto3's)
        self.asked.append(asked)
        return {"SecretValues": [], **self.pages[len(self.asked) - 1]}


def secret(name: str, text: str = "{}") -> Json:
    return {"Name": name, "SecretString": text}


def error(secret_id: str, code: str = "AccessDeniedException") -> Json:
    return {"SecretId": secret_id, "ErrorCode": code, "Message": key()}


def read(*pages: Json) -> tuple[dict[str, str], list[str]]:
    client: Any = Pages(*pages)
    found = read_secrets(client, PREFIX)
    return found.texts, list(found.faults)


def test_secrets_of_accounts_and_webhooks_are_read_and_others_left_alone() -> None:
    ours = ["accounts", "accounts/team", "accounts/a/b", "slack"]
    foreign = ["accounts-old", "slack/old", "other", "accountss"]
    page = {"SecretValues": [secret(PREFIX + name) for name in (*ours, *foreign)]}
    texts, faults = read(page)
    assert (sorted(texts), faults) == (sorted(PREFIX + name for name in ours), [])


def test_a_call_asks_for_twenty_under_the_prefix() -> None:
    client: Any = Pages({"NextToken": "more"}, {})
    read_secrets(client, PREFIX)
    wanted = {"Filters": [{"Key": "name", "Values": [PREFIX]}], "MaxResults": 20}
    assert client.asked == [wanted, {**wanted, "NextToken": "more"}]


def test_a_page_without_any_secret_is_not_the_last() -> None:
    last = {"SecretValues": [secret(f"{PREFIX}accounts")]}
    texts, _ = read({"NextToken": "more"}, last)
    assert list(texts) == [f"{PREFIX}accounts"]


def test_what_is_read_comes_in_the_order_of_names() -> None:
    later, first = secret(f"{PREFIX}accounts/b"), secret(f"{PREFIX}accounts/a")
    texts, _ = read({"SecretValues": [later], "NextToken": "more"}, {"SecretValues": [first]})
    assert list(texts) == [f"{PREFIX}accounts/a", f"{PREFIX}accounts/b"]


def test_a_binary_secret_is_told_by_name() -> None:
    page = {"SecretValues": [{"Name": f"{PREFIX}accounts", "SecretBinary": key().encode()}]}
    assert read(page) == ({}, ["secret balance-watch/accounts: is binary, not text"])


@pytest.mark.parametrize(
    "secret_id", [f"{ARN}{PREFIX}accounts/a-b-AbC123", f"{PREFIX}accounts/a-b"]
)
def test_a_secret_that_cannot_be_read_is_told_by_name_and_the_rest_is_read(secret_id: str) -> None:
    page = {"SecretValues": [secret(f"{PREFIX}slack")], "Errors": [error(secret_id)]}
    texts, faults = read(page)
    assert list(texts) == [f"{PREFIX}slack"]
    assert faults == ["secret balance-watch/accounts/a-b: cannot be read (AccessDeniedException)"]


def test_errors_of_every_page_are_told() -> None:
    one, other = error(f"{PREFIX}accounts"), error(f"{PREFIX}slack", "DecryptionFailure")
    _, faults = read({"Errors": [one], "NextToken": "more"}, {"Errors": [other]})
    assert len(faults) == 2


def test_a_foreign_secret_that_cannot_be_read_is_nobodys_fault() -> None:
    assert read({"Errors": [error(f"{ARN}{PREFIX}other-AbC123")]}) == ({}, [])


def test_an_error_that_names_nothing_is_told_all_the_same() -> None:
    assert read({"Errors": [{}]}) == ({}, ["secret ?: cannot be read (no reason)"])


def test_no_text_of_a_secret_is_in_a_repr() -> None:
    client: Any = Pages({"SecretValues": [secret(f"{PREFIX}accounts", key())]})
    assert CORE not in repr(read_secrets(client, PREFIX))


def test_a_call_that_fails_as_a_whole_is_raised() -> None:
    class Refusing(Pages):
        def batch_get_secret_value(self, **_: Any) -> Json:  # noqa: ANN401 (as boto3's)
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "BatchGetSecretValue")

    client: Any = Refusing()
    with pytest.raises(ClientError):
        read_secrets(client, PREFIX)


@pytest.mark.parametrize(
    ("name", "ours"),
    [("accounts", True), ("accounts/x", True), ("slack", True), ("slack2", False), ("", False)],
)
def test_what_is_ours_is_told_by_the_name_under_any_prefix(name: str, *, ours: bool) -> None:
    assert is_ours(f"team/prod/{name}", "team/prod/") is ours


@pytest.fixture(scope="module")
def client() -> Iterator["SecretsManagerClient"]:
    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()
    yield boto3.client(
        "secretsmanager",
        endpoint_url=f"http://{LOOPBACK}:{server.get_host_and_port()[1]}",
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    server.stop()


@pytest.fixture
def prefix() -> str:
    return f"{uuid.uuid4().hex}/"


def test_more_secrets_than_a_page_holds_are_all_read(
    client: "SecretsManagerClient", prefix: str
) -> None:
    names = {f"{prefix}accounts/{number:02}" for number in range(45)}
    for name in (*names, f"{prefix}other"):
        client.create_secret(Name=name, SecretString=json.dumps({"accounts": []}))
    found = read_secrets(client, prefix)
    assert (set(found.texts), found.faults) == (names, [])


def test_a_secret_of_bytes_is_told(client: "SecretsManagerClient", prefix: str) -> None:
    client.create_secret(Name=f"{prefix}accounts", SecretBinary=b"\x00")
    assert read_secrets(client, prefix).faults == [f"secret {prefix}accounts: is binary, not text"]


def test_no_secret_at_all_is_no_fault(client: "SecretsManagerClient", prefix: str) -> None:
    found = read_secrets(client, prefix)
    assert (found.texts, found.faults) == ({}, [])
