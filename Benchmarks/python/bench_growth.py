#!/usr/bin/env python3
"""What a row costs as a store grows: writing, memory, disk, snapshot, compaction, start, get, history, scan, audit.

Fills a fresh store for each size, reads its figures from the server's own status and from /proc, and prints one table, a column a size.
Rows have a key of eight bytes, an event time and float64 features; --rows-per-key says how many rows of history a key has.
docs/operations/size.md holds its formulas against the output.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import headwater as hw

ROOT = Path(__file__).resolve().parents[2]
BATCH = 100_000
START_SECONDS = 600
# Rows after which the log is measured.
LOGGED = 500_000
# Lines of the table: figure, what it is called, how it is written.
LINES = {
    "write_rows_per_second": ("rows written, a second", "{:,.0f}"),
    "log_bytes_per_row": ("log, bytes a row", "{:,.1f}"),
    "memory_bytes_per_key": ("online memory as written, bytes a key", "{:,.1f}"),
    "snapshot_seconds": ("snapshot, s", "{:,.2f}"),
    "snapshot_bytes_per_key": ("snapshot, bytes a key", "{:,.1f}"),
    "compact_seconds": ("compaction to one run, s", "{:,.2f}"),
    "chunk_bytes_per_row": ("chunks, bytes a row", "{:,.1f}"),
    "disk_bytes_per_row": ("data directory after that, bytes a row", "{:,.1f}"),
    "disk_bytes_most_per_row": ("data directory at most, bytes a row", "{:,.1f}"),
    "resident_bytes_most": ("memory of the process at most, MiB", "{:,.0f} MiB"),
    "files_open": ("files open", "{:,.0f}"),
    "get_p50_microseconds": ("get of 1 key, median, µs", "{:,.0f}"),
    "get_p99_microseconds": ("get of 1 key, p99, µs", "{:,.0f}"),
    "get_100_p50_microseconds": ("get of 100 keys, median, µs", "{:,.0f}"),
    "history_seconds": ("history of {spine:,} spine rows, s", "{:,.2f}"),
    "scan_rows_per_second": ("rows scanned, a second", "{:,.0f}"),
    "audit_seconds": ("audit, s", "{:,.2f}"),
    "start_clean_seconds": ("start after a stop, s", "{:,.2f}"),
    "start_replay_rows_per_second": ("start after a kill: rows replayed, a second", "{:,.0f}"),
}


class Server:
    """A server on a directory of its own."""

    def __init__(self, binary: Path, directory: Path) -> None:
        self.binary = binary
        self.directory = directory
        self.data = directory / "data"
        self.address = f"unix:{directory}/s.sock"
        self.log = directory / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds until it answers."""
        began = time.monotonic()
        with open(self.log, "wb") as log:
            command = [self.binary, "serve", "--data", self.data, "--listen", self.address, "--scrub-interval", "off"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while not re.search(r" info ready ", self.log.read_text()):
            if self.process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise SystemExit(f"bench: the server did not start: {self.log.read_text()[-500:]}")
            time.sleep(0.002)
        return time.monotonic() - began

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(START_SECONDS)

    def status(self) -> dict[str, Any]:
        command = [self.binary, "status", "--json", "--address", self.address]
        answer: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
        return answer

    def log_bytes(self) -> int:
        """Of the records that the log holds, without what is written ahead."""
        command = [self.binary, "log", "verify", "--data", self.data, "--json"]
        held = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
        return int(held["body_bytes"] + 64 * held["records"])

    def run(self, command: str) -> float:
        began = time.monotonic()
        subprocess.run([self.binary, command, "--address", self.address], capture_output=True, check=True, timeout=START_SECONDS)
        return time.monotonic() - began

    def resident_bytes_most(self) -> int:
        assert self.process is not None
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found.group(1)) * 1024 if found else 0

    def files_open(self) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def disk_bytes(self) -> int:
        return sum(path.stat().st_blocks * 512 for path in self.data.rglob("*") if path.is_file())


