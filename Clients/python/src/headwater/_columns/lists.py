"""Columns as lists of Python's objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa


def pylist(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """A column's cells as Python's objects; times as NumPy's where one is in no year from 1 to 9999, which is all that a datetime has."""
    try:
        listed: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        if pa.types.is_list(column.type):
            return [None if cell is None else pylist(cell) for cell in (scalar.values for scalar in column)]
        if not pa.types.is_timestamp(column.type):
            raise
        values = column.cast(pa.int64()).to_pylist()
        listed = [None if value is None else np.datetime64(value, column.type.unit) for value in values]
    return listed


def lists(table: pa.Table) -> dict[str, list[Any]]:
    """A table's columns as lists, missing values as None."""
    return {name: pylist(column) for name, column in zip(table.schema.names, table.columns, strict=True)}
