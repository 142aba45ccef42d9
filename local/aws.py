"""AWS on loopback: a moto server that holds the stack made out of our own template.yaml.

    with EmbeddedAws() as aws:
        aws.put_secret("balance-watch/accounts", {"accounts": [...]})
        os.environ |= aws.environment
        ...                             # the handler
        aws.published()                 # what it sent to the topic since the last call

moto keeps its state per process, so one EmbeddedAws at a time: the start of one empties the last.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import boto3
import requests
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from local.loopback import LOOPBACK
from local.running import Running
from local.stack import FUNCTION, TEMPLATE, embeddable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

REGION = "eu-central-1"
STACK = "balance-watch"
_RECEIVED_AT_ONCE = 10

# moto accepts any; a real profile of this machine must never be looked for.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "embedded",
    "AWS_SECRET_ACCESS_KEY": "embedded",
    "AWS_SESSION_TOKEN": "embedded",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """A message as an SQS subscriber with raw delivery gets it: the `sqs` version of the text."""

    body: str
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> Json:
        """The body, read as the JSON that it should be."""
        content: Json = json.loads(self.body)
        return content


class EmbeddedAws(Running):
    """A moto server with the stack, from `start()` to `stop()`, or inside a `with`.

    `host` is bound to; `advertised` is how the function reaches it, where that is another name.
    """

    def __init__(
        self,
        template: Path = TEMPLATE,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        advertised: str | None = None,
    ) -> None:
        # werkzeug would print every request.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._template = template
        self._advertised = advertised or host
        self._server = ThreadedMotoServer(host, port, verbose=False)
        self._session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        self._endpoint = ""
        self.url = ""
        self.environment: dict[str, str] = {}
        """What the function gets: the template's environment, physical ids in place, and the
        credentials, region and endpoint that Lambda or its user would add."""

    def start(self) -> Self:
        """Starts the server, makes the stack, subscribes to the topic."""
        self._server.start()
        _, port = self._server.get_host_and_port()
        self._endpoint = f"http://{LOOPBACK}:{port}"
        self.url = f"http://{self._advertised}:{port}"
        requests.post(f"{self._endpoint}/moto-api/reset", timeout=10).raise_for_status()
        self._make_stack()
        self.environment = {**self._declared(), **CREDENTIALS, "AWS_ENDPOINT_URL": self.url}
        self._queue = self._subscribe()
        return self

    def stop(self) -> None:
        """Ends the server; what it held is gone with the next start."""
        self._server.stop()

    def client(self, service: str) -> Any:  # noqa: ANN401 (boto3 makes clients at run time)
        """Returns a boto3 client of that service, for this host."""
        return self._session.client(service, endpoint_url=self._endpoint)  # type: ignore[call-overload]

    def physical_id(self, logical_id: str) -> str:
        """Returns what the template's resource is called in the stack."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def put_secret(self, name: str, content: Json | str) -> None:
        """Makes a secret or replaces its value; a string is stored as it is."""
        secrets: SecretsManagerClient = self.client("secretsmanager")
        text = content if isinstance(content, str) else json.dumps(content)
        try:
            secrets.create_secret(Name=name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=text)

    def put_policy(self, toml: str) -> None:
        """Replaces the policy."""
        ssm: SSMClient = self.client("ssm")
        name = self.environment["POLICY_PARAMETER"]
        ssm.put_parameter(Name=name, Value=toml, Overwrite=True)

    def published(self) -> list[Published]:
        """Returns what was published to the topic since the last call, in order."""
        sqs, messages = self.client("sqs"), list[Published]()
        while batch := sqs.receive_message(
            QueueUrl=self._queue,
            MaxNumberOfMessages=_RECEIVED_AT_ONCE,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            for message in batch:
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                attributes = message.get("MessageAttributes", {})
                values = {name: one["StringValue"] for name, one in attributes.items()}
                messages.append(Published(message["Body"], values))
        return messages

    def _make_stack(self) -> None:
        stack, cloudformation = embeddable(self._template, REGION), self.client("cloudformation")
        cloudformation.create_stack(
            StackName=STACK, TemplateBody=json.dumps(stack), Capabilities=["CAPABILITY_IAM"]
        )
        made = {
            resource["LogicalResourceId"]
            for page in cloudformation.get_paginator("list_stack_resources").paginate(
                StackName=STACK
            )
            for resource in page["StackResourceSummaries"]
            if "LogicalResourceId" in resource
        }
        wanted = {name for name, one in stack["Resources"].items() if "Condition" not in one}
        if missing := sorted(wanted - made):
            raise NotImplementedError(
                f"moto did not make {', '.join(missing)} of {self._template.name}: "
                "list its type with a reason in local/stack.py, LEFT_OUT"
            )

    def _declared(self) -> dict[str, str]:
        """Reads the environment back from the function that moto made, every reference resolved."""
        function = self.client("lambda").get_function_configuration(
            FunctionName=self.physical_id(FUNCTION)
        )
        # Lambda makes numbers strings; moto leaves them.
        return {name: str(value) for name, value in function["Environment"]["Variables"].items()}

    def _subscribe(self) -> str:
        sqs = self.client("sqs")
        url = str(sqs.create_queue(QueueName="what-was-published")["QueueUrl"])
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        self.client("sns").subscribe(
            TopicArn=self.environment["TOPIC_ARN"],
            Protocol="sqs",
            Endpoint=found["Attributes"]["QueueArn"],
            # Without it the text comes in SNS's own envelope.
            Attributes={"RawMessageDelivery": "true"},
        )
        return url
