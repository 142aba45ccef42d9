"""Evaluates jmespath expressions on exact numbers, in bounded time and memory.

The library knows int and float as numbers, and nothing else: a Decimal has no type there, and
equals no fraction. The interpreter and the functions here are the library's own, with Decimal as
the type of every number, those of literals included (https://jmespath.org/specification.html).
"""

import operator
from collections.abc import Callable, Iterable
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from math import ceil, floor
from typing import Any, ClassVar

import jmespath
from jmespath.functions import Functions, signature
from jmespath.visitor import TreeInterpreter

from balance_watch.domain.money import MAX_DIGITS, NotAnAmountError, exact, total
from balance_watch.validation import Json

MAX_STEPS = 500_000
"""Steps of one evaluation: each node that is visited, and each element or piece of text it makes.

A reply of 64 KB has about 30,000 values at most; a filter takes some ten steps for each.
"""

_CHARACTERS_PER_STEP = 16
_NUMBER = "number"
_AVERAGE = Context(prec=MAX_DIGITS)


class TooManyStepsError(ValueError):
    """An expression takes too many steps on a reply."""


def search(expression: str, value: Json) -> Json:
    """Returns what an expression yields on a value whose numbers are Decimals.

    Raises:
        TooManyStepsError: the evaluation takes more than `MAX_STEPS`.
        ValueError: the expression cannot be evaluated on a value of this structure.
    """
    return _Interpreter().visit(syntax_tree(expression), value)


@lru_cache(maxsize=512)
def syntax_tree(expression: str) -> Json:
    """Returns the tree of an expression, with Decimals for the numbers of its literals.

    Raises:
        ValueError: it is not an expression, or it calls a function that there is not, or one with
            another number of arguments.
    """
    try:
        tree = _exact_tree(jmespath.compile(expression).parsed)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    _check_functions(tree)
    return tree


def _exact_tree(node: Json) -> Json:
    """Returns a node of a tree, with the numbers of literals as Decimals."""
    if not isinstance(node, dict):
        return node
    if node.get("type") == "literal":
        return {**node, "value": _exact_literal(node["value"])}
    return {**node, "children": [_exact_tree(child) for child in node.get("children", ())]}


def _exact_literal(value: Json) -> Json:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # The shortest text that stands for a float is the number as it was written.
        return Decimal(repr(value))
    if isinstance(value, list):
        return [_exact_literal(element) for element in value]
    if isinstance(value, dict):
        return {name: _exact_literal(element) for name, element in value.items()}
    return value


def _check_functions(tree: Json) -> None:
    pending = [tree]
    while pending:
        node = pending.pop()
        if not isinstance(node, dict):
            continue
        pending += node.get("children", ())
        if node.get("type") != "function_expression":
            continue
        found = _ExactFunctions.FUNCTION_TABLE.get(node["value"])
        if found is None:
            raise ValueError(f"calls {node['value']}(), which is not a function of jmespath")
        expected, given = found["signature"], len(node["children"])
        is_variadic = bool(expected) and expected[-1].get("variadic", False)
        if given < len(expected) or (given > len(expected) and not is_variadic):
            raise ValueError(f"calls {node['value']}() with another number of arguments")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    """Returns a comparison that yields null for a text and a number, as the specification does."""

    def compared(left: object, right: object) -> bool | None:
        return compare(left, right) if isinstance(left, str) is isinstance(right, str) else None

    return compared


class _Interpreter(TreeInterpreter):
    """The library's interpreter, which counts its steps."""

    COMPARATOR_FUNC: ClassVar[dict[str, Callable[[Any, Any], Any]]] = {
        **TreeInterpreter.COMPARATOR_FUNC,
        "lt": _ordered(operator.lt),
        "gt": _ordered(operator.gt),
        "lte": _ordered(operator.le),
        "gte": _ordered(operator.ge),
    }

    def __init__(self) -> None:
        super().__init__(jmespath.Options(custom_functions=_ExactFunctions(self.charge)))
        self._steps = 0

    def charge(self, steps: int) -> None:
        """Counts steps.

        Raises:
            TooManyStepsError: there are too many of them.
        """
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise TooManyStepsError

    def visit(self, node: Json, *args: Any, **kwargs: Any) -> Json:  # noqa: ANN401 (the library's)
        """Visits a node."""
        self.charge(1)
        return super().visit(node, *args, **kwargs)

    def visit_literal(self, node: Json, value: Json) -> Json:
        """Returns a literal. It counts by its size, for each time that it is part of a result."""
        literal = super().visit_literal(node, value)
        self.charge(_size(literal))
        return literal

    def visit_flatten(self, node: Json, value: Json) -> Json:
        """Returns a list without its inner lists."""
        flat = super().visit_flatten(node, value)
        self.charge(_size(flat, depth=0))
        return flat


