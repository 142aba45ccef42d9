"""The template as CloudFormation sees it: what AWS's own SAM translator makes of template.yaml.

As a command it writes that form to standard output, for the linters::

    python tests/stack/transformed.py template.yaml >transformed.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from boto3 import Session
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

REGION = "eu-central-1"


def transformed(template_file: Path) -> dict[str, Any]:
    """Translate a SAM template with its parameters' defaults, asking AWS nothing."""
    template: dict[str, Any] = yaml_parse(template_file.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # The translator takes code that `sam package` has put into S3 only.
            resource["Properties"]["CodeUri"] = "s3://bucket/package.zip"
    defaults = {
        name: parameter["Default"]
        for name, parameter in template["Parameters"].items()
        if "Default" in parameter
    }
    # The map is of the names of AWS's managed policies; the template names none.
    translator = Translator({}, Parser(), boto_session=Session(region_name=REGION))
    result: dict[str, Any] = translator.translate(template, defaults)
    # To nowhere: the translator complains at exit of metrics that were never published.
    translator.metrics.publish()
    return result


if __name__ == "__main__":
    json.dump(transformed(Path(sys.argv[1])), sys.stdout, indent=2)
