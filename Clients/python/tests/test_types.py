"""Every type, from every container, is read back bit for bit on every path."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import headwater as hw

from .conftest import Server
from .support import EDGES, FEATURES, SCALARS, all_types, array, assert_same, assert_written, edge_table, one_nan, table

Into = Callable[[pa.Table, Path], Any]


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    """All tests write into one group; their keys tell them apart."""
    with hw.connect(server.address, "types") as connected:
        all_types(connected)
        yield connected


_next_key = 0


def keys(rows: int) -> int:
    """The first of some keys that no other table has."""
    global _next_key
    _next_key += rows
    return _next_key - rows


def reshaped(made: pa.Table, change: Callable[[pa.Array], pa.Array]) -> pa.Table:
    """The columns as arrays of other types that hold the same."""
    columns = zip(made.schema.names, made.combine_chunks().columns, strict=True)
    return pa.table({name: change(column.combine_chunks()) for name, column in columns})


def large_type(type: pa.DataType) -> pa.DataType:
    if pa.types.is_list(type):
        return pa.large_list(large_type(type.value_type))
    return {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}.get(type, type)


def large(made: pa.Table, _: Path) -> pa.Table:
    return reshaped(made, lambda array: array.cast(large_type(array.type)))


def view(array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type):
        sizes = array.value_lengths().fill_null(0)
        mask = pa.array([not valid.as_py() for valid in array.is_valid()])
        return pa.ListViewArray.from_arrays(array.offsets.slice(0, len(array)), sizes, view(array.values), mask=mask)
    return array.cast({pa.string(): pa.string_view(), pa.binary(): pa.binary_view()}.get(array.type, array.type))


def views(made: pa.Table, _: Path) -> pa.Table:
    return reshaped(made, view)


def encoded_as_dictionary(made: pa.Table, _: Path) -> pa.Table:
    plain = [pa.types.is_nested(column.type) or pa.types.is_boolean(column.type) for column in made.columns]
    columns = [column if is_plain else column.dictionary_encode() for column, is_plain in zip(made.columns, plain, strict=True)]
    return pa.table(dict(zip(made.schema.names, columns, strict=True)))


def whole(made: pa.Table, _: Path) -> pa.Table:
    return made


def chunked(made: pa.Table, _: Path) -> pa.Table:
    """Chunks of one to three rows, each a slice, and an empty one."""
    parts = [made.slice(0, 0)]
    start = 0
    while start < made.num_rows:
        parts.append(made.slice(start, 1 + start % 3))
        start += 1 + start % 3
    return pa.concat_tables(parts)


def sliced(made: pa.Table, _: Path) -> pa.Table:
    """In the middle of a longer table."""
    around = edge_table(-100, 9).select(made.schema.names)
    return pa.concat_tables([around, made, around]).combine_chunks().slice(9, made.num_rows)


def record_batch(made: pa.Table, _: Path) -> pa.RecordBatch:
    return made.combine_chunks().to_batches()[0]


def reader(made: pa.Table, _: Path) -> pa.RecordBatchReader:
    return made.to_reader(max_chunksize=3)


def pandas_of_arrow(made: pa.Table, _: Path) -> pd.DataFrame:
    return made.to_pandas(types_mapper=pd.ArrowDtype)


def polars_frame(made: pa.Table, _: Path) -> pl.DataFrame:
    return pl.DataFrame(made)


def polars_lazy(made: pa.Table, _: Path) -> pl.LazyFrame:
    return pl.DataFrame(made).lazy()


def records(made: pa.Table, _: Path) -> list[dict[str, Any]]:
    return made.to_pylist()


def columns_of_lists(made: pa.Table, _: Path) -> dict[str, list[Any]]:
    return made.to_pydict()


def columns_of_arrow(made: pa.Table, _: Path) -> dict[str, Any]:
    return dict(zip(made.schema.names, made.columns, strict=True))


def parquet(made: pa.Table, folder: Path) -> Path:
    pq.write_table(made, folder / "t.parquet", row_group_size=4)
    return folder / "t.parquet"


def json_cell(cell: Any, type: pa.DataType) -> Any:
    """As docs/formats/tables.md spells it."""
    if cell is None:
        return None
    if pa.types.is_list(type) or pa.types.is_fixed_size_list(type):
        return [json_cell(element, type.value_type) for element in cell]
    if pa.types.is_floating(type) and not abs(cell) < float("inf"):
        return "NaN" if cell != cell else "Infinity" if cell > 0 else "-Infinity"
    if pa.types.is_binary(type):
        return base64.b64encode(cell).decode()
    return cell.isoformat() if pa.types.is_timestamp(type) else cell


def ndjson(made: pa.Table, folder: Path) -> Path:
    types = {field.name: field.type for field in made.schema}
    lines = [json.dumps({name: json_cell(cell, types[name]) for name, cell in row.items()}) for row in made.to_pylist()]
    (folder / "t.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "t.ndjson"


def csv_cell(cell: Any, type: pa.DataType) -> str:
    made = json_cell(cell, type)
    if made is None:
        return ""
    if isinstance(made, list):
        made = json.dumps(made)
    if isinstance(made, bool):
        made = "true" if made else "false"
    text = made if isinstance(made, str) else repr(made)
    return '"' + text.replace('"', '""') + '"' if isinstance(made, str) and not pa.types.is_floating(type) else text


def csv(made: pa.Table, folder: Path) -> Path:
    lines = [",".join(made.schema.names)]
    for row in made.to_pylist():
        lines.append(",".join(csv_cell(cell, made.schema.field(name).type) for name, cell in row.items()))
    (folder / "t.csv").write_bytes(("\n".join(lines) + "\n").encode())
    return folder / "t.csv"


# What keeps the bits of a NaN, and what knows one NaN alone.
BINARY: list[Into] = [
    whole,
    record_batch,
    reader,
    chunked,
    sliced,
    large,
    views,
    encoded_as_dictionary,
    pandas_of_arrow,
    polars_frame,
    polars_lazy,
    columns_of_arrow,
    parquet,
]
OF_ONE_NAN: list[Into] = [records, columns_of_lists, ndjson, csv]


def without_payloads(made: pa.Table) -> pa.Table:
    return pa.table({name: one_nan(column) for name, column in zip(made.schema.names, made.columns, strict=True)})


@pytest.mark.parametrize("into", BINARY, ids=lambda into: into.__name__)
def test_the_edges_of_every_type_are_read_back_from_every_binary_container(client, into, tmp_path):
    made = edge_table(keys(13))
    assert_written(client, made, client.write("all", into(made, tmp_path)))


@pytest.mark.parametrize("into", OF_ONE_NAN, ids=lambda into: into.__name__)
def test_the_edges_of_every_type_are_read_back_from_text_and_from_objects(client, into, tmp_path):
    made = edge_table(keys(13))
    position = client.write("all", into(made, tmp_path))
    assert_written(client, without_payloads(made), position)


@pytest.mark.parametrize("name", FEATURES)
def test_a_type_alone_and_in_one_row_is_read_back(client, name):
    made = edge_table(keys(1), 1).select(["id", "time", name])
    assert_written(client, made, client.write("all", made))


def floats(width: int) -> st.SearchStrategy[float]:
    return st.floats(width=width, allow_nan=True, allow_infinity=True)


texts = st.one_of(st.sampled_from(EDGES["string"]), st.text(st.characters(exclude_categories=("Cs",)), max_size=12))
scalars: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": floats(32),
    "float64": floats(64),
    "string": texts,
    "bytes": st.binary(max_size=12),
    "timestamp": st.integers(-(2**63) + 1, 2**63 - 1),
}
cells = {name: st.none() | strategy for name, strategy in scalars.items()}
cells |= {f"array({name})": st.none() | st.lists(cells[name], max_size=4) for name in SCALARS}
cells["vector(3)"] = st.none() | st.lists(scalars["float32"], min_size=3, max_size=3)


@st.composite
def tables(draw: st.DrawFn, rows_max: int = 8, humane_times: bool = False) -> pa.Table:
    """Some rows of some of the features."""
    rows = draw(st.integers(1, rows_max))
    names = draw(st.lists(st.sampled_from(sorted(FEATURES)), min_size=1, max_size=6, unique=True))
    columns = {}
    for name in names:
        of = cells[FEATURES[name]]
        if humane_times and "timestamp" in FEATURES[name]:
            # That Python's datetime has: the years 1 to 9999.
            time = st.none() | st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
            of = time if FEATURES[name] == "timestamp" else st.none() | st.lists(time, max_size=4)
        columns[name] = draw(st.lists(of, min_size=rows, max_size=rows))
    return table(columns)


def with_keys(made: pa.Table) -> pa.Table:
    first = keys(made.num_rows)
    return made.set_column(0, "id", pa.array(range(first, first + made.num_rows), pa.int64()))


quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@given(made=tables(), into=st.sampled_from(BINARY))
@quick
def test_any_table_in_any_binary_container_is_read_back_bit_for_bit(client, tmp_path, made, into):
    made = with_keys(made)
    assert_written(client, made, client.write("all", into(made, tmp_path)))


@given(made=tables(humane_times=True), into=st.sampled_from(OF_ONE_NAN))
@quick
def test_any_table_as_text_or_objects_is_read_back(client, tmp_path, made, into):
    made = with_keys(made)
    position = client.write("all", into(made, tmp_path))
    # Objects may keep a NaN's bits, and text does not.
    assert_written(client, without_payloads(made), position, payloads=False)


def test_a_row_read_back_can_be_written_again(client):
    """What an answer gives is what a write takes."""
    made = edge_table(keys(13))
    position = client.write("all", made)
    first = client.scan("all", keys={"id": made["id"]}, min_position=position).to_arrow()
    again = edge_table(keys(13))
    rows = first.drop_columns(["id", "event_time", "ingest_time", "position", "row"])
    rows = rows.append_column("id", again["id"]).append_column("time", again["time"])
    assert_written(client, again, client.write("all", rows))


def test_keys_of_every_type_tell_their_rows_apart(client):
    of = {"i": "int32", "l": "int64", "s": "string", "b": "bytes", "t": "timestamp"}
    client.apply([hw.FeatureGroup("keyed", hw.Entity("keys", of), {"number": "int64"}, event_time="time")])
    count = 12
    made = {name: array([(EDGES[type] * count)[row] for row in range(count)], type) for name, type in of.items()}
    made["s"] = array([*EDGES["string"], "last"], "string")
    written = pa.table({**made, "time": array([0] * count, "timestamp"), "number": pa.array(range(count))})
    position = client.write("keyed", written)
    found = client.get_online_features(["keyed:number"], made, min_position=position).to_arrow()
    assert_same(found, written.drop_columns(["time"]))
    spine = written.rename_columns({"time": "event_time"}).drop_columns(["number"])
    assert_same(client.get_historical_features(spine, ["keyed:number"], min_position=position).to_arrow(), found)
    # A scan sorts by key, as the values do.
    scanned = client.scan("keyed", min_position=position).to_arrow()
    order = sorted(range(count), key=lambda row: tuple(_sortable(column[row]) for column in made.values()))
    assert scanned["number"].to_pylist() == order


def _sortable(cell: pa.Scalar) -> Any:
    if pa.types.is_timestamp(cell.type):
        return cell.value
    return cell.as_py().encode() if pa.types.is_string(cell.type) else cell.as_py()


def test_composed_and_decomposed_text_are_two_keys(client):
    client.apply([hw.FeatureGroup("named", hw.Entity("name", {"name": "string"}), {"number": "int64"})])
    names = ["é", "e\u0301", "", "\0", "\0\0"]
    position = client.write("named", {"name": names, "number": [1, 2, 3, 4, 5]})
    asked = ["e\u0301", "é", "\0\0", "\0", "", "e", None]
    found = client.get_online_features("named:number", {"name": asked}, min_position=position)
    assert found.to_dict()["number"] == [2, 1, 5, 4, 3, None, None]


def test_null_and_nan_stay_apart(client):
    first = keys(3)
    made = pa.table({"id": range(first, first + 3), "time": array([0] * 3, "timestamp"), "float64": [float("nan"), None, 0.0]})
    position = client.write("all", made)
    found = client.get_online_features(["all:float64"], {"id": made["id"]}, min_position=position)
    assert found.statuses == {"float64": [hw.Status.PRESENT, hw.Status.NULL_VALUE, hw.Status.PRESENT]}
    assert_same(found.to_arrow(), made.drop_columns(["time"]))


def test_the_first_and_last_event_times_are_read_back(client):
    first = keys(2)
    # The last that 64 bits of microseconds hold is 292,277 years ahead.
    ahead = "15250284w"
    client.apply([hw.FeatureGroup("far", hw.Entity("thing", {"id": "int64"}), {"number": "int64"}, event_time="time", ahead=ahead)])
    times = [-(2**63) + 1, 2**63 - 1]
    position = client.write("far", {"id": [first, first + 1], "time": array(times, "timestamp"), "number": [1, 2]})
    scanned = client.scan("far", min_position=position).to_arrow()
    assert scanned["event_time"].cast(pa.int64()).to_pylist() == times
    got = client.get_online_features("far:number", {"id": [first, first + 1]}, event_times=True)
    assert got.event_times["number"].astype("int64").tolist() == times
    assert got.to_dict()["number__event_time"] == [np.datetime64(time, "us") for time in times]
