"""An invalid policy: every fault is reported at once, by its place and never by its value."""

import pytest

from balance_watch.domain.policy import RESERVED_NAMES
from balance_watch.notifiers.channels import KINDS, channel_forms
from tests.support.canaries import CORE
from tests.support.policies import faults_of

CANARY = CORE


def faults_of_rule(text: str) -> list[str]:
    return faults_of(f'[[rules]]\nname = "low"\n{text}')


FAULTS = {
    "both sides": ("below = 5\nabove = 9", "policy rules[0]: has both below and above: keep one"),
    "no side": ("", "policy rules[0]: needs below or above"),
    "recover under below": (
        "below = 5\nrecover = 4",
        (
            "policy rules[0], recover: must not be less than below: "
            "the alert would end while the rule is breached"
        ),
    ),
    "recover over above": (
        "above = 5\nrecover = 6",
        (
            "policy rules[0], recover: must not be more than above: "
            "the alert would end while the rule is breached"
        ),
    ),
    "a number for the flag": (
        'metric = "provider_flag"\nbelow = 5',
        "policy rules[0]: provider_flag takes no below, above or recover",
    ),
    "no such severity": (
        'below = 5\nseverity = "fatal"',
        "policy rules[0], severity: must be one of critical, warning, info",
    ),
    "no duration": (
        'below = 5\nfor = "soon"',
        'policy rules[0], for: must be like "2 checks", or a duration such as "30m"',
    ),
    "a match on an unknown fact": (
        'below = 5\nmatch = { currency = "EUR" }',
        ("policy rules[0], match: unknown fact; the facts are account, provider, labels.NAME"),
    ),
    "a glob that is not text": (
        "below = 5\nmatch = { account = 5 }",
        "policy rules[0], match: must be text, not a whole number",
    ),
    "not a number": (
        'below = "much"',
        (
            'policy rules[0], below: must be a number, a duration such as "3d", '
            'or a multiple of the usual such as "3x"'
        ),
    ),
    "a boolean": (
        "below = true",
        "policy rules[0], below: must be a number, or a string that holds one",
    ),
    "NaN": ("below = nan", "policy rules[0], below: is not a finite number"),
    "infinity": ("above = inf", "policy rules[0], above: is not a finite number"),
    "a number beyond DynamoDB": (
        "below = 1e400",
        "policy rules[0], below: is a number of an impossible size",
    ),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=list(FAULTS))
def test_the_fault_of_a_rule_is_reported(text: str, fault: str) -> None:
    assert faults_of_rule(text) == [fault]


@pytest.mark.parametrize("metric", ["unreadable", "auto_reload", "ballance"])
def test_a_metric_that_a_policy_cannot_name_is_a_fault(metric: str) -> None:
    metrics = "balance, credits, points, runway, expiry, spend_rate, staleness, provider_flag"
    assert faults_of_rule(f'metric = "{metric}"\nbelow = 5') == [
        f"policy rules[0], metric: must be one of {metrics}"
    ]


def test_an_unknown_section_is_reported_by_name() -> None:
    sections = "defaults, rules, routes, mute_times, digest, providers"
    assert faults_of("[rule]\n") == [f"policy: unknown section 'rule'; the sections are {sections}"]


def test_an_unknown_field_is_reported_by_name_with_the_known_ones() -> None:
    assert faults_of_rule("belwo = 5\nbelow = 5") == [
        (
            "policy rules[0]: unknown field 'belwo'; the fields are "
            "above, below, for, match, metric, name, recover, severity, top_up"
        )
    ]


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_the_name_of_a_built_in_rule_is_taken(name: str) -> None:
    assert faults_of(f'[[rules]]\nname = "{name}"\nbelow = 5') == [
        "policy rules[0], name: is taken by another rule or a built-in one"
    ]


def test_two_rules_cannot_have_the_same_name() -> None:
    twice = '[[rules]]\nname = "low"\nbelow = 5\n' * 2
    assert faults_of(twice) == ["policy rules[1], name: is taken by another rule or a built-in one"]


