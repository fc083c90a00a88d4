"""The four works of the Python table: what is asked of Headwater and of its peers, in alternating rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from processes import (
    ALL_CORES,
    CLIENT_CORE,
    SERVER_CORE,
    Answering,
    Headwater,
    PeerFailed,
    Redis,
    stay_on,
)
from report import Latencies, Line, Report, Spread, rate

import headwater as hw

FEAST_GETS = Path(__file__).parents[1] / "feast" / "feast_gets.py"
TIME = pa.timestamp("us", tz="UTC")
# The year whose instants all times lie in.
YEAR_START, YEAR = 1_700_000_000_000_000, 365 * 86_400 * 1_000_000
# The Swift client sends spines under this name.
KEY = "key"
FLOATS = [f"x{number}" for number in range(10)]
INTEGERS = [f"f{number}" for number in range(50)]


@dataclass
class Sizes:
    """How much of everything there is."""

    rounds: int = 5
    entities: int = 10_000
    calls: int = 2_000
    feast_calls: int = 40
    write_rows: int = 1_000_000
    stream_rows: int = 300_000
    feast_write_rows: int = 20_000
    rows: int = 10_000_000
    keys: int = 100_000
    spine_rows: int = 1_000_000
    wide_rows: int = 10_000
    wide_columns: int = 1_000


@dataclass
class Bench:
    """One run: where everything is, and what has come of it."""

    headwater: Path
    serve: Sequence[str]
    redis: Path
    feast: Path
    swift_bench: Path
    place: Path
    sizes: Sizes
    report: Report
    note: Callable[[str], None]

    @contextmanager
    def server(self, name: str, cores: frozenset[int], *options: str) -> Iterator[tuple[Headwater, hw.Client]]:
        server = Headwater(self.headwater, self.place / name, cores, *options, *self.serve)
        try:
            with hw.connect(server.address, timeout=120) as client:
                yield server, client
        finally:
            server.stop()

    def start_feast(self, stack: ExitStack, work: str, store: str, entities: int, cores: frozenset[int]) -> Answering | None:
        """Feast with a filled store; `None`, and a line that says why, where that does not work."""
        try:
            if not self.feast.is_file():
                raise PeerFailed(f"there is no {self.feast}: scripts/bench-feast makes it")
            place = self.place / f"feast-{work}"
            options = ["--sqlite"]
            if store == "redis":
                if not self.redis.is_file():
                    raise PeerFailed(f"there is no {self.redis}: apt-get install redis-server")
                redis = Redis(self.redis, self.place / f"redis-{work}", SERVER_CORE)
                stack.callback(redis.stop)
                # Feast wants a port, too; the socket is what it takes.
                options = ["--redis", f"localhost:6379,unix_socket_path={redis.socket}"]
            place.mkdir(parents=True)
            command = [self.feast, FEAST_GETS, place / "repository", *options, "--entities", str(entities)]
            feast = Answering(command, cores, place / "log")
            stack.callback(feast.stop)
            self.note(f"filling Feast's store in {'Redis' if store == 'redis' else 'SQLite'}")
            way = feast.ask("open")["way"]
            if work != "write":
                self.add_note(f"{work}: Feast's answers come into NumPy as {way}, the fastest of three ways.")
            return feast
        except PeerFailed as error:
            self.skipped("Feast", error)
            return None

    def skipped(self, peer: str, error: PeerFailed) -> None:
        self.add_note(f"{peer} is skipped: {error}")

    def add_note(self, text: str) -> None:
        if text not in self.report.notes:
            self.report.notes.append(text)


# MARK: Gets


def gets(bench: Bench, rows: int, store: str, bar: float) -> None:
    """`rows` × 50 int64 into NumPy, p50 beside Feast's."""
    sizes, ours, theirs = bench.sizes, Latencies(), Latencies()
    with ExitStack() as stack:
        _, client = stack.enter_context(bench.server(f"get-{rows}", SERVER_CORE))
        define(client, "user", dict.fromkeys(INTEGERS, "int64"))
        ids = np.arange(sizes.entities)
        columns: dict[str, Any] = {KEY: ids, "event_time": instants(np.full(len(ids), time.time_ns() // 1000 - 3_600_000_000))}
        client.write("user", pa.table(columns | dict(zip(INTEGERS, _integers(ids).T))))
        feast = bench.start_feast(stack, f"get-{rows}", store, sizes.entities, CLIENT_CORE)
        stay_on(CLIENT_CORE)
        stack.callback(stay_on, ALL_CORES)
        references = [f"user:{name}" for name in INTEGERS]
        random = np.random.default_rng(2)
        for round in range(sizes.rounds + 1):
            bench.note(f"get {rows} × 50, round {round} of {sizes.rounds}")
            keys = random.integers(0, sizes.entities, (sizes.calls, rows))
            microseconds = _timed_gets(bench, client, references, keys)
            answer = None
            if feast is not None:
                try:
                    calls = sizes.feast_calls * (1 if rows > 1 else 10)
                    answer = feast.ask("gets", rows=rows, calls=calls)["microseconds"]
                except PeerFailed as error:
                    bench.skipped("Feast", error)
                    feast = None
            # The first is warm-up.
            if round > 0:
                ours.rounds.append(microseconds)
                if answer is not None:
                    theirs.rounds.append(answer)
    name = "Redis" if store == "redis" else "SQLite in process"
    line = Line(f"get {rows} × 50 int64 into NumPy", str(ours), figures={"headwater": ours.document()})
    if len(theirs.rounds) == sizes.rounds:
        line.peer = f"Feast, {name}: {theirs}"
        line.name, line.wanted = "p50", bar
        line.measured = [other / own for own, other in zip(ours.medians, theirs.medians)]
        line.figures["feast"] = theirs.document()
    bench.report.lines.append(line)


def _timed_gets(bench: Bench, client: hw.Client, references: list[str], keys: Any) -> list[float]:
    microseconds = []
    clock = time.perf_counter_ns
    for ids in keys:
        start = clock()
        matrix = client.get_online_features(references, {KEY: ids}).to_numpy()
        microseconds.append((clock() - start) / 1e3)
    if matrix.dtype != np.int64 or (matrix != _integers(ids)).any():
        bench.report.differences.append(f"get {len(ids)} × 50: other values than were written")
    return microseconds


def _integers(ids: Any) -> Any:
    """What an entity's 50 features are, so that answers can be checked."""
    return ids[:, None] * 50 + np.arange(50)


# MARK: Writes


def writes(bench: Bench) -> None:
    """A table of ten float64 into a fresh group each round, durable when it is acknowledged."""
    sizes = bench.sizes
    random = np.random.default_rng(3)
    table = _floats(random.permutation(sizes.write_rows), random)
    feast_rates: list[float] = []
    with ExitStack() as stack:
        feast = bench.start_feast(stack, "write", "redis", 100, ALL_CORES)
        placings = [(ALL_CORES, "all cores"), (SERVER_CORE, "server on core 0, client on core 1")]
        for cores, where in placings[: len(ALL_CORES)]:
            has_bar = cores == ALL_CORES
            rates: list[float] = []
            with bench.server(f"write-{has_bar}", cores, "--durability", "sync") as (_, client):
                stay_on(ALL_CORES if has_bar else CLIENT_CORE)
                for round in range(sizes.rounds + 1):
                    bench.note(f"write {sizes.write_rows:,} × 10, {where}, round {round} of {sizes.rounds}")
                    taken = _write(client, f"bulk{round}", table)
                    if round > 0:
                        rates.append(taken)
                    if feast is not None and has_bar:
                        try:
                            done = feast.ask("write", rows=sizes.feast_write_rows)
                            feast_rates += [done["rows"] / done["seconds"]] if round > 0 else []
                        except PeerFailed as error:
                            bench.skipped("Feast", error)
                            feast = None
                stay_on(ALL_CORES)
            line = Line(f"write {sizes.write_rows:,} × 10 float64, {where}", rate(rates), figures={"rowsPerSecond": rates})
            if has_bar:
                line.name, line.measured, line.wanted = "M rows/s", [done / 1e6 for done in rates], 1
                if len(feast_rates) == sizes.rounds:
                    line.peer = f"Feast, Redis without its log, {sizes.feast_write_rows:,} rows: {rate(feast_rates)}"
                    line.figures["feastRowsPerSecond"] = feast_rates
            bench.report.lines.append(line)


# A server that took a million rows writes chunk and snapshot for about so long.
_SETTLE_SECONDS = 3


def _write(client: hw.Client, group: str, table: pa.Table) -> float:
    """Rows a second, once the round before has reached history too and its files are written, whose work would be in the way."""
    define(client, group, dict.fromkeys(FLOATS, "float64"))
    start = time.perf_counter()
    written = client.write(group, table, progress=False)
    seconds = time.perf_counter() - start
    assert written.rows == table.num_rows
    wait_for_history(client, group, FLOATS[0], written)
    time.sleep(_SETTLE_SECONDS if written.rows > 100_000 else 0)
    return table.num_rows / seconds


def wait_for_history(client: hw.Client, group: str, feature: str, position: int) -> None:
    """History has every row of a position when it answers at it."""
    client.latest(group, [feature], keys={KEY: [0]}, min_position=position, timeout=120).to_arrow()


# MARK: History


def history(bench: Bench) -> None:
    """A spine joined with a long history into pyarrow, beside the same by the Swift client at the same server."""
    sizes = bench.sizes
    random = np.random.default_rng(4)
    with ExitStack() as stack:
        server, client = stack.enter_context(bench.server("history", ALL_CORES, "--durability", "interval:1000"))
        define(client, "h", dict.fromkeys(FLOATS, "float64"))
        at_once = min(sizes.rows, 1_000_000)
        for first in range(0, sizes.rows, at_once):
            bench.note(f"loading {sizes.rows:,} rows: {first:,}")
            count = min(at_once, sizes.rows - first)
            position = client.write("h", _floats(random.integers(0, sizes.keys, count), random), progress=False)
        wait_for_history(client, "h", FLOATS[0], position)
        bench.note("compacting")
        client.compact()
        keys = random.integers(0, sizes.keys, sizes.spine_rows)
        times = YEAR_START + random.integers(0, YEAR, sizes.spine_rows)
        spine = pa.table({KEY: keys, "event_time": instants(times)})
        swift = _swift(bench, stack, server.address, keys, times)
        ours: list[float] = []
        theirs: list[float] = []
        for round in range(sizes.rounds + 1):
            bench.note(f"history {sizes.spine_rows:,} × {sizes.rows:,}, round {round} of {sizes.rounds}")
            seconds, answer = _join(client, spine)
            if round > 0:
                ours.append(seconds)
            if swift is None:
                continue
            try:
                # The first is compared, and writes its answer out.
                output = {"output": str(bench.place / "answer")} if round == 0 else {}
                taken = swift.ask("join", spine="s", groups=[{"name": "h", "features": FLOATS}], **output)["seconds"]
                if round > 0:
                    theirs.append(taken)
                else:
                    _compare(bench, answer)
            except PeerFailed as error:
                bench.skipped("The Swift client", error)
                swift = None
    milliseconds = [seconds * 1e3 for seconds in ours]
    work = f"history {sizes.spine_rows:,} × {sizes.rows:,} rows, 10 float64, into pyarrow"
    line = Line(work, f"{Spread.of(milliseconds)} ms", figures={"milliseconds": milliseconds})
    if len(theirs) == sizes.rounds:
        line.peer = f"Swift client: {Spread.of([seconds * 1e3 for seconds in theirs])} ms"
        line.name, line.wanted, line.is_at_most = "Python / Swift", 1.3, True
        line.measured = [own / other for own, other in zip(ours, theirs)]
        line.figures["swiftMilliseconds"] = [seconds * 1e3 for seconds in theirs]
    bench.report.lines.append(line)


def _join(client: hw.Client, spine: pa.Table) -> tuple[float, pa.Table]:
    features = [f"h:{name}" for name in FLOATS]
    start = time.perf_counter()
    answer = client.get_historical_features(spine, features).to_arrow()
    seconds = time.perf_counter() - start
    assert answer.num_rows == spine.num_rows
    return seconds, answer


def _swift(bench: Bench, stack: ExitStack, address: str, keys: Any, times: Any) -> Answering | None:
    """The Swift client with the same spine in its memory."""
    try:
        if not bench.swift_bench.is_file():
            raise PeerFailed(f"there is no {bench.swift_bench}")
        keys.astype("<i8").tofile(bench.place / "s.key.bin")
        times.astype("<i8").tofile(bench.place / "s.event_time.bin")
        swift = Answering([bench.swift_bench, "offline-client", "--address", address], ALL_CORES, bench.place / "swift.log")
        stack.callback(swift.stop)
        columns = [{"name": KEY, "type": "int64"}, {"name": "event_time", "type": "timestamp"}]
        spine = {"name": "s", "rowCount": len(keys), "columns": columns, "directory": str(bench.place)}
        swift.ask("open", spines=[spine])
        return swift
    except PeerFailed as error:
        bench.skipped("The Swift client", error)
        return None


def _compare(bench: Bench, answer: pa.Table) -> None:
    """Both clients have the same cells, bit by bit."""
    for name in FLOATS:
        column = answer[name].combine_chunks()
        has = column.is_valid().to_numpy(zero_copy_only=False)
        theirs_has = np.fromfile(bench.place / "answer" / f"{name}.valid", "u1").astype(bool)
        cells = column.fill_null(0).to_numpy(zero_copy_only=False).view("<i8")
        theirs = np.fromfile(bench.place / "answer" / f"{name}.bin", "<i8")
        if not np.array_equal(has, theirs_has) or not np.array_equal(cells[has], theirs[has]):
            bench.report.differences.append(f"history: the Swift client has other cells of {name}")


# MARK: Tables


def define(client: hw.Client, group: str, features: dict[str, str]) -> None:
    """A group by the one key that all works have."""
    client.apply([
        hw.Entity(KEY, keys={KEY: "int64"}),
        hw.FeatureGroup(group, entity=KEY, event_time="event_time", features=features),
    ])  # fmt: skip


def instants(microseconds: Any) -> pa.Array:
    """Microseconds as a column of times."""
    return pa.array(microseconds, pa.int64()).cast(TIME)


def _floats(ids: Any, random: Any) -> pa.Table:
    columns: dict[str, Any] = {KEY: ids, "event_time": instants(YEAR_START + random.integers(0, YEAR, len(ids)))}
    return pa.table(columns | {name: random.standard_normal(len(ids)) for name in FLOATS})


WORKS: dict[str, Callable[[Bench], None]] = {
    "get-100": lambda bench: gets(bench, 100, "redis", 60),
    "get-1": lambda bench: gets(bench, 1, "sqlite", 4),
    "write": writes,
    "history": history,
}
