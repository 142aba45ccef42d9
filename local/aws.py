"""AWS on loopback: a moto server that holds the stack of template.yaml.

    with EmbeddedAws() as aws:
        aws.put_secret("balance-watch/accounts", {"accounts": [...]})
        os.environ |= aws.environment
        ...                             # invoke the handler of CheckBalances
        aws.published()                 # the messages to the topic since the last call

moto keeps its state per process. Use one EmbeddedAws at a time: its start resets moto.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

import boto3
import requests
from botocore.config import Config
from flask import Flask, request
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.sns.models import Topic, sns_backends
from werkzeug.serving import make_server

from local import faster_moto, moto_resources
from local.loopback import LOOPBACK
from local.running import Running
from local.stack import PARAMETERS, REGION, TEMPLATE, Template, embeddable, parse

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

STACK = "balance-watch"
COMMAND_LINE = "CheckBalances"
"""The function whose environment the command line takes."""

_MESSAGES_PER_CALL = 10
_POLL_SECONDS = 0.02
"""How long the server may take to notice that it is stopped."""

# moto accepts any credentials; with these, boto3 does not look for a profile of this machine.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "embedded",
    "AWS_SECRET_ACCESS_KEY": "embedded",
    "AWS_SESSION_TOKEN": "embedded",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}

Client = Any  # a boto3 client: boto3 makes their classes at run time
JsonObject = dict[str, Any]


_move_label = SecretsManagerBackend.update_secret_version_stage


def _move_label_and_value(
    self: SecretsManagerBackend,
    secret_id: str,
    version_stage: str,
    remove_from_version_id: str,
    move_to_version_id: str,
) -> tuple[str, str]:
    """Moves a label. The version that gets AWSCURRENT is the one that AWS returns by default.

    moto itself goes on returning the version before, to whoever names no label
    (AWS Secrets Manager API reference, GetSecretValue, VersionStage).
    """
    moved = _move_label(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
    secret = self.secrets[secret_id]
    if version_stage == "AWSCURRENT" and move_to_version_id and isinstance(secret, FakeSecret):
        secret.set_default_version_id(move_to_version_id)
    return moved


SecretsManagerBackend.update_secret_version_stage = _move_label_and_value  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Published:
    """A message as an SQS subscriber with raw delivery gets it: the `sqs` version of the text."""

    body: str
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> JsonObject:
        """The body, decoded from JSON."""
        content: JsonObject = json.loads(self.body)
        return content


class EmbeddedAws(Running):
    """A moto server with the stack, from `start()` to `stop()`, or inside a `with`.

    The server binds to `host`. A function reaches it under `advertised`, if that is another name.
    """

    def __init__(
        self,
        template: Path = TEMPLATE,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        advertised: str | None = None,
        parameters: Mapping[str, str] = PARAMETERS,
    ) -> None:
        # At its own level werkzeug prints every request.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._template, self._parameters = template, parameters
        self._advertised = advertised or host
        self._host, self._port = host, port
        self._clients: dict[str, Client] = {}
        self._endpoint = ""
        self.url = ""
        self.environment: dict[str, str] = {}
        """The environment of CheckBalances, which the command line takes too."""

    def start(self) -> Self:
        """Starts the server, creates the stack, subscribes a queue to the topic."""
        faster_moto.install()
        moto_resources.install()
        self._server = make_server(
            self._host,
            self._port,
            _application(),
            threaded=True,
            request_handler=MotoRequestHandler,
        )
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()
        self._endpoint = f"http://{LOOPBACK}:{self._server.port}"
        self.url = f"http://{self._advertised}:{self._server.port}"
        self._clients.clear()
        with requests.Session() as session:
            session.trust_env = False  # no proxy leads to loopback
            session.post(f"{self._endpoint}/moto-api/reset", timeout=10).raise_for_status()
        self._create_stack()
        self.environment = self.environment_of(COMMAND_LINE)
        self._queue = self._subscribe()
        return self

    def stop(self) -> None:
        """Stops the server; the next start discards its state."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environment_of(self, function: str) -> dict[str, str]:
        """Returns the environment that a function gets, by the function's logical id.

        It holds the variables that the template declares, with every reference resolved, and the
        credentials, region and endpoint that Lambda or the user of a command adds.
        """
        configuration = self.client("lambda").get_function_configuration(
            FunctionName=self.physical_id(function)
        )
        declared = configuration.get("Environment", {}).get("Variables", {})
        # Lambda turns numbers into strings; moto leaves them.
        texts = {name: str(value) for name, value in declared.items()}
        return {**texts, **CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def client(self, service: str) -> Client:
        """Returns a boto3 client of the service, for use on this host; it is kept."""
        if service not in self._clients:
            self._clients[service] = _session().client(  # type: ignore[call-overload]
                service, endpoint_url=self._endpoint, config=Config(proxies={})
            )
        return self._clients[service]

    def physical_id(self, logical_id: str) -> str:
        """Returns the name that a resource of the template has in the stack."""
        # moto's DescribeStackResource fails if the stack lacks a conditional resource.
        return self._physical_ids()[logical_id]

    def _physical_ids(self) -> dict[str, str]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages.paginate(StackName=STACK)
            for resource in page["StackResourceSummaries"]
            if "LogicalResourceId" in resource
        }

    def put_secret(self, name: str, content: JsonObject | str) -> None:
        """Creates a secret or replaces its value; a string is stored unchanged."""
        secrets: SecretsManagerClient = self.client("secretsmanager")
        text = content if isinstance(content, str) else json.dumps(content)
        try:
            secrets.create_secret(Name=name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=text)

    def put_policy(self, toml: str) -> None:
        """Puts a policy, or another one."""
        ssm: SSMClient = self.client("ssm")
        name = self.environment["POLICY_PARAMETER"]
        ssm.put_parameter(Name=name, Value=toml, Type="String", Overwrite=True)

    def published(self) -> list[Published]:
        """Returns the messages published to the topic since the last call, in order."""
        sqs, messages = self.client("sqs"), list[Published]()
        while batch := sqs.receive_message(
            QueueUrl=self._queue,
            MaxNumberOfMessages=_MESSAGES_PER_CALL,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            for message in batch:
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                attributes = message.get("MessageAttributes", {})
                texts = {name: value["StringValue"] for name, value in attributes.items()}
                messages.append(Published(message["Body"], texts))
        return messages

    def count_subscribers(self, number: int) -> None:
        """Sets the number of confirmed subscribers of the topic: moto itself counts none."""
        self.topic.subscriptions_confimed = number

    @property
    def topic(self) -> Topic:
        """Moto's own topic, which remembers everything that was published."""
        arn = self.environment["TOPIC_ARN"]
        _, _, _, region, account, _ = arn.split(":")
        topic: Topic = sns_backends[account][region].topics[arn]
        return topic

    def _create_stack(self) -> None:
        stack = _embeddable(self._template.read_text(encoding="utf-8"))
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=STACK,
            # moto parses YAML first, for a tenth of a second. The tab is none, but it is JSON.
            TemplateBody="\t" + json.dumps(stack),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self._parameters.items()
                if name in stack["Parameters"]
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        created = self._physical_ids().keys()
        unconditional = {
            name for name, resource in stack["Resources"].items() if "Condition" not in resource
        }
        if missing := sorted(unconditional - created):
            raise NotImplementedError(
                f"moto did not create {', '.join(missing)} of {self._template.name}. "
                "Add the type to LEFT_OUT in local/stack.py, with a reason."
            )

    def _subscribe(self) -> str:
        sqs = self.client("sqs")
        url = str(sqs.create_queue(QueueName="published")["QueueUrl"])
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        self.client("sns").subscribe(
            TopicArn=self.environment["TOPIC_ARN"],
            Protocol="sqs",
            Endpoint=queue["Attributes"]["QueueArn"],
            # Without raw delivery the text comes in SNS's envelope.
            Attributes={"RawMessageDelivery": "true"},
        )
        self.count_subscribers(1)
        return url


@cache
def _application() -> DomainDispatcherApplication:
    """Returns the application of every server here: it keeps the routes of the services."""
    return DomainDispatcherApplication(_backend)


def _backend(service: str) -> Flask:
    """Returns moto's application of a service, which says in a reply what it cannot do.

    moto itself prints a traceback and replies with a page.
    """
    app = create_backend_app(service)  # type: ignore[arg-type]
    app.register_error_handler(NotImplementedError, _not_implemented)
    return app


def _not_implemented(error: Exception) -> tuple[str, int]:
    if "X-Amz-Target" in request.headers:
        return json.dumps({"__type": "NotImplemented", "message": f"{error}"}), 501
    text = f"<Error><Code>NotImplemented</Code><Message>{error}</Message></Error>"
    return f"<ErrorResponse>{text}</ErrorResponse>", 501


@cache
def _embeddable(text: str) -> Template:
    """Returns the embeddable stack of a template's text. The callers do not change it."""
    return embeddable(parse(text))


@cache
def _session() -> boto3.Session:
    """Returns the session of every client here: it keeps the descriptions of the services."""
    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
