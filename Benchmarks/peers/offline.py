"""DuckDB, Polars, pandas and pyarrow at the work of `bench offline`, two threads each.

Reads one JSON request a line, answers one JSON line each: {"seconds": …, "peak": …} or {"error": …}. A measured request goes from stored
columns to columns in memory; what it gave is kept for `compare`. Rows come in any order that suits the peer, with the spine's row number beside
them; they are put in order only to be compared.
"""

import os

THREADS = int(os.environ.get("PEER_THREADS", "2"))
os.environ["POLARS_MAX_THREADS"] = str(THREADS)
os.environ["OMP_NUM_THREADS"] = str(THREADS)

import ctypes
import json
import resource
import sys
import time

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

pa.set_cpu_count(THREADS)
pa.set_io_thread_count(THREADS)
MICROSECONDS = pa.timestamp("us")
LIBC = ctypes.CDLL("libc.so.6")


class Peers:
    def __init__(self):
        self.place = None
        self.tables = {}
        self.last = None
        self.duck = duckdb.connect()
        self.duck.execute(f"SET threads={THREADS}")

    def path(self, table, layout):
        return f"{self.place}/{table}.{layout}.parquet"

    def load(self, request):
        """Makes of raw columns a Parquet file in the order of arrival, one by key and time, and a table of DuckDB's own."""
        self.place, name = request["place"], request["table"]
        columns = {}
        for column, kind in request["columns"]:
            cells = np.fromfile(f"{self.place}/{name}.{column}.bin", dtype="<f8" if kind == "float64" else "<i8")
            columns[column] = pa.array(cells).cast(MICROSECONDS) if kind == "timestamp" else pa.array(cells)
        table = pa.table(columns)
        if request.get("is_spine"):
            table = table.append_column("n", pa.array(np.arange(table.num_rows)))
            pq.write_table(table, self.path(name, "sorted"), compression="lz4")
            return {}
        # What ours keep too: which record a row came in, and when.
        position = np.arange(table.num_rows) // request["record_rows"] + 1
        stored = table.append_column("position", pa.array(position)).append_column(
            "ingest_time", pa.array(1_700_000_000_000_000 + position * 1_000_003).cast(MICROSECONDS)
        )
        order = np.lexsort((np.arange(table.num_rows), columns["event_time"].cast(pa.int64()), columns["key"]))
        if request.get("arrival"):
            pq.write_table(stored, self.path(name, "arrival"), compression="lz4")
        pq.write_table(stored.take(pa.array(order)), self.path(name, "sorted"), compression="lz4")
        self.duck.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM '{self.path(name, 'sorted')}'")
        return {"bytes": os.path.getsize(self.path(name, "sorted"))}

    def join(self, request):
        join = {"duckdb": self.duck_join, "duckdb own": self.duck_join, "polars": self.polars_join, "pandas": self.pandas_join}
        return measured(lambda: join[request["peer"]](request), self)

    def source(self, request, table):
        if request["peer"] == "duckdb own" and request["layout"] == "sorted":
            return table
        return f"'{self.path(table, request['layout'])}'"

    def duck_join(self, request):
        outputs, joins = ["s.n"], []
        for number, table in enumerate(request["tables"]):
            alias = f"h{number}"
            joins.append(
                f"ASOF LEFT JOIN {self.source(request, table['name'])} {alias} "
                f"ON s.key = {alias}.key AND s.event_time >= {alias}.event_time"
            )
            for feature in table["features"]:
                cell = f"{alias}.{feature}"
                if table.get("max_age") is not None:
                    age = f"epoch_us(s.event_time) - epoch_us({alias}.event_time)"
                    cell = f"CASE WHEN {age} <= {table['max_age']} THEN {cell} END AS {feature}"
                outputs.append(cell)
        spine = self.path(request["spine"], "sorted")
        return self.duck.sql(f"SELECT {', '.join(outputs)} FROM '{spine}' s {' '.join(joins)}").to_arrow_table()

    def polars_join(self, request):
        frame = pl.scan_parquet(self.path(request["spine"], "sorted")).sort("event_time")
        for table in request["tables"]:
            history = pl.scan_parquet(self.path(table["name"], request["layout"])).select(["key", "event_time"] + table["features"])
            # By key and time each key's rows are in order, which is all that the join by key needs.
            if request["layout"] == "arrival":
                history = history.sort("event_time", maintain_order=True)
            tolerance = table.get("max_age")
            frame = frame.join_asof(
                history, on="event_time", by="key", check_sortedness=False, tolerance=None if tolerance is None else f"{tolerance}us"
            )
        return frame.collect().to_arrow()

    def pandas_join(self, request):
        frame = pd.read_parquet(self.path(request["spine"], "sorted")).sort_values("event_time")
        for table in request["tables"]:
            history = pd.read_parquet(self.path(table["name"], "sorted"), columns=["key", "event_time"] + table["features"])
            frame = pd.merge_asof(frame, history.sort_values("event_time", kind="stable"), on="event_time", by="key")
        return frame

    def scan(self, request):
        path = self.path(request["table"], "sorted")
        filters = None
        if request.get("end") is not None:
            bounds = [pa.scalar(request[name], MICROSECONDS) for name in ("start", "end")]
            filters = [("event_time", ">=", bounds[0]), ("event_time", "<", bounds[1])]
        features = request["features"]
        work = {
            "pyarrow": lambda: pq.read_table(path, columns=features, filters=filters),
            "polars": lambda: self.polars_scan(path, features, request).to_arrow(),
            "duckdb": lambda: self.duck_scan(f"'{path}'", features, request),
            "duckdb own": lambda: self.duck_scan(request["table"], features, request),
        }
        return measured(work[request["peer"]], self)

    def polars_scan(self, path, features, request):
        frame = pl.scan_parquet(path)
        if request.get("end") is not None:
            start, end = (pl.lit(request[name]).cast(pl.Datetime("us")) for name in ("start", "end"))
            frame = frame.filter((pl.col("event_time") >= start) & (pl.col("event_time") < end))
        return frame.select(features).collect()

    def duck_scan(self, source, features, request):
        where = ""
        if request.get("end") is not None:
            where = f" WHERE event_time >= make_timestamp({request['start']}) AND event_time < make_timestamp({request['end']})"
        return self.duck.sql(f"SELECT {', '.join(features)} FROM {source}{where}").to_arrow_table()

    def compare(self, request):
        """Compares what the last request gave with columns of ours: the same cells, bit by bit, or the first that differs."""
        table = self.last if isinstance(self.last, pa.Table) else pa.Table.from_pandas(self.last)
        if request.get("ordered"):
            order = np.argsort(table["n"].to_numpy(), kind="stable")
            if len(order) != request["rows"]:
                return {"difference": f"{len(order)} rows where we have {request['rows']}"}
        elif table.num_rows != request["rows"]:
            return {"difference": f"{table.num_rows} rows where we have {request['rows']}"}
        different = 0
        first = None
        for feature, kind in request["compared"]:
            ours = np.fromfile(f"{request['ours']}/{feature}.bin", dtype="<u8")
            has = np.fromfile(f"{request['ours']}/{feature}.valid", dtype="u1") == 1
            column = table[feature].combine_chunks()
            if isinstance(self.last, pd.DataFrame) and kind == "int64":
                column = column.cast(pa.int64())
            theirs_has = column.is_valid().to_numpy(zero_copy_only=False)
            filled = column.fill_null(0)
            cells = filled.to_numpy(zero_copy_only=False).view("<u8")
            if request.get("ordered"):
                theirs_has, cells = theirs_has[order], cells[order]
            wrong = (has != theirs_has) | (has & (ours != cells))
            different += int(wrong.sum())
            if first is None and wrong.any():
                first = f"{feature}, row {int(np.argmax(wrong))}"
        return {"difference": f"{different} cells, first {first}" if different else None}

    def drop(self, request):
        """Gives back what is not needed any more."""
        self.last = None
        for table in request["names"]:
            self.duck.execute(f"DROP TABLE IF EXISTS {table}")
            for layout in ("sorted", "arrival"):
                if os.path.exists(self.path(table, layout)):
                    os.remove(self.path(table, layout))
        return {}


def resident(name="VmRSS"):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(name))


def measured(work, peers):
    """Seconds of some work, and how much memory it took beyond what was held before."""
    peers.last = None
    # What was freed goes back first, so that it counts again.
    pa.default_memory_pool().release_unused()
    LIBC.malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before = resident()
    start = time.perf_counter()
    peers.last = work()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak": max(0, resident("VmHWM") - before)}


def main():
    peers = Peers()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peers, request["do"])(request)
        except Exception as error:  # The benchmark says what a peer could not do.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
