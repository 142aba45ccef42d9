"""A DynamoDB client with methods replaced, and the ways in which DynamoDB pushes back."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")


class Wrapped:
    """The client, but for the methods given; `calls` notes the requests of those."""

    def __init__(self, client: "DynamoDBClient", **methods: Callable[..., Any]) -> None:
        self._client, self._methods = client, methods
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (a client has any method)
        if name not in self._methods:
            return getattr(self._client, name)

        def noted(**request: Any) -> Any:  # noqa: ANN401 (as the client's)
            self.calls.append((name, request))
            return self._methods[name](**request)

        return noted


def refusal(code: str, operation: str = "BatchWriteItem") -> ClientError:
    """DynamoDB's refusal, as botocore raises it when it has tried often enough."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def failing(error: Exception) -> Callable[..., Any]:
    """A method that has no effect but this error."""

    def call(**_: object) -> None:
        raise error

    return call


def failing_once(method: Callable[..., T], error: Exception) -> Callable[..., T]:
    """A method whose first call has no effect but this error."""
    errors = [error]

    def call(**request: object) -> T:
        if errors:
            raise errors.pop()
        return method(**request)

    return call


def sent_twice(method: Callable[..., T]) -> Callable[..., T]:
    """A method whose first reply is lost, so that botocore sends the same request again."""

    def call(**request: object) -> T:
        method(**request)
        return method(**request)

    return call


def never_answered(method: Callable[..., object]) -> Callable[..., Any]:
    """A method that takes effect, and whose reply is lost however often it is sent."""

    def call(**request: object) -> None:
        method(**request)
        raise ReadTimeoutError(endpoint_url="x")

    return call


def passed_on(client: "DynamoDBClient", *names: str) -> Wrapped:
    """A client that only notes the calls of these methods."""
    return Wrapped(client, **{name: getattr(client, name) for name in names})


def processing(client: "DynamoDBClient", most: int) -> Wrapped:
    """A client that writes, deletes and reads so many items of a batch and leaves the rest."""

    def write(RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        ((table, requests),) = RequestItems.items()
        if most:
            client.batch_write_item(RequestItems={table: requests[:most]})
        left = requests[most:]
        return {"UnprocessedItems": {table: left} if left else {}}

    def read(RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        ((table, wanted),) = RequestItems.items()
        some: Any = {**wanted, "Keys": wanted["Keys"][:most]}
        rest = {**wanted, "Keys": wanted["Keys"][most:]}
        found = client.batch_get_item(RequestItems={table: some})["Responses"] if most else {}
        return {"Responses": found, "UnprocessedKeys": {table: rest} if rest["Keys"] else {}}

    return Wrapped(client, batch_write_item=write, batch_get_item=read)
