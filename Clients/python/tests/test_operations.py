"""What docs/operations ships: alert rules, the board for Grafana, the table of metrics, the walk of an upgrade, the figures of growth."""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types
import typing
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

import headwater as hw

from .conftest import BINARY, ROOT
from .test_http import Listener, fill

PAGES = ROOT / "docs/operations"
RULES = PAGES / "alerts.yml"
BOARD = PAGES / "grafana-board.json"
# What only a server shows that fetches a history from another one.
WHILE_FETCHING = {"headwater_history_fetched_bytes", "headwater_history_fetch_total_bytes"}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("there is no promtool: scripts/prometheus installs it")
    return subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60)


def rules() -> list[dict[str, Any]]:
    document: dict[str, Any] = yaml.safe_load(RULES.read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def metrics_in(expression: str) -> set[str]:
    names = set(re.findall(r"\b(?:headwater|process)_[a-z_]+\b", re.sub(r'"[^"]*"', "", expression)))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


# MARK: Rules


def test_rules_are_right_and_fire_as_their_tests_say() -> None:
    checked = promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stderr
    tested = promtool("test", "rules", PAGES / "alerts_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_each_rule_is_tested_to_fire_and_not_to_fire() -> None:
    tests = {test["name"]: test for test in yaml.safe_load((PAGES / "alerts_test.yml").read_text())["tests"]}
    assert set(tests) == {rule["alert"] for rule in rules()}
    for name, test in tests.items():
        series = [one["series"] for one in test["input_series"]]
        assert any('instance="bad"' in one for one in series) and any('instance="good"' in one for one in series), name
        quiet, fires = test["promql_expr_test"]
        assert name in quiet["expr"] and name in fires["expr"]
        assert quiet["exp_samples"] == [] and fires["exp_samples"] == [{"labels": '{instance="bad"}', "value": 1}], name


def test_each_rule_says_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert anchor in headings(ROOT / page), rule["annotations"]["runbook_url"]


def test_the_configuration_of_the_page_is_taken(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(# prometheus\.yml\n.*?)```", (PAGES / "watch.md").read_text(), re.DOTALL)
    assert found
    shutil.copy(RULES, tmp_path)
    (tmp_path / "prometheus.yml").write_text(found[1])
    checked = promtool("check", "config", tmp_path / "prometheus.yml")
    assert checked.returncode == 0 and "30 rules found" in checked.stdout, checked.stdout + checked.stderr


def headings(page: Path) -> set[str]:
    """As GitHub makes anchors of them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


# MARK: The board


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(BOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def test_the_board_is_what_its_script_makes() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/grafana-board", "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_board_keeps_to_the_schema_of_grafana() -> None:
    register_default_plugins()
    board = json.loads(BOARD.read_text())
    dashboard = Dashboard.from_json(board)
    known = json.loads(JSONEncoder().encode(dashboard))
    assert list(unknown(board, known)) == []
    assert list(mistyped(dashboard, Dashboard)) == []
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [(x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda panel: panel.update(titel="x"), (1, 0)),
        (lambda panel: panel["targets"][0].update(expression="x"), (1, 0)),
        (lambda panel: panel["gridPos"].update(width=3), (1, 0)),
        (lambda panel: panel.update(title=7), (0, 1)),
        (lambda panel: panel["targets"][0].update(instant="yes"), (0, 1)),
        (lambda panel: panel["gridPos"].update(w="8"), (0, 1)),
        (lambda panel: panel["fieldConfig"]["defaults"].update(unit=8), (0, 1)),
    ],
)
def test_the_check_of_the_schema_sees_what_is_wrong(change: Callable[[dict[str, Any]], None], wrong: tuple[int, int]) -> None:
    register_default_plugins()
    board = json.loads(BOARD.read_text())
    change(board["panels"][1])
    dashboard = Dashboard.from_json(board)
    places = list(unknown(board, json.loads(JSONEncoder().encode(dashboard)))), list(mistyped(dashboard, Dashboard))
    assert (len(places[0]), len(places[1])) == wrong, places


def unknown(ours: Any, known: Any, place: str = "") -> Iterator[str]:
    """What Grafana's types have no field for; what we leave out may have a default."""
    if isinstance(ours, dict) and isinstance(known, dict):
        for key, value in ours.items():
            if key not in known:
                yield f"{place}.{key}"
            else:
                yield from unknown(value, known[key], f"{place}.{key}")
    elif isinstance(ours, list) and isinstance(known, list) and len(ours) == len(known):
        for index, (left, right) in enumerate(zip(ours, known)):
            yield from unknown(left, right, f"{place}[{index}]")
    elif ours != known:
        yield place


def mistyped(value: Any, wanted: Any, place: str = "") -> Iterator[str]:
    """The places whose values are not of the types that Grafana's models declare."""
    origin = typing.get_origin(wanted)
    if wanted in (Any, object):
        # A query or the options of a panel: a model of its own, by the panel's type.
        if hasattr(value, "to_json"):
            yield from mistyped(value, type(value), place)
    elif origin in (typing.Union, types.UnionType):
        if all(list(mistyped(value, one, place)) for one in typing.get_args(wanted)):
            yield place
    elif origin is list:
        if not isinstance(value, list):
            yield place
        else:
            for index, one in enumerate(value):
                yield from mistyped(one, typing.get_args(wanted)[0], f"{place}[{index}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield place
    elif origin is typing.Literal:
        if value not in typing.get_args(wanted):
            yield place
    elif wanted is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            yield place
    elif isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        if value not in [one.value for one in wanted]:
            yield place
    elif not isinstance(wanted, type) or not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        yield place
    elif hasattr(value, "to_json"):
        names = typing.get_type_hints(type(value))
        for name, one in names.items():
            yield from mistyped(getattr(value, name), one, f"{place}.{name}")


def test_the_expressions_of_the_board_are_parsed(tmp_path: Path) -> None:
    replaced = [one.replace("$__rate_interval", "5m").replace("$__range", "1h") for one in expressions()]
    records = [{"record": f"board:{number}", "expr": expression} for number, expression in enumerate(replaced)]
    path = tmp_path / "board.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": records}]}))
    checked = promtool("check", "rules", path)
    assert checked.returncode == 0 and f"{len(records)} rules found" in checked.stdout, checked.stdout + checked.stderr