@pytest.mark.parametrize("name", ["", "x" * 101, r"two\nlines", r"\u0007"])
def test_a_name_must_be_one_line(name: str) -> None:
    assert faults_of(f'[[rules]]\nname = "{name}"\nbelow = 5') == [
        "policy rules[0], name: must be 1 to 100 characters on one line"
    ]


def test_a_rule_without_a_name_is_reported() -> None:
    assert faults_of("[[rules]]\nbelow = 5") == ["policy rules[0], name: is missing"]


@pytest.mark.parametrize("text", ["5", "-1h", "1.5h", "1 hour", "h", "1h30m", "1000000h", "NEVER"])
def test_an_invalid_duration_is_reported(text: str) -> None:
    assert faults_of(f'[defaults]\nreminder = "{text}"\nminimum_gap = "{text}"') == [
        'policy [defaults], reminder: must be a duration such as "30m", "24h" or "7d", or "never"',
        'policy [defaults], minimum_gap: must be a duration such as "30m", "24h" or "7d"',
    ]


def test_the_minimum_gap_cannot_be_never() -> None:
    assert faults_of('[defaults]\nminimum_gap = "never"')


@pytest.mark.parametrize("number", ["0", "-1"])
def test_unreadable_after_must_be_at_least_one_failure(number: str) -> None:
    assert faults_of(f"[defaults]\nunreadable_after = {number}") == [
        "policy [defaults], unreadable_after: must be at least 1"
    ]


@pytest.mark.parametrize(
    "channel", ["mail", "slack", "slack:", "SNS", "slack:two words", "slack:a:b", "sns "]
)
def test_an_invalid_channel_is_reported(channel: str) -> None:
    assert faults_of(f'[[routes]]\nchannels = ["{channel}"]') == [
        f"policy routes[0], channels: must each be {channel_forms(KINDS)}"
    ]


def test_a_route_without_a_channel_is_reported() -> None:
    assert faults_of("[[routes]]\nchannels = []") == [
        'policy routes[0], channels: must name at least one, such as "sns"'
    ]


@pytest.mark.parametrize("section", ["defaults", "rules", "routes"])
@pytest.mark.parametrize("value", ["5", '"x"', "true", "[5]", '["x"]', "[[]]", "2026-11-22"])
def test_a_section_of_another_type_is_reported_by_its_name(section: str, value: str) -> None:
    assert all(fault.startswith("policy ") for fault in faults_of(f"{section} = {value}"))


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("", "at: is missing"),
        ('at = "9:00"', 'at: must be a time such as "18:30"'),
        (
            'at = "09:00"\ndays = ["monday"]',
            "days: must each be one of mon, tue, wed, thu, fri, sat, sun",
        ),
        ('at = "09:00"\ndays = []', "days: must name at least one"),
        (
            'at = "09:00"\ntimezone = "Mars"',
            'timezone: must be a time zone such as "Europe/Berlin" or "UTC"',
        ),
        ('at = "09:00"\nchannels = []', 'channels: must name at least one, such as "sns"'),
        (
            'at = "09:00"\nchannels = ["sns", "pagerduty:oncall"]',
            "channels: must not name pagerduty, where a digest would open an incident",
        ),
    ],
)
def test_a_fault_of_the_digest_is_reported(lines: str, fault: str) -> None:
    assert faults_of(f"[digest]\n{lines}\n") == [f"policy [digest], {fault}"]


def test_a_digest_to_a_channel_of_no_kind_is_reported() -> None:
    (fault,) = faults_of('[digest]\nat = "09:00"\nchannels = ["chat"]\n')
    assert fault.startswith('policy [digest], channels: must each be "sns", "slack:NAME"')


def test_a_digest_is_one_table() -> None:
    assert faults_of('[[digest]]\nat = "09:00"\n') == [
        "policy [digest]: must be a table, not a list"
    ]
