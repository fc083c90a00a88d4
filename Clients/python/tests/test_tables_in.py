"""Tables that are written: what each container holds, files, and what is refused. Bits and types: test_types.py."""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import headwater as hw
from headwater._columns.types import FeatureType

from .conftest import Server
from .support import FEATURES, all_types

NOON = dt.datetime(2026, 1, 5, 12, tzinfo=dt.timezone.utc)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "tables-in") as connected:
        all_types(connected)
        yield connected


_keys = itertools.count(step=1000)


def written(client: hw.Client, name: str, column: Any, rows: int, **options: Any) -> list[Any]:
    """What is read back of one feature that is written in a dict of columns."""
    keys = np.arange(rows) + next(_keys)
    position = client.write("all", {"id": keys, "time": [NOON] * rows, name: column}, **options)
    return client.get_online_features(f"all:{name}", {"id": keys}, min_position=position).to_dict()[name]


def framed(client: hw.Client, name: str, column: pd.Series, **options: Any) -> list[Any]:
    """What is read back of one feature that is written in a DataFrame."""
    keys = np.arange(len(column)) + next(_keys)
    position = client.write("all", pd.DataFrame({"id": keys, "time": NOON, name: column.array}), **options)
    return client.get_online_features(f"all:{name}", {"id": keys}, min_position=position).to_dict()[name]


NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "series", "wanted"),
    [
        ("int64", pd.Series([1, 2]), [1, 2]),
        ("int32", pd.Series([1, 2], dtype="int8"), [1, 2]),
        ("int64", pd.Series([1, 2], dtype="uint64"), [1, 2]),
        ("int64", pd.Series([1.0, NAN]), [1, None]),
        ("int64", pd.Series([1, None], dtype="Int64"), [1, None]),
        ("int64", pd.Series([2**63 - 1, None], dtype="Int64"), [2**63 - 1, None]),
        ("float64", pd.Series([1.5, NAN]), [1.5, None]),
        ("float32", pd.Series([1.5, None], dtype="Float32"), [1.5, None]),
        ("float32", pd.Series([1.5, NAN], dtype="float16"), [1.5, None]),
        ("bool", pd.Series([True, False]), [True, False]),
        ("bool", pd.Series([True, None], dtype="boolean"), [True, None]),
        ("bool", pd.Series([True, None], dtype=object), [True, None]),
        ("string", pd.Series(["a", None, "é"]), ["a", None, "é"]),
        ("string", pd.Series(["a", None], dtype=object), ["a", None]),
        ("string", pd.Series(["a", NAN, pd.NA, pd.NaT], dtype=object), ["a", None, None, None]),
        ("string", pd.Series(["a", None], dtype="string"), ["a", None]),
        ("string", pd.Series(["a", None, "b", "a"], dtype="category"), ["a", None, "b", "a"]),
        ("int64", pd.Series([7, None, 9], dtype="category"), [7, None, 9]),
        ("bytes", pd.Series([b"\0", None], dtype=object), [b"\0", None]),
        ("float64", pd.Series([decimal.Decimal("1.5"), None], dtype=object), [1.5, None]),
        ("int64", pd.Series(pd.arrays.SparseArray([0, 0, 5])), [0, 0, 5]),
        ("array_float64", pd.Series([[1.0, None], None, [], np.array([2.0])], dtype=object), [[1.0, None], None, [], [2.0]]),
        ("array_string", pd.Series([["a", None], None, ("b",)], dtype=object), [["a", None], None, ["b"]]),
        ("vector_3", pd.Series([np.arange(3.0), None, [1, 2, 3]], dtype=object), [[0, 1, 2], None, [1, 2, 3]]),
    ],
    ids=lambda value: f"{value.dtype}" if isinstance(value, pd.Series) else None,
)
def test_pandas_columns_are_read_back(client, name, series, wanted):
    assert framed(client, name, series) == wanted


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_times_of_any_unit_and_zone_are_the_same_instants(client, unit, zone):
    times = pd.Series([pd.Timestamp("2026-07-05 12:00:00"), pd.NaT]).dt.tz_localize("UTC").dt.as_unit(unit)
    moved = times.dt.tz_localize(None) if zone is None else times.dt.tz_convert(zone)
    wanted = [dt.datetime(2026, 7, 5, 12, tzinfo=dt.timezone.utc), None]
    assert framed(client, "timestamp", moved) == wanted
    assert written(client, "timestamp", pa.array(moved), 2) == wanted
    assert written(client, "timestamp", pl.from_pandas(moved), 2) == wanted
    assert framed(client, "timestamp", moved.astype(object)) == wanted
    assert written(client, "timestamp", moved.tolist(), 2) == wanted


