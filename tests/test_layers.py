"""Each package imports only from lower layers, and each library for the outside is in one place."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from sys import stdlib_module_names

import pytest

import balance_watch

PACKAGE = Path(balance_watch.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    ("domain",),
    ("errors", "validation", "log_filters"),
    ("exact_parsing",),
    ("transport",),
    ("providers", "store", "notifiers"),
    ("config",),
    ("usecases",),
    ("wiring",),
    ("pages",),
    ("handlers", "cli"),
)
"""The parts of the package, the lowest layer first. A part imports from lower layers only."""

LAYER_OF = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}


def part_of(module: Path) -> str:
    """Returns the subpackage of a module, or the module itself at the top of the package."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[str]:
    """Yields the full name of everything that a module imports, for types too."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_parts(module: Path) -> set[str]:
    """Returns the other parts that a module imports from."""
    ours = {name.split(".")[1] for name in imported(module) if name.startswith("balance_watch.")}
    return ours - {part_of(module)}


def importers(*libraries: str) -> set[str]:
    """Returns the modules that import one of these libraries."""
    return {
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        if any(
            f"{name}.".startswith(f"{library}.")
            for name in imported(module)
            for library in libraries
        )
    }


def users(*expressions: str) -> set[str]:
    """Returns the modules that contain one of these expressions, such as `time.time`."""
    return {
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in expressions
    }


def names(modules: list[Path]) -> list[str]:
    return [module.relative_to(PACKAGE).as_posix() for module in modules]


DOMAIN = [module for module in MODULES if part_of(module) == "domain"]


def test_every_part_has_a_layer() -> None:
    assert {part_of(module) for module in MODULES} == {*LAYER_OF, "__init__"}


@pytest.mark.parametrize("module", MODULES, ids=names(MODULES))
def test_a_module_imports_from_lower_layers_only(module: Path) -> None:
    layer = LAYER_OF.get(part_of(module), -1)
    assert not {part for part in imported_parts(module) if LAYER_OF[part] >= layer}


@pytest.mark.parametrize("module", DOMAIN, ids=names(DOMAIN))
def test_the_domain_imports_only_the_standard_library_structs_and_itself(module: Path) -> None:
    structs = ("msgspec.Struct", "msgspec.field", "msgspec.structs")
    names = (name for name in imported(module) if not name.startswith(structs))
    foreign = {name.split(".")[0] for name in names} - stdlib_module_names
    assert foreign <= {"balance_watch"}
    assert not imported_parts(module)


def test_the_domain_reads_no_clock() -> None:
    clocks = users(
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


def test_only_the_modules_that_call_aws_and_the_command_line_import_boto3() -> None:
    assert {name for name in importers("boto3") if not name.startswith("cli/")} <= {
        "store/table.py",
        "config/sources.py",
        "notifiers/sns.py",
        "wiring.py",
    }


def test_only_the_modules_that_call_aws_and_the_command_line_import_botocore() -> None:
    assert {name for name in importers("botocore") if not name.startswith("cli/")} <= {
        "store/accounts.py",
        "store/costs.py",
        "store/payments.py",
        "store/policies.py",
        "store/table.py",
        "config/secret_writing.py",
        "config/sources.py",
        "notifiers/eventbridge.py",
        "notifiers/sns.py",
        "notifiers/subscribers.py",
        "providers/modules/aws.py",
        "wiring.py",
    }


def test_only_the_transport_imports_http_libraries() -> None:
    assert importers("requests", "urllib3", "socket", "ssl", "http.client") == {
        "transport/client.py",
        "transport/errors.py",
        "transport/sockets.py",
    }


def test_only_the_settings_read_the_environment() -> None:
    assert users("os.environ", "os.getenv", "environ") == {"config/settings.py"}


def test_the_wheel_depends_on_every_library_that_a_module_imports() -> None:
    pyproject = (PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    declared = {
        re.split("[<>=]", requirement)[0]
        for requirement in tomllib.loads(pyproject)["project"]["dependencies"]
    }
    roots = {name.split(".")[0] for module in MODULES for name in imported(module)}
    # local/ is in a checkout only, stubs are for mypy, and botocore comes with boto3.
    libraries = roots - stdlib_module_names - {"balance_watch", "local", "botocore"}
    distributions = packages_distributions()
    needed = {
        distributions[library][0].lower().replace("_", "-")
        for library in libraries
        if not library.startswith("mypy_boto3")
    }
    assert needed - declared == set()
    assert needed
