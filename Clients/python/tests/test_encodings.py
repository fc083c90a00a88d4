"""Columns of every encoding and extension type: read back as what they mean, or refused by name."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

from .conftest import Server
from .support import all_types, assert_written, edge_table

MOMENT = "2026-01-05"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "encodings") as connected:
        all_types(connected)
        yield connected


_keys = itertools.count(step=1000)


def written(client: hw.Client, name: str, column: Any) -> list[Any]:
    keys = np.arange(len(column)) + next(_keys)
    position = client.write("all", {"id": keys, "time": [MOMENT] * len(keys), name: column})
    return client.get_online_features(f"all:{name}", {"id": keys}, min_position=position).to_dict()[name]


def runs(array: pa.Array) -> pa.Array:
    """Every cell a run of its own, beside cells that a slice cuts off."""
    ends = np.arange(1, len(array) + 1)
    made = pa.RunEndEncodedArray.from_arrays(pa.array(ends, pa.int32()), array)
    return pa.concat_arrays([made, made]).slice(len(array))


def views(array: pa.Array, large: bool = False) -> pa.Array:
    """Lists as views, their elements in reverse order."""
    cells = array.to_pylist()
    elements, offsets, sizes = [], [], []
    for cell in reversed(cells):
        offsets.append(len(elements))
        sizes.append(len(cell or []))
        elements += cell or []
    integer = pa.int64() if large else pa.int32()
    kind = pa.LargeListViewArray if large else pa.ListViewArray
    mask = pa.array([cell is None for cell in cells])
    values = pa.array(elements, array.type.value_type)
    return kind.from_arrays(pa.array(offsets[::-1], integer), pa.array(sizes[::-1], integer), values, mask=mask)


def is_list(type: pa.DataType) -> bool:
    return pa.types.is_list(type)


ENCODINGS = {
    "runs": runs,
    "dictionary": lambda array: array if pa.types.is_nested(array.type) else array.dictionary_encode(),
    "runs of dictionaries": lambda array: array if pa.types.is_nested(array.type) else runs(array.dictionary_encode()),
    "list views": lambda array: views(array) if is_list(array.type) else array,
    "large list views": lambda array: views(array, True) if is_list(array.type) else array,
    "runs of list views": lambda array: runs(views(array)) if is_list(array.type) else array,
    "string and binary views": lambda array: array.cast(
        {pa.string(): pa.string_view(), pa.binary(): pa.binary_view()}.get(array.type, array.type)
    ),
    "runs of views": lambda array: runs(array.cast({pa.string(): pa.string_view()}.get(array.type, array.type))),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_type_is_read_back_from_every_encoding(client, name):
    made = edge_table(next(_keys))
    columns = {field.name: column.combine_chunks() for field, column in zip(made.schema, made.columns, strict=True)}
    encoded = pa.table({column: ENCODINGS[name](array) for column, array in columns.items()})
    assert_written(client, made, client.write("all", encoded))
    again = edge_table(next(_keys))
    moved = pa.table({**dict(zip(encoded.schema.names, encoded.columns, strict=True)), "id": again["id"]})
    cut = pa.concat_tables([moved.slice(0, 5), moved.slice(5)])
    assert_written(client, again, client.write("all", cut))


@pytest.mark.parametrize(
    ("name", "column", "wanted"),
    [
        ("array_int32", pa.array([[1, 2], [3, None]], pa.list_(pa.int64(), 2)), [[1, 2], [3, None]]),
        ("array_float64", pa.array([[1.5, 2], None], pa.list_(pa.float32(), 2)), [[1.5, 2], None]),
        ("vector_3", views(pa.array([[1.0, 2, 3], None])), [[1, 2, 3], None]),
        ("vector_3", runs(pa.array([[1.0, 2, 3], None], pa.large_list(pa.float64()))), [[1, 2, 3], None]),
        ("array_string", pa.array([["a", None], None], pa.list_(pa.string_view())), [["a", None], None]),
        ("array_string", views(pa.array([["a"], None])), [["a"], None]),
        ("array_bytes", pa.array([[b"a", None], None], pa.large_list_view(pa.binary_view())), [[b"a", None], None]),
        ("array_string", pa.ListArray.from_arrays(pa.array([0, 2]), pa.array(["a", "a"]).dictionary_encode()), [["a", "a"]]),
        ("array_int64", pa.ListArray.from_arrays(pa.array([0, 1, 3]), runs(pa.array([7, None, 9]))), [[7], [None, 9]]),
        ("float64", runs(pa.array([1, None], pa.int32())), [1, None]),
        ("timestamp", runs(pa.array(["2026-01-05", None])), [pd.Timestamp("2026-01-05", tz="UTC"), None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_encodings_of_other_types_are_taken_as_their_cells(client, name, column, wanted):
    assert written(client, name, column) == wanted


def test_keys_and_spines_may_be_encoded(client, tmp_path):
    first = next(_keys)
    position = client.write("all", {"id": runs(pa.array([first])), "time": runs(pa.array([MOMENT])), "int64": [7]})
    got = client.get_online_features("all:int64", {"id": runs(pa.array([first, None]))}, min_position=position)
    assert got.to_dict()["int64"] == [7, None]
    spine = pa.table({"id": runs(pa.array([first])), "event_time": runs(pa.array(["2026-02-01"])), "label": views(pa.array([["a"]]))})
    joined = client.get_historical_features(spine, "all:int64", min_position=position)
    assert joined.to_dict()["int64"] == [7] and joined.to_dict()["label"] == [["a"]]
    assert joined.to_polars()["label"].to_list() == [["a"]] and joined.to_parquet(tmp_path / "joined.parquet") == 1
    assert pq.read_table(tmp_path / "joined.parquet")["id"].to_pylist() == [first]
    assert client.scan("all", keys={"id": runs(pa.array([first]))}).to_arrow().num_rows == 1


@pytest.mark.parametrize("seed", range(3))
def test_random_runs_and_views_are_their_cells(client, seed):
    chance = random.Random(seed)
    cells = [chance.choice([None, [], [chance.choice([None, "a", "b"]) for _ in range(chance.randint(1, 3))]]) for _ in range(200)]
    array = pa.array(cells, pa.list_(pa.string()))
    lengths = [chance.randint(1, 4) for _ in cells]
    repeated = [cell for cell, length in zip(cells, lengths, strict=True) for _ in range(length)]
    made = pa.RunEndEncodedArray.from_arrays(pa.array(np.cumsum(lengths), pa.int32()), array)
    start = chance.randint(0, 50)
    assert written(client, "array_string", made.slice(start)) == repeated[start:], f"seed {seed}"
    assert written(client, "array_string", views(array).slice(start)) == cells[start:], f"seed {seed}"


class Celsius(pa.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pa.float64(), "test.celsius")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> Celsius:
        return cls()


PERIODS = pd.Series(pd.period_range("2024-01", "2024-02", freq="M"))
INTERVALS = pd.Series(pd.interval_range(0, 2))
REFUSED = [
    ("int64", PERIODS, r"holds pandas.period where the type is int64: .*to_timestamp"),
    ("timestamp", PERIODS, r"holds pandas.period where the type is timestamp: .*to_timestamp"),
    ("int64", PERIODS.astype("category"), "holds pandas.period"),
    ("int64", pa.array(PERIODS), "holds pandas.period"),
    ("float64", INTERVALS, "holds pandas.interval where the type is float64: .*two columns"),
    ("string", pd.cut(pd.Series([1, 2]), 2), "holds pandas.interval"),
    ("int64", pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 2], pa.int8())), "holds arrow.bool8 where .* int64: it fits bool"),
    ("int64", pa.array([uuid.UUID(int=1)] * 2, pa.uuid()), "holds arrow.uuid where the type is int64: it fits string"),
    ("array_int64", pa.array(["[1]"] * 2, pa.json_()), r"holds arrow.json where the type is array\(int64\): it fits string"),
    ("int64", pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "geometry", "postgis"), pa.array([1, 2])), "holds arrow.opaque"),
    ("float64", pa.ExtensionArray.from_storage(Celsius(), pa.array([1.5, 2])), "holds test.celsius where the type is float64: .*storage"),
    (
        "array_float32",
        pa.FixedShapeTensorArray.from_numpy_ndarray(np.zeros((2, 2, 2), "float32")),
        "holds arrow.fixed_shape_tensor .*one dimension",
    ),
    ("string", pd.Series([pd.Period("2024-01", "M"), None], dtype=object), "is of Period, which no type of a column holds"),
    ("string", [pd.Interval(0, 1), None], "is of Interval, which no type of a column holds"),
    ("int64", pd.Series(pd.to_timedelta([1, 2])), r"holds duration\[.*\] where the type is int64"),
    ("bytes", pl.Series([object(), object()], dtype=pl.Object), "is of object, which no type of a column holds"),
    ("int64", pl.Series([2**70, 1], dtype=pl.Int128), "row 0, column 'int64': .* does not fit int64"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "column", "message"), REFUSED, ids=[row[2][:40] for row in REFUSED])
def test_a_type_whose_storage_is_not_its_meaning_is_refused_by_name(client, name, column, message):
    before = client.status().position
    with pytest.raises(hw.InvalidArgument, match=message):
        written(client, name, column)
    assert client.status().position == before


def test_extension_types_that_a_feature_has_are_converted_rightly(client):
    ids = [uuid.UUID(int=5), None]
    assert written(client, "string", ids) == [str(ids[0]), None]
    assert written(client, "bytes", pa.array(ids, pa.uuid())) == [ids[0].bytes, None]
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 2]), pa.array(ids, pa.uuid()))
    assert written(client, "array_string", lists) == [[str(ids[0]), None], []]
    with pytest.raises(hw.InvalidArgument, match="row 0, column 'array_string': .* is of list of UUID, which no type of a column holds"):
        written(client, "array_string", [ids])
    assert written(client, "string", pa.array(['{"a":1}', None], pa.json_())) == ['{"a":1}', None]
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, -7, None], pa.int8()))
    assert written(client, "bool", flags) == [False, True, True, None]
    tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(6, dtype="float32").reshape(2, 3))
    assert written(client, "vector_3", tensors) == written(client, "array_float64", tensors) == [[0, 1, 2], [3, 4, 5]]
    assert written(client, "int64", pl.Series([5, None], dtype=pl.Int128)) == [5, None]
    assert written(client, "string", pl.Series(["a", None], dtype=pl.Object)) == ["a", None]


def test_a_type_that_this_process_does_not_know_is_refused_by_its_name_in_the_schema(client, tmp_path):
    field = pa.field("int64", pa.int64(), metadata={b"ARROW:extension:name": b"pandas.period", b"ARROW:extension:metadata": b"{}"})
    schema = pa.schema([pa.field("id", pa.int64()), pa.field("time", pa.string()), field])
    table = pa.table([pa.array([1]), pa.array([MOMENT]), pa.array([648])], schema=schema)
    pq.write_table(table, tmp_path / "p.parquet")
    for data in (table, table.to_batches()[0], table.to_reader()):
        with pytest.raises(hw.InvalidArgument, match="column 'int64': holds pandas.period where the type is int64"):
            client.write("all", data)
    other = table.cast(pa.schema([*[schema.field(0), schema.field(1)], field.with_metadata({b"ARROW:extension:name": b"geo.point"})]))
    pq.write_table(other, tmp_path / "g.parquet")
    with pytest.raises(hw.InvalidArgument, match="holds geo.point"):
        client.write("all", tmp_path / "g.parquet")
    spine = other.rename_columns(["id", "event_time", "point"])
    assert client.get_historical_features(spine, "all:int64").to_arrow()["point"].type == pa.int64()


def test_elements_of_lists_of_a_type_that_this_process_does_not_know_are_refused_by_its_name(client, tmp_path):
    period = pa.field("item", pa.int64(), metadata={b"ARROW:extension:name": b"geo.period", b"ARROW:extension:metadata": b"{}"})
    cells = [[648], [649, None]]
    for kind in (pa.list_(period), pa.large_list(period), pa.list_(period.with_name("element"))):
        column = pa.array(cells, pa.list_(pa.int64())).cast(kind)
        table = pa.table({"id": [1, 2], "time": [MOMENT] * 2, "array_int64": column})
        pq.write_table(table, tmp_path / "p.parquet")
        for data in (table, tmp_path / "p.parquet", table.to_reader()):
            with pytest.raises(hw.InvalidArgument, match=r"column 'array_int64': holds geo.period where the type is array\(int64\)"):
                client.write("all", data)
        # A spine keeps its columns as they are.
        spine = table.rename_columns(["id", "event_time", "periods"])
        assert client.get_historical_features(spine, "all:int64").to_arrow()["periods"].to_pylist() == cells
    flat = pa.field("p", pa.int64(), metadata=period.metadata)
    proposals = pa.table(
        [pa.array([1]), pa.array([648]), pa.array([[648]])], schema=pa.schema([("id", pa.int64()), flat, ("q", pa.list_(period))])
    )
    pq.write_table(proposals, tmp_path / "q.parquet")
    for data in (proposals, tmp_path / "q.parquet"):
        with pytest.raises(hw.InvalidArgument, match=r"column 'p': geo.period is no type .*column 'q': geo.period is no type"):
            hw.infer_group(data, name="g", keys="id")


def test_a_group_is_proposed_for_encodings_and_extension_types():
    data = pa.table(
        {
            "id": runs(pa.array([1])), "a": views(pa.array([["x"]])), "b": pa.array(["x"], pa.string_view()),
            "c": pa.array([uuid.UUID(int=1)]),
            "d": pa.array(["{}"], pa.json_()), "e": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8())),
            "f": pa.FixedShapeTensorArray.from_numpy_ndarray(np.zeros((1, 3), "float32")), "g": pa.array(["x"]).dictionary_encode(),
        }
    )  # fmt: skip
    types = {feature.name: feature.type for feature in hw.infer_group(data, name="g", keys="id").features}
    assert types == {"a": "array(string)", "b": "string", "c": "string", "d": "string", "e": "bool", "f": "vector(3)", "g": "string"}
    for column in (PERIODS, INTERVALS):
        with pytest.raises(hw.InvalidArgument, match=r"column 'p': pandas\.(period|interval) is no type of a feature"):
            hw.infer_group(pd.DataFrame({"id": [1, 2], "p": column}), name="g", keys="id")


def dictionary(indices: list[Any], values: list[Any], ordered: bool = False) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(values), ordered=ordered)


# Chunks, and their cells.
DICTIONARIES = [
    ([dictionary([0, 1, None], ["a", None]), dictionary([1, 0], ["b", "c"])], ["a", None, None, "c", "b"]),
    ([dictionary([0, 1, 2], ["a", "a", "b"])], ["a", "a", "b"]),
    ([dictionary([0, 1, 2], ["a", "a", None]), dictionary([2, 1, 0], [None, "a", None])], ["a", "a", None, None, "a", None]),
    ([dictionary(list(range(100)), [f"{shift + n}" for n in range(100)]) for shift in (0, 100)], [str(n) for n in range(200)]),
    ([dictionary([], []), dictionary([0], [None])], [None]),
]


@pytest.mark.parametrize(("chunks", "cells"), DICTIONARIES, ids=["nulls", "doubles", "both", "many", "none"])
def test_dictionaries_of_any_values_and_chunks_are_their_cells(client, tmp_path, chunks, cells):
    column = pa.chunked_array([chunk.cast(pa.dictionary(pa.int8(), pa.string())) for chunk in chunks])
    assert written(client, "string", column) == cells
    lists = pa.chunked_array([pa.ListArray.from_arrays(pa.array(range(len(chunk) + 1), pa.int32()), chunk) for chunk in column.chunks])
    assert written(client, "array_string", lists) == [[cell] for cell in cells]
    spine = pa.table({"id": range(len(cells)), "event_time": [MOMENT] * len(cells), "label": column})
    history = client.get_historical_features(spine, "all:int64")
    assert history.to_arrow()["label"].to_pylist() == cells
    assert [cell if isinstance(cell, str) else None for cell in history.to_pandas()["label"].tolist()] == cells
    assert history.to_dict()["label"] == cells and history.to_polars()["label"].to_list() == cells
    assert [cell for part in history.batches() for cell in part["label"].to_pylist()] == cells
    assert history.to_parquet(tmp_path / "out.parquet") == len(cells)
    assert pq.read_table(tmp_path / "out.parquet")["label"].to_pylist() == cells
    name = f"d{next(_keys)}"
    dataset = history.save(name)
    assert dataset.verify(spine, against=history.to_pandas()) and dataset.verify(spine.set_column(2, "label", pa.array(cells, pa.string())))


@pytest.mark.parametrize("values", [["low", "mid", "high"], ["low", "mid", "high", "low"], ["low", None, "mid", "high"]])
def test_an_ordered_dictionary_stays_ordered(client, values):
    column = dictionary([0, values.index("high"), None, values.index("mid")], values, ordered=True)
    spine = pa.table({"id": range(4), "event_time": [MOMENT] * 4, "label": column})
    made = client.get_historical_features(spine, "all:int64").to_pandas()["label"]
    assert made.cat.ordered and list(made.cat.categories) == ["low", "mid", "high"] and made.max() == "high" and made.min() == "low"
    assert (
        not client.get_historical_features(spine.set_column(2, "label", dictionary([0] * 4, ["a"])), "all:int64")
        .to_pandas()["label"]
        .cat.ordered
    )
