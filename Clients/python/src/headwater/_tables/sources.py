"""What users hand in as tables: Arrow, pandas, polars, dictionaries, and files; read in pieces of bounded size."""

from __future__ import annotations

import os
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
    # The number of the first in its table or file, from 0.
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


def columns_of(data: Any, *, nan_is_null: bool | None = None) -> dict[str, pa.Array | pa.ChunkedArray]:
    """The columns of a table in memory.

    Raises:
        InvalidArgument: for what is none, or has a name twice.
    """
    module = type(data).__module__.split(".")[0]
    columns: dict[str, pa.Array | pa.ChunkedArray]
    if module == "pandas":
        return _pandas_columns(data, nan_is_null)
    if module == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if isinstance(data, (pa.Table, pa.RecordBatch)):
        columns = _named(data.schema.names, data.columns)
    elif isinstance(data, Mapping):
        made = {str(name): values_to_arrow(values, str(name), nan_is_null=nan_is_null) for name, values in data.items()}
        return {name: _with_nulls(column, nan_is_null) for name, column in made.items()}
    elif isinstance(data, (list, tuple)):
        columns = _record_columns(data)
    elif hasattr(data, "__arrow_c_stream__"):
        table = pa.table(data)
        columns = _named(table.schema.names, table.columns)
    else:
        raise InvalidArgument(
            f"{type(data).__module__}.{type(data).__name__} is no table: give a pyarrow Table or RecordBatch, a pandas or polars "
            "DataFrame, a list of dicts, a dict of columns, or paths of Parquet, CSV or NDJSON files"
        )
    return {name: _with_nulls(column, nan_is_null) for name, column in columns.items()} if nan_is_null else columns


def _named(names: Sequence[str], columns: Sequence[Any]) -> dict[str, Any]:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgument(f"column '{twice}' comes twice")
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
        frame = frame.reset_index()
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    made = [values_to_arrow(column, str(column.name), nan_is_null=nan_is_null) for column in columns]
    return _named([str(name) for name in frame.columns], made)


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
            return _pandas_column(values, nan_is_null)
        if module == "polars":
            return values.to_arrow()
        if isinstance(values, np.ndarray):
            return _numpy_column(values)
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InvalidArgument(f"{values!r:.60} is one value: give a list of them, one for each row", f"column '{name}'")
        return _list_column(list(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise InvalidArgument(f"cells have no common type: {error}", f"column '{name}'") from None


def _list_column(values: list[Any]) -> pa.Array:
    array = pa.array(values)
    if pa.types.is_timestamp(array.type) and array.type.unit == "us" and array.type.tz is None:
        # Times with and without zone mixed: Arrow would take the first one's word for all.
        return pa.array(values, pa.timestamp("us", tz="UTC"))
    return array


def _numpy_column(values: np.ndarray) -> pa.Array:
    if values.ndim == 2:
        # A vector in each row.
        width = values.shape[1]
        return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), width)
    if values.ndim != 1:
        raise InvalidArgument(f"an array of {values.ndim} dimensions is no column: give one dimension, or two for vectors")
    if values.dtype == np.int64 and values.flags.c_contiguous:
        # The usual keys, several times as fast.
        return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])
    return _list_column(values.tolist()) if values.dtype == object else pa.array(values)


def _pandas_column(series: Any, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind == "O":
            return _object_column(series)
        return pa.array(series.to_numpy(), from_pandas=nan_is_null is not False)
    return pa.array(series, from_pandas=nan_is_null)


def _object_column(series: Any) -> pa.Array:
    array = pa.array(series, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_nested(array.type):
        # There a NaN inside a list would be taken for a null.
        missing = series.map(lambda cell: not hasattr(cell, "__len__"))
        return pa.array([None if gone else cell for cell, gone in zip(series, missing, strict=True)])
    return array


def _with_nulls(column: pa.Array | pa.ChunkedArray, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    """NaN as null, where that is asked for."""
    if not nan_is_null or not pa.types.is_floating(column.type):
        return column
    import pyarrow.compute as pc

    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
