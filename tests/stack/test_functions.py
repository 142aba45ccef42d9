"""Every function of the template, however many there are: its package, variables, role and log.

The checks run on template.yaml and on the same with a second function, so that they hold for the
next one.
"""

import importlib
import inspect
import re
from typing import Any, TypeGuard

import pytest
from msgspec.structs import fields

from balance_watch.config.settings import CheckSettings, FunctionSettings
from local.stack import Template
from tests.support.templates import OURS, ROOT, STACKS, Stack, as_list

COMMON = {"LOG_LEVEL"}

every_function = pytest.mark.parametrize(
    ("stack", "function"),
    [
        pytest.param(stack, function, id=f"{name}, {function}")
        for name, stack in STACKS.items()
        for function in stack.functions
    ],
)
every_handler = pytest.mark.parametrize("function", OURS.functions)


def role_of(stack: Stack, function: str) -> str:
    return str(stack.properties(function)["Role"]["Fn::GetAtt"][0])


def log_of(stack: Stack, function: str) -> str:
    return str(stack.properties(function)["LoggingConfig"]["LogGroup"]["Ref"])


def test_the_functions_of_the_contract_are_there() -> None:
    assert set(OURS.functions) >= {"CheckBalances"}


def test_check_balances_has_the_handler_of_the_contract() -> None:
    handler = OURS.functions["CheckBalances"].handler
    assert handler == "balance_watch.handlers.check_balances.handler"


