"""The doctor asks IAM's simulator for each right that the template gives the function's role."""

import ast
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from balance_watch.cli.doctor_patient import Line, Patient
from balance_watch.cli.doctor_rights import Right, needed, rights
from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from tests.support.doctor_aws import FakeAws, by_policy, denied, simulating, stack
from tests.support.templates import OURS, as_list

if TYPE_CHECKING:
    from tests.cli.conftest import Stage

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0f1e2d3c"
EVERY_OPTION = {
    "WatchOwnAccount": "true",
    "SubnetIds": "subnet-12345678",
    "SecretsKeyArn": KEY,
}


def patient(stage: "Stage", **changes: Any) -> Patient:  # noqa: ANN401 (any answer)
    fake = FakeAws(stage, **changes)
    wired = Wiring(CheckSettings.from_environment(), make_client=fake.client)
    return Patient(wired, "balance-watch", datetime.now(UTC))


def look(stage: "Stage", **changes: Any) -> list[Line]:  # noqa: ANN401 (any answer)
    return list(rights(patient(stage, **changes)))


def test_what_the_function_needs_is_what_the_template_grants(
    stage: "Stage", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_BUS", "default")
    granted = {
        action
        for statement in OURS.statements("CheckBalancesRole")
        for action in as_list(statement["Action"])
    }
    asked = needed(patient(stage, describe_stacks=stack(**EVERY_OPTION)))
    assert {action for right in asked for action in right.actions} == granted


def test_the_role_of_the_embedded_stack_has_every_right(stage: "Stage") -> None:
    role = stage.aws.physical_id("CheckBalancesRole")
    iam = stage.aws.client("iam")
    found = iam.get_role_policy(RoleName=role, PolicyName="CheckBalances")["PolicyDocument"]
    document = ast.literal_eval(found)  # moto has the text of a dict, and None for AWS::NoValue
    document["Statement"] = list(filter(None, document["Statement"]))
    (its_log,) = (it for it in document["Statement"] if it["Sid"] == "WriteItsLog")
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html
    its_log["Resource"] += ":*"  # as CloudFormation returns the ARN, and moto does not
    ids = {
        name: stage.aws.physical_id(name)
        for name in ("CheckBalances", "CheckBalancesLog", "AlertsKey")
    }
    resources = [
        {"ResourceType": kind, "LogicalResourceId": name, "PhysicalResourceId": ids[name]}
        for name, kind in (
            ("CheckBalances", "AWS::Lambda::Function"),
            ("CheckBalancesLog", "AWS::Logs::LogGroup"),
            ("AlertsKey", "AWS::KMS::Key"),
        )
    ]
    (line,) = look(
        stage,
        list_stack_resources={"StackResourceSummaries": resources},
        simulate_principal_policy=simulating(by_policy(document)),
    )
    assert line.ok, line.detail
    assert line.detail == "x-CheckBalancesRole has the 18 rights that it needs"


def test_a_missing_right_is_named_with_its_resource(stage: "Stage") -> None:
    lacks = simulating(lambda action, *_: action not in ("dynamodb:Query", "dynamodb:PutItem"))
    (line,) = look(stage, simulate_principal_policy=lacks)
    table = stage.aws.environment["TABLE_NAME"]
    assert not line.ok
    assert line.detail.startswith("x-CheckBalancesRole may not do dynamodb:PutItem, dynamodb:Query")
    assert line.detail.endswith(f":table/{table}")
    assert "Deploy again" in line.do


def test_the_right_to_send_events_is_needed_only_with_a_bus(
    stage: "Stage", monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks = simulating(lambda action, *_: action != "events:PutEvents")
    assert [line.ok for line in look(stage, simulate_principal_policy=lacks)] == [True]
    monkeypatch.setenv("EVENT_BUS", "default")
    (line,) = look(stage, simulate_principal_policy=lacks)
    assert "may not do events:PutEvents on arn:aws:events:" in line.detail


def test_a_key_that_encrypts_a_secret_and_is_not_the_stacks_is_named(stage: "Stage") -> None:
    client = stage.aws.client("secretsmanager")
    client.create_secret(Name="balance-watch/accounts/eu", SecretString="{}", KmsKeyId=KEY)
    via = list[object]()

    def allows(action: str, resource: str, context: Any) -> bool:  # noqa: ANN401 (a mapping)
        if resource == KEY:
            via.append((action, context))
        return resource != KEY

    (line,) = look(stage, simulate_principal_policy=simulating(allows))
    assert f"may not do kms:Decrypt on {KEY}" in line.detail
    assert f"Deploy with SecretsKeyArn={KEY}" in line.do
    region = stage.aws.environment["AWS_REGION"]
    assert via == [("kms:Decrypt", {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"})]


@pytest.mark.parametrize(
    ("named", "keys"),
    [
        (KEY, [KEY]),
        ("0f1e2d3c", [KEY]),
        ("alias/mine", []),
        ("arn:aws:kms:eu-central-1:123456789012:alias/mine", []),
        ("", []),
    ],
)
def test_a_key_is_known_by_its_arn_or_its_id(stage: "Stage", named: str, keys: list[str]) -> None:
    asked: list[Right] = list(needed(patient(stage, describe_stacks=stack(SecretsKeyArn=named))))
    assert [it.resource for it in asked if "secretsmanager." in it.via] == keys


def test_whoever_may_not_ask_is_told_so_and_it_is_no_failure(stage: "Stage") -> None:
    (line,) = look(stage, simulate_principal_policy=denied("SimulatePrincipalPolicy"))
    assert line.ok is None
    assert "you may not do iam:SimulatePrincipalPolicy on arn:aws:iam" in line.detail


def test_a_role_that_is_gone_is_told(stage: "Stage") -> None:
    gone = ClientError({"Error": {"Code": "NoSuchEntity"}}, "SimulatePrincipalPolicy")
    (line,) = look(stage, simulate_principal_policy=gone)
    assert (line.ok, "does not exist" in line.detail) == (False, True)


def test_an_emulator_that_cannot_simulate_is_neither_ok_nor_a_fault(stage: "Stage") -> None:
    del stage
    wired = Wiring(CheckSettings.from_environment())
    (line,) = rights(Patient(wired, "balance-watch", datetime.now(UTC)))
    assert (line.ok, line.detail) == (None, "not checked: the emulator cannot simulate rights")