# MARK: Metrics


@dataclasses.dataclass(frozen=True)
class Metric:
    kind: str
    labels: frozenset[str]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Metric]:
    """What a server shows that has done some of everything."""
    directory = tmp_path_factory.mktemp("live")
    server = Listener(directory, "--memory-bytes-max", "1GiB", "--scrub-interval", "1s")
    try:
        fill(server.address)
        with hw.connect(server.address, project="shop") as client:
            client.get_historical_features({"id": [7], "event_time": ["2026-02-01T00:00:00Z"]}, ["orders:total"]).to_arrow()
            client.audit()
        until = time.monotonic() + 30
        while server.metrics().get("headwater_scrub_last_finished_timestamp_seconds", 0) == 0:
            assert time.monotonic() < until
            time.sleep(0.1)
        return shown(server.ask("/metrics")[2].decode())
    finally:
        server.stop()


def shown(text: str) -> dict[str, Metric]:
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    labels: dict[str, set[str]] = {name: set() for name in kinds}
    for name, inside in re.findall(r"^(\w+)(?:\{(.*)\})? [^ ]+$", text, re.MULTILINE):
        family = name if name in kinds else re.sub(r"_(bucket|sum|count)$", "", name)
        labels[family] |= set(re.findall(r'(\w+)="', inside)) - {"le"}
    return {name: Metric(kind, frozenset(labels[name])) for name, kind in kinds.items()}


def test_rules_and_board_name_metrics_that_a_server_shows(live: dict[str, Metric]) -> None:
    for expression in [rule["expr"] for rule in rules()] + expressions():
        assert metrics_in(expression) <= live.keys(), expression
        assert metrics_in(expression) or expression.startswith("up{"), expression