def test_a_time_without_a_zone_is_utc_also_beside_one_with(client):
    berlin = dt.timezone(dt.timedelta(hours=2))
    cells = [dt.datetime(2026, 7, 5, 12), dt.datetime(2026, 7, 5, 14, tzinfo=berlin), None]
    wanted = [dt.datetime(2026, 7, 5, 12, tzinfo=dt.timezone.utc)] * 2 + [None]
    assert written(client, "timestamp", cells, 3) == wanted
    assert written(client, "timestamp", [cells[1], cells[0], None], 3) == wanted
    assert framed(client, "timestamp", pd.Series(cells, dtype=object)) == wanted


def test_dates_and_texts_are_times_too(client):
    midnight = dt.datetime(2026, 7, 5, tzinfo=dt.timezone.utc)
    assert written(client, "timestamp", [dt.date(2026, 7, 5), None], 2) == [midnight, None]
    assert written(client, "timestamp", [dt.date(2026, 7, 5), NOON], 2) == [midnight, NOON]
    assert framed(client, "timestamp", pd.Series([dt.date(2026, 7, 5), NOON], dtype=object)) == [midnight, NOON]
    assert written(client, "timestamp", np.array(["2026-07-05", "NaT"], "M8[D]"), 2) == [midnight, None]
    assert written(client, "timestamp", [np.datetime64("2026-07-05"), None], 2) == [midnight, None]
    assert written(client, "timestamp", [np.datetime64("2026-07-05T00:00", "us"), None], 2) == [midnight, None]
    assert written(client, "timestamp", np.array(["2026-07-05T00"], "M8[h]"), 1) == [midnight]
    texts = ["2026-07-05", "2026-07-05T00:00:00Z", "2026-07-05t02:00:00.000+02:00", "2026-07-05 00:00:00.000000999", None]
    assert written(client, "timestamp", texts, 5) == [midnight] * 4 + [None]


def test_nan_is_null_only_in_numpy_columns_of_pandas_unless_told(client):
    numpy, nullable = pd.Series([NAN, 1.0]), pd.Series(pd.array(pa.array([NAN, 1.0, None]), dtype=pd.ArrowDtype(pa.float64())))
    assert framed(client, "float64", numpy) == [None, 1.0]
    kept = framed(client, "float64", numpy, nan_is_null=False)
    assert kept[0] != kept[0]
    kept = framed(client, "float64", nullable)
    assert kept[0] != kept[0] and kept[2] is None
    assert framed(client, "float64", nullable, nan_is_null=True) == [None, 1.0, None]
    for column in ([NAN, 1.0, None], pa.array([NAN, 1.0, None]), pl.Series([NAN, 1.0, None])):
        kept = written(client, "float64", column, 3)
        assert kept[0] != kept[0] and kept[2] is None
        assert written(client, "float64", column, 3, nan_is_null=True) == [None, 1.0, None]
    kept = framed(client, "array_float64", pd.Series([[NAN, None], None], dtype=object))
    assert kept[0][0] != kept[0][0] and kept[0][1] is None and kept[1] is None


def test_not_a_time_is_null_whatever_is_told(client):
    times = pd.Series([pd.NaT, pd.Timestamp("2026-01-05", tz="UTC")])
    assert framed(client, "timestamp", times, nan_is_null=False)[0] is None


@pytest.mark.parametrize(
    ("name", "column", "wanted"),
    [
        ("string", pl.Series(["a", None, "é"], dtype=pl.Categorical), ["a", None, "é"]),
        ("string", pl.Series(["a", None, "b"], dtype=pl.Enum(["a", "b"])), ["a", None, "b"]),
        ("array_string", pl.Series([["a", None], None, []]), [["a", None], None, []]),
        ("array_int32", pl.Series([[1, None], None, []], dtype=pl.List(pl.Int8)), [[1, None], None, []]),
        ("vector_3", pl.Series([[1, 2, 3], None], dtype=pl.Array(pl.Float64, 3)), [[1, 2, 3], None]),
        ("bytes", pl.Series([b"\0", None, b""]), [b"\0", None, b""]),
        ("float64", pl.Series([None, None], dtype=pl.Null), [None, None]),
        ("float64", pl.Series([decimal.Decimal("1.25"), None]), [1.25, None]),
        ("timestamp", pl.Series([dt.date(2026, 1, 5)]), [dt.datetime(2026, 1, 5, tzinfo=dt.timezone.utc)]),
    ],
    ids=lambda value: f"{value.dtype}" if isinstance(value, pl.Series) else None,
)
def test_polars_columns_are_read_back(client, name, column, wanted):
    assert written(client, name, column, len(column)) == wanted
    keys = np.arange(len(column)) + next(_keys)
    frame = pl.DataFrame({"id": keys, name: column}).with_columns(time=pl.lit(NOON))
    for data in (frame, frame.lazy()):
        position = client.write("all", data)
        assert client.get_online_features(f"all:{name}", {"id": keys}, min_position=position).to_dict()[name] == wanted


