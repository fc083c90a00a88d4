"""Columns that came in pieces as one array."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa


def joined(arrays: Sequence[pa.Array], type: pa.DataType) -> pa.Array:
    """Arrays of one type as one; without a copy where there is only one, empty where there is none."""
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays) if arrays else pa.array([], type)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The cells as one array, in chunks still only where Arrow has none so large."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    given = column.type
    try:
        return column.combine_chunks()
    except pa.ArrowInvalid:
        if not pa.types.is_dictionary(given):
            raise
        # All dictionaries together have more values than their indices reach.
        return column.cast(pa.dictionary(pa.int64(), given.value_type, given.ordered)).combine_chunks()
