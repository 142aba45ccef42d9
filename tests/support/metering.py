"""Counts a client's calls and the capacity that DynamoDB reports for them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.model import OperationModel

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks
    from mypy_boto3_dynamodb import DynamoDBClient

_READS = ("BatchGetItem", "GetItem", "Query")


@dataclass
class Meter:
    """The calls and the capacity units of each operation, since the meter was made or reset."""

    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)

    @property
    def read_units(self) -> float:
        """Read units; an eventually consistent read takes half a unit."""
        return sum(units for operation, units in self.units.items() if operation in _READS)

    @property
    def write_units(self) -> float:
        """Write units; a transaction takes two for each KB."""
        return sum(self.units.values()) - self.read_units

    def reset(self) -> None:
        """Sets every count to zero."""
        self.calls.clear()
        self.units.clear()

    def attach(self, client: "DynamoDBClient") -> None:
        """Makes every call of a client report the capacity it consumed, and adds that up."""
        self.attach_to(client.meta.events)

    def attach_to(self, events: "BaseEventHooks") -> None:
        """Does so for the calls of every client that is made from a session with these events."""
        events.register("before-parameter-build.dynamodb", _request_capacity)
        events.register("after-call.dynamodb", self._count)

    def _count(self, model: OperationModel, parsed: dict[str, Any], **_: object) -> None:
        self.calls[model.name] += 1
        consumed = parsed.get("ConsumedCapacity", [])
        for capacity in consumed if isinstance(consumed, list) else [consumed]:
            self.units[model.name] += capacity["CapacityUnits"]


def _request_capacity(params: dict[str, Any], model: OperationModel, **_: object) -> None:
    if model.input_shape and "ReturnConsumedCapacity" in model.input_shape.members:
        params["ReturnConsumedCapacity"] = "TOTAL"
