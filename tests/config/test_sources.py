"""Reading the secrets under the prefix, and the policy; failures are reported by name."""

import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from balance_watch.config.sources import is_ours, read_parameter, read_secrets
from balance_watch.notifiers.channels import KINDS
from balance_watch.validation import Faults
from local.aws import CREDENTIALS
from local.loopback import LOOPBACK
from local.stack import REGION
from tests.support.canaries import CORE, key
from tests.support.secret_texts import PREFIX, Json

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"


class FakeSecretsManager:
    """Returns these pages, and records the requests for them."""

    def __init__(self, *pages: Json) -> None:
        self.pages, self.requests = list(pages), list[Json]()

    def batch_get_secret_value(self, **request: object) -> Json:
        self.requests.append(request)
        return {"SecretValues": [], **self.pages[len(self.requests) - 1]}


def means_nothing(prefix: str, name: str) -> str:
    kinds = ", ".join(name for name, kind in KINDS.items() if kind.parse_secret is not None)
    known = f"after {prefix} it must be accounts, accounts/NAME, {kinds} or heartbeat"
    return f"secret {prefix}{name}: its name means nothing: {known}"


def secret(name: str, text: str = "{}") -> Json:
    return {"Name": name, "SecretString": text}


def error(secret_id: str, code: str = "AccessDeniedException") -> Json:
    return {"SecretId": secret_id, "ErrorCode": code, "Message": key()}


def read(*pages: Json) -> tuple[dict[str, str], list[str]]:
    client: Any = FakeSecretsManager(*pages)
    secrets = read_secrets(client, PREFIX)
    return secrets.texts, list(secrets.faults)


def test_secrets_of_accounts_and_webhooks_are_read_and_others_are_faults() -> None:
    ours = ["accounts", "accounts/team", "accounts/a/b", "heartbeat", "slack"]
    foreign = ["accounts-old", "accountss", "other", "slack/old", "sns", "telex"]
    page = {"SecretValues": [secret(PREFIX + name) for name in (*ours, *foreign)]}
    texts, faults = read(page)
    assert sorted(texts) == sorted(PREFIX + name for name in ours)
    assert faults == [means_nothing(PREFIX, name) for name in foreign]


def test_a_name_outside_the_prefix_is_no_fault() -> None:
    assert read({"SecretValues": [secret("balance-watcher/accounts")]}) == ({}, [])


def test_a_call_requests_twenty_secrets_under_the_prefix() -> None:
    client: Any = FakeSecretsManager({"NextToken": "more"}, {})
    read_secrets(client, PREFIX)
    wanted = {"Filters": [{"Key": "name", "Values": [PREFIX]}], "MaxResults": 20}
    assert client.requests == [wanted, {**wanted, "NextToken": "more"}]


def test_a_page_without_any_secret_is_not_the_last() -> None:
    last = {"SecretValues": [secret(f"{PREFIX}accounts")]}
    texts, _ = read({"NextToken": "more"}, last)
    assert list(texts) == [f"{PREFIX}accounts"]


def test_secrets_are_returned_in_the_order_of_their_names() -> None:
    later, first = secret(f"{PREFIX}accounts/b"), secret(f"{PREFIX}accounts/a")
    texts, _ = read({"SecretValues": [later], "NextToken": "more"}, {"SecretValues": [first]})
    assert list(texts) == [f"{PREFIX}accounts/a", f"{PREFIX}accounts/b"]


def test_a_binary_secret_is_reported_by_name() -> None:
    page = {"SecretValues": [{"Name": f"{PREFIX}accounts", "SecretBinary": key().encode()}]}
    assert read(page) == ({}, ["secret balance-watch/accounts: is binary, not text"])


@pytest.mark.parametrize(
    "secret_id", [f"{ARN}{PREFIX}accounts/a-b-AbC123", f"{PREFIX}accounts/a-b"]
)
def test_a_secret_that_cannot_be_read_is_reported_and_the_rest_is_read(secret_id: str) -> None:
    page = {"SecretValues": [secret(f"{PREFIX}slack")], "Errors": [error(secret_id)]}
    texts, faults = read(page)
    assert list(texts) == [f"{PREFIX}slack"]
    assert faults == ["secret balance-watch/accounts/a-b: cannot be read (AccessDeniedException)"]


def test_the_errors_of_every_page_are_reported() -> None:
    first, second = error(f"{PREFIX}accounts"), error(f"{PREFIX}slack", "DecryptionFailure")
    _, faults = read({"Errors": [first], "NextToken": "more"}, {"Errors": [second]})
    assert len(faults) == 2


