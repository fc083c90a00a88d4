"""Columns as they are encoded: dictionaries, runs and views, laid out plainly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def plain(array: pa.Array) -> pa.Array:
    """The same cells without dictionary, runs or views. Lists that are views become large lists; what lies inside them stays as it is."""
    given = array.type
    if pa.types.is_dictionary(given):
        return plain(array.dictionary).take(array.indices)
    if pa.types.is_run_end_encoded(given):
        # Arrow decodes runs of some types only.
        places = np.searchsorted(np.asarray(array.run_ends), np.arange(array.offset, array.offset + len(array)), side="right")
        return plain(array.values).take(pa.array(places))
    if pa.types.is_string_view(given):
        return array.cast(pa.large_string())
    if pa.types.is_binary_view(given):
        return array.cast(pa.large_binary())
    if pa.types.is_list_view(given) or pa.types.is_large_list_view(given):
        return _plain_lists(array)
    return array


def _plain_lists(array: pa.Array) -> pa.Array:
    # A cast leaves lists that overlap, or that are not in order, in ruins.
    offsets = np.zeros(len(array) + 1, np.int64)
    np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(array), 0)), out=offsets[1:])
    mask = pa.array(np.asarray(array.is_null())) if array.null_count else None
    return pa.LargeListArray.from_arrays(pa.array(offsets), array.flatten(), mask=mask)


def kept(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A column that an answer keeps: without runs and views of lists, which neither Parquet nor polars take, and with dictionaries that
    pandas takes and that Arrow can join.
    """
    given = column.type
    if pa.types.is_dictionary(given):
        if isinstance(column, pa.ChunkedArray):
            return pa.chunked_array([_distinct(chunk) for chunk in column.chunks], given)
        return _distinct(column)
    if kept_type(given) == given:
        return column
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([plain(chunk) for chunk in column.chunks], plain_type(given))
    return plain(column)


def _distinct(array: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same cells, of a dictionary whose values are all there, and once each."""
    given, values = array.type, array.dictionary
    if is_encoded(given.value_type) or pa.types.is_nested(given.value_type):
        return array
    unique = values.unique().drop_null()
    if len(unique) == len(values):
        return array
    places = pc.index_in(values, value_set=unique).cast(given.index_type)
    return pa.DictionaryArray.from_arrays(places.take(array.indices), unique, ordered=given.ordered)


def has_dictionary(given: pa.DataType) -> bool:
    """Whether a dictionary is in it, at any depth: chunks of one Arrow cannot always join."""
    if pa.types.is_dictionary(given):
        return True
    if pa.types.is_run_end_encoded(given):
        return has_dictionary(given.value_type)
    return any(has_dictionary(given.field(place).type) for place in range(given.num_fields))


def kept_type(given: pa.DataType) -> pa.DataType:
    """The type of such a column."""
    is_changed = pa.types.is_run_end_encoded(given) or pa.types.is_list_view(given) or pa.types.is_large_list_view(given)
    return plain_type(given) if is_changed else given


def is_encoded(given: pa.DataType) -> bool:
    """Whether `plain` changes a column of this type."""
    kinds = (
        pa.types.is_dictionary, pa.types.is_run_end_encoded, pa.types.is_string_view, pa.types.is_binary_view, pa.types.is_list_view,
        pa.types.is_large_list_view,
    )  # fmt: skip
    return any(is_one(given) for is_one in kinds)


def plain_type(given: pa.DataType) -> pa.DataType:
    """The type that `plain` gives to a column."""
    if pa.types.is_dictionary(given) or pa.types.is_run_end_encoded(given):
        return plain_type(given.value_type)
    if pa.types.is_list_view(given) or pa.types.is_large_list_view(given):
        return pa.large_list(given.value_type)
    return {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}.get(given, given)
