"""The benchmarks in Python with tiny input, so that they do not rot: without Feast, which is not installed for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SIZES = {
    "rounds": 2,
    "entities": 150,
    "calls": 10,
    "write-rows": 1_000,
    "stream-rows": 3_000,
    "rows": 4_000,
    "keys": 50,
    "spine-rows": 300,
    "wide-rows": 60,
    "wide-columns": 20,
}


def test_every_work_is_done_and_a_missing_peer_is_said(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    # Short, for the paths of sockets.
    data = Path(tempfile.mkdtemp(prefix="hw-"))
    command = [sys.executable, ROOT / "Benchmarks/python/bench_python.py", "--directory", data, "--json", figures]
    missing = ["--headwater", os.environ["HEADWATER_BINARY"], "--feast", tmp_path / "none", "--swift-bench", tmp_path / "none"]
    # A server writes the first file of its log ahead, which takes seconds in a debug build.
    missing.append("--serve=--segment-bytes 1MiB")
    sizes = [text for name, size in SIZES.items() for text in (f"--{name}", str(size))]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Clients/python/src")}
    done = subprocess.run([*command, *missing, *sizes], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    works = ["get 100 × 50", "get 1 × 50", "write 1,000 × 10", "history 300 × 4,000", "get 100 × 1, at= as a date"]
    works += [
        "stream 3,000 dicts × 10 float64, blocking",
        "stream 3,000 dicts × 10 float64, asyncio",
        "get 100 × 1, keys as a DataFrame",
        "to_pandas() of 100 × 4",
        "history 60 × 20 columns, to_pandas(statuses=True)",
    ]
    for work in works:
        assert any(line.startswith(work) for line in done.stdout.splitlines()), done.stdout
    assert "Feast is skipped" in done.stdout and "The Swift client is skipped" in done.stdout
    document = json.loads(figures.read_text())
    assert document["differences"] == []
    lines = {line["work"]: line for line in document["python"]}
    assert lines["get 100 × 50 int64 into NumPy"]["figures"]["headwater"]["calls"] == 20
    assert len(lines["write 1,000 × 10 float64, all cores"]["measured"]) == 2
    # Fails where something is left in it.
    data.rmdir()


def test_gets_by_http_are_measured_beside_the_bare_server(tmp_path: Path) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("without wrk: apt-get install wrk")
    binary = Path(os.environ["HEADWATER_BINARY"])
    bare = binary.parent / "BareHTTPServer"
    figures = tmp_path / "figures.json"
    data = Path(tempfile.mkdtemp(prefix="hw-"))
    command = [sys.executable, ROOT / "Benchmarks/python/bench_rest.py", "--directory", data, "--json", figures]
    command += ["--headwater", binary, "--bare", bare, "--feast", tmp_path / "none", "--serve=--segment-bytes 1MiB"]
    sizes = ["--rounds", "1", "--entities", "150", "--connections", "2", "--seconds", "1", "--open-seconds", "0.5"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Clients/python/src")}
    done = subprocess.run([*command, *sizes], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(figures.read_text())
    works = [line["work"].partition(",")[0].strip() for line in document["rest"]]
    feast, native = "POST /get-online-features", "POST /v1/projects/bench/online:get"
    assert works == [feast, "in an open loop", native, feast]
    assert all(line["figures"]["requestsPerSecond"][0] > 0 for line in document["rest"] if line["work"].startswith("POST"))
    assert "Feast is skipped" in done.stdout
    assert ("The bare server is skipped" in done.stdout) == (not bare.is_file())
    assert all(line["name"] == "/ bare" for line in document["rest"][2:]) == bare.is_file()
    data.rmdir()


def test_wake_ups_of_an_idle_server_are_counted() -> None:
    command = [sys.executable, ROOT / "Benchmarks/python/idle_server.py", "--headwater", os.environ["HEADWATER_BINARY"]]
    done = subprocess.run([*command, "--seconds", "1", "--settle-seconds", "1"], capture_output=True, text=True, timeout=120)
    # Whether the bar is met is for a longer count, on a quiet machine.
    assert done.returncode in (0, 1) and "with --http and a kept connection" in done.stdout, done.stdout + done.stderr


def test_scrapes_of_many_groups_are_measured_in_both_formats() -> None:
    command = [sys.executable, ROOT / "Benchmarks/python/scrapes.py", "--headwater", os.environ["HEADWATER_BINARY"]]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Clients/python/src")}
    done = subprocess.run([*command, "--groups", "20", "--scrapes", "2"], env=environment, capture_output=True, text=True, timeout=120)
    # Whether the bars are met is for a release build, on a quiet machine.
    assert done.returncode in (0, 1) and "20 groups" in done.stdout and "OpenMetrics: " in done.stdout, done.stdout + done.stderr
