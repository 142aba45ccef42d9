"""Every role's permissions: each names its actions, and its resource where IAM knows one."""

import pytest

from local.stack import Template
from tests.support.templates import OURS, STACKS, Stack, as_list

# Actions for which IAM knows no resource, with where AWS says so.
ANY_RESOURCE = {
    "secretsmanager:BatchGetSecretValue": "service authorization reference, Secrets Manager",
    "secretsmanager:ListSecrets": "service authorization reference, Secrets Manager",
    "ec2:AssignPrivateIpAddresses": "AWSLambdaVPCAccessExecutionRole, as Lambda demands it",
    "ec2:CreateNetworkInterface": "AWSLambdaVPCAccessExecutionRole, as Lambda demands it",
    "ec2:DeleteNetworkInterface": "AWSLambdaVPCAccessExecutionRole, as Lambda demands it",
    "ec2:DescribeNetworkInterfaces": "AWSLambdaVPCAccessExecutionRole, as Lambda demands it",
    "ec2:DescribeSubnets": "AWSLambdaVPCAccessExecutionRole, as Lambda demands it",
    "ec2:UnassignPrivateIpAddresses": "AWSLambdaVPCAccessExecutionRole, as Lambda demands it",
}

ANY_RESOURCE |= dict.fromkeys(
    (
        "ce:GetCostAndUsage",
        "cloudwatch:GetMetricStatistics",
        "freetier:GetAccountPlanState",
        "ses:GetAccount",
        "sns:GetSMSAttributes",
    ),
    "service authorization reference: no resource, and reads only",
)

