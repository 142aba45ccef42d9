"""Imports run downhill only, and each gate to the world outside is in one place."""

import ast
from collections.abc import Iterator
from pathlib import Path
from sys import stdlib_module_names

import pytest

import balance_watch

PACKAGE = Path(balance_watch.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

DOWNHILL = (
    ("domain",),
    ("errors", "validation", "log_filters"),
    ("exact_parsing",),
    ("transport",),
    ("providers", "store", "notifiers"),
    ("config",),
    ("usecases",),
    ("wiring",),
    ("handlers", "cli"),
)
"""Rooms by height, the lowest first: each knows those further down, and none beside it."""

HEIGHTS = {room: height for height, rooms in enumerate(DOWNHILL) for room in rooms}


def room_of(module: Path) -> str:
    """The room, or the file at the top of the house, that a module is in."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[str]:
    """The full names of all that a module imports, for types only or not."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_known(module: Path) -> set[str]:
    """The rooms that a module imports from, but for its own."""
    ours = {name.split(".")[1] for name in imported(module) if name.startswith("balance_watch.")}
    return ours - {room_of(module)}


def who_imports(*libraries: str) -> set[str]:
    """The modules that import one of these libraries."""
    return {
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        if any(f"{name}.".startswith(f"{each}.") for name in imported(module) for each in libraries)
    }


def who_calls(*names: str) -> set[str]:
    """The modules in which an expression such as `time.time` stands."""
    return {
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in names
    }


def names(modules: list[Path]) -> list[str]:
    return [module.relative_to(PACKAGE).as_posix() for module in modules]


DOMAIN = [module for module in MODULES if room_of(module) == "domain"]


def test_every_room_has_its_height() -> None:
    assert {room_of(module) for module in MODULES} == {*HEIGHTS, "__init__"}


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_imports_run_downhill(module: Path) -> None:
    height = HEIGHTS.get(room_of(module), -1)
    uphill = {room for room in rooms_known(module) if HEIGHTS[room] >= height}
    assert not uphill


@pytest.mark.parametrize("module", DOMAIN, ids=names(DOMAIN))
def test_the_domain_knows_the_standard_library_and_itself(module: Path) -> None:
    foreign = {name.split(".")[0] for name in imported(module)} - stdlib_module_names
    assert foreign <= {"balance_watch"}
    assert not rooms_known(module)


def test_the_domain_reads_no_clock() -> None:
    clocks = who_calls(
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "time.monotonic",
        "datetime.datetime.now",
    )
    assert not [module for module in clocks if module.startswith("domain/")]
    in_domain = {name.split(".")[0] for module in DOMAIN for name in imported(module)}
    assert not in_domain & {"time", "random", "os", "logging", "socket", "asyncio", "threading"}


def test_boto3_is_where_aws_is() -> None:
    assert who_imports("boto3") <= {
        "store/table.py",
        "config/sources.py",
        "notifiers/sns.py",
        "wiring.py",
    }


def test_botocores_errors_are_known_where_aws_is_called_and_at_the_top_alone() -> None:
    assert {name for name in who_imports("botocore") if not name.startswith("cli/")} <= {
        "store/accounts.py",
        "store/payments.py",
        "store/policies.py",
        "store/table.py",
        "config/sources.py",
        "notifiers/sns.py",
        "wiring.py",
    }


def test_http_has_one_seam() -> None:
    assert who_imports("requests", "urllib3", "socket", "ssl", "http.client") == {
        "transport/client.py",
        "transport/errors.py",
        "transport/sockets.py",
    }


def test_the_environment_is_read_in_one_place() -> None:
    assert who_calls("os.environ", "os.getenv", "environ") == {"config/settings.py"}
