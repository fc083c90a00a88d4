"""Single columns that users hand in, as Arrow arrays of whichever type their cells have."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from .._given import library_of
from ..errors import InvalidArgument
from . import decimals, extensions
from .numpy_times import one_unit, plain_times
from .rules import Misfit


def values_to_arrow(values: Any, name: str, *, nan_is_null: bool | None = None) -> pa.Array | pa.ChunkedArray:
    """One column, of whichever Arrow type its cells have.

    Raises:
        InvalidArgument: where its cells have no common type, with the row of the first that differs.
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    library = library_of(values)
    try:
        if library == "pandas":
            return _pandas_column(values, name, nan_is_null)
        if library == "polars":
            return _polars_column(values, name, nan_is_null)
        if isinstance(values, np.ndarray):
            return _numpy_column(values, name)
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InvalidArgument(f"{values!r:.60} is one value: give a list of them, one for each row", f"column '{name}'")
        return _list_column(list(values), name, nan_is_null)
    except Misfit as misfit:
        raise misfit.placed(name) from None
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        raise InvalidArgument(f"cells are of no type that fits: {error}", f"column '{name}'") from None


def _list_column(values: list[Any], name: str, nan_is_null: bool | None = None, rows: Sequence[int] | None = None) -> pa.Array:
    """A column of Python's objects.

    Args:
        rows: the row of each, where they are elements of lists.

    Raises:
        InvalidArgument: with the row of the first that is not as those before it, or fits nothing.
    """
    if set(map(type, values)) in _SIMPLE:
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            # What is wrong with which of them is found below.
            pass
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        nat, na = pandas.NaT, pandas.NA
        values = [None if value is nat or value is na else value for value in values]
    if nan_is_null:
        values = [None if isinstance(value, Decimal) and value.is_nan() else value for value in values]
    first = next((value for value in values if value is not None), None)
    if isinstance(first, np.datetime64) and all(value is None or isinstance(value, np.datetime64) for value in values):
        try:
            return _numpy_column(one_unit(values), name)
        except Misfit as misfit:
            raise Misfit(misfit.row if rows is None or misfit.row is None else rows[misfit.row], misfit.reason) from None
    if isinstance(first, (list, tuple, np.ndarray)) and _are_times(values):
        return _lists_of_times(values, name, nan_is_null)
    if isinstance(first, dt.date) and len(set(map(type, values))) > 1 and any(isinstance(value, dt.datetime) for value in values):
        # Of a time behind a date Arrow would take the day alone.
        values = [_midnight(value) if type(value) is dt.date else value for value in values]
    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        array = decimals.of_objects(values)
        if array is not None:
            return array
        row = _first_without_type(values)
        reason = _why_no_type(values[row], values[:row])
        raise InvalidArgument(reason, f"row {row if rows is None else rows[row]}, column '{name}'") from None
    if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
        # Arrow would take numbers for times.
        for row, value in enumerate(values):
            if not (value is None or isinstance(value, (dt.date, np.datetime64))):
                place = f"row {row if rows is None else rows[row]}, column '{name}'"
                raise InvalidArgument(_why_no_type(value, values[:row]), place)
    if pa.types.is_timestamp(array.type) and array.type.unit == "us" and not any(isinstance(value, np.datetime64) for value in values):
        # Times with and without zone mixed: Arrow would take the first one's word for all. It would cut nanoseconds off, too.
        is_finer = pandas is not None and any(getattr(value, "nanosecond", 0) for value in values)
        return pa.array(values, pa.timestamp("ns" if is_finer else "us", tz="UTC"))
    return array


# Cells of one simple type, perhaps with missing ones, which Arrow takes as they are.
_SIMPLE = [kinds for one in (int, str, bytes, bool, float) for kinds in ({one}, {one, type(None)})]


def _are_times(lists: list[Any]) -> bool:
    """Whether the first element of some lists is a time."""
    pandas = sys.modules.get("pandas")
    missing = (None,) if pandas is None else (None, pandas.NaT, pandas.NA)
    for cell in lists:
        if isinstance(cell, np.ndarray) and cell.dtype.kind != "O":
            return bool(cell.dtype.kind == "M")
        for element in cell if isinstance(cell, (list, tuple, np.ndarray)) else ():
            if not any(element is one for one in missing):
                return isinstance(element, (dt.date, np.datetime64))
    return False


def _lists_of_times(lists: list[Any], name: str, nan_is_null: bool | None) -> pa.Array:
    """Lists of times, each element taken as it would be as a cell."""
    elements: list[Any] = []
    rows: list[int] = []
    ends = [0]
    for row, cell in enumerate(lists):
        if isinstance(cell, (str, bytes)) or not (cell is None or isinstance(cell, Iterable)):
            raise InvalidArgument(_why_no_type(cell, lists[:row]), f"row {row}, column '{name}'")
        elements.extend(() if cell is None else cell)
        rows += [row] * (len(elements) - ends[-1])
        ends.append(len(elements))
    array = _list_column(elements, name, nan_is_null, rows)
    is_null = [cell is None for cell in lists]
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), array, mask=pa.array(is_null) if any(is_null) else None)


