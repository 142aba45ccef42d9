"""For all tests: hypothesis judges what is right, not how fast a busy machine is; keys are silent.

All that is logged, at DEBUG, and all that pytest reports of a test is searched for canaries
(tests/canaries.py). One that is found fails the session, though every test in it may pass.
"""

import logging
import os
from typing import NamedTuple

import pytest
from hypothesis import settings

from balance_watch import log_filters
from tests.support.canaries import found, puts_a_secret, told_by

# Where nobody looks at a failure by chance, every run tries the same: elsewhere, something new.
settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unhurried")

# Before the levels below: an entry point that installs them again leaves a level that is set.
log_filters.install()

_LOUD = ("", "balance_watch", "boto3", "botocore", "requests", "urllib3")


class _Hit(NamedTuple):
    """A canary that was found: in which test, where, and in which form."""

    test: str
    where: str
    form: str


class _Search(logging.Handler):
    """Searches every record that is logged, and what else it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.test = "before the first test"
        self.hits: set[_Hit] = set()

    def look(self, where: str, text: str) -> None:
        form = found(text)
        if form is not None:
            # A parametrized test may be named after what it must not show.
            test = self.test.partition("[")[0] if found(self.test) else self.test
            self.hits.add(_Hit(test, where, form))

    def filter(self, record: logging.LogRecord) -> bool:
        """Hears all: Powertools has every handler of the root leave out the function's own log."""
        del record
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if puts_a_secret(record):
            return
        try:
            told = told_by(record)
        except Exception:  # noqa: BLE001 (as logging's own handlers: a bad record stops no code)
            self.handleError(record)
        else:
            self.look(f"the log of {record.name}", told)


_search = _Search()


def pytest_configure(config: pytest.Config) -> None:
    # Or pytest would format each of the many records at DEBUG twice, for reports of its own.
    config.option.log_level = config.option.log_level or "WARNING"
    logging.getLogger().addHandler(_search)


def pytest_runtest_logstart(nodeid: str) -> None:
    _search.test = nodeid
    for logger in map(logging.getLogger, _LOUD):
        # What keeps a key out of a log must be a filter: a level lasts until another is set.
        if logger.level != logging.DEBUG:
            logger.setLevel(logging.DEBUG)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _search.look("its error", report.longreprtext)
    if report.when == "teardown":  # the last of three reports has the captured text of all
        for name, text in report.sections:
            _search.look(name, text)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _search.look(f"the collection of {report.nodeid}", report.longreprtext)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _search.hits:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _search.hits:
        return
    terminalreporter.section("keys that were shown", red=True, bold=True)
    for test, where, form in sorted(_search.hits):
        terminalreporter.write_line(f"{test}: {where} shows a key {form}")
