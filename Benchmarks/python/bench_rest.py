#!/usr/bin/env python3
"""The table of HTTP: gets of 100 keys and 50 float64 features as JSON, beside Feast's server and a bare HTTP server.

Runs in the Python client's environment with the client on PYTHONPATH; wrk makes the load. Prints one table; what is under way goes to
standard error. Answers are checked: where one is wrong the exit code is 1. A peer that is not there is skipped, with a line that says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from bench_python import BUILT, ROOT, TimeIsUp, time_limit
from http_load import Saturation, Target, open_loop, saturate
from processes import ALL_CORES, CLIENT_CORE, SERVER_CORE, Headwater, PeerFailed, Process, Redis, free_port, stay_on
from report import Latencies, Line, Report, Spread, number
from works import KEY, define, instants

import headwater as hw

FEAST_STORE = Path(__file__).parents[1] / "feast" / "feast_store.py"
PROJECT = "bench"
FEATURES = [f"x{number}" for number in range(50)]
KEYS = 100
# Different requests, after which the first comes again.
REQUESTS = 64
# Of the open loop, so that a slow answer holds up no other that the server could give.
OPEN_CONNECTIONS = 32
# The part of Feast's saturation at which answers are timed, and the bars.
OPEN_PART = 0.8
TIMES_FEAST, P99_OF_FEAST, OF_BARE = 20, 0.1, 0.5
# A load that takes more of its core has held the server up.
LOAD_CORES_MAX = 0.9
GET, FEAST_GET = f"/v1/projects/{PROJECT}/online:get", "/get-online-features"

HEAD = """\
POST of {keys} keys × {features} float64 of {entities:,} entities, HTTP/1.1 and JSON, kept connections over TCP loopback. Medians of
{rounds} alternating rounds with the least and the most, ratios round by round. Requests/s: wrk, {connections} connections, one request
under way on each. Beside Feast servers and load are on all {cores} cores; beside the bare server each server is on core 0, wrk
on core 1. p99: an open loop at {part:.0%} of Feast's requests/s for both, from when a request fell due."""


class FeastServer(Process):
    """`feast serve` with a worker for each core, over a store that is filled."""

    def __init__(self, python: Path, place: Path, online: list[str], entities: int) -> None:
        place.mkdir(parents=True)
        repository = place / "repository"
        made = Process([python, FEAST_STORE, repository, *online, "--entities", str(entities)], ALL_CORES, place / "log")
        if made.child.wait(180) != 0:
            raise PeerFailed(f"Feast's store cannot be made: {made.said()}")
        self.port = free_port()
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", str(len(ALL_CORES)), "--no-access-log"]
        # Workers that end after a thousand requests, as they do by default, would be missed meanwhile.
        options += ["--max-requests", "0", "--registry_ttl_sec", "300"]
        super().__init__([python.parent / "feast", "--chdir", repository, "serve", *options], ALL_CORES, place / "log")
        try:
            self.wait_for_socket(self.port)
        except PeerFailed:
            self.stop()
            raise

    def stop(self) -> None:
        """Its workers end with it, which they do not where it is killed."""
        self.child.terminate()
        try:
            self.child.wait(20)
        except Exception:
            self.child.kill()
        super().stop()


class BareServer(Process):
    """An HTTP server that answers everything with the same bytes."""

    def __init__(self, binary: Path, place: Path, answer: bytes, cores: frozenset[int]) -> None:
        place.mkdir(parents=True)
        (place / "answer").write_bytes(answer)
        super().__init__([binary, place / "answer", str(len(ALL_CORES))], cores, place / "log")
        until = time.monotonic() + 60
        while not (place / "log").read_text().startswith("http://127.0.0.1:"):
            if not self.is_running or time.monotonic() > until:
                self.stop()
                raise PeerFailed(f"{self.name} does not start: {self.said()}")
            time.sleep(0.01)
        self.port = int(self.said().rpartition(":")[2])


