#!/usr/bin/env python3
"""How large a scrape of a store with many feature groups is, and how long it takes, in both formats of /metrics.

One row is written to each group and read from it, so that each has figures of its own. Then the two formats are asked for
in turns, each time over a connection of its own: the time runs from before it is opened to the last byte. Exit code 1 where
an answer is larger than 1 MiB, or the median time longer than 50 ms.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

from processes import ALL_CORES, Headwater, free_port

import headwater as hw

ROOT = Path(__file__).resolve().parents[2]
BYTES_BAR = 1 << 20
MILLISECONDS_BAR = 50.0
# What the header Accept asks for.
FORMATS = {"text": "text/plain", "OpenMetrics": "application/openmetrics-text; version=1.0.0"}
# Definitions that one request brings.
APPLIED_TOGETHER = 500


def fill(address: str, count: int) -> None:
    """Makes the groups; one row of each is written, and read."""
    with hw.connect(address, project="many") as client:
        customer = hw.Entity("customer", {"id": "int64"})
        names = [f"customer_orders_{number:04}" for number in range(count)]
        for first in range(0, count, APPLIED_TOGETHER):
            together = names[first : first + APPLIED_TOGETHER]
            client.apply([hw.FeatureGroup(name, customer, {"total": "float64"}, event_time="at") for name in together])
        for name in names:
            client.write(name, {"id": [7], "at": ["2026-01-01T00:00:00Z"], "total": [1.5]})
        for name in names:
            client.get_online_features(features=[f"{name}:total"], entities={"id": [7]})


def scrape(port: int, accept: str) -> tuple[int, float]:
    """The bytes of one answer, and its milliseconds."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"accept": accept})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = answer.read()
    return len(body), (time.perf_counter() - began) * 1e3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", type=Path, default=ROOT / ".build/release/headwater")
    parser.add_argument("--groups", type=int, default=2_000, help="(%(default)s)")
    parser.add_argument("--scrapes", type=int, default=50, help="of each format (%(default)s)")
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="hw-"))
    port = free_port()
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in FORMATS}
    server = Headwater(options.headwater.absolute(), place / "server", ALL_CORES, "--http", f"127.0.0.1:{port}")
    try:
        server.wait_for_socket(port)
        fill(server.address, options.groups)
        for _ in range(options.scrapes):
            for name, accept in FORMATS.items():
                found[name].append(scrape(port, accept))
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)
    are_met = True
    print(f"{options.scrapes} scrapes in each format of a server with {options.groups:,} groups, median (min … max)", end="")
    print(f", load average {os.getloadavg()[0]:.1f}:")
    for name, scrapes in found.items():
        sizes, times = [size for size, _ in scrapes], [taken for _, taken in scrapes]
        is_met = max(sizes) <= BYTES_BAR and median(times) <= MILLISECONDS_BAR
        are_met = are_met and is_met
        size = f"{median(sizes):,.0f} ({min(sizes):,} … {max(sizes):,}) bytes"
        print(f"  {name}: {size}, {median(times):.1f} ({min(times):.1f} … {max(times):.1f}) ms: {'met' if is_met else 'NOT MET'}")
    return 0 if are_met else 1


if __name__ == "__main__":
    sys.exit(main())
