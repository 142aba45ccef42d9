"""The schedules and alarms of a template, which moto has and its CloudFormation cannot create."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from moto.cloudformation import parsing
from moto.cloudwatch.models import (
    Dimension,
    Metric,
    MetricDataQuery,
    MetricStat,
    cloudwatch_backends,
)
from moto.core.common_models import CloudFormationModel
from moto.scheduler.models import scheduler_backends

_Properties = Mapping[str, Any]
"""The properties of a resource, as CloudFormation's templates have them, without references."""


@cache
def install() -> None:
    """Lets moto's CloudFormation create these types in this process, once.

    moto finds every subclass of its model, and keeps what it has found.
    """
    for found in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        found.cache_clear()


# moto finds the direct subclasses of its model alone.
class Schedule(CloudFormationModel):
    """A schedule of EventBridge Scheduler in the default group. It invokes nothing."""

    def __init__(self, name: str) -> None:
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_name_type() -> str:
        """Returns the property that names one."""
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        """Returns the type of the template."""
        return "AWS::Scheduler::Schedule"

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,  # noqa: ANN401 (as moto declares it)
    ) -> Self:
        """Creates one by its properties."""
        given: _Properties = cloudformation_json["Properties"]
        scheduler_backends[account_id][region_name].create_schedule(
            name=resource_name,
            group_name="default",
            description=given.get("Description", ""),
            schedule_expression=given["ScheduleExpression"],
            schedule_expression_timezone=given.get("ScheduleExpressionTimezone", "UTC"),
            flexible_time_window=given["FlexibleTimeWindow"],
            target=given["Target"],
            state=given.get("State", "ENABLED"),
            kms_key_arn=given.get("KmsKeyArn", ""),
            start_date=given.get("StartDate"),  # type: ignore[arg-type]  # moto's own default
            end_date=given.get("EndDate"),  # type: ignore[arg-type]  # moto's own default
            action_after_completion=None,
        )
        return cls(resource_name)


class Alarm(CloudFormationModel):
    """An alarm of CloudWatch on one metric, or on an expression. Nothing measures metrics here."""

    def __init__(self, name: str) -> None:
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_name_type() -> str:
        """Returns the property that names one."""
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        """Returns the type of the template."""
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,  # noqa: ANN401 (as moto declares it)
    ) -> Self:
        """Creates one by its properties."""
        given: _Properties = cloudformation_json["Properties"]
        cloudwatch_backends[account_id][region_name].put_metric_alarm(
            name=resource_name,
            namespace=given.get("Namespace", ""),
            metric_name=given.get("MetricName", ""),
            metric_data_queries=[_query(it) for it in given.get("Metrics", ())],
            comparison_operator=given["ComparisonOperator"],
            evaluation_periods=given["EvaluationPeriods"],
            datapoints_to_alarm=given.get("DatapointsToAlarm"),
            period=given.get("Period"),  # type: ignore[arg-type]  # None of an expression
            threshold=given["Threshold"],
            statistic=given.get("Statistic", ""),
            extended_statistic=given.get("ExtendedStatistic"),
            description=given.get("AlarmDescription", ""),
            dimensions=given.get("Dimensions", []),
            alarm_actions=given.get("AlarmActions", []),
            ok_actions=given.get("OKActions", []),
            insufficient_data_actions=given.get("InsufficientDataActions", []),
            actions_enabled=given.get("ActionsEnabled", True),
            treat_missing_data=given.get("TreatMissingData"),
        )
        return cls(resource_name)


def _query(given: _Properties) -> MetricDataQuery:
    return MetricDataQuery(
        query_id=given["Id"],
        label=given.get("Label", ""),
        period=given.get("Period"),  # type: ignore[arg-type]  # None: that of the metric
        return_data=given.get("ReturnData", True),
        expression=given.get("Expression"),
        metric_stat=_metric_stat(given["MetricStat"]) if "MetricStat" in given else None,
    )


def _metric_stat(given: _Properties) -> MetricStat:
    metric = given["Metric"]
    dimensions = [Dimension(it["Name"], it["Value"]) for it in metric.get("Dimensions", ())]
    return MetricStat(
        metric=Metric(metric["MetricName"], metric["Namespace"], dimensions),
        period=given["Period"],
        stat=given["Stat"],
        unit=given.get("Unit"),  # type: ignore[arg-type]  # None: whatever unit it has
    )
