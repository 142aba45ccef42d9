"""The template as CloudFormation gets it, written to standard output for the linters.

python -m tests.support.transformed template.yaml >transformed.json
"""

import json
import sys
from pathlib import Path

from local.stack import Template, read, translate


def transformed(sam: Template) -> Template:
    """Translates a SAM template, as `sam deploy` does with a packaged one."""
    return translate(sam, code={"CodeUri": "s3://bucket/package.zip"})


if __name__ == "__main__":
    json.dump(transformed(read(Path(sys.argv[1]))), sys.stdout, indent=2)
