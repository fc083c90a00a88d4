"""Columns of an answer as a pandas DataFrame of NumPy's types, none of which loses a digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import pandas


def frame(table: pa.Table) -> pandas.DataFrame:
    """A table as a DataFrame: missing numbers are NaN, missing times NaT; whole numbers of 64 bits, of which a float holds few, are pandas'
    nullable integers beside missing ones.
    """
    import pandas

    columns = {name: _cells(column, pandas) for name, column in zip(table.schema.names, table.columns, strict=True)}
    return pandas.DataFrame(columns, index=pandas.RangeIndex(table.num_rows))


def _cells(column: pa.ChunkedArray, pandas: Any) -> Any:
    type = column.type
    if column.null_count and type in (pa.int64(), pa.uint64()):
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        missing = np.asarray(array.is_null())
        return pandas.arrays.IntegerArray(np.array(array.fill_null(0)), missing)
    if pa.types.is_integer(type) or pa.types.is_floating(type):
        return column.to_numpy()
    # Elements of lists that are missing are None among objects.
    return column.to_pandas(integer_object_nulls=True)
