"""A command finds the stack by its name, and says what to do where it cannot."""

from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.aws_errors import explained

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

VARIABLES = (
    "TABLE_NAME",
    "TOPIC_ARN",
    "POLICY_PARAMETER",
    "SECRETS_PREFIX",
    "HISTORY_DAYS",
    "TRUSTED_HOSTS",
)
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/history"
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/dev/me is not authorized to perform:"
    f" dynamodb:Query on resource: {TABLE}"
    " because no identity-based policy allows the dynamodb:Query action"
)


@pytest.fixture
def bare(run: "Run", monkeypatch: pytest.MonkeyPatch) -> "Run":
    """The command after a check, without a variable of the stack's."""
    run("check")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return run


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--json"),
        ("--stack", "balance-watch", "status", "--json"),
        ("status", "--json", "--stack", "balance-watch", "--region", "eu-central-1"),
        ("--region", "eu-central-1", "status", "--json", "--stack=balance-watch"),
    ],
    ids=" ".join,
)
def test_the_stack_is_found_without_a_variable(bare: "Run", words: tuple[str, ...]) -> None:
    assert [row["account"] for row in bare(*words).json] == ["search", "sms"]


def test_the_policy_is_put_where_the_stack_keeps_it(
    bare: "Run", stage: "Stage", tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("# Mine.\n")
    assert bare("policy", "put", str(file), "--yes").code == 0
    name = stage.aws.environment["POLICY_PARAMETER"]
    assert stage.aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == "# Mine.\n"


def test_a_variable_that_is_set_wins(bare: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "elsewhere")
    output = bare("status", "--stack", "balance-watch")
    assert output.code == 1
    assert "ResourceNotFoundException" in output.err


def test_a_missing_stack_is_named_with_its_region_and_with_the_stacks_that_are_there(
    bare: "Run",
) -> None:
    output = bare("status", "--stack", "balance-wacht")
    assert output.code == 1
    assert output.err == (
        "balance-watch: There is no stack balance-wacht in eu-central-1. Found there:"
        " balance-watch. Name one with --stack.\n"
    )


def test_a_region_without_a_stack_is_named(bare: "Run") -> None:
    assert bare("status", "--region", "us-east-1").err == (
        "balance-watch: There is no stack balance-watch in us-east-1. Name another region with"
        " --region, another stack with --stack, or deploy one.\n"
    )


def test_a_stack_of_something_else_is_no_stack_of_ours(bare: "Run", stage: "Stage") -> None:
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    stage.aws.client("cloudformation").create_stack(StackName="other", TemplateBody=template)
    assert bare("status", "--stack", "other").err == (
        "balance-watch: The stack other in eu-central-1 is CREATE_COMPLETE and has no output"
        " TableName: deploy it again, or name another one with --stack.\n"
    )


def test_an_unknown_profile_is_named(bare: "Run") -> None:
    output = bare("status", "--profile", "nobody")
    assert output.code == 1
    assert "nobody" in output.err
    assert "`aws configure list-profiles`" in output.err


def session() -> boto3.Session:
    return boto3.Session(region_name="eu-central-1")


def answer(code: str, message: str = "", operation: str = "Query") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (answer("ExpiredTokenException"), ["login has expired", "`aws sso login`"]),
        (answer("RequestExpired"), ["login has expired", "`aws sso login`"]),
        (exceptions.UnauthorizedSSOTokenError(), ["login has expired", "`aws sso login`"]),
        (
            exceptions.TokenRetrievalError(provider="sso", error_msg="gone"),
            ["login has expired", "`aws sso login`"],
        ),
        (answer("UnrecognizedClientException"), ["does not know this access key"]),
        (
            answer("AccessDeniedException", DENIED),
            [
                f"You may not do dynamodb:Query on {TABLE}.",
                "docs/permissions.md",
            ],
        ),
        (answer("AccessDenied", "no"), ["You may not do Query."]),
        (
            answer("AuthorizationError", "is not authorized to perform: sns:Publish because"),
            ["You may not do sns:Publish."],
        ),
        (answer("ResourceNotFoundException"), ["Query in eu-central-1", "--region", "--stack"]),
        (answer("ThrottlingException"), ["busy", "again in a minute"]),
        (answer("InternalServerError"), ["AWS answered InternalServerError to Query."]),
        (exceptions.NoRegionError(), ["No AWS region is set", "--region eu-central-1"]),
        (exceptions.NoCredentialsError(), ["No AWS credentials", "`aws sso login`", "--profile"]),
        (
            exceptions.EndpointConnectionError(endpoint_url="https://sts.mars-1.amazonaws.com"),
            ["mars-1", "--region"],
        ),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else None,
)
def test_an_error_of_aws_says_what_to_do(
    error: BotoCoreError | ClientError, parts: list[str]
) -> None:
    text = explained(error, session)
    assert [part for part in parts if part not in text] == []


def test_the_login_of_a_profile_names_the_profile() -> None:
    class Named(boto3.Session):
        @property
        def profile_name(self) -> str:
            return "work"

    assert "`aws sso login --profile work`" in explained(answer("ExpiredToken"), Named)


def test_who_is_denied_is_not_repeated() -> None:
    assert "assumed-role" not in explained(answer("AccessDenied", DENIED), session)
