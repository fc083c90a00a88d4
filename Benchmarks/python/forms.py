"""What forms cost: gets as people write them, beside the plainest one, and answers of a thousand columns, beside those of ten."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from processes import ALL_CORES, CLIENT_CORE, SERVER_CORE, stay_on
from report import Latencies, Line, Spread
from works import KEY, YEAR_START, Bench, define, instants, wait_for_history

# Of a get by keys, at most, in microseconds; and what a clock of the caller's may add to one.
_KEYS_BAR, _AT_BAR = 250, 10
# Of what pandas itself takes, and of a matrix without gaps.
_RATIO_BAR = 2
_AT = {
    "a date": "2024-01-01",
    "RFC 3339": "2024-01-01T10:00:00.5Z",
    "RFC 3339 with an offset": "2024-01-01T10:00:00+02:00",
    "a datetime": dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc),
    "a pandas Timestamp": pd.Timestamp("2024-01-01", tz="UTC"),
    "a NumPy datetime64": np.datetime64("2024-01-01"),
    "whole microseconds": 1_704_067_200_000_000,
}
_FOUR = {"x": "float64", "i": "int64", "s": "string", "b": "bool"}
_ROWS = 100

Call = Callable[[], Any]


def forms(bench: Bench) -> None:
    """A get of 100 keys and one feature in every form, call by call beside the plainest."""
    with bench.server("forms", SERVER_CORE) as (_, client):
        define(client, "form", _FOUR)
        ids = np.arange(bench.sizes.entities)
        columns = {"x": ids * 1.5, "i": ids, "s": [f"v{id}" for id in ids], "b": ids % 2 == 0}
        client.write("form", pa.table({KEY: ids, "event_time": instants(np.full(len(ids), YEAR_START)), **columns}))
        stay_on(CLIENT_CORE)
        try:
            keys = ids[:_ROWS].copy()
            _gets(bench, client, keys)
            _answers(bench, client, keys)
        finally:
            stay_on(ALL_CORES)


def _gets(bench: Bench, client: Any, keys: Any) -> None:
    def plain() -> Any:
        return client.get_online_features("form:x", {KEY: keys})

    for name, at in _AT.items():
        mine, others = _alternating(bench, lambda at=at: client.get_online_features("form:x", {KEY: keys}, at=at), plain)
        added = [own - other for own, other in zip(mine.medians, others.medians)]
        _line(bench, f"get 100 × 1, at= as {name}", mine, others, "µs more", added, _AT_BAR)
    frame, dicts = pd.DataFrame({KEY: keys}), [{KEY: int(key)} for key in keys]
    entities_by_form: dict[str, Any] = {
        "a DataFrame": frame,
        "a list of dicts": dicts,
        "a list": {KEY: keys.tolist()},
        "a Series": {KEY: frame[KEY]},
    }
    for name, entities in entities_by_form.items():
        mine, others = _alternating(bench, lambda entities=entities: client.get_online_features("form:x", entities), plain)
        _line(bench, f"get 100 × 1, keys as {name}", mine, others, "p50 in µs", mine.medians, _KEYS_BAR)
    missing = keys.copy()
    missing[::7] += 1_000_000_000
    mine, others = _alternating(
        bench, lambda: client.get_online_features("form:x", {KEY: missing}).to_numpy(), lambda: plain().to_numpy()
    )
    _line(bench, "get 100 × 1 to_numpy(), a seventh missing", mine, others, "× without gaps", _ratios(mine, others), _RATIO_BAR)


def _answers(bench: Bench, client: Any, keys: Any) -> None:
    """An answer that is there, made a DataFrame, beside pandas making that frame of NumPy's arrays."""
    for names in (["x"], list(_FOUR)):
        answer = client.get_online_features([f"form:{name}" for name in names], {KEY: keys})
        wanted = {KEY: keys, "x": keys * 1.5, "i": keys, "s": np.array([f"v{key}" for key in keys], object), "b": keys % 2 == 0}
        arrays = {name: wanted[name] for name in [KEY, *names]}
        if not answer.to_pandas().equals(pd.DataFrame(arrays)):
            bench.report.differences.append(f"to_pandas() of {', '.join(names)}: other values than were written")
        mine, others = _alternating(bench, answer.to_pandas, lambda arrays=arrays: pd.DataFrame(arrays))
        _line(bench, f"to_pandas() of 100 × {len(names)}, alone", mine, others, "× pandas", _ratios(mine, others), _RATIO_BAR, "pandas")