@pytest.mark.parametrize(
    ("name", "column", "wanted"),
    [
        ("int32", np.array([1, 2], ">i2"), [1, 2]),
        ("int64", np.arange(6)[::3], [0, 3]),
        ("int64", np.ma.array([1, 2], mask=[False, True]), [1, None]),
        ("float64", np.ma.array([1.5, 2], mask=[True, False]), [None, 2]),
        ("float64", np.array([1, 2], "float16"), [1, 2]),
        ("string", np.array(["a", "é"]), ["a", "é"]),
        ("string", np.array(["a", None], object), ["a", None]),
        ("vector_3", np.arange(6.0).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        ("vector_3", np.arange(6).reshape(3, 2).T, [[0, 2, 4], [1, 3, 5]]),
        ("array_int64", np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        ("int64", range(2), [0, 1]),
        ("int64", (number for number in (1, 2)), [1, 2]),
        ("float64", [1, 1.5], [1, 1.5]),
        ("float64", [None, None], [None, None]),
        ("int64", [np.int64(1), pd.NA], [1, None]),
        ("array_int64", [[], None], [[], None]),
    ],
)
def test_columns_of_numpy_and_python_are_read_back(client, name, column, wanted):
    assert written(client, name, column, 2) == wanted


def test_records_may_leave_features_out(client):
    first = next(_keys)
    rows = [{"id": first, "time": NOON, "int64": 1}, {"id": first + 1, "time": NOON, "string": "b"}]
    position = client.write("all", rows)
    found = client.get_online_features(["all:int64", "all:string"], {"id": [first, first + 1]}, min_position=position).to_dict()
    assert (found["int64"], found["string"]) == ([1, None], [None, "b"])


def test_keys_may_be_the_index_of_a_frame(client):
    first = next(_keys)
    index = pd.MultiIndex.from_tuples([(first, NOON), (first + 1, NOON)], names=["id", "time"])
    position = client.write("all", pd.DataFrame({"int64": [1, 2]}, index=index))
    assert client.get_online_features("all:int64", {"id": [first, first + 1]}, min_position=position).to_dict()["int64"] == [1, 2]
    with pytest.raises(hw.InvalidArgument, match="column 'id' is in the index too"):
        client.write("all", pd.DataFrame({"id": [1]}, index=pd.Index([1], name="id")))


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("int32", 2**31, "row 1, column 'int32': 2147483648 does not fit int32: use int64"),
        ("int32", 1.5, "row 1, column 'int32': 1.5 does not fit int32: use float64, or round it"),
        ("int64", 2**63, "row 1, column 'int64': 9223372036854775808 does not fit int64"),
        ("int64", NAN, "row 1, column 'int64': nan does not fit int64"),
        ("int64", "x", "column 'int64': holds string where the type is int64: whole numbers fit"),
        ("int64", True, "column 'int64': holds bool where the type is int64"),
        ("float64", "1.5", "column 'float64': holds string where the type is float64: numbers fit"),
        ("float64", 2**53 + 1, "row 1, column 'float64': 9007199254740993 is not exact as float64: use int64"),
        ("float32", 1e300, r"row 1, column 'float32': 1e\+300 is beyond float32: use float64"),
        ("float32", 2**24 + 1, "row 1, column 'float32': 16777217 is not exact as float32: use float64 or int64, or lossy=True"),
        ("float32", -(2**63) + 1, "row 1, column 'float32': -9223372036854775807 is not exact as float32"),
        ("float64", 2**63 - 1, "row 1, column 'float64': 9223372036854775807 is not exact as float64"),
        ("vector_3", [1, 2, 2**24 + 1], "row 1, column 'vector_3': 16777217 is not exact as float32"),
        ("bool", 1, "column 'bool': holds int64 where the type is bool: only booleans fit"),
        ("string", 1, "column 'string': holds int64 where the type is string: text fits"),
        ("string", "\ud800", r"row 1, column 'string': '\\ud800' has half of a surrogate pair"),
        ("string", {"a": 1}, "column 'string': holds struct<a: int64> where the type is string"),
        ("bytes", "x", "column 'bytes': holds string where the type is bytes: bytes fit; encode text first"),
        ("timestamp", 5, "column 'timestamp': holds int64 where the type is timestamp: times fit"),
        ("timestamp", "soon", "row 1, column 'timestamp': 'soon' is no time: use RFC 3339"),
        ("timestamp", "2026-13-01", "row 1, column 'timestamp': '2026-13-01' is no time that there is"),
        ("timestamp", pd.Timestamp(1), "row 1, column 'timestamp': 1970-01-01T00:00:00.000000001 is finer than a microsecond: round it"),
        ("array_int32", [1, 2**31], "row 1, column 'array_int32': 2147483648 does not fit int32: use int64"),
        ("array_int32", 5, r"column 'array_int32': holds int64 where the type is array\(int32\): lists fit"),
        ("array_string", [1], "column 'array_string': holds int64 where the type is string"),
        ("vector_3", [1, 2], r"row 1, column 'vector_3': 2 elements where vector\(3\) has 3"),
        ("vector_3", [1, None, 3], r"row 1, column 'vector_3': a vector has no null elements: use array\(float32\)"),
        ("vector_3", [1, 2, 1e300], r"row 1, column 'vector_3': 1e\+300 is beyond float32"),
    ],
    ids=lambda value: value if isinstance(value, str) and value in FEATURES else None,
)
def test_a_cell_that_does_not_fit_names_row_and_column_and_what_fits(client, name, cell, message):
    before = client.status().position
    for data in ([{"id": 1, "time": NOON}, {"id": 2, "time": NOON, name: cell}], {"id": [1, 2], "time": [NOON] * 2, name: [None, cell]}):
        with pytest.raises(hw.InvalidArgument, match=f"^{message}"):
            client.write("all", data)
    assert client.status().position == before


