"""Rows that are gathered one by one become the entry that the same rows are as a table."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw
from headwater._calls.groups import Column, Group
from headwater._calls.row_entry import RowEncoder, RowEntry
from headwater._calls.write import Options
from headwater._columns import compact, plain
from headwater._columns.types import FeatureType

from . import support
from .test_compact import SEEDS, Reader

UTC = dt.timezone.utc
START = dt.datetime(2024, 1, 1, tzinfo=UTC)
FEATURES = list(support.FEATURES.items())


def group_of(features: list[tuple[str, str]], key: str = "int64") -> Group:
    columns = [Column(0, "id", FeatureType.parse(key), "key"), Column(1, "time", FeatureType.parse("timestamp"), "event_time")]
    columns += [Column(number + 2, name, FeatureType.parse(type), "feature") for number, (name, type) in enumerate(features)]
    return Group("g", 1, 7, 3, tuple(columns), {"features": [{"name": name} for name, _ in features]})


def encoder(features: list[tuple[str, str]], key: str = "int64", **options: Any) -> RowEncoder:
    core: Any = None
    return RowEncoder(core, group_of(features, key), Options(None, options.pop("nan_is_null", None), False, **options))


def decoded(entry: bytes) -> Any:
    (found,) = Reader(compact.MAGIC + entry).entries()
    return found


def as_table(encoder: RowEncoder, rows: list[dict[str, Any]]) -> Any:
    """The same rows, taken as `write` takes them."""
    table = encoder.table(rows)
    assert table.source.whole is not None
    entry = table.entry(table.source.whole)
    assert entry is not None
    return decoded(entry.compact())


PLAIN: dict[str, Callable[[random.Random], Any]] = {
    "bool": lambda chance: chance.random() < 0.5,
    "int32": lambda chance: chance.randrange(-(2**31), 2**31),
    "int64": lambda chance: chance.choice([0, -(2**63), 2**63 - 1, chance.randrange(1000)]),
    "float32": lambda chance: chance.choice([0.1, -0.0, float("nan"), float("inf"), 1e-45, 3.4028234663852886e38]),
    "float64": lambda chance: chance.choice([*support.FLOATS, chance.random()]),
    "string": lambda chance: chance.choice([*support.TEXTS, "x" * chance.choice([127, 128, 20_000])]),
    "bytes": lambda chance: chance.randbytes(chance.choice([0, 1, 127, 128, 300])),
    "timestamp": lambda chance: (
        dt.datetime(1900 + chance.randrange(300), 3, 31, 2, 30, 0, chance.randrange(10**6))
        .replace(tzinfo=chance.choice([None, UTC, dt.timezone(dt.timedelta(hours=-5, minutes=-30))]))
    ),
}  # fmt: skip


def other(chance: random.Random, type: str) -> Any:
    """A cell that is not of Python's own class for a type, or is missing."""
    value = PLAIN[type](chance)
    if type == "timestamp":
        return chance.choice([None, pd.Timestamp(START), START])
    numpy = {"int32": np.int32, "int64": np.int64, "float64": np.float64, "float32": np.float32}.get(type)
    return chance.choice([None, numpy(value)]) if numpy is not None else None


