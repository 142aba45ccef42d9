"""Deploys a release of balance-watch: `cdk deploy -c release=dist/balance-watch-0.2.0`."""

from aws_cdk import Acknowledgment, App, Stack, Validations
from aws_cdk.aws_s3_assets import Asset
from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

FOUND_IN_EMPTY_DEFAULTS = ("E1150", "F3031", "F3033")
"""What the CDK's validation finds where it fills in an empty default in spite of a condition."""


class BalanceWatch(Stack):
    """The stack of a release, with its code among the CDK's own assets."""

    def __init__(self, scope: Construct, name: str, *, release: str) -> None:
        """Includes the template of a release.

        Args:
            scope: the app.
            name: the name of the stack.
            release: the path of the release's files, without `.yaml` and `.zip`.
        """
        super().__init__(scope, name)
        code = Asset(self, "Code", path=f"{release}.zip")
        template = CfnInclude(
            self,
            "Template",
            template_file=f"{release}.yaml",
            parameters={
                "CodeBucket": code.s3_bucket_name,
                "CodeKey": code.s3_object_key,
                "AlertEmail": "ops@example.com",
            },
        )
        for rule in FOUND_IN_EMPTY_DEFAULTS:
            Validations.of(template).acknowledge(
                Acknowledgment(
                    id=f"CloudFormation-Validate::{rule}",
                    reason="The property is set only if the parameter has a value.",
                )
            )


app = App()
BalanceWatch(app, "balance-watch", release=app.node.get_context("release"))
app.synth()
