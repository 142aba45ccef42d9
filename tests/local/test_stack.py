"""template.yaml becomes a stack for moto, which leaves out only what moto cannot create."""

from pathlib import Path

import pytest
from moto.cloudformation.parsing import resource_class_from_type

from local.aws import EmbeddedAws
from local.stack import LEFT_OUT, embeddable, read


def test_the_template_is_translated_to_cloudformation() -> None:
    stack = embeddable(read())
    kinds = {resource["Type"] for resource in stack["Resources"].values()}
    assert {"AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::SNS::Topic"} <= kinds
    assert not any(kind.startswith("AWS::Serverless") for kind in kinds)


def test_logical_ids_are_those_of_the_template() -> None:
    assert {"CheckBalances", "History", "Alerts", "Policy"} <= set(embeddable(read())["Resources"])


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_only_types_that_moto_cannot_create_are_left_out(kind: str) -> None:
    assert resource_class_from_type(kind) is None


def test_a_type_that_moto_cannot_create_must_be_in_left_out(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Parameters: {}\n"
        "Resources:\n"
        "  CheckBalances:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties: {Runtime: python3.13, Handler: handler, CodeUri: functions/}\n"
        "  Odd: {Type: 'AWS::Location::Map', Properties: {MapName: odd}}\n"
    )
    unsupported = EmbeddedAws(template)
    try:
        with (
            pytest.warns(UserWarning, match="not supported by moto"),
            pytest.raises(NotImplementedError, match=r"Odd.*LEFT_OUT"),
        ):
            unsupported.start()
    finally:
        unsupported.stop()
