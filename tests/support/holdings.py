"""What there is in an account of the emulator, of every kind that the stack makes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.support.ministack import Account


class _Listing(NamedTuple):
    """The call of a service that lists what there is, and the field that is its name."""

    service: str
    call: str
    items: str
    name: str = ""
    scope: Mapping[str, str] = MappingProxyType({})


_LISTINGS = {
    "alarms": _Listing("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "functions": _Listing("lambda", "list_functions", "Functions", "FunctionName"),
    "keys": _Listing("kms", "list_keys", "Keys", "KeyId"),
    "logs": _Listing("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "parameters": _Listing("ssm", "describe_parameters", "Parameters", "Name"),
    "policies": _Listing("iam", "list_policies", "Policies", "PolicyName", {"Scope": "Local"}),
    "queues": _Listing("sqs", "list_queues", "QueueUrls"),
    "roles": _Listing("iam", "list_roles", "Roles", "RoleName"),
    "schedules": _Listing("scheduler", "list_schedules", "Schedules", "Name"),
    "tables": _Listing("dynamodb", "list_tables", "TableNames"),
    "topics": _Listing("sns", "list_topics", "Topics", "TopicArn"),
}


def holdings(aws: Account) -> dict[str, list[str]]:
    """Returns the names of what there is, by kind, without the kinds of which there is nothing.

    SAM's own bucket, and the stack that it makes for that, do not count; nor does a key that is to
    be deleted: KMS deletes none at once.
    """
    found = {kind: _names(aws, kind) for kind in _LISTINGS}
    kms = aws.client("kms")
    found["keys"] = [
        key
        for key in found["keys"]
        if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion"
    ]
    return {kind: names for kind, names in found.items() if names}


def _names(aws: Account, kind: str) -> list[str]:
    service, call, items, name, scope = _LISTINGS[kind]
    listed = getattr(aws.client(service), call)(**scope).get(items, [])
    return [item[name] if name else item for item in listed]
