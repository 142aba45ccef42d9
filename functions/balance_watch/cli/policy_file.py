"""Reads a policy from a file, and tells every fault of it with its line."""

from balance_watch.cli.policy_lines import located
from balance_watch.cli.terminal import err, read_text, sanitize
from balance_watch.config.policy import PolicyFile, own_slugs, parse_policy
from balance_watch.domain.formatting import counted
from balance_watch.errors import CommandError
from balance_watch.providers.registry import catalogue_clashes
from balance_watch.validation import Faults

_MAX_BYTES = 8192
"""An advanced parameter's size; a standard one has 4,096 (AWS Systems Manager quotas)."""


def read_policy(file: str) -> tuple[PolicyFile, str]:
    """Returns the policy in a file, and its text.

    Raises:
        CommandError: the policy has faults, all of which are printed, or it is too large.
    """
    text = read_text(file)
    faults = Faults()
    policy = parse_policy(text, "policy", faults)
    faults += catalogue_clashes(own_slugs(text))
    if (size := len(text.encode())) > _MAX_BYTES:
        problem = f"has {size:,} bytes, and a parameter of SSM holds {_MAX_BYTES:,}: shorten it"
        faults.add("policy", problem)
    if policy is None or faults:
        for fault in located(faults, text):
            err.print(sanitize(fault), soft_wrap=True)
        raise CommandError(f"The policy in {file} has {counted(len(faults), 'fault')}.")
    return policy, text
