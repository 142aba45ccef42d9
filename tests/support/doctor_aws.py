"""The services of AWS that the doctor asks, and the embedded stack lacks."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.support.templates import as_list

if TYPE_CHECKING:
    from tests.cli.conftest import Stage

KINDS = {
    "CheckBalances": "AWS::Lambda::Function",
    "CheckBalancesRole": "AWS::IAM::Role",
    "CheckBalancesLog": "AWS::Logs::LogGroup",
    "AlertsKey": "AWS::KMS::Key",
    "Schedule": "AWS::Scheduler::Schedule",
    "MissedTicks": "AWS::SQS::Queue",
    "Batches": "AWS::SQS::Queue",
    "RunFailed": "AWS::CloudWatch::Alarm",
}
ROLE = "arn:aws:iam::123456789012:role/path/x-CheckBalancesRole"


class FakeAws:
    """Answers as the API references of the services say; a change replaces an answer.

    Attributes:
        answers: by operation: a reply, a list of pages, what makes a reply, or an error to raise.
        calls: the operations that were asked for, in order.
    """

    def __init__(self, stage: "Stage", **changes: Any) -> None:  # noqa: ANN401 (any answer)
        self._stage = stage
        self.calls = list[str]()
        self.answers: dict[str, Any] = {
            "describe_stacks": stack(),
            "get_function_configuration": {
                "State": "Active",
                "LastUpdateStatus": "Successful",
                "Role": ROLE,
            },
            "get_schedule": {"State": "ENABLED", "ScheduleExpression": "rate(5 minutes)"},
            "get_queue_attributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
            "describe_alarms": {
                "MetricAlarms": [
                    {"AlarmName": "x-RunFailed", "StateValue": "OK", "ActionsEnabled": True}
                ]
            },
            "list_stack_resources": {
                "StackResourceSummaries": [
                    {
                        "ResourceType": kind,
                        "LogicalResourceId": name,
                        "PhysicalResourceId": f"x-{name}",
                    }
                    for name, kind in KINDS.items()
                ]
            },
            "filter_log_events": {"events": []},
            "simulate_principal_policy": simulating(lambda *_: True),
            **changes,
        }

    def client(self, service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        """Returns the client of a service: the embedded stack's, if that has it."""
        if service in ("dynamodb", "secretsmanager", "ssm", "sns"):
            return self._stage.aws.client(service)
        return self

    def get_paginator(self, operation: str) -> "_Pages":
        """Returns the pages of an operation."""
        return _Pages(getattr(self, operation))

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**words: object) -> Any:  # noqa: ANN401 (any answer)
            self.calls.append(operation)
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer(**words) if callable(answer) else answer

        return call


class _Pages:
    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def paginate(self, **words: object) -> Iterator[Any]:
        answer = self._call(**words)
        yield from answer if isinstance(answer, list) else [answer]


def stack(status: str = "UPDATE_COMPLETE", **parameters: str) -> dict[str, Any]:
    """Returns the description of a stack with these parameters."""
    given = {"ScheduleMinutes": "5", **parameters}
    rows = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    return {"Stacks": [{"StackStatus": status, "Parameters": rows}]}


def denied(operation: str) -> ClientError:
    """Returns the error of somebody who lacks a right."""
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "x"}}, operation)


Allows = Callable[[str, str, Mapping[str, str]], bool]


def simulating(allows: Allows) -> Callable[..., dict[str, Any]]:
    """Returns IAM's simulator, for roles that are allowed what `allows` says.

    Args:
        allows: tells whether an action on a resource is allowed in a context.
    """

    def simulate(
        *,
        PolicySourceArn: str,  # noqa: N803
        ActionNames: list[str],  # noqa: N803
        ResourceArns: list[str],  # noqa: N803
        ContextEntries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        assert PolicySourceArn == ROLE
        context = {it["ContextKeyName"]: it["ContextKeyValues"][0] for it in ContextEntries}
        (resource,) = ResourceArns
        return {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalDecision": "allowed"
                    if allows(action, resource, context)
                    else "implicitDeny",
                }
                for action in ActionNames
            ]
        }

    return simulate


def by_policy(document: Mapping[str, Any]) -> Allows:
    """Returns what a policy allows. It knows StringEquals alone, as the template does."""

    def allows(action: str, resource: str, context: Mapping[str, str]) -> bool:
        return any(
            action in as_list(statement["Action"])
            and any(fnmatchcase(resource, it) for it in as_list(statement["Resource"]))
            and all(
                context.get(key) == value
                for key, value in statement.get("Condition", {}).get("StringEquals", {}).items()
            )
            for statement in document["Statement"]
        )

    return allows
