"""Columns of which some cells may be none of the type that is wanted: such cells are kept apart, as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.chunks import joined
from .._columns.types import FeatureType
from . import convert
from .cells import of_text
from .encodings import is_encoded, plain
from .rules import ColumnRules, Misfit

_STRING = FeatureType.parse("string").code


class Cells(NamedTuple):
    """A column of a type, and its cells that are none of it."""

    # Null where a cell is odd.
    array: pa.Array
    # Those cells, by row.
    odd: dict[int, Any]


def lenient(held: Any, type: FeatureType, rules: ColumnRules) -> Cells:
    """A column as the type that is wanted, where it is of it.

    Args:
        held: a column of Arrow's, a file's text or JSON cells, or whatever else makes a column of a type.
    """
    array = held if isinstance(held, (pa.Array, pa.ChunkedArray)) else getattr(held, "array", None)
    if array is not None:
        return _of_arrow(array, type, rules)
    cells = getattr(held, "cells", None)
    if cells is not None:
        return _pieces(len(cells), type, lambda start, stop: held.of(cells[start:stop], type, rules), lambda row: cells[row])
    return Cells(held(type, rules), {})


def fitted(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    """A further column of a spine as the type that it is hashed as; text of a file is read as that type.

    Raises:
        Misfit: for a cell that is none of it.
    """
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), type.arrow)
    if is_encoded(array.type):
        array = plain(array)
    is_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    if is_text and not type.is_text:
        return of_text(array.cast(pa.string()), type, rules)
    if type.code == _STRING and not is_text and not pa.types.is_nested(array.type):
        try:
            array = array.cast(pa.string())
        except pa.ArrowException as error:
            raise Misfit(None, f"holds {array.type} where the type is string: {error}") from None
    return convert.fit(array, type, rules)


def _of_arrow(given: pa.Array | pa.ChunkedArray, type: FeatureType, rules: ColumnRules) -> Cells:
    chunks = given.chunks if isinstance(given, pa.ChunkedArray) else [given]
    arrays: list[pa.Array] = []
    odd: dict[int, Any] = {}
    first = 0
    for chunk in chunks:
        made = _of_array(chunk, type, rules)
        odd |= {first + row: cell for row, cell in made.odd.items()}
        arrays.append(made.array)
        first += len(chunk)
    return Cells(joined(arrays, type.arrow), odd)


def _of_array(array: pa.Array, type: FeatureType, rules: ColumnRules) -> Cells:
    try:
        return Cells(fitted(array, type, rules), {})
    except Misfit as misfit:
        if misfit.row is None:
            # The whole column is of another kind.
            rows = np.flatnonzero(np.asarray(array.is_valid())).tolist()
            return Cells(pa.nulls(len(array), type.arrow), {row: array[row].as_py() for row in rows})
    except pa.ArrowException:
        pass
    is_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    if not is_text or pc.count_distinct(array).as_py() == len(array):
        return _pieces(
            len(array), type, lambda start, stop: fitted(array.slice(start, stop - start), type, rules), lambda row: array[row].as_py()
        )
    # Each text once: what is odd most often is the same few words.
    encoded = array.dictionary_encode()
    of_distinct = _of_array(encoded.dictionary, type, rules)
    codes = np.asarray(encoded.indices.fill_null(-1))
    odd_codes = np.fromiter(of_distinct.odd, np.int64, len(of_distinct.odd))
    at = np.flatnonzero(np.isin(codes, odd_codes)).tolist()
    return Cells(of_distinct.array.take(encoded.indices), {row: of_distinct.odd[int(codes[row])] for row in at})


def _pieces(count: int, type: FeatureType, make: Callable[[int, int], pa.Array], cell: Callable[[int], Any]) -> Cells:
    """Goes through the cells in steps that double while they are good, and halve where one is odd."""
    arrays: list[pa.Array] = []
    odd: dict[int, Any] = {}
    start, step = 0, max(1, count)
    while start < count:
        stop = min(start + step, count)
        try:
            arrays.append(make(start, stop))
        except (Misfit, pa.ArrowException):
            if stop - start > 1:
                step = (stop - start) // 2
                continue
            arrays.append(pa.nulls(1, type.arrow))
            odd[start] = cell(start)
        start, step = stop, 2 * step
    return Cells(joined(arrays, type.arrow), odd)
