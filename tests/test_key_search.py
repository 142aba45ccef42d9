"""tests/conftest.py fails a session in which a key is shown: tried in a session of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.canaries import canary_form

ROOT = Path(__file__).resolve().parents[1]

LEAKY = """
import logging
from base64 import b64encode

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from tests.support.canaries import key

log = logging.getLogger("balance_watch.somewhere")


def call(service, method, **params):
    client = boto3.client(
        service,
        endpoint_url="http://127.0.0.1:1",
        region_name="eu-central-1",
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(EndpointConnectionError):
        getattr(client, method)(**params)


def test_message():
    log.debug("with %s", key())


def test_field():
    log.info("with", extra={"why": b64encode(key().encode()).decode()})


def test_exception():
    try:
        raise ValueError(key())
    except ValueError:
        log.exception("failed")


def test_the_functions_own_log():
    Logger(service="balance_watch").error(key())


def test_item():
    call("dynamodb", "put_item", TableName="any", Item={"pk": {"S": key()}})


def test_publication():
    entry = {"Id": "1", "Message": key(), "Subject": "low"}
    arn = "arn:aws:sns:eu-central-1:123456789012:alerts"
    call("sns", "publish_batch", TopicArn=arn, PublishBatchRequestEntries=[entry])


def test_output():
    print(key())


@pytest.mark.xfail(raises=ValueError)
def test_error():
    raise ValueError(key())


@pytest.mark.parametrize("name", [key()])
def test_its_own_name(name):
    log.debug(name)


def test_secret():
    call("secretsmanager", "create_secret", Name="a", SecretString=key())
    call("secretsmanager", "put_secret_value", SecretId="a", SecretString=key())


def test_parameter():
    call("ssm", "put_parameter", Name="a", Value=key())


def test_nothing():
    log.debug("nothing")
"""


@pytest.fixture(scope="module", params=[0, 2], ids=["one process", "two workers"])
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "subprocess.CompletedProcess[str]":
    """Runs a session in which every test passes and most of them show a key."""
    folder = tmp_path_factory.mktemp("leaky")
    (folder / "test_leaky.py").write_text(LEAKY)
    options = [f"--rootdir={folder}", "-c/dev/null", "-pno:cacheprovider", "-ptests.conftest"]
    return subprocess.run(  # noqa: S603 (this very Python)
        [sys.executable, "-m", "pytest", *options, "-q", "-rN", f"-n{request.param}", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_shown_key_fails_a_session_in_which_all_tests_pass(
    session: "subprocess.CompletedProcess[str]",
) -> None:
    assert "11 passed, 1 xfailed" in session.stdout
    assert session.returncode == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("test", "where"),
    [
        ("test_message", "the log of balance_watch.somewhere shows a key as it is"),
        ("test_field", "the log of balance_watch.somewhere shows a key in base64"),
        ("test_exception", "the log of balance_watch.somewhere shows a key as it is"),
        ("test_the_functions_own_log", "the log of balance_watch shows a key as it is"),
        ("test_item", "the log of botocore.endpoint shows a key as it is"),
        ("test_publication", "the log of botocore.endpoint shows a key as it is"),
        ("test_parameter", "the log of botocore.endpoint shows a key as it is"),
        ("test_output", "Captured stdout call shows a key as it is"),
        ("test_error", "its error shows a key as it is"),
        ("test_its_own_name", "the log of balance_watch.somewhere shows a key as it is"),
    ],
)
def test_the_summary_names_the_test_and_the_place_of_each_shown_key(
    session: "subprocess.CompletedProcess[str]", test: str, where: str
) -> None:
    assert f"test_leaky.py::{test}: {where}\n" in session.stdout


@pytest.mark.parametrize("test", ["test_secret", "test_nothing"])
def test_a_test_may_store_a_secret(session: "subprocess.CompletedProcess[str]", test: str) -> None:
    assert f"{test}:" not in session.stdout


def test_the_summary_does_not_show_the_keys(session: "subprocess.CompletedProcess[str]") -> None:
    assert canary_form(session.stdout + session.stderr) is None
