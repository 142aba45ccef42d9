"""DynamoDB clients with some methods replaced, to simulate failures."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

ClientMethod = Any
"""A method of a client, or another attribute of it."""

Response = Any
"""What a client's method returns."""


class Wrapped:
    """A client with some methods replaced; `calls` records the requests to those."""

    def __init__(self, client: "DynamoDBClient", **methods: Callable[..., Any]) -> None:
        self._client, self._methods = client, methods
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> ClientMethod:
        if name not in self._methods:
            method: ClientMethod = getattr(self._client, name)
            return method

        def recorded(**request: object) -> Response:
            self.calls.append((name, request))
            return self._methods[name](**request)

        return recorded


def refusal(code: str, operation: str = "BatchWriteItem") -> ClientError:
    """Returns an error of DynamoDB, as botocore raises it after its last retry."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def failing(error: Exception) -> Callable[..., Any]:
    """Returns a method that only raises an error."""

    def call(**_: object) -> None:
        raise error

    return call


def failing_once(method: Callable[..., T], error: Exception) -> Callable[..., T]:
    """Returns a method whose first call only raises an error."""
    errors = [error]

    def call(**request: object) -> T:
        if errors:
            raise errors.pop()
        return method(**request)

    return call


def failing_after_once(method: Callable[..., T], error: Exception) -> Callable[..., T]:
    """Returns a method of which only the first call works."""
    left = [method]

    def call(**request: object) -> T:
        if not left:
            raise error
        return left.pop()(**request)

    return call


def sent_twice(method: Callable[..., T]) -> Callable[..., T]:
    """Returns a method whose first reply is lost, so that botocore repeats the same request."""

    def call(**request: object) -> T:
        method(**request)
        return method(**request)

    return call


def never_answered(method: Callable[..., object]) -> Callable[..., Any]:
    """Returns a method that takes effect, but whose every reply is lost."""

    def call(**request: object) -> None:
        method(**request)
        raise ReadTimeoutError(endpoint_url="x")

    return call


def recording(client: "DynamoDBClient", *names: str) -> Wrapped:
    """Returns a client that records the calls of these methods."""
    return Wrapped(client, **{name: getattr(client, name) for name in names})


def processing(client: "DynamoDBClient", limit: int) -> Wrapped:
    """Returns a client that processes the first `limit` items of a batch and leaves the rest."""

    def write(**request: dict[str, list[Any]]) -> dict[str, Any]:
        ((table, requests),) = request["RequestItems"].items()
        if limit:
            client.batch_write_item(RequestItems={table: requests[:limit]})
        unprocessed = requests[limit:]
        return {"UnprocessedItems": {table: unprocessed} if unprocessed else {}}

    def read(**request: dict[str, Any]) -> dict[str, Any]:
        ((table, wanted),) = request["RequestItems"].items()
        first: Any = {**wanted, "Keys": wanted["Keys"][:limit]}
        rest = {**wanted, "Keys": wanted["Keys"][limit:]}
        items = client.batch_get_item(RequestItems={table: first})["Responses"] if limit else {}
        return {"Responses": items, "UnprocessedKeys": {table: rest} if rest["Keys"] else {}}

    return Wrapped(client, batch_write_item=write, batch_get_item=read)
