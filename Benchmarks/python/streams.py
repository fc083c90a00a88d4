"""Rows that come one by one: dicts of a key, a time and ten floats through a stream, blocking and as coroutines."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from processes import ALL_CORES
from report import Line, rate
from works import FLOATS, KEY, YEAR_START, Bench, define, wait_for_history

import headwater as hw

# Rows a second, acknowledged, on two cores, the server among them.
_BAR = 150_000
_START = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=YEAR_START)


def streams(bench: Bench) -> None:
    """The same dicts into a fresh group each round, until all are acknowledged."""
    rows = _dicts(bench.sizes.stream_rows)
    rates: dict[str, list[float]] = {"blocking": [], "asyncio": []}
    with bench.server("stream", ALL_CORES, "--durability", "sync") as (server, client):
        for round in range(bench.sizes.rounds + 1):
            for form, found in rates.items():
                bench.note(f"stream {len(rows):,} × 10, {form}, round {round} of {bench.sizes.rounds}")
                group = f"{form}{round}"
                define(client, group, dict.fromkeys(FLOATS, "float64"))
                if form == "blocking":
                    seconds, written = _blocking(client, group, rows)
                else:
                    seconds, written = asyncio.run(_coroutines(server.address, group, rows))
                _check(bench, client, group, rows, written)
                # The first is warm-up.
                if round > 0:
                    found.append(len(rows) / seconds)
    for form, found in rates.items():
        line = Line(f"stream {len(rows):,} dicts × 10 float64, {form}", rate(found), figures={"rowsPerSecond": found})
        line.name, line.measured, line.wanted = "rows/s", found, _BAR
        bench.report.lines.append(line)


def _dicts(count: int) -> list[dict[str, Any]]:
    cells = np.random.default_rng(6).standard_normal((count, len(FLOATS))).tolist()
    return [
        {KEY: id, "event_time": _START + dt.timedelta(seconds=id), **dict(zip(FLOATS, values))} for id, values in enumerate(cells)
    ]


def _blocking(client: hw.Client, group: str, rows: list[dict[str, Any]]) -> tuple[float, hw.Written]:
    start = time.perf_counter()
    with client.stream(group) as stream:
        for row in rows:
            stream.add(row)
        written = stream.flush()
    return time.perf_counter() - start, written


async def _coroutines(address: str, group: str, rows: list[dict[str, Any]]) -> tuple[float, hw.Written]:
    async with await hw.aio.connect(address, timeout=120) as client:
        start = time.perf_counter()
        async with await client.stream(group) as stream:
            for row in rows:
                await stream.add(row)
            written = await stream.flush()
        return time.perf_counter() - start, written


def _check(bench: Bench, client: hw.Client, group: str, rows: list[dict[str, Any]], written: hw.Written) -> None:
    """The last row can be read, and history has them all before the next round begins."""
    names = [f"{group}:{name}" for name in FLOATS]
    got = client.get_online_features(names, {KEY: [rows[-1][KEY]]}, min_position=written).to_numpy()
    if written.rows != len(rows) or got[0].tolist() != [rows[-1][name] for name in FLOATS]:
        bench.report.differences.append(f"stream into {group}: other rows than were added")
    wait_for_history(client, group, FLOATS[0], written)


WORKS: dict[str, Callable[[Bench], None]] = {"stream": streams}
