"""For all tests: hypothesis has no deadlines, and no key may be shown.

A search for canaries (tests/support/canaries.py) reads everything that is logged, at DEBUG, and
everything that pytest reports. A canary that it finds fails the session, even if every test passes.
Under pytest-xdist each worker process searches its own log, and hands what it found to the process
that reports.
"""

import gc
import logging
import os
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from balance_watch import log_filters
from local import faster_moto
from tests.support.canaries import canary_form, puts_a_secret, record_text

# In CI, every run tries the same examples: nobody investigates a random failure there.
settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unhurried")

# Before the tests set levels: entry points install the filters again, and keep a level that is set.
log_filters.install()

faster_moto.install()

_AT_DEBUG = ("", "balance_watch", "boto3", "botocore", "requests", "urllib3")


class _Hit(NamedTuple):
    """A canary in an output: the test, the place, and the form of the canary."""

    test: str
    where: str
    form: str


class _Search(logging.Handler):
    """Searches every record that is logged, and other texts, for canaries."""

    def __init__(self) -> None:
        super().__init__()
        self.test = "before the first test"
        self.hits: set[_Hit] = set()

    def search(self, where: str, text: str) -> None:
        form = canary_form(text)
        if form is not None:
            # The name of a parametrized test may contain the key that it must not show.
            test = self.test.partition("[")[0] if canary_form(self.test) else self.test
            self.hits.add(_Hit(test, where, form))

    def filter(self, record: logging.LogRecord) -> bool:
        """Accepts all: Powertools makes the handlers of the root skip the function's own log."""
        del record
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if puts_a_secret(record):
            return
        try:
            text = record_text(record)
        except Exception:  # noqa: BLE001 (like logging's own handlers: a bad record stops no code)
            self.handleError(record)
        else:
            self.search(f"the log of {record.name}", text)


_search = _Search()


def pytest_configure(config: pytest.Config) -> None:
    # Otherwise pytest formats each of the many DEBUG records twice, for its own reports.
    config.option.log_level = config.option.log_level or "WARNING"
    logging.getLogger().addHandler(_search)


def pytest_runtest_logstart(nodeid: str) -> None:
    _search.test = nodeid
    for logger in map(logging.getLogger, _AT_DEBUG):
        # At DEBUG, because only a filter may keep a key out of a log: a level can be changed.
        if logger.level != logging.DEBUG:
            logger.setLevel(logging.DEBUG)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _search.test = report.nodeid  # where workers report, their tests take turns
    if report.longrepr is not None:  # most have none, and take a while to say so
        _search.search("its error", report.longreprtext)
    if report.when == "teardown":  # the last of three reports has the captured text of all three
        for name, text in report.sections:
            _search.search(name, text)


def pytest_collection_finish() -> None:
    # What is collected stays until the end. Frozen, the garbage collector does not search it again
    # and again; and with the higher threshold, it begins less often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _search.search(f"the collection of {report.nodeid}", report.longreprtext)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _search.hits:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    output = getattr(session.config, "workeroutput", None)  # a worker of pytest-xdist has one
    if output is not None:
        output["shown_keys"] = [tuple(hit) for hit in _search.hits]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 (a class of pytest-xdist)
    """Takes what a worker found, before the session finishes here."""
    output = getattr(node, "workeroutput", {})  # a worker that crashed has none
    _search.hits.update(_Hit(*hit) for hit in output.get("shown_keys", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _search.hits:
        return
    terminalreporter.section("keys that were shown", red=True, bold=True)
    for test, where, form in sorted(_search.hits):
        terminalreporter.write_line(f"{test}: {where} shows a key {form}")
