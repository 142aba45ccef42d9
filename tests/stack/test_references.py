"""Which resource of the template as written refers to which: tools other than SAM read it, too."""

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from tests.support.templates import STACKS, Stack, Value


def names_in(value: Value) -> Iterator[str]:
    """Yields every name that a part of a template refers to: parameters and resources."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text) | [str(text), *_]}:
            yield from re.findall(r"\$\{(\w+)", text)
    match value:
        case dict():
            for part in value.values():
                yield from names_in(part)
        case list():
            for part in value:
                yield from names_in(part)


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_no_resource_depends_on_itself(stack: Stack) -> None:
    """CfnInclude of the AWS CDK rejects a template with a cycle: it reads it without SAM."""
    resources = stack.sam["Resources"]
    graph = {name: set(names_in(resource)) & set(resources) for name, resource in resources.items()}
    assert "SchedulerRole" in graph["CheckBalancesSchedule"]
    assert set(TopologicalSorter(graph).static_order()) == set(resources)
