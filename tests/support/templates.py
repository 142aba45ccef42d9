"""template.yaml for the tests, and the same with a second function."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from local.stack import Function, Template, functions, read
from tests.support.transformed import transformed

ROOT = Path(__file__).resolve().parents[2]

Value = Any  # whatever a template holds

# What a second function adds to template.yaml. Nothing runs it, so its handler does not exist.
_SECOND = """
Second:
  Type: AWS::Serverless::Function
  Metadata: { BuildMethod: makefile }
  Properties:
    Description: Has the runtime, the package and the common variables from Globals.
    Handler: balance_watch.handlers.second.handler
    Timeout: 30
    Role: !GetAtt SecondRole.Arn
    LoggingConfig: { LogGroup: !Ref SecondLog }
    Environment:
      Variables: { TABLE_NAME: !Ref History, TRUSTED_HOSTS: !Ref TrustedHosts }
SecondRole:
  Type: AWS::IAM::Role
  Properties:
    AssumeRolePolicyDocument:
      Version: "2012-10-17"
      Statement:
        - { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }
    Policies:
      - PolicyName: Second
        PolicyDocument:
          Version: "2012-10-17"
          Statement:
            - Sid: WriteItsLog
              Effect: Allow
              Action: [logs:CreateLogStream, logs:PutLogEvents]
              Resource: !GetAtt SecondLog.Arn
            - Sid: ReadHistory
              Effect: Allow
              Action: dynamodb:Query
              Resource: !GetAtt History.Arn
SecondLog:
  Type: AWS::Logs::LogGroup
  DeletionPolicy: RetainExceptOnCreate
  UpdateReplacePolicy: Retain
  Properties: { RetentionInDays: !Ref LogRetentionDays }
"""


@dataclass(frozen=True)
class Stack:
    """A template as written (`sam`), and as CloudFormation gets it."""

    sam: Template
    cloudformation: Template

    @property
    def functions(self) -> dict[str, Function]:
        """Every function by its logical id."""
        return functions(self.sam)

    @property
    def resources(self) -> dict[str, Template]:
        """Every resource by its logical id."""
        resources: dict[str, Template] = self.cloudformation["Resources"]
        return resources

    def properties(self, resource: str) -> Template:
        """Returns the properties of a resource."""
        properties: Template = self.resources[resource]["Properties"]
        return properties

    def of_type(self, kind: str) -> list[str]:
        """Returns the resources of a type."""
        return sorted(name for name in self.resources if self.resources[name]["Type"] == kind)

    def statements(self, role: str) -> list[Template]:
        """Returns the statements of a role, both branches of every !If."""
        statements: list[Template] = []
        for policy in self.properties(role)["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
                statements += [branch for branch in branches if "Sid" in branch]
        return statements


def as_list(value: Value) -> list[Value]:
    """Returns a list unchanged, and any other value in a list."""
    return value if isinstance(value, list) else [value]


def _with_a_second_function(sam: Template) -> Template:
    extended = deepcopy(sam)
    extended["Resources"].update(yaml_parse(_SECOND))
    return extended


def _stack(sam: Template) -> Stack:
    return Stack(sam, transformed(sam))


OURS = _stack(read())
"""The stack of template.yaml."""

EXTENDED = _stack(_with_a_second_function(OURS.sam))
"""The same with the function `Second`."""

STACKS = {"template.yaml": OURS, "with a second function": EXTENDED}