@pytest.mark.parametrize("seed", SEEDS)
def test_any_rows_are_the_entry_that_they_are_as_a_table(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    names = chance.sample(list(PLAIN), chance.randint(1, len(PLAIN)))
    made = encoder([(f"f_{name}", name) for name in names], chance.choice(["int64", "string"]))
    key = PLAIN["int64"] if made.group.columns[0].type.code == 3 else PLAIN["string"]
    for _ in range(4):
        # Columns whose cells are all plain, some not, or all missing.
        modes = {name: chance.choice(["plain", "plain", "mixed", "missing"]) for name in names}
        count = chance.choice([1, 1, 2, 4, 5, 9, 200])
        rows = []
        for _ in range(count):
            row = {"id": key(chance), "time": PLAIN["timestamp"](chance)}
            for name in names:
                is_other = modes[name] == "mixed" and chance.random() < 0.4
                row[f"f_{name}"] = None if modes[name] == "missing" else other(chance, name) if is_other else PLAIN[name](chance)
            if chance.random() < 0.05 and len(row) > 2:
                row.pop(f"f_{names[0]}")
            # In any order.
            rows.append(dict(chance.sample(list(row.items()), len(row))) if chance.random() < 0.3 else row)
        for kept in (rows, [dict(row) for row in rows]):
            found = decoded(RowEntry(made, kept, 0).compact())
            wanted = as_table(made, rows)
            assert found[:4] == wanted[:4]
            for ordinal, (type, cells) in wanted[4].items():
                assert found[4][ordinal] == (type, cells), ordinal
            # What an older server gets has the same cells.
            assert decoded(RowEntry(made, kept, 0).arrow().compact())[4] == found[4]


@pytest.mark.parametrize("count", [1, 2, 3, 6, 40])
def test_zones_are_those_that_arrow_takes(count: int) -> None:
    zones = [None, UTC, dt.timezone(dt.timedelta(hours=5, minutes=45))]
    times = [dt.datetime(2024, 3, 31, 2, 30, number % 60, number, zones[number % 3]) for number in range(count)]
    type = FeatureType.parse("timestamp")
    wanted = pa.array([time if time.tzinfo else time.replace(tzinfo=UTC) for time in times], type.arrow)
    data = plain.cells(type, times)
    assert data is not None and np.frombuffer(data, "<i8").tolist() == wanted.cast(pa.int64()).to_pylist()
    array = plain.array(type, times)
    assert array is not None and array.equals(wanted)


def test_microseconds_and_nan() -> None:
    made = encoder([("x", "float64")], time_unit="us", nan_is_null=True)
    rows = [{"id": 1, "time": 1_704_067_200_000_000, "x": float("nan")}, {"id": 2, "time": 5, "x": 1.5}]
    for some in (rows[1:], rows):
        assert decoded(RowEntry(made, some, 0).compact()) == as_table(made, some)
    assert decoded(RowEntry(made, rows[:1], 0).compact())[4][2] == ("float64", [None])


@pytest.mark.parametrize(
    ("type", "cells", "reason"),
    [
        ("int32", [1, 2**31], r"row 11, column 'f': 2147483648 does not fit int32"),
        ("int64", [2**63], r"row 10, column 'f': 9223372036854775808 does not fit int64"),
        ("float32", [1.0, 1e39], r"row 11, column 'f': 1e\+39 is beyond float32"),
        ("float64", [True], r"row 10, column 'f': holds bool"),
        ("float64", [1, 2**53 + 1], r"row 11, column 'f': 9007199254740993 is not exact"),
        ("string", ["a", "\ud800"], r"row 11, column 'f': .* has half of a surrogate pair"),
        ("string", ["a", b"b"], r"row 11, column 'f': holds binary"),
        ("timestamp", [START, 5], r"row 11, column 'f': holds int64"),
        ("array(int64)", [[1], ["x"]], r"row 11, column 'f'"),
        ("vector(3)", [[1.0, 2.0, 3.0], [1.0]], r"row 11, column 'f': 1 elements where vector\(3\) has 3"),
    ],
)
def test_a_cell_that_does_not_fit_is_named_by_the_row_of_the_stream(type: str, cells: list[Any], reason: str) -> None:
    made = encoder([("f", type)])
    entry = RowEntry(made, [{"id": 1, "time": START, "f": cell} for cell in cells], 10)
    for encode in (entry.compact, entry.batch):
        with pytest.raises(hw.InvalidArgument, match=reason):
            encode()


def test_cells_of_several_classes_are_each_taken_as_alone() -> None:
    made = encoder([("f", "timestamp"), ("x", "float64")])
    rows: list[dict[str, Any]] = [
        {"id": 1, "time": START, "f": START, "x": 1.0}, {"id": 2, "time": "2024-01-01", "f": "2024-01-01T00:00:00Z", "x": 1},
        {"id": np.int32(3), "time": START, "f": dt.date(2024, 1, 1)},
    ]  # fmt: skip
    wanted = [as_table(made, [row])[4] for row in rows]
    found = decoded(RowEntry(made, rows, 0).compact())[4]
    for ordinal in range(4):
        assert found[ordinal][1] == [column.get(ordinal, (None, [None]))[1][0] for column in wanted]


def test_names_that_change_all_the_time_fill_no_memory() -> None:
    made = encoder([(f"f{number}", "float64") for number in range(10)])
    for number in range(1, 700):
        names = [f"f{place}" for place in range(10) if number >> place & 1]
        RowEntry(made, [{"id": 1, "time": START, **dict.fromkeys(names, 1.0)}], 0).compact()
    assert len(made._plans) <= 257
