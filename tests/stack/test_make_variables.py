"""The Makefile's list of variables is what its targets take: `make` rejects every other one."""

import re
import subprocess

import pytest

from tests.test_documentation import ROOT

FILES = ("Makefile", "tools.mk", "release.mk", "e2e.mk")
LINES = [
    line
    for name in FILES
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
    if not line.lstrip().startswith("#")
]
TEXT = "\n".join(LINES)
_ASSIGNED = re.compile(r"^(\w+) *[:?]?=")
_USED = re.compile(r"(?<!\$)\$[({](\w+)")
"""A variable of make, or a function of it; the shell's have two dollar signs."""

_OWN = {"MISSPELT", "TAKEN"}
"""Those that reject what is misspelt."""


def make(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 (our own Makefile)
        ["make", *words],  # noqa: S607 (as a user runs it)
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def listed() -> list[str]:
    (line,) = (it for it in LINES if it.startswith("TAKEN = "))
    return line.removeprefix("TAKEN = ").split()


def taken() -> set[str]:
    """Returns the variables that whoever runs make can set.

    They are those without a value in the files, such as `ARGS`, and those whose value is a default,
    which are written in capitals; make's own and the names of a loop are neither.
    """
    assigned = {found[1] for line in LINES if (found := _ASSIGNED.match(line))}
    loops = set(re.findall(r"\$\(foreach (\w+),", TEXT))
    functions = set(re.findall(r"\$\((\w+) ", TEXT))
    of_make = set(re.findall(r"^(\w+) :?= ", make("-pn", "help").stdout, re.MULTILINE)) - assigned
    without = set(_USED.findall(TEXT)) - assigned - loops - functions - of_make
    return without | {it for it in assigned if it.isupper()} - _OWN - {"MAKEFLAGS"}


def test_every_make_file_is_read() -> None:
    (line,) = (it for it in LINES if it.startswith("include "))
    assert ("Makefile", *line.split()[1:]) == FILES


def test_the_list_has_what_the_make_files_take_and_no_more() -> None:
    assert listed() == sorted(taken())


@pytest.mark.parametrize("name", listed())
def test_each_of_the_list_is_taken(name: str) -> None:
    assert make("--dry-run", "help", f"{name}=x").returncode == 0