ROLES = [
    pytest.param(stack, role, id=f"{name}, {role}")
    for name, stack in STACKS.items()
    for role in stack.of_type("AWS::IAM::Role")
]
STATEMENTS = [
    pytest.param(statement, id=f"{name}, {role}.{statement['Sid']}")
    for name, stack in STACKS.items()
    for role in stack.of_type("AWS::IAM::Role")
    for statement in stack.statements(role)
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_permission_names_its_actions(statement: Template) -> None:
    assert [action for action in as_list(statement["Action"]) if "*" in action] == []


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_permission_is_for_its_resource_where_iam_knows_one(
    statement: Template,
) -> None:
    if "*" in as_list(statement["Resource"]):
        assert set(as_list(statement["Action"])) <= set(ANY_RESOURCE)
    else:
        assert not set(as_list(statement["Action"])) & set(ANY_RESOURCE)


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_a_role_has_no_managed_policy_since_those_are_for_every_resource(
    stack: Stack, role: str
) -> None:
    assert "ManagedPolicyArns" not in stack.properties(role)


def test_the_check_may_ask_for_the_subscribers_of_its_topic_alone() -> None:
    asking = [
        statement["Resource"]
        for statement in OURS.statements("CheckBalancesRole")
        if "sns:GetTopicAttributes" in as_list(statement["Action"])
    ]
    assert asking == [{"Ref": "Alerts"}]


def test_the_check_may_send_events_only_to_the_bus_of_its_parameter() -> None:
    statements = OURS.properties("CheckBalancesRole")["Policies"][0]["PolicyDocument"]["Statement"]
    (sending,) = [it["Fn::If"] for it in statements if "SendEvents" in str(it)]
    condition, statement, otherwise = sending
    assert (condition, otherwise) == ("SendsEvents", {"Ref": "AWS::NoValue"})
    assert statement["Action"] == "events:PutEvents"
    assert statement["Resource"]["Fn::Sub"].endswith(":event-bus/${EventBus}")
    assert OURS.sam["Parameters"]["EventBus"]["Default"] == ""


def test_people_who_look_may_read_the_history_and_the_policy_and_no_secret() -> None:
    document = OURS.properties("Reader")["PolicyDocument"]
    actions = [action for it in document["Statement"] for action in as_list(it["Action"])]
    assert actions == [
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "ssm:GetParameter",
        "cloudformation:DescribeStacks",
    ]
    assert [it for it in document["Statement"] if "*" in as_list(it["Resource"])] == []


@pytest.mark.parametrize("role", OURS.of_type("AWS::IAM::Role"))
def test_every_role_keeps_to_the_guard_rails(role: str) -> None:
    properties = OURS.properties(role)
    assert properties["Path"] == {"Ref": "RolePath"}
    assert properties["PermissionsBoundary"]["Fn::If"][:2] == [
        "HasBoundary",
        {"Ref": "PermissionsBoundaryArn"},
    ]


def test_the_function_is_in_no_subnet_unless_a_parameter_says_so() -> None:
    choice = OURS.properties("CheckBalances")["VpcConfig"]["Fn::If"]
    assert choice[0] == "HasSubnets"
    assert choice[2] == {"Ref": "AWS::NoValue"}
    assert OURS.sam["Parameters"]["SubnetIds"]["Default"] == ""


def test_secret_values_are_read_under_the_prefix_only() -> None:
    (read,) = [
        statement
        for statement in OURS.statements("CheckBalancesRole")
        if "secretsmanager:GetSecretValue" in as_list(statement["Action"])
    ]
    assert read["Resource"]["Fn::Sub"].endswith(":secret:${SecretsPrefix}*")


SLACK_ACTIONS = OURS.statements("SlackActionsRole")


def test_the_buttons_may_do_what_they_need_and_nothing_else() -> None:
    assert {it["Sid"]: as_list(it["Action"]) for it in SLACK_ACTIONS} == {
        "WriteItsLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "ReadAlerts": ["dynamodb:BatchGetItem", "dynamodb:GetItem"],
        "KeepPresses": ["dynamodb:UpdateItem"],
        "OrderPayments": ["dynamodb:PutItem"],
        "ReadSigningSecret": ["secretsmanager:GetSecretValue"],
        "DecryptSigningSecret": ["kms:Decrypt"],
        "BeginCheck": ["lambda:InvokeFunction"],
    }


def test_the_buttons_may_write_no_state_and_no_payment_and_read_one_secret() -> None:
    by_sid = {it["Sid"]: it for it in SLACK_ACTIONS}
    keys = {
        sid: next(iter(by_sid[sid]["Condition"].values()))["dynamodb:LeadingKeys"]
        for sid in ("ReadAlerts", "KeepPresses", "OrderPayments")
    }
    assert keys == {
        "ReadAlerts": ["ACCOUNT#*", "EVENTS", "RUN", "PRESS#*"],
        "KeepPresses": ["RUN", "SILENCES", "PRESS#*"],
        "OrderPayments": ["OUTBOX"],
    }
    secret = by_sid["ReadSigningSecret"]["Resource"]["Fn::Sub"]
    assert secret.endswith(":secret:${SecretsPrefix}slack-??????")
    assert by_sid["BeginCheck"]["Resource"] == {"Fn::GetAtt": ["CheckBalances", "Arn"]}


def test_without_its_parameter_nothing_of_the_buttons_exists() -> None:
    assert OURS.sam["Parameters"]["SlackActions"]["Default"] == "false"
    resources = [name for name in OURS.resources if name.startswith("SlackActions")]
    assert len(resources) == 6
    conditions = {OURS.resources[name].get("Condition") for name in resources}
    assert conditions == {"HasSlackActions"}
    assert OURS.cloudformation["Outputs"]["SlackActionsUrl"]["Condition"] == "HasSlackActions"


def test_anybody_may_send_to_the_buttons_by_their_address_alone() -> None:
    names = ("SlackActionsUrlPermission", "SlackActionsInvokePermission")
    permissions = [OURS.properties(name) for name in names]
    assert set(OURS.of_type("AWS::Lambda::Permission")) == set(names)
    assert [it["Action"] for it in permissions] == [
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    ]
    by_url, by_invoking = permissions
    assert by_url["FunctionUrlAuthType"] == "NONE"
    assert by_invoking["InvokedViaFunctionUrl"] is True
    assert {str(it["FunctionName"]) for it in permissions} == {
        str({"Fn::GetAtt": ["SlackActionsFunction", "Arn"]})
    }
