"""A metric is one row: policy, wording, outbox and commands read everything off `METRICS`."""

import argparse
from decimal import Decimal

import pytest
from msgspec.structs import fields, replace

from balance_watch.cli.silence import add_commands
from balance_watch.config.policy import parse_policy
from balance_watch.domain.conditions import RuleInput
from balance_watch.domain.evaluation import evaluate
from balance_watch.domain.measurements import measure
from balance_watch.domain.metrics import METRICS, ThresholdForm, Unit
from balance_watch.domain.notification import Reason
from balance_watch.domain.reading import AutoReload, FailureKind, ReadFailure, Reading, Unlimited
from balance_watch.domain.rules import Measurements, Metric, Rule, RuleStatus
from balance_watch.domain.silences import Silence
from balance_watch.notifiers.text import amount, pace, summary_line
from balance_watch.store.outbox import entry_from_item, entry_to_item
from balance_watch.validation import Faults
from tests.support.notifications import low
from tests.support.watchman import HOUR, START, below, watching

FORMS = {
    ThresholdForm.NUMBER: "20",
    ThresholdForm.DURATION: "3d",
    ThresholdForm.MULTIPLE: "3x",
}
FULL = Reading(
    START,
    Decimal(50),
    "EUR",
    credits=Decimal(5),
    points=Decimal(7),
    provider_flag=False,
    provider_threshold=Decimal(10),
    auto_reload=AutoReload(enabled=True, threshold=Decimal(10)),
    provider_time=START - HOUR,
    expires_at=START + 24 * HOUR,
)
ALL = pytest.mark.parametrize("metric", Metric)


def rules_of(*lines: str) -> tuple[Rule, ...]:
    """Returns the rules that a policy with one rule has: none if it is faulty."""
    parsed = parse_policy("\n".join(["[[rules]]", 'name = "r"', *lines]), "policy", Faults())
    return parsed.policy.rules if parsed else ()


def threshold_line(metric: Metric) -> list[str]:
    """Returns the line of a valid threshold for a rule on this metric, if it has any."""
    return [f'below = "{FORMS[form]}"' for form in METRICS[metric].threshold_forms[:1]]


def test_every_metric_has_its_row() -> None:
    assert list(METRICS) == list(Metric)


@ALL
def test_a_policy_can_name_the_metrics_whose_row_says_so(metric: Metric) -> None:
    rules = rules_of(f'metric = "{metric}"', *threshold_line(metric))
    assert [rule.metric for rule in rules] == [metric] * METRICS[metric].in_policy


@ALL
@pytest.mark.parametrize("form", ThresholdForm)
def test_a_policy_can_write_thresholds_in_the_forms_of_the_row(
    metric: Metric, form: ThresholdForm
) -> None:
    info = METRICS[metric]
    valid = info.in_policy and form in info.threshold_forms
    rules = rules_of(f'metric = "{metric}"', f'above = "{FORMS[form]}"')
    assert [rule.relative for rule in rules] == [form is ThresholdForm.MULTIPLE] * valid


@ALL
def test_a_rule_may_top_up_on_the_metrics_whose_row_says_so(metric: Metric) -> None:
    top_up = "top_up = { max_per_day = 1 }"
    rules = rules_of(f'metric = "{metric}"', *threshold_line(metric), top_up)
    assert len(rules) == (METRICS[metric].in_policy and METRICS[metric].may_top_up)


@ALL
def test_a_full_reading_measures_every_metric_with_a_number(metric: Metric) -> None:
    watchman = watching()
    for hour in range(20):
        watchman.check(replace(FULL, balance=Decimal(100 - hour)), HOUR)
    numbers = measure(watchman.state, FULL, None, watchman.now).numbers
    assert (metric in numbers) is METRICS[metric].is_number


@ALL
def test_a_metric_is_missing_if_the_reading_lacks_the_fields_of_its_row(metric: Metric) -> None:
    info = METRICS[metric]
    lacking = replace(FULL, **dict.fromkeys(info.reading_fields))
    assert not info.is_missing(FULL, START)
    assert info.is_missing(lacking, START) is bool(info.reading_fields)


@ALL
def test_the_fields_of_a_row_are_optional_fields_of_a_reading(metric: Metric) -> None:
    optional = {field.name for field in fields(Reading) if field.default is None}
    assert set(METRICS[metric].reading_fields) <= optional