def test_labels_of_rules_and_board_are_those_of_their_metrics(live: dict[str, Metric]) -> None:
    for expression in [rule["expr"] for rule in rules()] + expressions():
        for name, inside in re.findall(r"\b(\w+)\{([^}]*)\}", expression):
            if name != "up":
                family = re.sub(r"_bucket$", "", name)
                asked = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", re.sub(r'"[^"]*"', "", inside))) - {"job", "instance"}
                assert asked <= live[family].labels, expression
    for panel in panels():
        for target in panel["targets"]:
            names = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            known = frozenset({"instance"}).union(*(live[name].labels for name in metrics_in(target["expr"])))
            assert names <= known, target


def test_the_page_lists_every_metric_as_a_server_shows_it(live: dict[str, Metric]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*?) ?\| .+ \|$", (PAGES / "watch.md").read_text(), re.MULTILINE)
    listed = {name: Metric(kind, frozenset(label for label in labels.split(", ") if label)) for name, kind, labels in rows}
    assert len(listed) == len(rows)
    assert {name: metric for name, metric in listed.items() if name not in WHILE_FETCHING} == live
    sources = "".join(path.read_text() for path in (ROOT / "Sources/Web/Metrics").glob("*.swift"))
    assert all(name in listed and f'"{name}"' in sources for name in WHILE_FETCHING)


# MARK: A real Prometheus


class Prometheus:
    """One that scrapes some servers each second, with the shipped rules, which wait for a second each."""

    def __init__(self, directory: Path, program: str, ports: list[int]) -> None:
        (directory / "alerts.yml").write_text(re.sub(r"\bfor: \w+", "for: 1s", RULES.read_text()))
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["alerts.yml"],
            "scrape_configs": [{"job_name": "headwater", "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}],
        }
        (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = directory / "prometheus.log"
        command = [program, f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'tsdb'}"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def firing(self) -> dict[tuple[str, str], dict[str, str]]:
        """Annotations by alert and server; room on the disk is the machine's own matter."""
        alerts = [alert for alert in self.ask("/api/v1/alerts")["alerts"] if alert["state"] == "firing"]
        alerts = [alert for alert in alerts if "Disk" not in alert["labels"]["alertname"]]
        return {(alert["labels"]["alertname"], alert["labels"]["instance"]): alert["annotations"] for alert in alerts}

    def up(self) -> int:
        result = self.ask("/api/v1/query?query=sum(up)")["result"]
        return int(result[0]["value"][1]) if result else 0


def wait(what: Callable[[], bool], until: float, said: Callable[[], object]) -> None:
    while True:
        try:
            if what():
                return
        except OSError:
            pass
        assert time.monotonic() < until, said()
        time.sleep(0.2)


@pytest.mark.timeout(90)
def test_a_killed_offline_service_fires_and_is_resolved(tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no prometheus: scripts/prometheus installs it")
    online = Listener(tmp_path, role="online")
    fill(online.address)
    offline = Listener(tmp_path, role="offline", data=online.data)
    prometheus = Prometheus(tmp_path, program, [online.port, offline.port])
    started = [online.process, offline.process, prometheus.process]
    until = time.monotonic() + 40
    try:
        wait(lambda: prometheus.up() == 2, until, prometheus.log.read_text)
        wait(lambda: prometheus.firing() == {}, until, prometheus.firing)
        down, gone = ("HeadwaterDown", f"127.0.0.1:{offline.port}"), ("HeadwaterFollowerGone", f"127.0.0.1:{online.port}")
        offline.stop(signal.SIGKILL)
        wait(lambda: set(prometheus.firing()) == {down, gone}, until, prometheus.firing)
        found = prometheus.firing()
        assert found[down]["summary"] == f"127.0.0.1:{offline.port} does not answer"
        assert found[gone]["summary"] == f"offline no longer follows the log of 127.0.0.1:{online.port}"
        again = Listener(tmp_path, "--http", f"127.0.0.1:{offline.port}", role="offline", data=online.data)
        started.append(again.process)
        wait(lambda: prometheus.firing() == {}, until, prometheus.firing)
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
                process.wait(30)


# MARK: Scripts


def test_the_walk_of_an_upgrade() -> None:
    """Of this binary and itself: `make upgrade-check` takes an older one."""
    done = subprocess.run([sys.executable, ROOT / "scripts/upgrade-check", "--older", BINARY], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == 5 and "both write the same formats" in done.stdout


def test_rows_cost_what_the_page_says(tmp_path: Path) -> None:
    """A tiny run of `make bench-growth`, so that it does not rot, and the formulas of size.md that hold at every size."""
    figures = tmp_path / "figures.json"
    directory = Path(tempfile.mkdtemp(prefix="hw-"))
    command = [sys.executable, ROOT / "Benchmarks/python/bench_growth.py", "--headwater", BINARY, "--directory", directory]
    sizes = ["--millions", "0.002", "0.01", "--spine-rows", "100", "--json", figures]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Clients/python/src")}
    done = subprocess.run([*command, *sizes], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.002 M rows  0.01 M rows" in done.stdout
    page = (PAGES / "size.md").read_text()
    measured = json.loads(figures.read_text())
    assert [one["rows"] for one in measured] == [2_000, 10_000]
    for one in measured:
        bytes_of_row = 8 + 8 * one["features"]
        for name, figure in (("log", "log_bytes_per_row"), ("snapshot", "snapshot_bytes_per_key"), ("chunks", "chunk_bytes_per_row")):
            found = re.search(rf"^\| {name} \| .*?`r \+ (\d+)`", page, re.MULTILINE)
            assert found, name
            said = bytes_of_row + int(found[1])
            # The snapshot's parts begin at pages, whatever is in them.
            assert (0 if name == "chunks" else 0.95 * said) < one[figure] <= 1.05 * said + 65_536 / one["rows"], (name, one)
    # Fails where something is left in it.
    directory.rmdir()
