"""Looks at the rights of the function's role, by IAM's simulator."""

from collections.abc import Iterator
from typing import NamedTuple

from botocore.exceptions import ClientError

from balance_watch.cli.aws_errors import is_denied, is_not_implemented
from balance_watch.cli.doctor_patient import Line, Patient, bad, ok, unchecked
from balance_watch.domain.formatting import counted

_NO_ROLE = "NoSuchEntity"
"""The error of a role that does not exist (IAM API reference, SimulatePrincipalPolicy)."""

_DO = (
    "Deploy again: the stack makes the role. If that does not help, a permissions boundary or a"
    " policy of your organization forbids it."
)


class Right(NamedTuple):
    """What the function has to be allowed to do.

    Attributes:
        actions: the actions, all on the same resource.
        resource: the ARN; `*` for actions that know no resource.
        via: the service through which alone it uses a key, as IAM names it.
        do: what to do without it.
    """

    actions: tuple[str, ...]
    resource: str
    via: str = ""
    do: str = _DO


class _Place(NamedTuple):
    """Where the stack is: what an ARN begins with."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def key(self, name: str) -> str:
        """Returns the ARN of a key by its id or its ARN; empty for an alias."""
        if ":key/" in name:
            return name
        return "" if "alias/" in name or not name else self.arn("kms", f"key/{name}")

    def host(self, service: str) -> str:
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"{service}.{self.region}.{suffix}"


def rights(patient: Patient) -> Iterator[Line]:
    """Yields whether the function's role has each right that the template gives it."""
    role = patient.function["Role"]
    name = role.rpartition("/")[2]
    count = 0
    lacking = list[Line]()
    for right in needed(patient):
        try:
            denied = _denied(patient, role, right)
        except ClientError as error:
            if is_denied(error):
                text = f"not checked: you may not do iam:SimulatePrincipalPolicy on {role}"
                yield unchecked("rights", text)
                return
            if error.response.get("Error", {}).get("Code") == _NO_ROLE:
                yield bad("rights", f"the function's role {name} does not exist", "Deploy again.")
                return
            if is_not_implemented(error):
                yield unchecked("rights", "not checked: the emulator cannot simulate rights")
                return
            raise
        count += len(right.actions)
        if denied:
            text = f"{name} may not do {', '.join(denied)} on {right.resource}"
            lacking.append(bad("rights", text, right.do))
    yield from lacking or [ok("rights", f"{name} has the {counted(count, 'right')} that it needs")]


def needed(patient: Patient) -> Iterator[Right]:
    """Yields the rights that the function needs, as the template grants them to its role.

    A test compares them with the template.
    """
    settings, parameters = patient.wired.settings, patient.parameters
    _, partition, _, region, account, _ = settings.topic_arn.split(":", 5)
    place = _Place(partition, region, account)
    for group in patient.ids("AWS::Logs::LogGroup", "CheckBalancesLog"):
        stream = place.arn("logs", f"log-group:{group}:log-stream:x")
        yield Right(("logs:CreateLogStream", "logs:PutLogEvents"), stream)
    yield Right(("secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"), "*")
    # The simulator asks for no resource that exists; a secret's ARN ends with six characters.
    secret = place.arn("secretsmanager", f"secret:{settings.secrets_prefix}accounts-AbCdEf")
    yield Right(("secretsmanager:GetSecretValue",), secret)
    if settings.policy_parameter:
        parameter = place.arn("ssm", f"parameter/{settings.policy_parameter.removeprefix('/')}")
        yield Right(("ssm:GetParameter",), parameter)
    yield Right(_ON_TABLE, place.arn("dynamodb", f"table/{settings.table_name}"))
    yield Right(("sns:Publish", "sns:GetTopicAttributes"), settings.topic_arn)
    for key in patient.ids("AWS::KMS::Key", "AlertsKey"):
        yield Right(("kms:Decrypt", "kms:GenerateDataKey"), place.key(key), place.host("sns"))
    if settings.event_bus:
        bus = place.arn("events", f"event-bus/{settings.event_bus}")
        yield Right(("events:PutEvents",), bus)
    for queue in patient.ids("AWS::SQS::Queue", "Batches"):
        yield Right(("sqs:SendMessage",), place.arn("sqs", queue.rpartition("/")[2]))
    if parameters.get("WatchOwnAccount") == "true":
        yield Right(_ON_ITS_ACCOUNT, "*")
    if parameters.get("SubnetIds"):
        yield Right(_ON_SUBNETS, "*")
    for key in sorted(_keys(patient, place)):
        do = f"Deploy with SecretsKeyArn={key}: it encrypts secrets under the prefix."
        yield Right(("kms:Decrypt",), key, place.host("secretsmanager"), do)


def _keys(patient: Patient, place: _Place) -> set[str]:
    """Returns the keys of one's own that encrypt secrets under the prefix, or may do so.

    A key that a secret names by an alias is not looked at.
    """
    pages = patient.client("secretsmanager").get_paginator("list_secrets")
    prefix = patient.wired.settings.secrets_prefix
    listed = pages.paginate(Filters=[{"Key": "name", "Values": [prefix]}])
    of_secrets = [secret.get("KmsKeyId") or "" for page in listed for secret in page["SecretList"]]
    named = (*of_secrets, patient.parameters.get("SecretsKeyArn", ""))
    return {place.key(name) for name in named} - {""}


def _denied(patient: Patient, role: str, right: Right) -> list[str]:
    """Returns the actions of a right that the role lacks."""
    via = {
        "ContextKeyName": "kms:ViaService",
        "ContextKeyValues": [right.via],
        "ContextKeyType": "string",
    }
    pages = patient.client("iam").get_paginator("simulate_principal_policy")
    results = pages.paginate(
        PolicySourceArn=role,
        ActionNames=list(right.actions),
        ResourceArns=[right.resource],
        ContextEntries=[via] if right.via else [],
    )
    return [
        result["EvalActionName"]
        for page in results
        for result in page["EvaluationResults"]
        if result["EvalDecision"] != "allowed"
    ]


_ON_TABLE = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
_ON_ITS_ACCOUNT = (
    "ce:GetCostAndUsage",
    "cloudwatch:GetMetricStatistics",
    "freetier:GetAccountPlanState",
    "ses:GetAccount",
    "sns:GetSMSAttributes",
)
_ON_SUBNETS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
