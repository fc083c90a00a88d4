#!/usr/bin/env python3
"""A peer of `bench offline`: DuckDB, Polars, pandas or pyarrow, at the work that Headwater does, with as many threads.

usage: offline_peers.py WAY THREADS      WAY: tables, duckdb-parquet, duckdb-own, polars, pandas, pyarrow

Reads a JSON request a line, answers a JSON line: {"seconds", "rows"}, {"bytes"} or {"error"}. A measured request goes from stored
columns to columns in memory. The spine is in memory before; an answer has the spine's order, which is part of the work.
"""

import json
import os
import sys
import time

WAY, THREADS = sys.argv[1], int(sys.argv[2])
os.environ["POLARS_MAX_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(THREADS)

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import offline_tables as tables

pa.set_cpu_count(THREADS)
pa.set_io_thread_count(THREADS)


class Peer:
    """Answers requests; those that measure are in the peers below."""

    def open(self, request):
        self.place = request["place"]
        self.table = {table["name"]: table for table in request["tables"]}
        self.spines = {spine["name"]: tables.read_spine(spine) for spine in request["spines"]}
        self.opened()
        return {}

    def opened(self):
        pass

    def join(self, request):
        return measured(lambda: self.joined(request), request)

    def scan(self, request):
        return measured(lambda: self.scanned(request), request)

    def path(self, request, name):
        return tables.parquet(self.place, name, request["layout"])


class Tables(Peer):
    """Makes what the other peers read."""

    def store(self, request):
        records = zip(self.table.values(), request["rowsPerRecord"])
        bytes = [tables.store(self.place, table, rows, request["layouts"]) for table, rows in records]
        import duckdb

        with duckdb.connect(tables.duckdb_file(self.place)) as own:
            own.execute(f"SET threads={THREADS}")
            for name in self.table:
                sorted_rows = tables.parquet(self.place, name, request["layouts"][-1])
                own.execute(f"CREATE TABLE {name} AS SELECT * FROM '{sorted_rows}'")
        return {"tableBytes": bytes}


class DuckDB(Peer):
    def opened(self):
        import duckdb

        self.duck = duckdb.connect(tables.duckdb_file(self.place), read_only=True)
        self.duck.execute(f"SET threads={THREADS}")
        for name, spine in self.spines.items():
            self.duck.register(name, spine)

    def joined(self, request):
        cells, joins = [], []
        for number, table in enumerate(request["groups"]):
            alias = f"h{number}"
            joins.append(
                f"ASOF LEFT JOIN {self.source(request, table)} {alias} ON s.key = {alias}.key AND s.event_time >= {alias}.event_time"
            )
            fresh = f"epoch_us(s.event_time) - epoch_us({alias}.event_time) <= {table.get('maxAge')}"
            for name in table["features"]:
                cells.append(f"CASE WHEN {fresh} THEN {alias}.{name} END AS {name}" if "maxAge" in table else f"{alias}.{name}")
        query = f"SELECT {', '.join(cells)} FROM {request['spine']} s {' '.join(joins)} ORDER BY s.n"
        return self.duck.sql(query).to_arrow_table()

    def source(self, request, table):
        own, path = WAY == "duckdb-own", self.path(request, table["name"])
        # Of rows that tie, ASOF takes any. The answer that is compared has the last written; the measured one any: that is less work.
        if table.get("hasTies") and "output" in request:
            source, row = (table["name"], "rowid") if own else (f"read_parquet('{path}', file_row_number = true)", "file_row_number")
            last = f"row_number() OVER (PARTITION BY key, event_time ORDER BY {row} DESC) = 1"
            return f"(FROM {source} QUALIFY {last})"
        return table["name"] if own else f"'{path}'"


class Polars(Peer):
    def opened(self):
        import polars

        self.polars = polars
        self.spines = {name: polars.from_arrow(spine) for name, spine in self.spines.items()}

    def joined(self, request):
        frame = self.spines[request["spine"]].lazy().sort("event_time")
        features = []
        for table in request["groups"]:
            columns = ["key", "event_time"] + table["features"]
            history = self.polars.scan_parquet(self.path(request, table["name"])).select(columns)
            # In order of key and time the rows of each key are in order, which is all that a join by key needs.
            if request["layout"] == "arrival":
                history = history.sort("event_time", maintain_order=True)
            tolerance = f"{table['maxAge']}us" if "maxAge" in table else None
            frame = frame.join_asof(history, on="event_time", by="key", check_sortedness=False, tolerance=tolerance)
            features += table["features"]
        return frame.sort("n").select(features).collect()


class Pandas(Peer):
    def opened(self):
        import pandas

        self.pandas = pandas
        self.spines = {name: spine.to_pandas() for name, spine in self.spines.items()}

    def joined(self, request):
        frame = self.spines[request["spine"]].sort_values("event_time")
        (table,) = request["groups"]
        history = self.pandas.read_parquet(self.path(request, table["name"]), columns=["key", "event_time"] + table["features"])
        history = history.sort_values("event_time", kind="stable")
        return self.pandas.merge_asof(frame, history, on="event_time", by="key").sort_values("n")[table["features"]]


class PyArrow(Peer):
    def scanned(self, request):
        filters = None
        if "start" in request:
            start, end = (pa.scalar(request[name], tables.TIME) for name in ("start", "end"))
            filters = [("event_time", ">=", start), ("event_time", "<", end)]
        path = self.path(request, request["groups"][0]["name"])
        return pq.read_table(path, columns=request["groups"][0]["features"], filters=filters, use_threads=True)


def measured(work, request):
    start = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - start
    if "output" in request:
        write(arrow(answer), request["output"])
    return {"seconds": seconds, "rows": len(answer)}


def arrow(answer):
    if isinstance(answer, pa.Table):
        return answer
    return answer.to_arrow() if WAY == "polars" else pa.Table.from_pandas(answer)


def write(table, directory):
    """Each column as raw cells, zero where there is none, and a file of ones and zeros that says where there is one."""
    for name in table.column_names:
        column = table[name].combine_chunks()
        has = column.is_valid().to_numpy(zero_copy_only=False)
        cells = column.fill_null(0).to_numpy(zero_copy_only=False)
        # pandas has integers that lack cells as floats: all of ours are exact in one.
        if WAY == "pandas" and "_i" in name:
            cells = cells.astype("<i8")
        cells.tofile(f"{directory}/{name}.bin")
        has.astype("u1").tofile(f"{directory}/{name}.valid")


def main():
    ways = {"tables": Tables, "duckdb-parquet": DuckDB, "duckdb-own": DuckDB, "polars": Polars, "pandas": Pandas, "pyarrow": PyArrow}
    peer = ways[WAY]()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request["action"])(request)
        except Exception as error:  # The benchmark says what a peer could not do.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
