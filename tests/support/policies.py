"""The faults of policies, for tests."""

from balance_watch.config.policy import parse_policy
from balance_watch.validation import Faults


def faults_of(text: str) -> list[str]:
    """Returns every fault of an invalid policy."""
    faults = Faults()
    assert parse_policy(text, "policy", faults) is None
    assert faults
    return list(faults)