def _midnight(date: dt.date) -> dt.datetime:
    return dt.datetime(date.year, date.month, date.day)


def _first_without_type(values: list[Any]) -> int:
    """The first row that Arrow finds no type for together with those before it."""
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            pa.array(values[:middle])
            low = middle
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            high = middle
    return low


def _why_no_type(value: Any, before: list[Any]) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return f"{value!r:.40} does not fit int64: use float64, or string"
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return f"{value!r:.60} has half of a surrogate pair: text is Unicode"
    if (odd := _odd_decimal(value)) is not None:
        return f"{odd!r} is no number that a decimal column holds: give None for what is missing, or floats for NaN and Infinity"
    other = next((cell for cell in reversed(before) if cell is not None), None)
    if other is None or type(other) is type(value):
        kind = type(value).__name__
        if isinstance(value, (list, tuple)):
            kind = f"{kind} of {', '.join(sorted({type(element).__name__ for element in value if element is not None})[:3])}"
        return f"{value!r:.60} is of {kind}, which no type of a column holds: convert it, such as to text"
    mixed = f", and those before it are of {type(other).__name__}"
    return f"{value!r:.60} is of {type(value).__name__}{mixed}: the cells of a column are of one type"


def _odd_decimal(value: Any) -> Decimal | None:
    """A decimal that is no number, in a cell or in a list."""
    if isinstance(value, (list, tuple)):
        return next((odd for element in value if (odd := _odd_decimal(element)) is not None), None)
    return value if isinstance(value, Decimal) and not value.is_finite() else None


_INT64 = np.dtype(np.int64)


def _numpy_column(values: np.ndarray, name: str) -> pa.Array:
    if type(values) is np.ndarray and values.dtype == _INT64 and values.ndim == 1 and values.flags.c_contiguous:
        # The usual keys, several times as fast.
        return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])
    if values.dtype == np.float64 and values.shape == (0,):
        # What NumPy calls a column of nothing.
        return pa.nulls(0)
    mask = np.ma.getmaskarray(values).reshape(-1) if isinstance(values, np.ma.MaskedArray) else None
    values = np.ma.getdata(values)
    if values.ndim not in (1, 2):
        reason = f"an array of {values.ndim} dimensions is no column: give one dimension, or two for vectors"
        raise InvalidArgument(reason, f"column '{name}'")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "M":
        values = plain_times(values)
    if values.ndim == 2:
        # A vector in each row.
        elements = pa.array(np.ascontiguousarray(values).reshape(-1), mask=mask)
        return pa.FixedSizeListArray.from_arrays(elements, values.shape[1])
    if values.dtype == object and mask is None:
        return _list_column(values.tolist(), name)
    return pa.array(values, mask=mask)


def _pandas_column(series: Any, name: str, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        if dtype == np.float64 and not len(series):
            # What pandas calls a column of nothing.
            return pa.nulls(0)
        if dtype == _INT64:
            return _numpy_column(series.to_numpy(), name)
        if dtype.kind == "O":
            return _object_column(series, name, nan_is_null)
        values = series.to_numpy()
        return pa.array(values if dtype.isnative else values.astype(dtype.newbyteorder("=")), from_pandas=nan_is_null is not False)
    if hasattr(series, "sparse"):
        return _pandas_column(series.sparse.to_dense(), name, nan_is_null)
    return with_nulls(pa.array(series, from_pandas=nan_is_null), nan_is_null)


def _polars_column(series: Any, name: str, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    import polars

    if series.dtype in (polars.Object, *_wider_than_arrow(polars)):
        # What polars gives for objects are their addresses, and for integers of 128 bits what Arrow has no type for.
        return _list_column(series.to_list(), name, nan_is_null)
    table = series.to_frame().to_arrow()
    return extensions.named_columns(table.schema, table.columns)[0]


def _wider_than_arrow(polars: Any) -> list[Any]:
    return [getattr(polars, name) for name in ("Int128", "UInt128") if hasattr(polars, name)]


def _object_column(series: Any, name: str, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    if nan_is_null is not False:
        try:
            array = pa.array(series, from_pandas=True)
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            array = None
        if array is not None and any(is_one(array.type) for is_one in _UNAMBIGUOUS):
            return array
    cells = series.tolist()
    if nan_is_null is not False:
        # Of the cells; a NaN inside a list is one.
        cells = [None if isinstance(cell, (float, np.floating)) and cell != cell else cell for cell in cells]
    return _list_column(cells, name, nan_is_null is not False)


# What Arrow makes of objects without a second look; the usual one is text.
_UNAMBIGUOUS = (pa.types.is_string, pa.types.is_binary, pa.types.is_boolean, pa.types.is_integer)


def with_nulls(column: pa.Array | pa.ChunkedArray, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    """NaN as null, where that is asked for."""
    if not nan_is_null or not pa.types.is_floating(column.type):
        return column
    import pyarrow.compute as pc

    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