def test_a_secret_that_means_nothing_and_cannot_be_read_is_one_fault() -> None:
    faults = [means_nothing(PREFIX, "other")]
    assert read({"Errors": [error(f"{ARN}{PREFIX}other-AbC123")]}) == ({}, faults)


def test_a_secret_that_aws_lists_as_deleted_is_reported_and_the_rest_is_read() -> None:
    deleted = error(f"{PREFIX}accounts/old", "InvalidRequestException")
    texts, faults = read({"SecretValues": [secret(f"{PREFIX}accounts")], "Errors": [deleted]})
    why = "cannot be read (InvalidRequestException): it may be scheduled for deletion"
    assert list(texts) == [f"{PREFIX}accounts"]
    assert faults == [f"secret {PREFIX}accounts/old: {why}"]


def test_an_error_without_a_name_is_reported_all_the_same() -> None:
    assert read({"Errors": [{}]}) == ({}, ["secret ?: cannot be read (no reason given)"])


def test_no_repr_contains_the_text_of_a_secret() -> None:
    client: Any = FakeSecretsManager({"SecretValues": [secret(f"{PREFIX}accounts", key())]})
    assert CORE not in repr(read_secrets(client, PREFIX))


def test_a_call_that_fails_as_a_whole_is_raised() -> None:
    class DeniedSecretsManager(FakeSecretsManager):
        def batch_get_secret_value(self, **_: object) -> Json:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "BatchGetSecretValue")

    client: Any = DeniedSecretsManager()
    with pytest.raises(ClientError):
        read_secrets(client, PREFIX)


@pytest.mark.parametrize(
    ("name", "ours"),
    [("accounts", True), ("accounts/x", True), ("slack", True), ("slack2", False), ("", False)],
)
def test_the_name_under_the_prefix_decides_whether_a_secret_is_ours(
    name: str, *, ours: bool
) -> None:
    assert is_ours(f"team/prod/{name}", "team/prod/") is ours


class FakeParameterStore:
    """Returns one parameter, or raises an error."""

    def __init__(self, result: str | Exception) -> None:
        self.result = result

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803 (AWS's)
        assert (Name, WithDecryption) == ("/balance-watch/policy", True)
        if isinstance(self.result, Exception):
            raise self.result
        return {"Parameter": {"Value": self.result}}


def read_policy(result: str | Exception) -> tuple[str | None, list[str]]:
    faults = Faults()
    client: Any = FakeParameterStore(result)
    return read_parameter(client, "/balance-watch/policy", faults), list(faults)


def test_the_text_of_the_parameter_is_read() -> None:
    assert read_policy("[defaults]\n") == ("[defaults]\n", [])


def test_a_parameter_that_does_not_exist_is_no_fault() -> None:
    missing = ClientError({"Error": {"Code": "ParameterNotFound"}}, "GetParameter")
    assert read_policy(missing) == (None, [])


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (
            ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameter"),
            "AccessDeniedException",
        ),
        (ClientError({}, "GetParameter"), "no reason given"),
        (EndpointConnectionError(endpoint_url="https://canary"), "EndpointConnectionError"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_reported(error: Exception, why: str) -> None:
    assert read_policy(error) == (None, [f"policy /balance-watch/policy: cannot be read ({why})"])


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


def test_all_pages_of_secrets_are_read(client: "SecretsManagerClient", prefix: str) -> None:
    names = {f"{prefix}accounts/{number:02}" for number in range(45)}
    for name in (*names, f"{prefix}other"):
        client.create_secret(Name=name, SecretString=json.dumps({"accounts": []}))
    secrets = read_secrets(client, prefix)
    assert (set(secrets.texts), secrets.faults) == (names, [means_nothing(prefix, "other")])


def test_a_real_binary_secret_is_reported(client: "SecretsManagerClient", prefix: str) -> None:
    client.create_secret(Name=f"{prefix}accounts", SecretBinary=b"\x00")
    assert read_secrets(client, prefix).faults == [f"secret {prefix}accounts: is binary, not text"]


def test_without_any_secret_there_is_no_fault(client: "SecretsManagerClient", prefix: str) -> None:
    secrets = read_secrets(client, prefix)
    assert (secrets.texts, secrets.faults) == ({}, [])


def test_a_secret_that_is_scheduled_for_deletion_stops_no_other(
    client: "SecretsManagerClient", prefix: str
) -> None:
    for name in ("accounts/a", "accounts/b", "slack"):
        client.create_secret(Name=prefix + name, SecretString="{}")
    client.delete_secret(SecretId=f"{prefix}accounts/b")
    secrets = read_secrets(client, prefix)
    assert list(secrets.texts) == [f"{prefix}accounts/a", f"{prefix}slack"]
    assert secrets.unread == {f"{prefix}accounts/b"}