def test_null_elements_of_a_fixed_size_list_name_their_row(client):
    vectors = pa.array([None, [1, 2, 3], [1, None, 3]], pa.list_(pa.float32(), 3))
    for column in (vectors, pa.chunked_array([vectors[:1], vectors[1:]]), vectors.cast(pa.list_(pa.float64(), 3))):
        with pytest.raises(hw.InvalidArgument, match=r"^row 2, column 'vector_3': a vector has no null elements"):
            written(client, "vector_3", column, 3)


def test_units_of_numpy_finer_than_a_microsecond_are_refused(client):
    for unit in ("ns", "ps"):
        with pytest.raises(hw.InvalidArgument, match="column 'timestamp'"):
            written(client, "timestamp", np.array([1], f"M8[{unit}]"), 1)


def test_times_that_64_bits_of_microseconds_do_not_hold_are_refused(client):
    with pytest.raises(hw.InvalidArgument, match=r"^row 1, column 'timestamp': 9223372036854775807 s since 1970 do not fit"):
        written(client, "timestamp", pa.array([0, 2**63 - 1], pa.timestamp("s")), 2)


MIXED = [
    ([1, None, "a", 2], 2),
    ([None, "a", b"a", 1.5], 3),
    ([[1], 2], 1),
    ([NOON, None, 5], 2),
    ([NOON.date(), 5], 1),
    ([True, 5], 1),
]


@pytest.mark.parametrize(("cells", "row"), MIXED)
def test_cells_of_no_common_type_name_the_first_that_differs(client, cells, row):
    for data in (cells, np.array([*cells, None], object)[:-1], pd.Series(cells, dtype=object)):
        with pytest.raises(hw.InvalidArgument, match=f"^row {row}, column 'string': .* is of .*: the cells of a column are of one type"):
            written(client, "string", data, len(cells))


def test_tables_that_are_none_say_what_is(client):
    for data in (5, np.zeros((2, 2)), pa.array([1]), pa.chunked_array([[1]]), pl.Series([1]), object()):
        with pytest.raises(hw.InvalidArgument, match="is no table: give a pyarrow Table"):
            client.write("all", data)
    with pytest.raises(hw.InvalidArgument, match="a pandas Series is one column: give a DataFrame"):
        client.write("all", pd.Series([1]))
    with pytest.raises(hw.InvalidArgument, match="row 1: int is no dict"):
        client.write("all", [{"id": 1}, 2])
    for value in (1, "abc"):
        with pytest.raises(hw.InvalidArgument, match=r"column 'id': .* is one value: give a list"):
            client.write("all", {"id": value})
    with pytest.raises(hw.InvalidArgument, match="column 'id': an array of 3 dimensions"):
        client.write("all", {"id": np.zeros((1, 1, 1))})


