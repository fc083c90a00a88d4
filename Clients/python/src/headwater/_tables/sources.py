"""What users hand in as tables: Arrow, pandas, polars, dictionaries, and files; read in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .._given import are_paths, is_path, library_of
from ..errors import InvalidArgument
from .extensions import named_columns
from .files import open_files
from .rows import Head, Rows, Source, named, types_of
from .values import values_to_arrow, with_nulls


def open_source(data: Any, text_columns: Iterable[str] = (), *, nan_is_null: bool | None = None) -> Source:
    """Makes a source of what a user handed in.

    Args:
        text_columns: columns of CSV and NDJSON files that are read by Headwater's rules, not by what their text looks like.
        nan_is_null: whether NaN in floats means null; `None`: in pandas columns of NumPy's types, where nothing else can.

    Raises:
        InvalidArgument: for what is no table.
    """
    if is_path(data) or are_paths(data):
        return open_files(data, list(text_columns))
    if isinstance(data, pa.RecordBatchReader):
        head = Head("", types_of(data.schema))
        return Source(lambda: _pieces(data, nan_is_null), None, False, lambda: [head])
    if isinstance(data, Iterator):
        data = list(data)
    columns = columns_of(data, nan_is_null=nan_is_null)
    counts = {name: len(column) for name, column in columns.items()}
    count = next(iter(counts.values()), len(data) if isinstance(data, Sequence) else 0)
    if any(other != count for other in counts.values()):
        raise InvalidArgument(f"columns of different lengths: {', '.join(f'{name}: {size}' for name, size in counts.items())}")
    if not columns and not count and not isinstance(data, (list, tuple)):
        raise InvalidArgument("the table is empty: it has no rows and no columns")
    whole = Rows(count, 0, "", columns)
    return Source(lambda: iter([whole]), count, True, lambda: [whole.head], whole)


def _pieces(reader: pa.RecordBatchReader, nan_is_null: bool | None) -> Iterator[Rows]:
    first = 0
    for batch in reader:
        if batch.num_rows:
            yield Rows(batch.num_rows, first, "", columns_of(batch, nan_is_null=nan_is_null))
            first += batch.num_rows
    if not first:
        # Its columns are to be seen all the same.
        yield Rows(0, 0, "", columns_of(reader.schema.empty_table(), nan_is_null=nan_is_null))


def snapshot(data: Any) -> Any:
    """The table as it is now: what pandas and NumPy hold may be changed before it is read."""
    if library_of(data) == "pandas":
        return data.copy()
    if isinstance(data, Mapping):
        return {name: values.copy() if hasattr(values, "copy") else values for name, values in data.items()}
    return list(data) if isinstance(data, list) else data


def columns_of(
    data: Any, *, nan_is_null: bool | None = None, only: Collection[str] | None = None
) -> dict[str, pa.Array | pa.ChunkedArray]:  # fmt: skip
    """The columns of a table in memory.

    Args:
        only: the columns that are wanted; others are left out, whatever they hold.

    Raises:
        InvalidArgument: for what is none, or has a name twice.
    """
    library = library_of(data)
    if isinstance(data, Iterator):
        data = list(data)
    if library == "pandas":
        return _pandas_columns(data, nan_is_null, only)
    if library == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if library == "polars" and hasattr(data, "iter_columns"):
        return {
            column.name: _made(column, column.name, nan_is_null) for column in data.iter_columns() if only is None or column.name in only
        }
    if isinstance(data, Mapping):
        return {str(name): _made(values, str(name), nan_is_null) for name, values in data.items() if only is None or str(name) in only}
    if isinstance(data, (list, tuple)):
        return _record_columns(data, nan_is_null, only)
    table = data if isinstance(data, (pa.Table, pa.RecordBatch)) else _of_stream(data)
    columns = named(table.schema.names, named_columns(table.schema, table.columns))
    return {name: with_nulls(column, nan_is_null) for name, column in columns.items() if only is None or name in only}


def _of_stream(data: Any) -> pa.Table:
    """A table of another library's, over Arrow's C stream."""
    table = None
    try:
        table = pa.table(data) if hasattr(data, "__arrow_c_stream__") else None
    except pa.ArrowInvalid:
        # A stream of one column.
        pass
    if table is None:
        raise InvalidArgument(
            f"{type(data).__module__}.{type(data).__name__} is no table: give a pyarrow Table or RecordBatch, a pandas or polars "
            "DataFrame, a list of dicts, a dict of columns, or paths of Parquet, CSV or NDJSON files"
        )
    return table


def _made(values: Any, name: str, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    return with_nulls(values_to_arrow(values, name, nan_is_null=nan_is_null), nan_is_null)


def _pandas_column(frame: Any, name: str, nan_is_null: bool | None) -> pa.Array | pa.ChunkedArray:
    """A column whose name is there once.

    Of whole numbers its memory is taken as it is, where this pandas tells it: a Series takes longer to make than a small request's keys
    take to send.
    """
    memory_of = getattr(frame, "_get_column_array", None)
    # Under names of several levels one may stand for several columns.
    place = frame.columns.get_loc(name)
    values = memory_of(place) if memory_of is not None and type(place) is int else None
    is_plain = type(values) is np.ndarray and values.dtype == np.int64 and values.ndim == 1
    return values_to_arrow(values if is_plain else frame[name], name, nan_is_null=nan_is_null)


def _wanted_of(records: Sequence[Any], only: Collection[str]) -> dict[str, list[Any]] | None:
    """Some columns of records that all have them; `None` where one has not, or is no plain dict."""
    if set(map(type, records)) != {dict}:
        return None
    try:
        return {name: [record[name] for record in records] for name in only}
    except KeyError:
        return None


def _record_columns(records: Sequence[Any], nan_is_null: bool | None, only: Collection[str] | None) -> dict[str, Any]:
    usual = None if only is None else _wanted_of(records, only)
    if usual is not None:
        return {name: _made(cells, name, nan_is_null) for name, cells in usual.items()}
    # Where each name comes first.
    names: dict[Any, int] = {}
    for number, record in enumerate(records):
        if record.__class__ is not dict and not isinstance(record, Mapping):
            raise InvalidArgument(f"{type(record).__name__} is no dict: give one for each row", f"row {number}")
        if not record.keys() <= names.keys():
            for name in record:
                names.setdefault(name, number)
    _refuse_spellings(records, names)
    wanted = [name for name in names if only is None or str(name) in only]
    return {str(name): _made([record.get(name) for record in records], str(name), nan_is_null) for name in wanted}


def _refuse_spellings(records: Sequence[Mapping[Any, Any]], names: Mapping[Any, int]) -> None:
    """Refuses one column under two spellings, where no row has both: each would be null in half of the rows."""
    spelt: dict[str, Any] = {}
    for name, row in names.items():
        other = spelt.setdefault(str(name).casefold(), name)
        if other != name and not any(name in record and other in record for record in records):
            raise InvalidArgument(f"'{name}' and '{other}' differ only in case: call a column the same in every row", f"row {row}")


def _pandas_columns(frame: Any, nan_is_null: bool | None, only: Collection[str] | None) -> dict[str, Any]:
    if not hasattr(frame, "columns"):
        raise InvalidArgument("a pandas Series is one column: give a DataFrame")
    if only is not None and frame.index.nlevels == 1 and frame.index.name is None and frame.columns.is_unique:
        # A few columns of a frame, without making the others.
        names = [name for name in only if name in frame.columns]
        return {name: _pandas_column(frame, name, nan_is_null) for name in names}
    if any(name is not None for name in frame.index.names):
        # Keys are often the index.
        twice = [name for name in frame.index.names if name in frame.columns]
        if twice:
            raise InvalidArgument(f"column '{twice[0]}' is in the index too: leave one out, such as with .reset_index(drop=True)")
        frame = frame.reset_index()
    names = [str(name) for name in frame.columns]
    wanted = [place for place, name in enumerate(names) if only is None or name in only]
    made = [values_to_arrow(frame.iloc[:, place], names[place], nan_is_null=nan_is_null) for place in wanted]
    return named([names[place] for place in wanted], made)
