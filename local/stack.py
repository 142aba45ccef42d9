"""Our own template.yaml as something that moto's CloudFormation can make."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
FUNCTION = "CheckBalances"

Json = dict[str, Any]

LEFT_OUT: Mapping[str, str] = {
    "AWS::CloudWatch::Alarm": "moto's CloudFormation has no alarms; nothing here measures metrics",
    "AWS::Lambda::EventInvokeConfig": "moto's CloudFormation has none; nothing invokes by itself",
    "AWS::SNS::Subscription": "moto's CloudFormation has none; mail would go nowhere",
    "AWS::SNS::TopicPolicy": "moto's CloudFormation has none and enforces no policy",
    "AWS::Scheduler::Schedule": "moto's CloudFormation has none; the ticks are simulated",
}
"""Resource types that the embedded stack goes without, each with the reason."""


def embeddable(template: Path, region: str) -> Json:
    """Returns the template translated from SAM to CloudFormation, without what is LEFT_OUT.

    Only the code is replaced: the handler runs from its source or from the built folder, never
    in moto.
    """
    sam: Json = yaml_parse(template.read_text(encoding="utf-8"))
    properties = sam["Resources"][FUNCTION]["Properties"]
    properties.pop("CodeUri", None)
    properties["InlineCode"] = "# runs elsewhere"
    defaults = {name: one["Default"] for name, one in sam["Parameters"].items() if "Default" in one}
    # What samtranslator's transform() does, with a region of ours in place of this machine's.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    stack: Json = translator.translate(sam, parameter_values=defaults)
    translator.metrics.publish()  # to nowhere; it complains at exit of what was never published
    stack["Resources"] = {
        name: resource
        for name, resource in stack["Resources"].items()
        if resource["Type"] not in LEFT_OUT
    }
    return stack
