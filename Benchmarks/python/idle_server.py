#!/usr/bin/env python3
"""How often an idle server wakes up: without an HTTP listener, with one, and with one connection that is kept open.

Needs nothing but Python. The servers are idle side by side; what wakes a thread up is what `/proc` counts as a voluntary switch. A listener
is to add none. Exit code 1 where it does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from processes import ALL_CORES, Headwater, free_port

ROOT = Path(__file__).resolve().parents[2]
# Wake-ups a second that a listener may add: what a count over some seconds cannot tell from none.
ADDED_BAR = 0.5


def wake_ups(pid: int) -> dict[str, int]:
    """Of each thread so far."""
    counts: dict[str, int] = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            lines = Path(f"/proc/{pid}/task/{thread}/status").read_text().splitlines()
        except OSError:
            # It has ended.
            continue
        counts[thread] = sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    return counts


def since(before: dict[str, int], pid: int) -> int:
    """Of threads that still live."""
    return sum(count - before.get(thread, 0) for thread, count in wake_ups(pid).items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", type=Path, default=ROOT / ".build/release/headwater")
    parser.add_argument("--seconds", type=float, default=10, help="that are counted (%(default)s)")
    parser.add_argument("--settle-seconds", type=float, default=5, help="after the start, that are not (%(default)s)")
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="hw-"))
    servers: dict[str, Headwater] = {}
    connections: list[socket.socket] = []
    try:
        for name in ("without --http", "with --http", "with --http and a kept connection"):
            port = free_port()
            http = ["--http", f"127.0.0.1:{port}"] if servers else []
            servers[name] = Headwater(options.headwater.absolute(), place / str(len(servers)), ALL_CORES, *http)
            if len(servers) == 3:
                servers[name].wait_for_socket(port)
                connections.append(socket.create_connection(("127.0.0.1", port)))
        time.sleep(options.settle_seconds)
        before = {name: wake_ups(server.child.pid) for name, server in servers.items()}
        time.sleep(options.seconds)
        a_second = {name: since(before[name], server.child.pid) / options.seconds for name, server in servers.items()}
    finally:
        for connection in connections:
            connection.close()
        for server in servers.values():
            server.stop()
        shutil.rmtree(place, ignore_errors=True)
    none, listening, _ = a_second.values()
    is_met = listening - none <= ADDED_BAR
    print(f"Wake-ups a second of an idle server, over {options.seconds:g} s (load average {os.getloadavg()[0]:.1f}):")
    for name, count in a_second.items():
        print(f"  {count:6.1f}  {name}")
    print(f"a listener adds {listening - none:.1f}; at most {ADDED_BAR}: {'met' if is_met else 'NOT MET'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
