"""Columns of an answer as a pandas DataFrame of NumPy's types, none of which loses a digit."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .chunks import one_array

if TYPE_CHECKING:
    import pandas


def frame(table: pa.Table) -> pandas.DataFrame:
    """A table as a DataFrame: missing numbers are NaN, missing times NaT; whole numbers of 64 bits, of which a float holds few, are pandas'
    nullable integers beside missing ones.
    """
    import pandas

    columns = {name: _cells(column, pandas) for name, column in zip(table.schema.names, table.columns, strict=True)}
    if not columns:
        return pandas.DataFrame(index=pandas.RangeIndex(table.num_rows))
    return pandas.DataFrame(columns)


def to_pandas(table: pa.Table, dtypes: str) -> pandas.DataFrame:
    """A table as a DataFrame of NumPy's types or of Arrow's."""
    if dtypes == "arrow":
        import pandas

        return table.to_pandas(types_mapper=pandas.ArrowDtype)
    if dtypes != "numpy":
        raise ValueError(f"dtypes={dtypes!r}: 'numpy' or 'arrow'")
    return frame(table)


def _cells(column: pa.ChunkedArray, pandas: Any) -> Any:
    """A column as pandas takes it at once; the usual types without a Series of their own, which takes as long as all else."""
    type = column.type
    array = one_array(column)
    if isinstance(array, pa.ChunkedArray):
        return column.to_pandas(integer_object_nulls=True)
    if array.null_count and type in _INTEGERS_64:
        return pandas.arrays.IntegerArray(np.array(array.fill_null(0)), np.asarray(array.is_null()))
    if pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_boolean(type):
        return array.to_numpy(zero_copy_only=False)
    if pa.types.is_timestamp(type) and type.tz is not None:
        return _zoned(type.unit, type.tz).__from_arrow__(array)
    if pa.types.is_string(type):
        dtype = _text_dtype()
        return array.to_numpy(zero_copy_only=False) if dtype is None else dtype.__from_arrow__(array)
    if pa.types.is_dictionary(type) and not array.dictionary.null_count and pa.types.is_string(type.value_type):
        codes = array.indices.fill_null(-1) if array.null_count else array.indices
        return pandas.Categorical.from_codes(np.asarray(codes), dtype=_categories(tuple(array.dictionary.to_pylist()), type.ordered))
    # Elements of lists that are missing are None among objects.
    return column.to_pandas(integer_object_nulls=True)


_INTEGERS_64 = (pa.int64(), pa.uint64())


@lru_cache(maxsize=64)
def _zoned(unit: str, zone: str) -> Any:
    import pandas

    return pandas.DatetimeTZDtype(unit, zone)


@lru_cache(maxsize=1)
def _text_dtype() -> Any:
    """Of text, where this pandas has a type for it; `None` where text is objects."""
    import pandas

    dtype = pandas.Series(["a"]).dtype
    return dtype if hasattr(dtype, "__from_arrow__") else None


@lru_cache(maxsize=64)
def _categories(texts: tuple[str, ...], is_ordered: bool) -> Any:
    import pandas

    return pandas.CategoricalDtype(list(texts), ordered=is_ordered)
