"""Parquet as NDJSON: columns that are wanted converted as the client converts them, others spelt as they stand."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.kinds import is_list
from .._columns.types import FeatureType
from ..errors import InvalidArgument
from .encodings import is_encoded, plain
from .extensions import advice
from .files import read_parquet
from .rows import Rows
from .rules import Misfit, Rules


@dataclass
class Wanted:
    """What a command reads of a table."""

    types: Mapping[str, FeatureType]
    # Columns that must be there.
    required: Collection[str]
    # Whether there may be further columns.
    has_others: bool

    def check(self, names: list[str]) -> None:
        """Refuses a table that lacks a column, or has one too many.

        Raises:
            InvalidArgument: names the column, and those that there are.
        """
        missing = [name for name in self.required if name not in names]
        if missing:
            other = next((name for name in names if name.casefold() == missing[0].casefold()), None)
            hint = "" if other is None else f"; '{other}' differs only in case"
            raise InvalidArgument(f"missing column {', '.join(missing)}; the file has {', '.join(names) or 'none'}{hint}")
        unknown = [name for name in names if name not in self.types]
        if unknown and not self.has_others:
            raise InvalidArgument(f"unknown column '{unknown[0]}'; the columns are {', '.join(self.types)}")


def lines_of(path: str, wanted: Wanted, time_unit: str | None) -> Iterator[bytes]:
    """The rows of a Parquet file, one object a line, in pieces.

    Raises:
        InvalidArgument: names row and column of a cell that does not fit.
    """
    rules = Rules(time_unit)
    for rows in read_parquet(Path(path)):
        if rows.first_row == 1:
            wanted.check(rows.names)
        yield lines(rows, wanted.types, rules)


def lines(rows: Rows, types: Mapping[str, FeatureType], rules: Rules) -> bytes:
    """Rows as objects, one a line.

    Raises:
        InvalidArgument: names row and column of a cell that does not fit.
    """
    if not rows.columns:
        return b"{}\n" * rows.count
    columns = []
    for name in rows.names:
        head = json.dumps(name, ensure_ascii=False) + ":"
        columns.append([head + cell for cell in _cells(rows, name, types.get(name), rules)])
    return "".join(["{" + ",".join(cells) + "}\n" for cells in zip(*columns, strict=True)]).encode()


def _cells(rows: Rows, name: str, type: FeatureType | None, rules: Rules) -> list[str]:
    array = rows.held(name) if type is None else rows.column(name, type, rules)
    try:
        return spelt(array)
    except Misfit as misfit:
        raise misfit.placed(name, rows.first_row) from None


def spelt(array: pa.Array) -> list[str]:
    """Cells as JSON, in the one form of their type.

    Raises:
        Misfit: for a type that has none.
    """
    while is_encoded(array.type):
        array = plain(array)
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        raise Misfit(None, f"holds {kind.extension_name}, which is not what it is stored as: {advice(kind)}")
    types = pa.types
    if is_list(kind):
        return _lists(array)
    if types.is_timestamp(kind):
        return _times(array)
    if types.is_date(kind):
        return _dates(array)
    one = _speller(kind)
    return ["null" if cell is None else one(cell) for cell in array.to_pylist()]


def _speller(kind: pa.DataType) -> Callable[[Any], str]:
    types = pa.types
    if types.is_boolean(kind):
        return lambda cell: "true" if cell else "false"
    if types.is_integer(kind) or types.is_decimal(kind) or types.is_null(kind):
        return str
    if types.is_float64(kind):
        return lambda cell: repr(cell) if np.isfinite(cell) else _odd_float(cell)
    if types.is_floating(kind):
        return lambda cell: str(np.float32(cell)) if np.isfinite(cell) else _odd_float(cell)
    if types.is_string(kind) or types.is_large_string(kind):
        return lambda cell: json.dumps(cell, ensure_ascii=False)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return lambda cell: json.dumps(base64.b64encode(cell).decode())
    raise Misfit(None, f"is {kind}, and there is no such type here: convert it, or leave it out")


def _odd_float(cell: float) -> str:
    return '"NaN"' if np.isnan(cell) else '"Infinity"' if cell > 0 else '"-Infinity"'


def _lists(array: pa.Array) -> list[str]:
    elements = spelt(array.flatten())
    texts: list[str] = []
    start = 0
    for length in pc.list_value_length(array).to_pylist() if not pa.types.is_fixed_size_list(array.type) else _fixed_lengths(array):
        if length is None:
            texts.append("null")
        else:
            texts.append("[" + ",".join(elements[start : start + length]) + "]")
            start += length
    return texts


def _fixed_lengths(array: pa.Array) -> list[int | None]:
    return [array.type.list_size if is_valid else None for is_valid in array.is_valid().to_pylist()]


def _times(array: pa.Array) -> list[str]:
    """RFC 3339 with six digits, of nanoseconds nine; whole microseconds outside the years 0 to 9999."""
    unit = array.type.unit
    numbers = np.asarray(pc.fill_null(array.cast(pa.int64()), 0))
    times = numbers.astype(f"M8[{unit}]")
    years = times.astype("M8[Y]").astype(np.int64) + 1970
    has_text = (years >= 0) & (years <= 9999)
    texts = np.datetime_as_string(np.where(has_text, times, np.datetime64(0, unit)), "ns" if unit == "ns" else "us").tolist()
    scale = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}[unit]
    cells = [
        f'"{text}Z"' if is_text else str(number * scale)
        for text, is_text, number in zip(texts, has_text.tolist(), numbers.tolist(), strict=True)
    ]
    return _with_nulls(cells, array)


def _dates(array: pa.Array) -> list[str]:
    days = np.asarray(pc.fill_null(array.cast(pa.date32()).cast(pa.int32()), 0)).astype("M8[D]")
    years = days.astype("M8[Y]").astype(np.int64) + 1970
    outside = np.flatnonzero((years < 0) | (years > 9999))
    if len(outside):
        raise Misfit(int(outside[0]), f"the date {days[outside[0]]} lies outside the years 0 to 9999")
    return _with_nulls([f'"{text}"' for text in np.datetime_as_string(days).tolist()], array)


def _with_nulls(cells: list[str], array: pa.Array) -> list[str]:
    if not array.null_count:
        return cells
    return [cell if is_valid else "null" for cell, is_valid in zip(cells, array.is_valid().to_pylist(), strict=True)]
