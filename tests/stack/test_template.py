"""The template's parameters, outputs and stored data: what it promises to whoever deploys it."""

import hashlib
import json
import re

import pytest

from tests.support.templates import OURS

PARAMETERS = OURS.sam["Parameters"]
OUTPUTS = OURS.cloudformation["Outputs"]
KEPT = ("RetainExceptOnCreate", "Retain")
"""What outlives the stack, but for a creation that fails."""


def accepts(parameter: str, value: str) -> bool:
    """Tells whether CloudFormation accepts the value; a pattern must match the whole value."""
    return re.fullmatch(PARAMETERS[parameter]["AllowedPattern"], value) is not None


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_has_a_description_a_default_and_a_constraint(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"]
    assert "Default" in parameter
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
    if "AllowedPattern" in parameter:
        assert parameter["ConstraintDescription"]
        assert accepts(name, parameter["Default"])


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_in_a_labelled_group(name: str) -> None:
    groups = OURS.sam["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert name in [parameter for group in groups for parameter in group["Parameters"]]


@pytest.mark.parametrize(
    ("parameter", "valid", "invalid"),
    [
        ("SecretsPrefix", ["balance-watch/", "team_a/prod."], ["", "/", "*", "a b/", "prod*"]),
        ("AlertEmail", ["", "ops@example.com"], ["ops", "a@b", "a b@example.com"]),
        ("TrustedHosts", ["", "gateway:8080", "10.0.0.1:80,b:443"], ["gateway", "a:1, b:2", ","]),
        ("ExistingTableName", ["", "watch-History-1A2B"], ["ab", "a/b", "*"]),
        ("ExistingPolicyParameter", ["", "/balance-watch/prod/policy"], ["policy", "/", "/a*"]),
        ("RolePath", ["/", "/teams/search/"], ["", "teams", "/teams"]),
        ("SubnetIds", ["", "subnet-0123456789abcdef0"], ["*", "sg-01234567", "subnet-x"]),
        ("SecurityGroupIds", ["", "sg-0123abcd"], ["*", "subnet-01234567"]),
        (
            "PermissionsBoundaryArn",
            ["", "arn:aws:iam::123456789012:policy/teams/boundary"],
            ["*", "boundary", "arn:aws:iam::123456789012:role/boundary"],
        ),
        (
            "SecretsKeyArn",
            ["", "arn:aws:kms:eu-central-1:123456789012:key/1234-abcd"],
            ["*", "alias/mine", "arn:aws:kms:eu-central-1:123456789012:alias/mine"],
        ),
    ],
)
def test_patterns_accept_the_valid_and_reject_the_invalid(
    parameter: str, valid: list[str], invalid: list[str]
) -> None:
    assert [value for value in valid if not accepts(parameter, value)] == []
    assert [value for value in invalid if accepts(parameter, value)] == []


def test_no_parameter_is_secret_since_guided_deployment_asks_for_one_again_and_again() -> None:
    assert [name for name, parameter in PARAMETERS.items() if parameter.get("NoEcho")] == []


ABOUT_A_FUNCTION = {
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
}
"""What refers to a function by its name, and gives it none."""


def test_two_stacks_can_be_in_one_account() -> None:
    names = ("Name", "TableName", "TopicName", "QueueName", "RoleName", "FunctionName", "AlarmName")
    fixed = {
        f"{name_of_resource}.{name}": value
        for name_of_resource, resource in OURS.resources.items()
        for name, value in resource["Properties"].items()
        if name in names and resource["Type"] not in ABOUT_A_FUNCTION
    }
    assert [name for name, value in fixed.items() if "AWS::StackName" not in str(value)] == []


def test_the_history_is_encrypted_and_outlives_the_stack() -> None:
    table = OURS.resources["History"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == KEPT
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert "DeletionProtectionEnabled" not in properties  # docs/decisions/0012
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["TimeToLiveSpecification"] == {
        "AttributeName": "expires_at",
        "Enabled": True,
    }
    assert [key["AttributeName"] for key in properties["KeySchema"]] == ["pk", "sk"]


def test_the_table_that_outlives_the_stack_can_be_adopted_by_the_next_one() -> None:
    assert OURS.resources["History"]["Condition"] == "CreatesTable"


STATEFUL = {
    "AlertsKey": "9e14b15ac305",
    "Alerts": "c299a64c0b19",
    "CheckBalancesLog": "ee4d1b15a586",
    "History": "3d4b66820ae9",
    "MissedTicks": "b3019fc7b340",
}


@pytest.mark.parametrize("resource", STATEFUL)
def test_no_property_of_what_holds_state_changes_by_accident(resource: str) -> None:
    """Think what CloudFormation does to the resources of those who have it, before you edit this.

    It may write over what a user put, or replace the resource and leave the old one empty.
    """
    text = json.dumps(OURS.properties(resource), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == STATEFUL[resource], resource


OWN_POLICY = "/balance-watch/${AWS::StackName}/policy"


def test_no_resource_is_the_policy_since_a_deployment_would_write_over_it() -> None:
    """CloudFormation writes a parameter's value whenever a property or a tag of it changes."""
    parameters = [OURS.properties(it)["Name"] for it in OURS.of_type("AWS::SSM::Parameter")]
    assert OWN_POLICY not in [name.get("Fn::Sub", name) for name in parameters]
    (policy,) = (output["Value"] for name, output in OUTPUTS.items() if name == "PolicyParameter")
    assert {"Fn::Sub": OWN_POLICY} in policy["Fn::If"]


def test_an_update_leaves_the_policy_that_an_earlier_release_has_made_a_resource() -> None:
    """Its logical id has another name now, so that it is replaced; without it, it is deleted."""
    assert OURS.resources["Policy"]["Type"] == "AWS::SSM::Parameter"
    assert OURS.resources["Policy"]["UpdateReplacePolicy"] == "Retain"


def test_every_skipped_check_has_its_reason_beside_it() -> None:
    skips = [
        skip
        for resource in OURS.sam["Resources"].values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    assert [skip["id"] for skip in skips if len(skip.get("comment", "")) < 40] == []


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_has_a_description(output: str) -> None:
    assert OUTPUTS[output]["Description"]


def test_the_outputs_name_everything_that_an_operator_needs() -> None:
    assert set(OUTPUTS) >= {
        "FunctionName",
        "TableName",
        "TopicArn",
        "PolicyParameter",
        "SecretsPrefix",
        "LogGroupName",
        "MissedTicksUrl",
    }
