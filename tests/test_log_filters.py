"""The log filters: each added once however often installed; a level that is set stays."""

import logging
from collections.abc import Iterator

import pytest

from balance_watch import log_filters

FILTERED = (
    "botocore.auth",
    "botocore.endpoint",
    "botocore.parsers",
    "urllib3.connection",
    "urllib3.connectionpool",
)


@pytest.fixture
def botocore() -> Iterator[logging.Logger]:
    logger = logging.getLogger("botocore")
    level = logger.level
    yield logger
    logger.setLevel(level)


def test_installing_the_filters_twice_adds_each_once() -> None:
    for _ in range(2):
        log_filters.install()
    assert [len(logging.getLogger(name).filters) for name in FILTERED] == [1] * len(FILTERED)


@pytest.mark.parametrize(
    ("level", "expected"),
    [(logging.NOTSET, logging.WARNING), (logging.DEBUG, logging.DEBUG)],
    ids=["not set", "set"],
)
def test_botocore_is_quiet_unless_a_level_is_set(
    botocore: logging.Logger, level: int, expected: int
) -> None:
    botocore.setLevel(level)
    log_filters.install()
    assert botocore.level == expected