def batches(first: int, last: int, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows of rising time; each key comes again after all others have come, its values drawn from a seed."""
    keys = max(1, options.rows // options.rows_per_key)
    random = np.random.default_rng(first)
    for start in range(first, last, BATCH):
        numbers = np.arange(start, min(start + BATCH, last))
        # Spread over the key space, as hashes of users are; the multiplier is odd, so that none comes twice.
        rows: dict[str, Any] = {"id": (numbers % keys) * 0x9E3779B1 % (1 << 32)}
        rows["at"] = (numbers * 1_000 + 1_700_000_000_000_000).astype("datetime64[us]")
        for feature in range(options.features):
            rows[f"f{feature}"] = np.round(random.normal(100, 25, len(numbers)), 2)
        yield rows


def measure(rows: int, options: argparse.Namespace) -> dict[str, float]:
    options.rows = rows
    keys = max(1, rows // options.rows_per_key)
    place = Path(tempfile.mkdtemp(prefix="g", dir=options.directory))
    server = Server(options.headwater.absolute(), place)
    try:
        server.start()
        with hw.connect(server.address, project="growth", timeout=START_SECONDS) as client:
            features = {f"f{feature}": "float64" for feature in range(options.features)}
            client.apply([hw.FeatureGroup("rows", hw.Entity("thing", {"id": "int64"}), features, event_time="at")])
            return figures(server, client, rows, keys, options)
    finally:
        server.end(signal.SIGKILL)
        shutil.rmtree(place, ignore_errors=True)


def fill(client: hw.Client, first: int, last: int, options: argparse.Namespace) -> float:
    """Seconds that the writes took; rows are made beside them."""
    seconds = 0.0
    for rows in batches(first, last, options):
        began = time.monotonic()
        position = client.write("rows", rows)
        seconds += time.monotonic() - began
    client.get_online_features("rows:f0", {"id": [0]}, min_position=position)
    return seconds


def figures(server: Server, client: hw.Client, rows: int, keys: int, options: argparse.Namespace) -> dict[str, float]:
    empty = server.status()["online"]["resident_bytes"]
    found: dict[str, float] = {"rows": rows, "keys": keys, "features": options.features}
    # While the log still holds all of them.
    first = min(rows, LOGGED)
    seconds = fill(client, 0, first, options)
    found["log_bytes_per_row"] = server.log_bytes() / first
    if rows > first:
        seconds += fill(client, first, rows, options)
    found["write_rows_per_second"] = rows / seconds
    found["memory_bytes_per_key"] = (server.status()["online"]["resident_bytes"] - empty) / keys
    found["snapshot_seconds"] = server.run("snapshot")
    found["snapshot_bytes_per_key"] = server.status()["online"]["snapshot_bytes"] / keys
    most = server.disk_bytes()
    found["compact_seconds"] = server.run("compact")
    offline = server.status()["offline"]["groups"]
    found["chunk_bytes_per_row"] = sum(group["chunk_bytes"] for group in offline) / rows
    found["disk_bytes_most_per_row"] = max(most, server.disk_bytes()) / rows
    for name, count, calls in (("get", 1, 1_000), ("get_100", 100, 300)):
        times = gets(client, keys, count, calls, options)
        found[f"{name}_p50_microseconds"], found[f"{name}_p99_microseconds"] = np.percentile(times, [50, 99]) * 1e6
    spine = {"id": ids(keys, options.spine_rows), "event_time": np.full(options.spine_rows, 2_000_000_000_000_000).astype("datetime64[us]")}
    began = time.monotonic()
    answer = client.get_historical_features(spine, "rows:*").to_arrow()
    found["history_seconds"] = time.monotonic() - began
    if answer.num_rows != options.spine_rows or answer.column("f0").null_count:
        raise SystemExit("bench: the history has not the rows that were written")
    began = time.monotonic()
    count = sum(batch.num_rows for batch in client.scan("rows"))
    found["scan_rows_per_second"] = count / (time.monotonic() - began)
    if count != rows:
        raise SystemExit(f"bench: {count:,} rows were scanned of {rows:,}")
    found["audit_seconds"] = server.run("audit")
    found["resident_bytes_most"], found["files_open"] = server.resident_bytes_most(), server.files_open()
    server.end()
    found["disk_bytes_per_row"] = server.disk_bytes() / rows
    found["start_clean_seconds"] = server.start()
    # A tenth more, so few that no snapshot is taken of them.
    more = max(1, min(rows // 10, LOGGED))
    fill(client, rows, rows + more, options)
    server.end(signal.SIGKILL)
    server.start()
    replayed = re.search(r"replayed the log .*milliseconds=(\d+)", server.log.read_text())
    found["start_replay_rows_per_second"] = more / (max(1, int(replayed.group(1))) / 1e3) if replayed else float("nan")
    return found


def ids(keys: int, count: int) -> Any:
    return np.random.default_rng(7).integers(0, keys, count) * 0x9E3779B1 % (1 << 32)


def gets(client: hw.Client, keys: int, count: int, calls: int, options: argparse.Namespace) -> list[float]:
    drawn = ids(keys, count * calls).reshape(calls, count)
    client.get_online_features("rows:*", {"id": drawn[0]})
    times = []
    for one in drawn:
        began = time.perf_counter()
        client.get_online_features("rows:*", {"id": one})
        times.append(time.perf_counter() - began)
    return times


def table(measured: list[dict[str, float]], options: argparse.Namespace) -> str:
    lines = [["", *(f"{one['rows'] / 1e6:g} M rows" for one in measured)]]
    for name, (title, form) in LINES.items():
        scale = 1 / (1 << 20) if form.endswith("MiB") else 1
        lines.append([title.format(spine=options.spine_rows), *(form.format(one[name] * scale) for one in measured)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) if index else cell.ljust(width) for index, (cell, width) in
                               enumerate(zip(line, widths))).rstrip() for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", type=Path, default=ROOT / ".build/release/headwater", help="an optimised build")
    parser.add_argument("--directory", type=Path, default=ROOT / "Benchmarks/.build", help="on the disk to be measured")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 4, 16, 48], help="of rows, each in a fresh store (1 4 16 48)")
    parser.add_argument("--rows-per-key", type=int, default=1, help="how many rows of history a key has (%(default)s)")
    parser.add_argument("--features", type=int, default=10, help="float64 features of a row (%(default)s)")
    parser.add_argument("--spine-rows", type=int, default=10_000, help="of the history (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes all figures there")
    options = parser.parse_args()
    if min(*options.millions, options.rows_per_key, options.features, options.spine_rows) <= 0:
        parser.error("all sizes are above zero")
    if not os.access(options.headwater, os.X_OK):
        parser.error(f"no executable at {options.headwater}: 'make release' builds it")
    if len(os.fsencode(options.directory.absolute())) > 75:
        parser.error(f"{options.directory}: sockets lie in it, whose paths may have 107 bytes: give a shorter --directory")
    options.directory.mkdir(parents=True, exist_ok=True)
    measured: list[dict[str, float]] = []
    for millions in options.millions:
        began = time.monotonic()
        measured.append(measure(max(1, int(millions * 1e6)), options))
        print(f"{millions:g} M rows: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"{options.features} float64 a row, {options.rows_per_key} row(s) a key, {len(os.sched_getaffinity(0))} cores\n")
    print(table(measured, options))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
