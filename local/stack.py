"""Reads template.yaml: its functions, and its stack in the form that moto can create."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
REGION = "eu-central-1"

Template = dict[str, Any]

LEFT_OUT: Mapping[str, str] = {
    "AWS::Lambda::EventInvokeConfig": "moto's CloudFormation has none; nothing invokes by itself",
    "AWS::Lambda::Url": "moto's CloudFormation has none; nothing here has a public address",
    "AWS::SNS::Subscription": "moto's CloudFormation has none; mail would go nowhere",
    "AWS::SNS::TopicPolicy": "moto's CloudFormation has none and enforces no policy",
}
"""Resource types that the embedded stack leaves out, each with the reason."""

PARAMETERS: Mapping[str, str] = {"Dashboard": "true"}
"""Parameters of the embedded stack, so that it has every function."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as the template declares it, with what Globals adds."""

    handler: str
    timeout: int
    variables: frozenset[str]


def read(file: Path = TEMPLATE) -> Template:
    """Returns the template of a file as written, with CloudFormation's short tags in long form."""
    return parse(file.read_text(encoding="utf-8"))


def parse(text: str) -> Template:
    """Returns the template of a text as written, with CloudFormation's short tags in long form."""
    template: Template = yaml_parse(text)
    return template


def functions(template: Template) -> dict[str, Function]:
    """Returns every function of a template by its logical id."""
    resources = embeddable(template)["Resources"]
    return {name: _function(resources[name]["Properties"], template) for name in _names(template)}


def _function(properties: Template, template: Template) -> Function:
    variables = properties.get("Environment", {}).get("Variables", {})
    timeout = by_default(properties["Timeout"], template)
    return Function(properties["Handler"], timeout, frozenset(variables))


def by_default(value: Any, template: Template) -> Any:  # noqa: ANN401 (of any type)
    """Returns a property's value; one of a mapping, as it is by the default of its parameter."""
    if not isinstance(value, dict) or "Fn::FindInMap" not in value:
        return value
    mapping, key, name = value["Fn::FindInMap"]
    row = str(template["Parameters"][key["Ref"]]["Default"])
    return template["Mappings"][mapping][row][name]


def embeddable(template: Template) -> Template:
    """Returns the template translated to CloudFormation, without the types in LEFT_OUT.

    Only the code is replaced: a handler runs from its source or from the built folder, never in
    moto.
    """
    stack = translate(template, code={"InlineCode": "# runs elsewhere"})
    stack["Resources"] = {
        name: resource
        for name, resource in stack["Resources"].items()
        if resource["Type"] not in LEFT_OUT
    }
    # Nothing can be told of what is left out.
    stack.get("Outputs", {}).pop("SlackActionsUrl", None)
    return stack


def translate(template: Template, *, code: Mapping[str, Any]) -> Template:
    """Translates a SAM template to CloudFormation; asks AWS nothing.

    What the translation yields holds for every value of the parameters.

    Args:
        template: the template as written.
        code: the property that replaces each function's CodeUri. The translator takes code from S3
            or inline code only.
    """
    sam = deepcopy(template)
    sam.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for name in _names(sam):
        properties = sam["Resources"][name]["Properties"]
        properties.pop("CodeUri", None)
        properties.update(code)
    # In !FindInMap, SAM would put a parameter's default in place of the parameter.
    for parameter in sam["Parameters"].values():
        parameter.pop("Default", None)
    # samtranslator's transform() would take the region from this machine. The empty map is for the
    # names of AWS's managed policies; the template has none.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    stack: Template = translator.translate(sam, parameter_values={})
    translator.metrics.publish()  # to nowhere; unpublished metrics make it complain at exit
    stack["Parameters"] = deepcopy(template["Parameters"])
    return stack


def _names(template: Template) -> Iterator[str]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            yield name