def test_columns_are_known_and_needed_ones_are_there(client):
    row = {"id": 1, "time": NOON}
    with pytest.raises(hw.InvalidArgument, match=r"^column 'temp': 'all@1' has no .*id, time, bool"):
        client.write("all", [{**row, "temp": 1}])
    for name, role in (("id", "key"), ("time", "event time")):
        with pytest.raises(hw.InvalidArgument, match=f"^column '{name}': is missing: 'all@1' needs it as {role}"):
            client.write("all", [{other: cell for other, cell in row.items() if other != name}])
    with pytest.raises(hw.InvalidArgument, match=r"'all@1' has no .*column .*that a delete takes"):
        client.delete("all", [{"id": 1, "int64": 1}])
    for name in row:
        with pytest.raises(hw.InvalidArgument, match=f"row 1, column {name}"):
            client.write("all", [row, {**row, name: None}])


def test_columns_have_one_length_and_one_name(client):
    with pytest.raises(hw.InvalidArgument, match="columns of different lengths: id: 2, time: 1"):
        client.write("all", {"id": [1, 2], "time": [NOON]})
    once = pa.table({"id": [1], "time": [NOON], "int64": [1]})
    twice = once.append_column("int64", pa.array([2]))
    frame = pd.concat([once.to_pandas(), once.to_pandas()], axis=1)
    for data in (twice, twice.to_batches()[0], twice.to_reader(), frame):
        with pytest.raises(hw.InvalidArgument, match=r"column '(int64|id)' comes twice"):
            client.write("all", data)


def test_no_rows_are_no_write_and_no_columns_are_an_error(client):
    for data in ({}, pa.table({}), pd.DataFrame(), pl.DataFrame()):
        with pytest.raises(hw.InvalidArgument, match="the table is empty"):
            client.write("all", data)
    before = client.status()["online"]["last_position"]
    empty = pa.table({"id": pa.array([], pa.int64()), "time": pa.array([], pa.timestamp("us"))})
    texts = empty.set_column(1, "time", pa.array([], pa.string()))
    tables = [[], iter([]), empty, texts, empty.to_pandas(), pl.DataFrame(empty), {"id": [], "time": []}, empty.to_reader()]
    for data in tables:
        written = client.write("all", data)
        assert (written, written.rows) == (before, 0)
    for data in (empty.select(["id"]), {"id": [], "time": []}):
        assert client.delete("all", data) == before
    assert client.write({"all": empty}) == before
    assert client.status()["online"]["last_position"] == before


def test_columns_and_types_of_no_rows_are_checked_all_the_same(client):
    empty = pa.table({"id": pa.array([], pa.int64()), "time": pa.array([], pa.timestamp("us"))})
    texts = empty.append_column("int64", pa.array([], pa.string()))
    for data in (texts, texts.to_pandas(types_mapper=pd.ArrowDtype), pl.DataFrame(texts)):
        with pytest.raises(hw.InvalidArgument, match=r"column 'int64': holds .*string.* where the type is int64"):
            client.write("all", data)
        with pytest.raises(hw.InvalidArgument, match=r"column 'int64': holds .*string.* where the type is int64"):
            client.write({"all": data})
    with pytest.raises(hw.InvalidArgument, match="'temp': 'all@1' has no such column"):
        client.write("all", empty.append_column("temp", pa.array([], pa.string())))
    with pytest.raises(hw.InvalidArgument, match="column 'time': is missing"):
        client.write("all", empty.select(["id"]))


def test_a_group_is_proposed_for_every_type(client):
    made = pa.table({"id": [1], "time": [NOON], **{name: pa.nulls(1, FeatureType.parse(type).arrow) for name, type in FEATURES.items()}})
    for data in (made, pl.DataFrame(made)):
        group = hw.infer_group(data, name="proposed", keys="id", event_time="time")
        assert {feature.name: feature.type for feature in group.features} == FEATURES
    with pytest.raises(hw.InvalidArgument, match="column 'deep'"):
        hw.infer_group({"id": [1], "deep": [[[1]]]}, name="proposed", keys="id")
