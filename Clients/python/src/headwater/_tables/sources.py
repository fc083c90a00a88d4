"""What users hand in as tables: Arrow, pandas, polars, dictionaries, and files; read in pieces of bounded size."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .._columns.types import FeatureType
from ..errors import InvalidArgument
from . import convert

# Rows that are taken at once, at most.
ROWS_MAX = 262_144

Make = Callable[[FeatureType], pa.Array]


@dataclass
class Rows:
    """Some rows of a table."""

    count: int
    # The number of the first: in a table in memory they count from 0, as everywhere in Python, in a file from 1, as on the command line.
    first_row: int
    # The file; empty for a table in memory.
    source: str
    # As the user has them: Arrow arrays, or what makes one of a type that is wanted.
    columns: Mapping[str, pa.Array | pa.ChunkedArray | Make]

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def column(self, name: str, type: FeatureType) -> pa.Array:
        """A column of the type that is wanted.

        Raises:
            InvalidArgument: names file, row and column, and what would fit.
        """
        held = self.columns[name]
        if not isinstance(held, (pa.Array, pa.ChunkedArray)):
            try:
                return held(type)
            except convert.Misfit as misfit:
                row = f"row {self.first_row + (misfit.row or 0)}, column '{name}'"
                raise InvalidArgument(misfit.reason, f"{self.source}: {row}" if self.source else row) from None
        return convert.column(held, type, name, self.first_row, self.source)

    def slice(self, start: int, count: int) -> Rows:
        """Rows of a table in memory."""
        columns: dict[str, pa.Array | pa.ChunkedArray | Make] = {}
        for name, column in self.columns.items():
            assert isinstance(column, (pa.Array, pa.ChunkedArray))
            columns[name] = column.slice(start, count)
        return Rows(count, self.first_row + start, self.source, columns)

    def arrow(self, types: Mapping[str, FeatureType]) -> pa.Table:
        """All columns, those in `types` of theirs."""
        made: dict[str, pa.Array | pa.ChunkedArray] = {}
        for name, held in self.columns.items():
            if name in types and not (isinstance(held, (pa.Array, pa.ChunkedArray))):
                made[name] = self.column(name, types[name])
            else:
                assert isinstance(held, (pa.Array, pa.ChunkedArray))
                made[name] = held
        return pa.table(made)


@dataclass
class Source:
    """A table that can be read piece by piece."""

    read: Callable[[], Iterator[Rows]]
    # `None` where it is not known before all is read.
    row_count: int | None
    # Whether `read` can be called again.
    is_repeatable: bool
    # The one piece of a table in memory.
    whole: Rows | None = None


def open_source(data: Any, text_columns: Iterable[str] = (), *, nan_is_null: bool | None = None) -> Source:
    """Makes a source of what a user handed in.

    Args:
        text_columns: columns of CSV and NDJSON files that are read by Headwater's rules, not by what their text looks like.
        nan_is_null: whether NaN in floats means null; `None`: in pandas columns of NumPy's types, where nothing else can.

    Raises:
        InvalidArgument: for what is no table.
    """
    if isinstance(data, (str, os.PathLike)) or _is_paths(data):
        from .files import open_files

        return open_files(data, list(text_columns))
    if isinstance(data, pa.RecordBatchReader):
        return Source(lambda: _pieces(data, nan_is_null), None, False)
    columns = columns_of(data, nan_is_null=nan_is_null)
    counts = {name: len(column) for name, column in columns.items()}
    count = next(iter(counts.values()), len(data) if isinstance(data, Sequence) else 0)
    if any(other != count for other in counts.values()):
        raise InvalidArgument(f"columns of different lengths: {', '.join(f'{name}: {size}' for name, size in counts.items())}")
    if not columns and not count:
        raise InvalidArgument("the table is empty: it has no rows and no columns")
    whole = Rows(count, 0, "", columns)
    return Source(lambda: iter([whole]), count, True, whole)


def _is_paths(data: Any) -> bool:
    return isinstance(data, (list, tuple)) and bool(data) and all(isinstance(item, (str, os.PathLike)) for item in data)


def _pieces(reader: pa.RecordBatchReader, nan_is_null: bool | None) -> Iterator[Rows]:
    first = 0
    for batch in reader:
        if batch.num_rows:
            yield Rows(batch.num_rows, first, "", columns_of(batch, nan_is_null=nan_is_null))
            first += batch.num_rows


def snapshot(data: Any) -> Any:
    """The table as it is now: what pandas and NumPy hold may be changed before it is read."""
    if type(data).__module__.split(".")[0] == "pandas":
        return data.copy()
    if isinstance(data, Mapping):
        return {name: values.copy() if hasattr(values, "copy") else values for name, values in data.items()}
    return list(data) if isinstance(data, list) else data


def columns_of(data: Any, *, nan_is_null: bool | None = None) -> dict[str, pa.Array | pa.ChunkedArray]:
    """The columns of a table in memory.

    Raises:
        InvalidArgument: for what is none, or has a name twice.
    """
    module = type(data).__module__.split(".")[0]
    if isinstance(data, Iterator):
        data = list(data)
    columns: dict[str, pa.Array | pa.ChunkedArray]
    if module == "pandas":
        return _pandas_columns(data, nan_is_null)
    if module == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if module == "polars" and hasattr(data, "columns"):
        # Older ones do not offer Arrow's stream.
        data = data.to_arrow()
    if isinstance(data, (pa.Table, pa.RecordBatch)):
        columns = named(data.schema.names, data.columns)
    elif isinstance(data, Mapping):
        made = {str(name): values_to_arrow(values, str(name), nan_is_null=nan_is_null) for name, values in data.items()}
        return {name: _with_nulls(column, nan_is_null) for name, column in made.items()}
    elif isinstance(data, (list, tuple)):
        columns = _record_columns(data)
    else:
        try:
            table = pa.table(data) if hasattr(data, "__arrow_c_stream__") else None
        except pa.ArrowInvalid:
            # A stream of one column.
            table = None
        if table is None:
            raise InvalidArgument(
                f"{type(data).__module__}.{type(data).__name__} is no table: give a pyarrow Table or RecordBatch, a pandas or polars "
                "DataFrame, a list of dicts, a dict of columns, or paths of Parquet, CSV or NDJSON files"
            )
        columns = named(table.schema.names, table.columns)
    return {name: _with_nulls(column, nan_is_null) for name, column in columns.items()} if nan_is_null else columns


def named(names: Sequence[str], columns: Sequence[Any], source: str | None = None) -> dict[str, Any]:
    """Columns by name.

    Raises:
        InvalidArgument: for a name that comes twice.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgument(f"column '{twice}' comes twice", source)
    return dict(zip(names, columns, strict=True))


