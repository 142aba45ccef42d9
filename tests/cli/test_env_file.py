"""A `.env` file is read as shells and the usual libraries read it; what is unclear is a fault."""

import pytest

from balance_watch.cli.env_file import Assignment, is_env, read_env
from balance_watch.validation import Faults


def read(text: str) -> tuple[list[Assignment], list[str]]:
    faults = Faults()
    return list(read_env(".env", text, faults)), list(faults)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=sk-1", "sk-1"),
        ("A = sk-1 # comment", "sk-1"),
        ("  export A=sk-1\r\n", "sk-1"),
        ("A=-sk", "-sk"),
        ("A=sk#1", "sk#1"),
        ("A=a b", "a b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=''", ""),
        ('A="sk-1" # comment', "sk-1"),
        ("A='sk-1'# comment", "sk-1"),
        (r'A="a\"b\\c"', 'a"b\\c'),
        (r'A="a\nb"', "a\nb"),
        (r"A='a\nb'", r"a\nb"),
        (r'A="\d"', r"\d"),
        ("A='$OTHER'", "$OTHER"),
        (r'A="\$OTHER"', "$OTHER"),
        ("A=p$ss", "p$ss"),
        ("A=a=b", "a=b"),
        ("A='it # is'", "it # is"),
    ],
)
def test_a_value(text: str, value: str) -> None:
    assert read(text) == ([("A", value, 1)], [])


def test_a_value_on_several_lines_and_the_line_behind_it() -> None:
    assert read('# c\nKEY="-----BEGIN\nx\n-----END"\n\nMY.VAR=1\nB=2\r\n') == (
        [("KEY", "-----BEGIN\nx\n-----END", 2), ("MY.VAR", "1", 6), ("B", "2", 7)],
        [],
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('A="sk-1', "line 1: A has a quote without its end, or something behind it"),
        ("A='sk-1", "line 1: A has a quote without its end, or something behind it"),
        ('A="a"b', "line 1: A has a quote without its end, or something behind it"),
        ('A="a\nB="b"', "line 1: A has a quote without its end, or something behind it"),
        ("A=$OTHER", "line 1: A refers to another variable: write the value itself"),
        ("A=x-${OTHER}", "line 1: A refers to another variable: write the value itself"),
        ('A="${OTHER}"', "line 1: A refers to another variable: write the value itself"),
        ("FLAG", "line 1: is not NAME=VALUE"),
        ("\nset A=1", "line 2: is not NAME=VALUE"),
        ("A: 1", "line 1: is not NAME=VALUE"),
        ("1A=1", "line 1: is not NAME=VALUE"),
    ],
)
def test_what_is_unclear_is_a_fault_that_repeats_no_value(text: str, problem: str) -> None:
    found, faults = read(text)
    assert faults[0] == f".env, {problem}"
    assert "A" not in [name for name, _, _ in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# keys\n\nexport A=1", True),
        ("A = 1", True),
        ("name,provider\n", False),
        ("", False),
        ("# only a comment", False),
    ],
)
def test_a_file_is_known_by_its_first_line(text: str, expected: bool) -> None:  # noqa: FBT001 (a table)
    assert is_env(text) is expected
