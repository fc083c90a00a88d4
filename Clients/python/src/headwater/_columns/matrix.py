"""Columns as NumPy has them, and all of them as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import InvalidArgument
from .chunks import one_array
from .types import FeatureType


class NumpyColumn(NamedTuple):
    """A column of shape (rows,), a vector's (rows, n)."""

    name: str
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


def objects_of(array: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """The cells of a column of text, arrays or bool; whole numbers in lists stay whole beside missing ones."""
    if pa.types.is_list(array.type):
        return np.asarray(array.to_pandas(integer_object_nulls=True), object)
    return np.asarray(array.to_numpy(zero_copy_only=False))


def _of_arrow(name: str, column: pa.Array | pa.ChunkedArray) -> NumpyColumn:
    """A column of an answer that is a table."""
    array = one_array(column)
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    type = FeatureType.of_arrow(array.type)
    missing = np.asarray(array.is_null()) if array.null_count else None
    if type is None or type.numpy is None:
        # Text, arrays, bool; of the spine also what is no feature's type.
        return NumpyColumn(name, type or FeatureType(6), objects_of(array), missing)
    if type.is_vector:
        cells = array.values.slice(array.offset * type.length, len(array) * type.length)
        values = np.asarray(cells).reshape(len(array), type.length)
    else:
        cells = array.buffers()[1]
        values = np.frombuffer(cells, type.numpy, len(array), array.offset * type.numpy.itemsize) if len(array) else np.empty(0, type.numpy)
    return NumpyColumn(name, type, values, missing)


def matrix_of(table: pa.Table, dtype: npt.DTypeLike | None) -> npt.NDArray[Any]:
    """The columns of an answer that is a table as one matrix, as `matrix` makes it."""
    columns = [_of_arrow(name, column) for name, column in zip(table.schema.names, table.columns, strict=True)]
    return matrix(columns, table.num_rows, dtype)


def matrix(columns: Sequence[NumpyColumn], rows: int, dtype: npt.DTypeLike | None) -> npt.NDArray[Any]:
    """All columns side by side, as the common type that NumPy has for them; else as objects.

    Args:
        dtype: of the result, or `None`.

    Raises:
        InvalidArgument: for a whole number that the common type does not hold, and for a value that is none of `dtype`, which rounds to
            the nearest float alone, or is missing where it has nothing for that.
    """
    target = _common(columns) if dtype is None else dtype_of(dtype)
    if not columns:
        return np.empty((rows, 0), target)
    made: list[npt.NDArray[Any]] = []
    for column in columns:
        if dtype is None and target == np.float64:
            _refuse_inexact(column)
        # One by one: what they have in common may hold less than the target.
        values = _as(column, target)
        made.append(values if values.ndim == 2 else values.reshape(rows, 1))
    return np.concatenate(made, axis=1)


def dtype_of(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """A type of NumPy's.

    Raises:
        InvalidArgument: for what is none.
    """
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):
        raise InvalidArgument(f"{dtype!r} is no type of NumPy's: 'float32' and 'object' are", "dtype") from None


def _common(columns: Sequence[NumpyColumn]) -> np.dtype[Any]:
    """The type of a matrix: that which NumPy has for all of its columns, of which whole numbers with gaps are float64."""
    types = [_matrix_type(column) for column in columns]
    if not types:
        return np.dtype(np.float64)
    try:
        return np.result_type(*types)
    except TypeError:
        # Times beside numbers.
        return np.dtype(object)


def _matrix_type(column: NumpyColumn) -> np.dtype[Any]:
    if column.type.code in (1, 2, 3) and column.missing is not None:
        return np.dtype(np.float64)
    if column.type.numpy is not None:
        return np.dtype(column.type.numpy)
    return np.dtype(np.bool_ if column.type.code == 1 else object)


def _as(column: NumpyColumn, target: np.dtype[Any]) -> npt.NDArray[Any]:
    """The cells of a column for a matrix, with what its type has for those that are missing."""
    name, type, values, missing = column
    if target.kind == "O":
        return (filled(type, values, missing) if type.numpy is not None else values).astype(target, copy=False)
    has_missing = target.kind in "fc" or (target.kind == "M" and type.code == 8)
    if missing is not None and not has_missing:
        row = int(np.flatnonzero(missing)[0])
        raise InvalidArgument(f"is missing in row {row}, and {target} has nothing for that: take a float, or object", f"column '{name}'")
    if missing is not None and type.numpy is None:
        # In an array of objects.
        values = np.where(missing, np.nan, values)
    made = _cast(values, target, name)
    if missing is not None and type.numpy is not None:
        made = made.copy()
        made[missing] = np.datetime64("NaT") if target.kind == "M" else np.nan
    return made


def _cast(values: npt.NDArray[Any], target: np.dtype[Any], name: str) -> npt.NDArray[Any]:
    """The values of another type: of whole numbers and text exactly, of floats the nearest."""
    try:
        with np.errstate(all="ignore"):
            made: npt.NDArray[Any] = values.astype(target, copy=False)
            is_other = _is_other(values, made)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgument(f"is of no type that {target} holds: {error}", f"column '{name}'") from None
    if is_other.any():
        row = int(np.flatnonzero(is_other.reshape(len(values), -1).any(axis=1))[0])
        raise InvalidArgument(f"{values[row]} in row {row} is none of {target}: take one that holds it, or object", f"column '{name}'")
    return made


def _is_other(values: npt.NDArray[Any], made: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Where a cast made something else of a value."""
    nowhere = np.zeros(values.shape, np.bool_)
    if made.dtype.kind in "iub" and values.dtype.kind in "iufb":
        return np.asarray((made.astype(values.dtype) != values) | ((made < 0) != (values < 0)))
    if made.dtype.kind in "fc" and values.dtype.kind == "f":
        return np.asarray(np.isinf(made) & np.isfinite(values))
    if made.dtype.kind in "US":
        # Cut off.
        return np.asarray(values.astype(made.dtype.kind) != made)
    if made.dtype.kind == "i" and values.dtype.kind == "M":
        return np.asarray(made.astype(np.int64) != values.astype(np.int64))
    return nowhere


def _refuse_inexact(column: NumpyColumn) -> None:
    """Refuses a whole number that becomes another one as a float64."""
    if column.type.code != 3:
        return
    values = column.values if column.missing is None else np.where(column.missing, 0, column.values)
    # Of the greatest, the float is one more than 64 bits hold.
    is_other = (values > 2**63 - 1024) | (values.astype(np.float64).astype(np.int64, casting="unsafe") != values)
    if is_other.any():
        value = int(values[np.flatnonzero(is_other)[0]])
        why = "beside a missing value" if column.missing is not None else "beside a column of floats"
        raise InvalidArgument(
            f"{value} is not exact as a float64, which it is {why}: give dtype=, such as object, or 'float64' to take the nearest",
            f"column '{column.name}'",
        )