def _record_columns(records: Sequence[Any]) -> dict[str, pa.Array]:
    names: dict[str, None] = {}
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise InvalidArgument(f"{type(record).__name__} is no dict: give one for each row", f"row {number}")
        names.update(dict.fromkeys(record))
    return {str(name): values_to_arrow([record.get(name) for record in records], str(name)) for name in names}


def _pandas_columns(frame: Any, nan_is_null: bool | None) -> dict[str, Any]:
    if not hasattr(frame, "columns"):
        raise InvalidArgument("a pandas Series is one column: give a DataFrame")
    if any(name is not None for name in frame.index.names):
        # Keys are often the index.
        twice = [name for name in frame.index.names if name in frame.columns]
        if twice:
            raise InvalidArgument(f"column '{twice[0]}' is in the index too: leave one out, such as with .reset_index(drop=True)")
        frame = frame.reset_index()
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    made = [values_to_arrow(column, str(column.name), nan_is_null=nan_is_null) for column in columns]
    return named([str(name) for name in frame.columns], made)


def values_to_arrow(values: Any, name: str, *, nan_is_null: bool | None = None) -> pa.Array | pa.ChunkedArray:
    """One column, of whichever Arrow type its cells have.

    Raises:
        InvalidArgument: where its cells have no common type, with the row of the first that differs.
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    module = type(values).__module__.split(".")[0]
    try:
        if module == "pandas":
            return _pandas_column(values, name, nan_is_null)
        if module == "polars":
            return values.to_arrow()
        if isinstance(values, np.ndarray):
            return _numpy_column(values, name)
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InvalidArgument(f"{values!r:.60} is one value: give a list of them, one for each row", f"column '{name}'")
        return _list_column(list(values), name)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        raise InvalidArgument(f"cells are of no type that fits: {error}", f"column '{name}'") from None


def _list_column(values: list[Any], name: str) -> pa.Array:
    """A column of Python's objects.

    Raises:
        InvalidArgument: with the row of the first that is not as those before it, or fits nothing.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        values = [None if value is pandas.NaT or value is pandas.NA else value for value in values]
    first = next((value for value in values if value is not None), None)
    if isinstance(first, np.datetime64) and all(value is None or isinstance(value, np.datetime64) for value in values):
        # NumPy brings them to one unit.
        return _numpy_column(np.array([np.datetime64("NaT") if value is None else value for value in values]), name)
    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        row = _first_without_type(values)
        reason = _why_no_type(values[row], values[:row])
        raise InvalidArgument(reason, f"row {row}, column '{name}'") from None
    if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
        # Arrow would take numbers for times, and of a time behind a date the day alone.
        for row, value in enumerate(values):
            if not (value is None or isinstance(value, (dt.date, np.datetime64))):
                raise InvalidArgument(_why_no_type(value, values[:row]), f"row {row}, column '{name}'")
        if pa.types.is_date(array.type) and any(isinstance(value, dt.datetime) for value in values):
            values = [_midnight(value) if type(value) is dt.date else value for value in values]
            array = pa.array(values)
    if pa.types.is_timestamp(array.type) and array.type.unit == "us" and not any(isinstance(value, np.datetime64) for value in values):
        # Times with and without zone mixed: Arrow would take the first one's word for all. It would cut nanoseconds off, too.
        is_finer = pandas is not None and any(getattr(value, "nanosecond", 0) for value in values)
        return pa.array(values, pa.timestamp("ns" if is_finer else "us", tz="UTC"))
    return array


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
    other = next((cell for cell in reversed(before) if cell is not None), None)
    mixed = "" if other is None else f", and those before it are of {type(other).__name__}"
    return f"{value!r:.60} is of {type(value).__name__}{mixed}: the cells of a column are of one type"


