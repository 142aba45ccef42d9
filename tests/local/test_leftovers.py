"""`make undeploy` names what a stack has left in commands that can be copied."""

from local.leftovers import describe

OUTPUTS = {
    "TableName": "watch-History-1A2B",
    "LogGroupName": "watch-CheckBalancesLog-3C4D",
    "PolicyParameter": "/balance-watch/watch/policy",
    "TopicArn": "arn:aws:sns:eu-central-1:123456789012:watch-Alerts-5E6F",
}


def test_what_stays_is_named_for_a_new_stack_and_for_its_removal() -> None:
    lines = [line.strip() for line in describe(OUTPUTS).splitlines()]
    assert (
        'make deploy PARAMETERS="ExistingTableName=watch-History-1A2B'
        ' ExistingPolicyParameter=/balance-watch/watch/policy"'
    ) in lines
    assert "aws dynamodb delete-table --table-name watch-History-1A2B" in lines
    assert "aws logs delete-log-group --log-group-name watch-CheckBalancesLog-3C4D" in lines
    assert "aws ssm delete-parameter --name /balance-watch/watch/policy" in lines
    assert "watch-Alerts" not in describe(OUTPUTS), "the topic is deleted"


def test_every_command_names_the_region_that_was_given() -> None:
    commands = [line for line in describe(OUTPUTS, "eu-west-1").splitlines() if line[:2] == "  "]
    assert len(commands) == 4
    assert [line for line in commands if "eu-west-1" not in line] == []