def test_either_processor_can_be_chosen() -> None:
    parameter = OURS.sam["Parameters"]["Architecture"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("arm64", ["arm64", "x86_64"])


@every_function
def test_a_function_runs_on_the_runtime_that_the_package_is_built_for(
    stack: Stack, function: str
) -> None:
    makefile = (ROOT / "functions" / "Makefile").read_text(encoding="utf-8")
    version = re.search(r"^PYTHON_VERSION \?= (\S+)$", makefile, re.MULTILINE)
    assert version is not None
    assert stack.properties(function)["Runtime"] == f"python{version[1]}" == "python3.13"


@every_function
def test_a_function_is_built_by_the_makefile(stack: Stack, function: str) -> None:
    assert stack.sam["Resources"][function]["Metadata"]["BuildMethod"] == "makefile"


@every_function
def test_a_function_declares_the_common_variables(stack: Stack, function: str) -> None:
    assert stack.functions[function].variables >= COMMON


@every_function
def test_a_function_names_no_endpoint_since_that_would_hide_the_one_of_an_emulator(
    stack: Stack, function: str
) -> None:
    assert "AWS_ENDPOINT_URL" not in stack.functions[function].variables


def ours(value: Template) -> Template:
    """Returns what a value is if the stack makes what it refers to."""
    return value["Fn::If"][1] if isinstance(value, dict) and "Fn::If" in value else value


DASHBOARD = "#dashboards/dashboard/${AWS::StackName}-${AWS::Region}"


@every_function
def test_variables_come_from_the_stacks_own_resources_and_parameters(
    stack: Stack, function: str
) -> None:
    variables = stack.properties(function)["Environment"]["Variables"]
    sources = {name: ours(value) for name, value in variables.items()}
    known = {
        "TABLE_NAME": {"Ref": "History"},
        "TOPIC_ARN": {"Ref": "Alerts"},
        "POLICY_PARAMETER": {"Fn::Sub": "/balance-watch/${AWS::StackName}/policy"},
        "SECRETS_PREFIX": {"Ref": "SecretsPrefix"},
        "HISTORY_DAYS": {"Ref": "HistoryDays"},
        "LOG_LEVEL": {"Ref": "LogLevel"},
        "TRUSTED_HOSTS": {"Ref": "TrustedHosts"},
        "SCHEDULE_MINUTES": {"Ref": "ScheduleMinutes"},
        "EVENT_BUS": {"Ref": "EventBus"},
        "ACCOUNTS_PER_BATCH": "500",
        "BATCH_QUEUE_URL": {"Ref": "Batches"},
        "WORKER_CONCURRENCY": {"Ref": "WorkerConcurrency"},
        "SLACK_ACTIONS": {"Ref": "SlackActions"},
        "CHECK_FUNCTION": {"Ref": "CheckBalances"},
    }
    # The address of the dashboard is of the console, and has the dashboard's name.
    address = sources.pop("DASHBOARD_URL", {"Fn::Sub": [DASHBOARD]})["Fn::Sub"][0]
    assert address.endswith(DASHBOARD)
    assert sources == {name: known[name] for name in sources}


@every_function
def test_no_concurrency_is_reserved_since_a_new_accounts_quota_refuses_it(
    stack: Stack, function: str
) -> None:
    assert "ReservedConcurrentExecutions" not in stack.properties(function)


@every_function
def test_a_function_has_a_role_of_its_own_which_lambda_alone_assumes(
    stack: Stack, function: str
) -> None:
    role = role_of(stack, function)
    assert [other for other in stack.functions if role_of(stack, other) == role] == [function]
    (trust,) = stack.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


@every_function
def test_a_function_has_a_log_of_its_own_which_ends_by_itself_and_outlives_the_stack(
    stack: Stack, function: str
) -> None:
    log = log_of(stack, function)
    assert [other for other in stack.functions if log_of(stack, other) == log] == [function]
    resource = stack.resources[log]
    assert resource["Type"] == "AWS::Logs::LogGroup"
    assert resource["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    kept = resource["DeletionPolicy"], resource["UpdateReplacePolicy"]
    assert kept == ("RetainExceptOnCreate", "Retain")


@every_function
def test_a_function_writes_into_its_own_log_alone(stack: Stack, function: str) -> None:
    resources = [
        statement["Resource"]
        for statement in stack.statements(role_of(stack, function))
        if any(action.startswith("logs:") for action in as_list(statement["Action"]))
    ]
    assert resources == [{"Fn::GetAtt": [log_of(stack, function), "Arn"]}]


@every_handler
def test_a_handler_is_a_function_of_two_arguments_in_the_room_of_handlers(function: str) -> None:
    module, _, name = OURS.functions[function].handler.rpartition(".")
    assert module.startswith("balance_watch.handlers.")
    assert len(inspect.signature(getattr(importlib.import_module(module), name)).parameters) == 2


@every_handler
def test_a_function_is_given_the_variables_that_its_handler_reads_and_no_others(
    function: str,
) -> None:
    module = importlib.import_module(OURS.functions[function].handler.rpartition(".")[0])
    ((_, settings),) = inspect.getmembers(module, is_settings)
    read = {field.name.upper() for field in fields(settings)}
    assert OURS.functions[function].variables == read - ELSEWHERE


ELSEWHERE = {"HEARTBEAT_URL"}
"""Variables of the contract that the template does not set: in a stack it is a secret instead."""


def is_settings(value: object) -> TypeGuard[type[FunctionSettings]]:
    return inspect.isclass(value) and issubclass(value, FunctionSettings)


def test_check_balances_reads_every_variable_of_the_contract() -> None:
    settings: Any = CheckSettings
    assert {field.name.upper() for field in fields(settings)} == {
        "TABLE_NAME",
        "TOPIC_ARN",
        "SECRETS_PREFIX",
        "POLICY_PARAMETER",
        "LOG_LEVEL",
        "HEARTBEAT_URL",
        "TRUSTED_HOSTS",
        "SCHEDULE_MINUTES",
        "HISTORY_DAYS",
        "DASHBOARD_URL",
        "EVENT_BUS",
        "ACCOUNTS_PER_BATCH",
        "BATCH_QUEUE_URL",
        "WORKER_CONCURRENCY",
        "SLACK_ACTIONS",
    }