@dataclass
class Bench:
    """One run: where everything is, and what has come of it."""

    options: argparse.Namespace
    place: Path
    report: Report
    start: float

    def note(self, what: str) -> None:
        print(f"{time.monotonic() - self.start:6.1f} s  {what}", file=sys.stderr, flush=True)

    def said(self, text: str) -> None:
        if text not in self.report.notes:
            self.report.notes.append(text)

    @contextmanager
    def serve(self, name: str, cores: frozenset[int]) -> Iterator[int]:
        """Headwater with the rows that all have: the port of its HTTP listener."""
        options, port = self.options, free_port()
        server = Headwater(options.headwater.absolute(), self.place / name, cores, "--http", f"127.0.0.1:{port}", *options.serve.split())
        try:
            with hw.connect(server.address, PROJECT, timeout=120) as client:
                define(client, "user", dict.fromkeys(FEATURES, "float64"))
                ids = np.arange(options.entities)
                times = np.full(len(ids), time.time_ns() // 1000 - 3_600_000_000)
                columns: dict[str, Any] = {KEY: ids, "event_time": instants(times)}
                client.write("user", pa.table(columns | dict(zip(FEATURES, values(options.entities).T))), progress=False)
            yield port
        finally:
            server.stop()

    def saturation(self, target: Target, cores: frozenset[int]) -> Saturation:
        options = self.options
        return saturate(target, self.place, seconds=options.seconds, connections=options.connections, cores=cores)


def values(entities: int) -> Any:
    """What every entity's features are, in Feast too."""
    return np.random.default_rng(1).standard_normal((entities, len(FEATURES)))


def requests(entities: int) -> list[list[int]]:
    random = np.random.default_rng(2)
    return [random.integers(0, entities, KEYS).tolist() for _ in range(REQUESTS)]


def targets(port: int, asked: list[list[int]]) -> tuple[Target, Target]:
    """A get as Headwater spells it, and as Feast does."""
    names = [f"user:{name}" for name in FEATURES]
    bodies = [json.dumps({"features": names, "entities": {KEY: keys}}).encode() for keys in asked]
    return Target(port, GET, bodies), Target(port, FEAST_GET, bodies)


def check(bench: Bench, target: Target, asked: list[list[int]]) -> bytes:
    """The first answer, whose every value is compared with what was written."""
    answer = target.ask()
    document = json.loads(answer)
    if target.path == GET:
        columns = [document["features"][name]["values"] for name in FEATURES]
    else:
        places = {name: index for index, name in enumerate(document["metadata"]["feature_names"])}
        columns = [document["results"][places[name]]["values"] for name in FEATURES]
    if not np.array_equal(np.array(columns, float).T, values(bench.options.entities)[asked[0]]):
        bench.report.differences.append(f"{target.path} at port {target.port}: other values than were written")
    return answer


# MARK: Beside Feast


def start_feast(bench: Bench, stack: ExitStack) -> FeastServer | None:
    """`None`, and a line that says why, where it does not work."""
    options = bench.options
    try:
        python = options.feast.absolute()
        if not python.is_file():
            raise PeerFailed(f"there is no {python}: scripts/bench-feast makes it")
        online = ["--sqlite"]
        if options.feast_store == "redis":
            if not options.redis.is_file():
                raise PeerFailed(f"there is no {options.redis}: apt-get install redis-server")
            redis = Redis(options.redis, bench.place / "redis", ALL_CORES)
            stack.callback(redis.stop)
            # Feast wants a port, too; the socket is what it takes.
            online = ["--redis", f"localhost:6379,unix_socket_path={redis.socket}"]
        bench.note(f"filling Feast's store in {options.feast_store}, and starting its server")
        feast = FeastServer(python, bench.place / "feast", online, options.entities)
        stack.callback(feast.stop)
        return feast
    except PeerFailed as error:
        bench.said(f"Feast is skipped: {error}")
        return None


def beside_feast(bench: Bench) -> None:
    """The same request to `/get-online-features` of both, at their most and at a rate that Feast can keep."""
    asked = requests(bench.options.entities)
    with ExitStack() as stack:
        port = stack.enter_context(bench.serve("all", ALL_CORES))
        ours = targets(port, asked)[1]
        check(bench, ours, asked)
        feast = start_feast(bench, stack)
        theirs = targets(feast.port, asked)[1] if feast is not None else None
        if theirs is not None:
            check(bench, theirs, asked)
        own: list[float] = []
        other: list[float] = []
        own_taken, other_taken = Latencies(), Latencies()
        for round in range(bench.options.rounds + 1):
            bench.note(f"beside Feast, round {round} of {bench.options.rounds}")
            found = bench.saturation(ours, ALL_CORES).requests_per_second
            beside = bench.saturation(theirs, ALL_CORES).requests_per_second if theirs is not None else None
            # The first is warm-up.
            if round == 0:
                continue
            rate = OPEN_PART * (beside if beside is not None else min(found, 100))
            own.append(found)
            own_taken.rounds.append(timed(bench, ours, rate, round))
            if theirs is not None and beside is not None:
                other.append(beside)
                other_taken.rounds.append(timed(bench, theirs, rate, round))
    name = f"Feast, {bench.options.feast_store}, {len(ALL_CORES)} workers"
    line = Line(f"POST {FEAST_GET}", f"{Spread.of(own)} requests/s", figures={"requestsPerSecond": own, "feast": other})
    waits = Line("  in an open loop", str(own_taken), figures={"headwater": own_taken.document()})
    if other:
        line.peer, line.name, line.wanted = f"{name}: {Spread.of(other)} requests/s", "/ Feast", TIMES_FEAST
        line.measured = [mine / peer for mine, peer in zip(own, other)]
        waits.peer, waits.name, waits.wanted, waits.is_at_most = f"Feast: {other_taken}", "p99 / Feast's", P99_OF_FEAST, True
        waits.measured = [float(np.percentile(mine, 99) / np.percentile(peer, 99)) for mine, peer in paired(own_taken, other_taken)]
        waits.figures["feast"] = other_taken.document()
    bench.report.lines += [line, waits]


def paired(mine: Latencies, others: Latencies) -> Iterator[tuple[Any, Any]]:
    return zip(mine.rounds, others.rounds)


def timed(bench: Bench, target: Target, rate: float, seed: int) -> list[float]:
    return open_loop(target, rate=rate, seconds=bench.options.open_seconds, connections=OPEN_CONNECTIONS, seed=seed)


# MARK: Beside the bare server


def beside_bare(bench: Bench) -> None:
    """Both shapes of a get, each beside a server that sends the very bytes of its answer."""
    asked = requests(bench.options.entities)
    with ExitStack() as stack:
        port = stack.enter_context(bench.serve("pinned", SERVER_CORE))
        for target in targets(port, asked):
            answer = check(bench, target, asked)
            bare: Target | None = None
            try:
                binary = bench.options.bare.absolute()
                if not binary.is_file():
                    raise PeerFailed(f"there is no {binary}: 'make bench-rest' builds it")
                server = BareServer(binary, bench.place / f"bare-{target.path.count('/')}", answer, SERVER_CORE)
                stack.callback(server.stop)
                bare = Target(server.port, target.path, target.bodies)
                if bare.ask() != answer:
                    bench.report.differences.append(f"{target.path}: the bare server sends other bytes")
            except PeerFailed as error:
                bench.said(f"The bare server is skipped: {error}")
            line = alternating(bench, target, bare)
            line.work += f", {number(len(answer) / 1e3)} kB, one core"
            bench.report.lines.append(line)


def alternating(bench: Bench, target: Target, bare: Target | None) -> Line:
    own: list[float] = []
    other: list[float] = []
    for round in range(bench.options.rounds + 1):
        bench.note(f"{target.path} beside the bare server, round {round} of {bench.options.rounds}")
        found = bench.saturation(target, CLIENT_CORE)
        beside = bench.saturation(bare, CLIENT_CORE) if bare is not None else None
        if round > 0:
            own.append(found.requests_per_second)
            if beside is not None:
                other.append(beside.requests_per_second)
                if beside.load_cores > LOAD_CORES_MAX:
                    bench.said(f"{target.path}: wrk took {beside.load_cores:.2f} of its core beside the bare server, which could do more.")
    line = Line(f"POST {target.path}", f"{Spread.of(own)} requests/s", figures={"requestsPerSecond": own, "bare": other})
    if other:
        line.peer, line.name, line.wanted = f"bare HTTP server: {Spread.of(other)} requests/s", "/ bare", OF_BARE
        line.measured = [mine / peer for mine, peer in zip(own, other)]
    return line


WORKS = {"feast": beside_feast, "bare": beside_bare}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", type=Path, default=ROOT / ".build/release/headwater", help="an optimised build")
    parser.add_argument("--bare", type=Path, default=ROOT / ".build/release/BareHTTPServer", help="the bare server, optimised")
    parser.add_argument("--redis", type=Path, default=Path("/usr/bin/redis-server"))
    parser.add_argument("--feast", type=Path, default=BUILT / "feast/bin/python", help="a Python with Feast: scripts/bench-feast")
    parser.add_argument("--feast-store", choices=["redis", "sqlite"], default="redis", help="where Feast keeps its rows (%(default)s)")
    parser.add_argument("--directory", type=Path, default=BUILT, help="for data and sockets")
    parser.add_argument("--serve", default="", metavar="OPTIONS", help="more options for every 'headwater serve'")
    parser.add_argument("--only", nargs="+", choices=WORKS, default=list(WORKS), metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes all figures there")
    parser.add_argument("--seconds-max", type=int, default=480, help="gives up after so long, with what there is (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of each work, alternating (%(default)s)")
    parser.add_argument("--entities", type=int, default=10_000, help="(%(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="of wrk (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="of wrk, whole ones (%(default)s)")
    parser.add_argument("--open-seconds", type=float, default=8, help="of the open loop (%(default)s)")
    options = parser.parse_args()
    if min(options.rounds, options.entities, options.connections, options.seconds, options.open_seconds) <= 0:
        parser.error("all sizes are above zero")
    if not os.access(options.headwater, os.X_OK):
        parser.error(f"no executable at {options.headwater}: 'make release' builds it")
    if shutil.which("wrk") is None:
        parser.error("there is no wrk: apt-get install wrk")
    if len(os.fsencode(options.directory.absolute())) > 75:
        parser.error(f"{options.directory}: sockets lie in it, whose paths may have 107 bytes: give a shorter --directory")
    return options


def main() -> int:
    options = parsed()
    options.directory.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="h", dir=options.directory))
    head = HEAD.format(keys=KEYS, features=len(FEATURES), cores=len(ALL_CORES), part=OPEN_PART, **vars(options))
    bench = Bench(options, place, Report(head, "rest"), time.monotonic())
    load = [os.getloadavg()[0]]
    try:
        with time_limit(options.seconds_max):
            for name in options.only:
                WORKS[name](bench)
    except TimeIsUp:
        bench.report.differences.append(f"Gave up after {options.seconds_max} s: the table holds what was done")
    except PeerFailed as error:
        bench.report.differences.append(f"A request failed: {error}")
    finally:
        stay_on(ALL_CORES)
        shutil.rmtree(place, ignore_errors=True)
        load.append(os.getloadavg()[0])
        bench.said(f"The machine's load average was {load[0]:.1f} before, {load[1]:.1f} behind.")
        # Also what was done before something went wrong.
        print(bench.report.text(), flush=True)
    if options.json:
        sizes = {name: getattr(options, name) for name in ("rounds", "entities", "connections", "seconds", "open_seconds", "feast_store")}
        document = {"sizes": sizes, "elapsed": time.monotonic() - bench.start, "loadAverages": load, **bench.report.document()}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if bench.report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