_INT64 = np.dtype(np.int64)


def _numpy_column(values: np.ndarray, name: str) -> pa.Array:
    if type(values) is np.ndarray and values.dtype == _INT64 and values.ndim == 1 and values.flags.c_contiguous:
        # The usual keys, several times as fast.
        return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])
    mask = np.ma.getmaskarray(values).reshape(-1) if isinstance(values, np.ma.MaskedArray) else None
    values = np.ma.getdata(values)
    if values.ndim not in (1, 2):
        reason = f"an array of {values.ndim} dimensions is no column: give one dimension, or two for vectors"
        raise InvalidArgument(reason, f"column '{name}'")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "M" and np.datetime_data(values.dtype)[0] in _COARSE_UNITS:
        values = values.astype("M8[us]")
    if values.ndim == 2:
        # A vector in each row.
        elements = pa.array(np.ascontiguousarray(values).reshape(-1), mask=mask)
        return pa.FixedSizeListArray.from_arrays(elements, values.shape[1])
    if values.dtype == object and mask is None:
        return _list_column(values.tolist(), name)
    return pa.array(values, mask=mask)


# Of times that Arrow does not have; what it has neither, but is finer than a microsecond, is refused.
_COARSE_UNITS = ("Y", "M", "W", "h", "m", "generic")


def _pandas_column(series: Any, name: str, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind == "O":
            return _object_column(series, name, nan_is_null)
        return pa.array(series.to_numpy(), from_pandas=nan_is_null is not False)
    if hasattr(series, "sparse"):
        return _pandas_column(series.sparse.to_dense(), name, nan_is_null)
    return _with_nulls(pa.array(series, from_pandas=nan_is_null), nan_is_null)


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
    return _list_column(cells, name)


# What Arrow makes of objects without a second look; the usual one is text.
_UNAMBIGUOUS = (pa.types.is_string, pa.types.is_binary, pa.types.is_boolean, pa.types.is_integer)


def _with_nulls(column: pa.Array | pa.ChunkedArray, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    """NaN as null, where that is asked for."""
    if not nan_is_null or not pa.types.is_floating(column.type):
        return column
    import pyarrow.compute as pc

    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