def _ratios(mine: Latencies, others: Latencies) -> list[float]:
    return [own / other for own, other in zip(mine.medians, others.medians)]


def _alternating(bench: Bench, call: Call, other: Call) -> tuple[Latencies, Latencies]:
    """Two calls in turn, so that what else the machine does meets both."""
    mine, others = Latencies(), Latencies()
    calls = max(10, bench.sizes.calls // 4)
    for round in range(bench.sizes.rounds + 1):
        taken = [[_microseconds(call), _microseconds(other)] for _ in range(calls)]
        # The first is warm-up.
        if round > 0:
            mine.rounds.append([own for own, _ in taken])
            others.rounds.append([beside for _, beside in taken])
    return mine, others


def _microseconds(call: Call) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e3


def _line(
    bench: Bench, work: str, mine: Latencies, others: Latencies, name: str, measured: list[float], bar: float, peer: str = "plainest"
) -> None:
    bench.note(work)
    figures = {"headwater": mine.document(), "beside": others.document()}
    bench.report.lines.append(Line(work, str(mine), f"{peer}: {others}", name, measured, bar, True, figures))


# MARK: Wide answers

_NARROW = 10
_WIDE: dict[str, Callable[[Any], Any]] = {
    "to_arrow()": lambda history: history.to_arrow(),
    "to_arrow(statuses=True)": lambda history: history.to_arrow(statuses=True),
    "to_pandas()": lambda history: history.to_pandas(),
    "to_pandas(statuses=True)": lambda history: history.to_pandas(statuses=True),
    "batches(1_000)": lambda history: [batch.num_rows for batch in history.batches(1_000)],
    "batches(1_000, statuses=True)": lambda history: [batch.num_rows for batch in history.batches(1_000, statuses=True)],
}


def wide(bench: Bench) -> None:
    """What a cell costs in a history of many columns, beside one of ten; every other column has gaps."""
    rows, columns = bench.sizes.wide_rows, bench.sizes.wide_columns
    random = np.random.default_rng(5)
    names = [f"w{number}" for number in range(columns)]
    with bench.server("wide", ALL_CORES, "--durability", "interval:1000") as (_, client):
        define(client, "wide", dict.fromkeys(names, "float64"))
        ids = np.arange(rows)
        gaps = [random.random(rows) < 0.1 * (place % 2) for place in range(columns)]
        made = {name: pa.array(random.standard_normal(rows), mask=gap) for name, gap in zip(names, gaps)}
        position = client.write("wide", pa.table({KEY: ids, "event_time": instants(np.full(rows, YEAR_START)), **made}), progress=False)
        wait_for_history(client, "wide", names[0], position)
        spine = pa.table({KEY: ids, "event_time": instants(np.full(rows, YEAR_START + 1))})

        def nanoseconds(read: Callable[[Any], Any], width: int) -> float:
            history = client.get_historical_features(spine, [f"wide:{name}" for name in names[:width]])
            start = time.perf_counter_ns()
            read(history)
            return (time.perf_counter_ns() - start) / (rows * width)

        for name, read in _WIDE.items():
            many: list[float] = []
            few: list[float] = []
            for round in range(bench.sizes.rounds + 1):
                bench.note(f"history {rows:,} × {columns:,} columns, {name}, round {round} of {bench.sizes.rounds}")
                taken = nanoseconds(read, _NARROW), nanoseconds(read, columns)
                if round > 0:
                    few.append(taken[0])
                    many.append(taken[1])
            line = Line(f"history {rows:,} × {columns:,} columns, {name}", f"{Spread.of(many)} ns a cell")
            line.peer = f"of {_NARROW} columns: {Spread.of(few)} ns a cell"
            line.name, line.measured = "× of ten", [own / other for own, other in zip(many, few)]
            line.wanted, line.is_at_most = _RATIO_BAR, True
            line.figures = {"nanosecondsPerCell": many, "nanosecondsPerCellOfTen": few}
            bench.report.lines.append(line)


WORKS: dict[str, Callable[[Bench], None]] = {"forms": forms, "wide": wide}
