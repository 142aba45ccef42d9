"""What `balance-watch doctor` looks at: the stack and its parts, each asked for once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from balance_watch.config.loading import Configuration
from balance_watch.config.sources import Secrets
from balance_watch.wiring import Client, Wiring

_HOURS = timedelta(hours=3)
_PAGES = 10
"""So many replies of FilterLogEvents are read at most, of up to 10,000 lines each."""

_PATTERN = '?ERROR ?CRITICAL ?"Task timed out" ?"Runtime exited"'
"""Lines with any of these: the function's own, those of an exception, and those of Lambda itself.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html"""


class Line(NamedTuple):
    """What a look at one thing found.

    Attributes:
        check: what was looked at.
        ok: whether it is as it should be; None: it cannot be looked at.
        detail: what was found.
        do: what to do, if it is not.
    """

    check: str
    ok: bool | None
    detail: str
    do: str = ""


def ok(check: str, detail: str) -> Line:
    """Returns what is as it should be."""
    return Line(check, ok=True, detail=detail)


def unchecked(check: str, detail: str) -> Line:
    """Returns what cannot be looked at, which is neither ok nor a fault."""
    return Line(check, ok=None, detail=detail)


def bad(check: str, detail: str, do: str = "") -> Line:
    """Returns what is not as it should be, and what to do."""
    return Line(check, ok=False, detail=detail, do=do)


@dataclass(frozen=True)
class Patient:
    """What is looked at: each part is asked for once."""

    wired: Wiring
    stack: str
    now: datetime

    def client(self, service: str) -> Client:
        """Returns a client of an AWS service."""
        return self.wired.client(service)

    @cached_property
    def secrets(self) -> Secrets:
        """The secrets under the prefix."""
        return self.wired.secrets()

    @cached_property
    def configuration(self) -> Configuration:
        """What is configured."""
        return self.wired.load(secrets=self.secrets)

    @cached_property
    def function(self) -> Mapping[str, Any]:
        """The configuration of the function, as Lambda tells it."""
        (name,) = self.ids("AWS::Lambda::Function", "CheckBalances")
        found: Mapping[str, Any] = self.client("lambda").get_function_configuration(
            FunctionName=name
        )
        return found

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """The stack, as CloudFormation describes it."""
        found = self.client("cloudformation").describe_stacks(StackName=self.stack)
        (stack,) = found["Stacks"]
        described: Mapping[str, Any] = stack
        return described

    @property
    def log_group(self) -> str:
        """The log group of the function."""
        (group,) = self.ids("AWS::Logs::LogGroup", "CheckBalancesLog")
        return group

    @property
    def logged_span(self) -> timedelta:
        """The time before now of which the log is read."""
        return max(_HOURS, self.period or _HOURS)

    @cached_property
    def log_events(self) -> list[Mapping[str, Any]]:
        """The lines of the function's log that may be errors, of the last hours."""
        pages = self.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(
            logGroupName=self.log_group,
            startTime=int((self.now - self.logged_span).timestamp() * 1000),
            filterPattern=_PATTERN,
        )
        return [event for page in islice(found, _PAGES) for event in page["events"]]

    @cached_property
    def _resources(self) -> list[tuple[str, str, str]]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return [
            (
                resource["ResourceType"],
                resource["LogicalResourceId"],
                resource.get("PhysicalResourceId", ""),
            )
            for page in pages.paginate(StackName=self.stack)
            for resource in page["StackResourceSummaries"]
            if "LogicalResourceId" in resource
        ]

    def ids(self, kind: str, logical: str = "") -> list[str]:
        """Returns the physical ids of the stack's resources of a type.

        Args:
            kind: the type, such as `AWS::Lambda::Function`.
            logical: the logical id; empty: of all of that type.
        """
        return [
            id_ for type_, name, id_ in self._resources if type_ == kind and logical in ("", name)
        ]

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters of the stack."""
        rows = self.description.get("Parameters", ())
        return {row["ParameterKey"]: row.get("ParameterValue", "") for row in rows}

    @property
    def period(self) -> timedelta | None:
        """The period of the schedule, if the stack tells it."""
        minutes = self.parameters.get("ScheduleMinutes")
        return None if minutes is None else timedelta(minutes=int(minutes))
