"""The rows of an answer, which comes in many small batches, in one piece."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import DataLoss
from .batch import Batch, arrow_column
from .chunks import joined
from .types import FeatureType

_OFFSET_MAX = 2**31 - 1


class Gathered:
    """Rows of many batches in one piece. Each batch is copied while the next is on its way, and let go.

    Columns of one type of fixed width are rows of one matrix: a step of Python for each type and batch, and not for each column.
    """

    def __init__(self, types: Sequence[FeatureType], capacity: int) -> None:
        """Begins with no rows, and room for `capacity`; it grows."""
        self.rows = 0
        self._types = list(types)
        self._capacity = capacity
        by_type: dict[FeatureType, list[int]] = defaultdict(list)
        # Others as they came, by their place.
        self._arrays: dict[int, list[pa.Array]] = {}
        for place, type in enumerate(self._types):
            if type.numpy is None:
                self._arrays[place] = []
            else:
                by_type[type].append(place)
        self._fixed = [_Fixed(type, places, capacity) for type, places in by_type.items()]

    def add(self, batch: Batch) -> None:
        """Takes the rows of a batch.

        Raises:
            DataLoss: where it has other types, or is malformed.
        """
        if batch.types != self._types:
            raise DataLoss(f"a batch of {', '.join(map(str, batch.types))} in an answer of {', '.join(map(str, self._types))}")
        first, end = self.rows, self.rows + batch.rows
        if end > self._capacity:
            self._capacity = max(end, 2 * self._capacity)
            for columns in self._fixed:
                columns.grow(self._capacity, first)
        for columns in self._fixed:
            columns.add(batch, first, end)
        for place, arrays in self._arrays.items():
            arrays.append(batch.column(place))
        self.rows = end

    def columns(self) -> list[pa.Array | pa.ChunkedArray]:
        """All columns, each in one piece unless its text is longer than the offsets of one reach."""
        made: dict[int, pa.Array | pa.ChunkedArray] = {}
        for columns in self._fixed:
            made.update(columns.arrays(self.rows))
        for place, arrays in self._arrays.items():
            made[place] = _joined(arrays, self._types[place])
        return [made[place] for place in range(len(self._types))]


class _Fixed:
    """The columns of one type of fixed width."""

    def __init__(self, type: FeatureType, places: Sequence[int], capacity: int) -> None:
        assert type.numpy is not None
        self._type = type
        self._places = np.array(places)
        self._width = type.length or 1
        # A column in each row; a vector's elements side by side.
        self._cells = np.empty((len(places), capacity * self._width), type.numpy)
        # Where they are not null, once one is.
        self._present: npt.NDArray[np.bool_] | None = None

    def grow(self, capacity: int, rows: int) -> None:
        self._cells = _longer(self._cells, capacity * self._width, rows * self._width)
        if self._present is not None:
            self._present = _longer(self._present, capacity, rows)

    def add(self, batch: Batch, first: int, end: int) -> None:
        self._cells[:, first * self._width : end * self._width] = batch.cells(self._places)
        nulls = batch.has_nulls(self._places)
        if self._present is None and nulls.any():
            self._present = np.ones((len(self._places), self._cells.shape[1] // self._width), np.bool_)
        if self._present is not None:
            self._present[:, first:end] = True
            where = np.flatnonzero(nulls)
            if len(where):
                self._present[where, first:end] = batch.validity(self._places[where])

    def arrays(self, rows: int) -> dict[int, pa.Array]:
        """The columns by their place."""
        made: dict[int, pa.Array] = {}
        packed = None if self._present is None else np.packbits(self._present[:, :rows], axis=1, bitorder="little")
        for number, place in enumerate(self._places.tolist()):
            validity = None
            if self._present is not None and packed is not None and not self._present[number, :rows].all():
                validity = pa.py_buffer(packed[number])
            data = pa.py_buffer(self._cells[number, : rows * self._width])
            made[place] = arrow_column(self._type, rows, 0 if validity is None else -1, validity, None, None, None, data)
        return made


def _longer(array: npt.NDArray[Any], size: int, used: int) -> npt.NDArray[Any]:
    longer = np.empty((len(array), size), array.dtype)
    longer[:, :used] = array[:, :used]
    return longer


def _joined(arrays: list[pa.Array], type: FeatureType) -> pa.Array | pa.ChunkedArray:
    if sum([array.nbytes for array in arrays]) >= _OFFSET_MAX:
        return pa.chunked_array(arrays, type.arrow)
    return joined(arrays, type.arrow)