def _size(value: Json, depth: int = 99) -> int:
    """Returns the size of a value in steps; at a depth of 0, without what its elements hold."""
    if isinstance(value, str):
        return len(value) // _CHARACTERS_PER_STEP
    if not isinstance(value, list | dict):
        return 0
    elements = value.values() if isinstance(value, dict) else value
    inner = sum(_size(element, depth - 1) for element in elements) if depth else 0
    return len(value) + inner


class _ExactFunctions(Functions):
    """The functions of jmespath, for which a Decimal is a number."""

    def __init__(self, charge: Callable[[int], None]) -> None:
        self._charge = charge

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Json:
        """Calls a function. Its arguments and its result count by their size."""
        resolved_args = list(resolved_args)
        self._charge(sum(_size(argument, depth=1) for argument in resolved_args))
        if function_name in ("to_string", "join"):
            # These write out what may be in a list many times.
            self._charge(sum(map(_size, resolved_args)))
        return super().call_function(function_name, resolved_args)

    def _get_allowed_pytypes(self, types: list[str]) -> tuple[list[str], list[tuple[str, ...]]]:
        allowed, subtypes = super()._get_allowed_pytypes(types)  # type: ignore[misc]
        if _NUMBER in types:
            allowed = [*allowed, "Decimal"]
        return allowed, [(*it, "Decimal") if "float" in it else it for it in subtypes]

    def _convert_to_jmespath_type(self, pyobject: str) -> str:
        if pyobject == "Decimal":
            return _NUMBER
        name: str = super()._convert_to_jmespath_type(pyobject)  # type: ignore[misc]
        return name

    @signature({"types": []})
    def _func_type(self, arg: Json) -> str | None:
        if isinstance(arg, Decimal):
            return _NUMBER
        name: str | None = super()._func_type(arg)  # type: ignore[misc]
        return name

    @signature({"types": ["string", "array", "object"]})
    def _func_length(self, arg: Json) -> Decimal:
        return Decimal(len(arg))

    @signature({"types": ["number"]})
    def _func_abs(self, arg: Decimal) -> Decimal:
        return arg.copy_abs()

    @signature({"types": ["number"]})
    def _func_ceil(self, arg: Decimal) -> Decimal:
        return Decimal(ceil(arg))

    @signature({"types": ["number"]})
    def _func_floor(self, arg: Decimal) -> Decimal:
        return Decimal(floor(arg))

    @signature({"types": ["array-number"]})
    def _func_sum(self, arg: list[Decimal]) -> Decimal:
        return total(arg)

    @signature({"types": ["array-number"]})
    def _func_avg(self, arg: list[Decimal]) -> Decimal | None:
        """Returns the average, rounded to 38 digits only where it has no end."""
        return _AVERAGE.divide(total(arg), Decimal(len(arg))) if arg else None

    @signature({"types": []})
    def _func_to_number(self, arg: Json) -> Decimal | None:
        if not isinstance(arg, Decimal | str):
            return None
        try:
            return exact(arg)
        except (NotAnAmountError, InvalidOperation):
            return None

    @signature({"types": []})
    def _func_to_string(self, arg: Json) -> str:
        return arg if isinstance(arg, str) else _to_json(arg)

    @signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Json, search: Json) -> bool:
        if isinstance(subject, str):
            return isinstance(search, str) and search in subject
        return search in subject


def _to_json(value: Json) -> str:
    """Writes compact JSON, with every digit of each number."""
    import json  # few expressions need it

    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return f"[{','.join(map(_to_json, value))}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name)}:{_to_json(inner)}" for name, inner in value.items())
        return f"{{{','.join(pairs)}}}"
    return json.dumps(value)
