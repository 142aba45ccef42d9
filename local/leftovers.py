"""`make undeploy`: says what a deleted stack has left, and how to go on with it or to remove it.

Run as `python -m local.leftovers FILE [REGION]`; the file has the stack's outputs, as `sam list
stack-outputs --output json` prints them before the stack is deleted.
"""

import json
import sys
from pathlib import Path


def main(file: str, region: str = "") -> None:
    """Prints the names of what stays, each in the commands that need it."""
    listed = json.loads(Path(file).read_text(encoding="utf-8"))
    print(describe({it["OutputKey"]: it["OutputValue"] for it in listed}, region))


def describe(outputs: dict[str, str], region: str = "") -> str:
    """Returns the text for a stack with these outputs."""
    table, log, policy = (
        outputs[name] for name in ("TableName", "LogGroupName", "PolicyParameter")
    )
    of_region = f" --region {region}" if region else ""
    to_make = f" REGION={region}" if region else ""
    return f"""
These stay: the table with the history, the function's log, and the policy, if you have put one.

To go on with them in a new stack:
  make deploy{to_make} PARAMETERS="ExistingTableName={table} ExistingPolicyParameter={policy}"

To remove them:
  aws dynamodb delete-table --table-name {table}{of_region}
  aws logs delete-log-group --log-group-name {log}{of_region}
  aws ssm delete-parameter --name {policy}{of_region}"""


if __name__ == "__main__":
    main(*sys.argv[1:])
