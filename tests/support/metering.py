"""Counts a client's calls and the capacity that DynamoDB says they took."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS = ("BatchGetItem", "GetItem", "Query")


@dataclass
class Meter:
    """What was consumed since it was made or reset, by operation."""

    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)

    @property
    def read_units(self) -> float:
        """Read units; half a unit for a read that need not be consistent."""
        return sum(units for operation, units in self.units.items() if operation in _READS)

    @property
    def write_units(self) -> float:
        """Write units; a transaction takes two for each KB."""
        return sum(self.units.values()) - self.read_units

    def reset(self) -> None:
        """Forgets all."""
        self.calls.clear()
        self.units.clear()

    def attach(self, client: "DynamoDBClient") -> None:
        """Has every call of this client return what it consumed, and adds it up."""
        events = client.meta.events
        events.register("before-parameter-build.dynamodb", _ask)
        events.register("after-call.dynamodb", self._note)

    def _note(self, model: Any, parsed: dict[str, Any], **_: object) -> None:  # noqa: ANN401 (botocore's)
        self.calls[model.name] += 1
        found = parsed.get("ConsumedCapacity", [])
        for each in found if isinstance(found, list) else [found]:
            self.units[model.name] += each["CapacityUnits"]


def _ask(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 (botocore's)
    if "ReturnConsumedCapacity" in model.input_shape.members:
        params["ReturnConsumedCapacity"] = "TOTAL"
