"""The Python table of the benchmarks with tiny input, so that it does not rot: without its peers, which are not installed for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

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
