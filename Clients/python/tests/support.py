"""Tables of all types, and how they are compared: bit for bit."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

import headwater as hw
from headwater._columns.types import FeatureType

SCALARS = ["bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp"]
ARRAYS = [f"array({name})" for name in SCALARS]
TYPES = [*SCALARS, *ARRAYS, "vector(3)"]
# Each type has a feature called as it.
FEATURES = {name.replace("(", "_").replace(")", ""): name for name in TYPES}
EVENT_TIME = 1_577_836_800_000_000

# Composed and decomposed é are two texts; NUL and what stands outside the basic plane are characters.
TEXTS = ["", "plain", "é", "e\u0301", "\0", "a\0b", "😀 and 👩‍👩‍👧", '"quoted", with a comma\r\nand a line', "\U0010ffff", "null", "NaN"]
NAN = float("nan")
INFINITY = float("inf")
FLOATS = [0.0, -0.0, NAN, INFINITY, -INFINITY, 1.5, -1e-3, 5e-324, 1.7976931348623157e308, 0.1]
FLOATS_32 = [0.0, -0.0, NAN, INFINITY, -INFINITY, 1.5, 2.0**-149, 3.4028234663852886e38, struct.unpack("<f", struct.pack("<f", 0.1))[0]]

# What is at the edge of each type; times are whole microseconds, as cells of Arrow's int64.
EDGES: dict[str, list[Any]] = {
    "bool": [True, False],
    "int32": [0, -1, 2**31 - 1, -(2**31)],
    "int64": [0, -1, 2**63 - 1, -(2**63), 2**53 + 1],
    "float32": FLOATS_32,
    "float64": FLOATS,
    "string": TEXTS,
    "bytes": [b"", b"\0", b"\xff\xfe", bytes(range(256))],
    "timestamp": [0, -1, 1_600_000_000_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999],
}


def edges(type: str) -> list[Any]:
    """Cells of a type that are likely to go wrong, null among them."""
    if type.startswith("array("):
        of = EDGES[type[6:-1]]
        return [None, [], [None], list(of), [None, of[0], None], [of[-1]]]
    if type.startswith("vector("):
        return [None, [0.0, -0.0, NAN], [INFINITY, -INFINITY, 1.5], [FLOATS_32[-1], FLOATS_32[-2], FLOATS_32[-3]]]
    return [None, *EDGES[type]]


def array(cells: Sequence[Any], type: str) -> pa.Array:
    """Cells as a column of the type's Arrow type; times are whole microseconds."""
    arrow = FeatureType.parse(type).arrow
    if "timestamp" not in type:
        return pa.array(cells, arrow)
    return pa.array(cells, pa.list_(pa.int64()) if type.startswith("array") else pa.int64()).cast(arrow)


def table(columns: Mapping[str, Sequence[Any]], first_key: int = 0) -> pa.Table:
    """Rows of the group `all`, keys counted from `first_key`."""
    rows = len(next(iter(columns.values())))
    made = {"id": pa.array(range(first_key, first_key + rows), pa.int64()), "time": array([EVENT_TIME] * rows, "timestamp")}
    return pa.table({**made, **{name: array(cells, FEATURES[name]) for name, cells in columns.items()}})


def edge_table(first_key: int = 0, rows: int = 13) -> pa.Table:
    """Every edge of every type, in a table of some rows."""
    return table({name: [edges(type)[row % len(edges(type))] for row in range(rows)] for name, type in FEATURES.items()}, first_key)


def exact(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The cells of a column: floats as their bits, times as microseconds."""
    if isinstance(column, pa.ChunkedArray):
        return [cell for chunk in column.chunks for cell in exact(chunk)]
    type = column.type
    if pa.types.is_list(type) or pa.types.is_fixed_size_list(type):
        elements = iter(exact(column.flatten()))
        lengths = [len(cell) if cell.is_valid else None for cell in column]
        return [None if length is None else [next(elements) for _ in range(length)] for length in lengths]
    if pa.types.is_floating(type):
        cells = np.asarray(column.fill_null(0)).view(f"<u{type.bit_width // 8}").tolist()
        return [cell if valid.as_py() else None for cell, valid in zip(cells, column.is_valid(), strict=True)]
    return (column.cast(pa.int64()) if pa.types.is_timestamp(type) else column).to_pylist()


def one_nan(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A column whose NaNs are the one that texts and Python have."""
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([one_nan(chunk) for chunk in column.chunks], column.type)
    type = column.type
    mask = pa.array(~np.asarray(column.is_valid())) if column.null_count else None
    if pa.types.is_fixed_size_list(type):
        return pa.FixedSizeListArray.from_arrays(one_nan(column.values), type.list_size, mask=mask)
    if pa.types.is_list(type) and pa.types.is_floating(type.value_type):
        return pa.ListArray.from_arrays(column.offsets, one_nan(column.values), mask=mask)
    if not pa.types.is_floating(type):
        return column
    values = np.array(column.fill_null(0))
    values[np.isnan(values)] = np.nan
    return pa.array(values, type, mask=None if mask is None else np.asarray(mask))


def assert_same(found: pa.Table, wanted: pa.Table, *, payloads: bool = True) -> None:
    """All columns of `wanted` are in `found`, of the same types and the same bits; of NaN only where `payloads` count."""
    for name in wanted.schema.names:
        assert found.schema.field(name).type == wanted.schema.field(name).type, name
        cells = found[name] if payloads else one_nan(found[name].combine_chunks())
        assert exact(cells) == exact(wanted[name]), name


def all_types(client: hw.Client) -> None:
    """Applies the group `all`, which has every type."""
    client.apply([hw.FeatureGroup("all", hw.Entity("thing", {"id": "int64"}), FEATURES, event_time="time")])


def read_back(client: hw.Client, wanted: pa.Table, position: int) -> dict[str, pa.Table]:
    """The rows of a table's keys as each path reads them."""
    features = [f"all:{name}" for name in FEATURES]
    keys = {"id": wanted["id"]}
    spine = pa.table({**keys, "event_time": wanted["time"]})
    return {
        "get": client.get_online_features(features, keys, min_position=position).to_arrow(),
        "scan": client.scan("all", keys=keys, min_position=position).to_arrow(),
        "history": client.get_historical_features(spine, features, min_position=position).to_arrow(),
    }


def assert_written(client: hw.Client, wanted: pa.Table, position: int, *, payloads: bool = True) -> None:
    """Every path gives the rows of a table, in the order of its keys; a feature that it does not have is null."""
    for found in read_back(client, wanted, position).values():
        assert found.num_rows == wanted.num_rows
        assert_same(found, wanted.drop_columns(["time"]), payloads=payloads)
        for name in FEATURES.keys() - set(wanted.schema.names):
            assert found[name].null_count == wanted.num_rows, name
