#!/usr/bin/env python3
"""The Python table: Headwater's client for Python beside Feast, and beside Headwater's client for Swift.

Runs in the client's environment with the client on PYTHONPATH. Prints one table; what is under way goes to standard error. Answers are
checked: where one is wrong the exit code is 1. A peer that is not there is skipped, with a line that says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forms import WORKS as FORMS
from report import Report
from streams import WORKS as STREAMS
from works import WORKS as PEERS, Bench, Sizes

WORKS = PEERS | STREAMS | FORMS

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "Benchmarks" / ".build"

HEAD = """\
Gets: {entities:,} entities, each server on core 0, each client on core 1, Unix sockets, one call at a time; a call's keys are random.
Medians of {rounds} alternating rounds with the least and the most, ratios round by round, percentiles over all calls. Writes and history:
servers and clients on all {cores} cores unless said otherwise; a write is acknowledged when it is synced, and each has a fresh group.
Forms: each call in turn with what it is held beside."""


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", type=Path, default=ROOT / ".build/release/headwater", help="an optimised build")
    parser.add_argument("--redis", type=Path, default=Path("/usr/bin/redis-server"))
    parser.add_argument("--feast", type=Path, default=BUILT / "feast/bin/python", help="a Python with Feast: scripts/bench-feast")
    parser.add_argument("--swift-bench", type=Path, default=BUILT / "release/bench", help="the 'bench' of Benchmarks, optimised")
    parser.add_argument("--directory", type=Path, default=BUILT, help="for data and sockets, on the disk to be measured")
    parser.add_argument("--serve", default="", metavar="OPTIONS", help="more options for every 'headwater serve'")
    parser.add_argument("--only", nargs="+", choices=WORKS, default=list(WORKS), metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes all figures there")
    parser.add_argument("--seconds-max", type=int, default=480, help="gives up after so long, with what there is (%(default)s)")
    helps = {
        "rounds": "of each work, alternating",
        "calls": "gets of a round",
        "feast_calls": "the same of Feast; ten times as many of one row",
        "rows": "of history",
        "keys": "of history",
        "wide_rows": "of the history of many columns",
        "wide_columns": "of it",
    }
    for name, value in vars(Sizes()).items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=int, default=value, help=f"{helps.get(name, '').strip()} (%(default)s)".strip())
    options = parser.parse_args()
    if min(vars(sizes(options)).values()) < 1:
        parser.error("all sizes are above zero")
    if not os.access(options.headwater, os.X_OK):
        parser.error(f"no executable at {options.headwater}: 'make release' builds it")
    if len(os.fsencode(options.directory.absolute())) > 75:
        parser.error(f"{options.directory}: sockets lie in it, whose paths may have 107 bytes: give a shorter --directory")
    return options


def sizes(options: argparse.Namespace) -> Sizes:
    return Sizes(**{name: getattr(options, name) for name in vars(Sizes())})


class TimeIsUp(Exception):
    """The run has taken as long as it may."""


def give_up(*_: Any) -> None:
    raise TimeIsUp


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raises TimeIsUp when so many seconds are over; SIGTERM is as Ctrl-C: everything that was started is ended."""
    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, interrupted)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def run(options: argparse.Namespace, bench: Bench) -> None:
    """Does the works one after the other; what a work started ends with it."""
    try:
        with time_limit(options.seconds_max):
            for name in options.only:
                WORKS[name](bench)
    except TimeIsUp:
        done = ", ".join(line.work for line in bench.report.lines) or "nothing"
        bench.report.differences.append(f"Gave up after {options.seconds_max} s: done are {done}")


def main() -> int:
    options = parsed()
    options.directory.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="p", dir=options.directory))
    start = time.monotonic()

    def note(what: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {what}", file=sys.stderr, flush=True)

    cores = len(os.sched_getaffinity(0))
    report = Report(HEAD.format(entities=options.entities, rounds=options.rounds, cores=cores))
    feast, swift = options.feast.absolute(), options.swift_bench.absolute()
    binary, serve = options.headwater.absolute(), options.serve.split()
    bench = Bench(binary, serve, options.redis, feast, swift, place, sizes(options), report, note)
    try:
        run(options, bench)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        # Also what was done before something went wrong.
        print(report.text(), flush=True)
    if options.json:
        document = {"sizes": vars(bench.sizes), "seconds": time.monotonic() - start, **report.document()}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