@ALL
def test_a_rule_about_money_needs_a_reading_and_a_limit(metric: Metric) -> None:
    rule, failure = Rule("r", metric, below=Decimal(20)), ReadFailure(FailureKind.BLOCKED, "No.")
    measurements = (Measurements(failure, failure), Measurements(Unlimited(START)))
    statuses = [evaluate(rule, each, firing=False).status for each in measurements]
    if METRICS[metric].about_money:
        assert statuses == [RuleStatus.UNKNOWN, RuleStatus.OK]
    else:
        condition = METRICS[metric].condition
        inputs = [RuleInput(rule, each, firing=False) for each in measurements]
        assert statuses == [condition(each).status for each in inputs]


@ALL
def test_an_alert_is_worded_as_the_row_says(metric: Metric) -> None:
    info = METRICS[metric]
    notification = low(metric=metric, value="3", threshold=None)
    value = amount(notification, Decimal(3)) if info.is_number else "3"
    value = "3 faults" if metric is Metric.CONFIGURATION else value
    if metric is Metric.RUNWAY:
        notification = replace(notification, threshold=Decimal(2))
    sentence = info.sentence.format(account="sms", value=value)
    assert summary_line(notification).startswith(sentence)


@ALL
def test_the_end_of_an_alert_is_worded_as_the_row_says(metric: Metric) -> None:
    info = METRICS[metric]
    notification = low(metric=metric, value="3", reason=Reason.RESOLVED)
    value = amount(notification, Decimal(3)) if info.is_number else "3"
    resolved = info.resolved_sentence.format(account="sms", value=value)
    assert summary_line(notification) == resolved
    without_threshold = summary_line(replace(notification, threshold=None))
    rule_is_gone = info.about_money and not info.may_lack_threshold
    expected = "the rule low balance no longer applies to sms" if rule_is_gone else resolved
    assert without_threshold == expected


@ALL
def test_a_number_is_written_in_the_unit_of_the_row(metric: Metric) -> None:
    written = amount(low(metric=metric), Decimal(7200))
    match METRICS[metric].unit:
        case Unit.CURRENCY:
            assert written == "7,200.00 EUR"
        case Unit.CURRENCY_PER_DAY:
            assert written == "7,200.00 EUR a day"
        case Unit.SECONDS:
            assert written == "2 h"
        case word:
            assert written == f"7,200 {word}"


@ALL
def test_a_value_that_is_not_known_is_worded_as_the_row_says(metric: Metric) -> None:
    assert amount(low(metric=metric), None) == METRICS[metric].unknown_value


@ALL
def test_only_alerts_about_money_tell_the_pace_of_spending(metric: Metric) -> None:
    notification = low(metric=metric, per_day=Decimal(5), runway=HOUR)
    assert bool(pace(notification)) is METRICS[metric].about_money


@ALL
@pytest.mark.parametrize("value", ["8.2", "timed_out"])
def test_the_outbox_stores_numbers_for_the_metrics_whose_row_has_one(
    metric: Metric, value: str
) -> None:
    entry = watching(below("20")).check("10")[0]
    item = entry_to_item(entry._replace(notification=low(metric=metric, value=value)))
    if METRICS[metric].is_number and value != "8.2":
        with pytest.raises(ValueError, match="not a number"):
            entry_from_item(item)
    else:
        assert entry_from_item(item).notification.value == value


@ALL
def test_a_silence_mutes_every_metric_by_name_and_only_blind_ones_need_it(metric: Metric) -> None:
    facts = low(metric=metric).facts
    named, other = ({"metric": metric.value}, {"account": "*"})
    silences = [Silence("s", match, START + HOUR, "", START) for match in (named, other)]
    muted = [silence.mutes(facts, START) for silence in silences]
    assert muted == [True, not METRICS[metric].blind]


@ALL
def test_the_silence_command_accepts_every_metric(metric: Metric) -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    command = ["silence", "add", "--for", "1h", "--reason", "r", "--match"]
    assert parser.parse_args([*command, f"metric={metric}"]).match
    with pytest.raises(SystemExit):
        parser.parse_args([*command, f"metric={metric}s"])
