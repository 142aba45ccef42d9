"""The template of a release: plain CloudFormation, with the code in a bucket of the user's own."""

import json
from copy import deepcopy

import yaml

from local.stack import Template, functions, translate

_SAR = "AWS::ServerlessRepo::Application"
_INTERFACE = "AWS::CloudFormation::Interface"


def released(template: Template, *, archive: str) -> Template:
    """Returns the template with its code in a bucket that a parameter names.

    CodeBucket has no default. CodeKey is empty by default, which means the name of this release's
    archive: an update that keeps its parameters would keep the code of the release before, if the
    default were that name.

    Args:
        template: template.yaml as written.
        archive: the file name of the function's zip.
    """
    key = {"Fn::If": ["HasCodeKey", {"Ref": "CodeKey"}, archive]}
    sam = deepcopy(template)
    for name in functions(sam):
        del sam["Resources"][name]["Metadata"]["BuildMethod"]  # the code is built already
    stack = translate(sam, code={"CodeUri": {"Bucket": {"Ref": "CodeBucket"}, "Key": key}})
    # The reasons of skipped checks stand in template.yaml. CloudFormation takes 51,200 bytes:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    for resource in stack["Resources"].values():
        resource.get("Metadata", {}).pop("checkov", None)
    stack["Parameters"] = {
        "CodeBucket": {
            "Type": "String",
            "Description": f"Bucket in the stack's region that holds {archive}.",
            "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
            "ConstraintDescription": "must be the name of a bucket",
        },
        "CodeKey": {
            "Type": "String",
            "Description": f"Key of that object. Leave empty for {archive}.",
            "Default": "",
        },
        **stack["Parameters"],
    }
    stack["Conditions"]["HasCodeKey"] = {"Fn::Not": [{"Fn::Equals": [{"Ref": "CodeKey"}, ""]}]}
    metadata = stack["Metadata"]
    metadata[_INTERFACE]["ParameterGroups"].insert(
        0, {"Label": {"default": "The code"}, "Parameters": ["CodeBucket", "CodeKey"]}
    )
    for local_file in ("LicenseUrl", "ReadmeUrl"):  # SAM would look for them beside this template
        del metadata[_SAR][local_file]
    return stack


def to_yaml(template: Template) -> str:
    """Writes a template as YAML, without anchors."""
    plain = json.loads(json.dumps(template))  # two places never share an object: no anchors
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)
    return text
