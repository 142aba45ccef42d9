"""The dashboard and the rules of docs/grafana.md use what `metrics` prints, and nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics import parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from balance_watch.cli.account_row import AccountRow
from balance_watch.cli.metrics import FAMILIES, openmetrics
from tests.support.runway import falls
from tests.support.watchman import Watchman
from tests.test_documentation import ROOT, blocks

PAGE = "docs/grafana.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "docs" / "grafana" / "dashboard.json").read_text(encoding="utf-8")
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
VARIABLES: list[dict[str, Any]] = DASHBOARD["templating"]["list"]
COLUMNS = 24
parse_openmetrics: Any = parser.text_string_to_metric_families  # it has no types

Labels = dict[str, set[str]]


def text() -> str:
    """Returns what is printed of an account of which everything is known."""
    watchman = Watchman()
    falls(watchman, "60", "1", 30)
    return openmetrics([AccountRow(watchman.state, "you")])


@pytest.fixture(scope="module")
def printed() -> Labels:
    """The labels of each metric that is printed, by its name."""
    samples = [sample for family in parse_openmetrics(text()) for sample in family.samples]
    return {sample.name: set(sample.labels) for sample in samples}


def test_every_metric_is_printed_of_an_account_of_which_everything_is_known(
    printed: Labels,
) -> None:
    assert printed.keys() == {family.name for family in FAMILIES}


def rules() -> list[dict[str, Any]]:
    (block,) = blocks(PAGE, "yaml")
    (group,) = yaml.safe_load(block)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Yields every query of the dashboard and the page, and what else shows a label."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]
    for variable in VARIABLES:
        if variable["type"] == "query":
            yield variable["query"]["query"], ""
    for rule in rules():
        yield rule["expr"], rule["annotations"]["summary"]


QUERIES = list(queries())


@pytest.mark.parametrize(("query", "shown"), QUERIES)
def test_a_query_uses_metrics_and_labels_that_are_printed(
    query: str, shown: str, printed: Labels
) -> None:
    names = set(re.findall(r"balance_watch_\w+", query))
    assert names
    assert names <= printed.keys()
    labels = set.intersection(*(printed[name] for name in names))
    matched = {
        name: set(re.findall(r"(\w+)=~?\"", selector))
        for name, selector in re.findall(r"(balance_watch_\w+)\{([^}]*)\}", query)
    }
    assert all(used <= printed[name] for name, used in matched.items())
    grouped = {
        label.strip()
        for group in re.findall(r"(?:by|on) \(([^)]*)\)", query)
        for label in group.split(",")
    }
    of_variable = set(re.findall(r"label_values\(.*, (\w+)\)", query))
    in_text = set(re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", shown))
    assert grouped | of_variable | in_text <= labels


def test_a_query_uses_only_variables_that_there_are() -> None:
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(PANELS) + json.dumps(VARIABLES)))
    assert used - {"__all"} == {variable["name"] for variable in VARIABLES}


def test_every_metric_is_on_the_dashboard(printed: Labels) -> None:
    on_it = set(re.findall(r"balance_watch_\w+", json.dumps(PANELS)))
    assert on_it == printed.keys()


def test_the_page_lists_every_metric_with_its_labels(printed: Labels) -> None:
    rows = re.findall(r"^\| `(balance_watch_\w+)` \|([^|]*)\|", TEXT, re.MULTILINE)
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert listed == {name: labels - {"account", "provider"} for name, labels in printed.items()}


def test_the_dashboard_has_what_grafanas_import_needs() -> None:
    # https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/
    assert DASHBOARD["id"] is None
    assert re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["title"]
    assert isinstance(DASHBOARD["schemaVersion"], int)
    assert "__inputs" not in DASHBOARD
    assert {"from", "to"} == DASHBOARD["time"].keys()
    assert [variable["name"] for variable in VARIABLES if variable["type"] == "datasource"] == [
        "datasource"
    ]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_has_its_type_place_source_and_queries(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"stat", "table", "timeseries", "state-timeline"}
    place = panel["gridPos"]
    assert place["x"] >= 0
    assert place["x"] + place["w"] <= COLUMNS
    refs = [target["refId"] for target in panel["targets"]]
    assert len(set(refs)) == len(refs)
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert all(it["datasource"] == source for it in (panel, *panel["targets"]))
    assert panel["fieldConfig"].keys() == {"defaults", "overrides"}
    assert panel["description"]


def test_no_panels_overlap_and_each_has_an_id_of_its_own() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        return {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}

    assert all(not cells(one) & cells(other) for one, other in combinations(PANELS, 2))
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_a_rule_has_a_name_a_pending_time_and_says_what_to_do() -> None:
    assert [rule["alert"] for rule in rules()] == ["BalanceWatchHasStopped", "BalanceRunsDry"]
    assert all(re.fullmatch(r"\d+m", rule["for"]) for rule in rules())
    assert all(rule["annotations"]["summary"] for rule in rules())


def test_the_textfile_collector_reads_what_is_printed() -> None:
    # It parses the older text format, in which `# UNIT` and `# EOF` are comments.
    found = {sample.name for family in parse_text(text()) for sample in family.samples}
    assert found == {family.name for family in FAMILIES}


COMMANDS = [
    *re.findall(r"^\*/5 \* \* \* \* balance-watch (.*)$", TEXT, re.MULTILINE),
    *re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", TEXT, re.MULTILINE),
]


def test_the_page_shows_a_line_of_cron_and_a_unit_of_systemd() -> None:
    assert len(COMMANDS) == 2


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("code", [0, 1])
def test_the_file_is_replaced_as_a_whole_and_only_if_the_command_succeeds(
    tmp_path: Path, command: str, code: int
) -> None:
    program = tmp_path / "balance-watch"
    program.write_text(f"#!/bin/sh\necho new\nexit {code}\n")
    program.chmod(0o755)
    file = tmp_path / "balance-watch.prom"
    file.write_text("old\n")
    shell = shutil.which("sh")
    assert shell is not None
    command = command.replace("/var/lib/node_exporter/textfile", str(tmp_path))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run([shell, "-c", command], cwd=tmp_path, env=environment, check=False)  # noqa: S603 (the page's own command)
    assert file.read_text() == ("new\n" if code == 0 else "old\n")
    assert "%" not in command, "cron would take it for the end of a line"
    assert "$" not in command, "systemd would take it for a variable"


@pytest.mark.parametrize("number", [0, 1])
def test_systemd_takes_the_units(tmp_path: Path, number: int) -> None:
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("there is no systemd")
    units = blocks(PAGE, "ini")
    names = ("balance-watch-metrics.service", "balance-watch-metrics.timer")
    for name, unit in zip(names, units, strict=True):
        (tmp_path / name).write_text(unit)
    done = subprocess.run(  # noqa: S603 (the page's own units)
        [systemd, "verify", "--recursive-errors=no", str(tmp_path / names[number])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if str(tmp_path) in line] == []
