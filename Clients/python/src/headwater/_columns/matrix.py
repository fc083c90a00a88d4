"""Columns as NumPy has them, and all of them as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .types import FeatureType


class NumpyColumn(NamedTuple):
    """A column of shape (rows,), a vector's (rows, n)."""

    type: FeatureType
    # Of fixed width anything where they are missing; of other types None.
    values: npt.NDArray[Any]
    # Where there is no value; `None` where there is everywhere.
    missing: npt.NDArray[np.bool_] | None


def filled(type: FeatureType, values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """Cells of fixed width, with what NumPy has for those that are missing: NaN, NaT, else None in an array of objects."""
    if missing is None:
        return values
    if type.is_float or type.is_vector:
        values = values.copy()
        values[missing] = np.nan
    elif type.code == 8:
        values = values.copy()
        values[missing] = np.datetime64("NaT")
    else:
        values = values.astype(object)
        values[missing] = None
    return values


def of_arrow(column: pa.Array | pa.ChunkedArray) -> NumpyColumn:
    """A column of an answer that is a table."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    type = FeatureType.of_arrow(array.type)
    missing = np.asarray(array.is_null()) if array.null_count else None
    if type is None or type.numpy is None:
        # Text, arrays, bool; of the spine also what is no feature's type.
        return NumpyColumn(type or FeatureType(6), np.asarray(array.to_numpy(zero_copy_only=False)), missing)
    if type.is_vector:
        cells = array.values.slice(array.offset * type.length, len(array) * type.length)
        values = np.asarray(cells).reshape(len(array), type.length)
    else:
        cells = array.buffers()[1]
        values = np.frombuffer(cells, type.numpy, len(array), array.offset * type.numpy.itemsize) if len(array) else np.empty(0, type.numpy)
    return NumpyColumn(type, values, missing)


def matrix(columns: Sequence[NumpyColumn], rows: int, dtype: npt.DTypeLike | None) -> npt.NDArray[Any]:
    """All columns side by side, as the common type that NumPy has for them; else as objects.

    Args:
        dtype: of the result, or `None`.
    """
    are_numbers = dtype is not None or all(column.type.code <= 5 or column.type.is_vector for column in columns)
    made: list[npt.NDArray[Any]] = []
    for type, values, missing in columns:
        if missing is not None and type.code in (1, 2, 3) and are_numbers:
            # Whole numbers with gaps are floats.
            values = np.where(missing, np.nan, values).astype(np.float64, copy=False)
        elif type.numpy is not None:
            values = filled(type, values, missing)
        made.append(values if values.ndim == 2 else values.reshape(rows, 1))
    if not made:
        return np.empty((rows, 0), dtype)
    try:
        whole = np.concatenate(made, axis=1)
    except np.exceptions.DTypePromotionError:
        # Times beside numbers.
        whole = np.concatenate([values.astype(object) for values in made], axis=1)
    return whole if dtype is None else whole.astype(dtype, copy=False)
