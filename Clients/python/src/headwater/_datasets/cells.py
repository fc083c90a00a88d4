"""The canonical bytes of cells, of whole columns at once: equal cells have equal bytes, however they were stored or sent."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import FeatureType

U8 = npt.NDArray[np.uint8]
# Unsigned numbers of the same width, and the one NaN that stands for all.
_NAN = {4: ("<u4", 0x7FC00000), 5: ("<u8", 0x7FF8000000000000)}


def cells(array: pa.Array, type: FeatureType) -> Any:
    """The bytes of all cells of a column without nulls, one behind the other."""
    if type.is_text or type.is_array:
        encoded = _each(array, type)
        offsets = _offsets(encoded)
        return memoryview(encoded.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]
    return _fixed(array, type)


def each(array: pa.Array, type: FeatureType) -> pa.Array:
    """The bytes of each cell; null where it is."""
    if not array.null_count:
        return _each(array, type)
    return _scattered(_each(array.drop_null(), type), np.asarray(array.is_valid()))


def _scattered(present: pa.Array, is_there: npt.NDArray[np.bool_]) -> pa.Array:
    """Cells at their places among nulls."""
    return present.take(pa.array(np.cumsum(is_there) - 1, mask=~is_there))


def _fixed(array: pa.Array, type: FeatureType) -> U8:
    """Cells of fixed width: as they lie in memory, but for NaN and truth values."""
    if type.code == 1:
        return np.asarray(array.cast(pa.uint8()))
    if type.code == 8:
        array = array.cast(pa.int64())
    values = np.ascontiguousarray(np.asarray(array.flatten() if type.is_vector else array))
    if type.is_float or type.is_vector:
        number, nan = _NAN[4 if type.is_vector else type.code]
        missing = np.isnan(values)
        if missing.any():
            values = values.copy()
            values.view(number)[missing] = nan
    return values.view(np.uint8)


def runs(data: Any, width: int, count: int) -> pa.Array:
    """Cells of one width as runs of bytes."""
    places = np.arange(count + 1, dtype=np.int64) * width
    return _of_places(places, pa.py_buffer(np.ascontiguousarray(data)))


def joined(*parts: Any) -> pa.Array:
    """Of each row the parts one behind the other; a part is a column or one value for all."""
    return pc.binary_join_element_wise(*parts, _nothing())


@lru_cache(maxsize=1)
def _nothing() -> Any:
    # Made when it is first needed: Arrow imports pandas for it.
    return pa.scalar(b"", pa.large_binary())


def _each(array: pa.Array, type: FeatureType) -> pa.Array:
    """Each cell's bytes."""
    count = len(array)
    if type.is_text:
        texts = array.cast(pa.binary()).cast(pa.large_binary()) if type.code == 6 else array.cast(pa.large_binary())
        return joined(_counts(pc.binary_length(texts), count), texts)
    if not type.is_array:
        return runs(_fixed(array, type), type.cell_bytes or 1, count)
    lengths = np.asarray(pc.list_value_length(array)).astype(np.int64)
    elements = array.flatten()
    is_there = np.asarray(elements.is_valid())
    present = _each(elements.drop_null(), type.element)
    if not is_there.all():
        present = _scattered(present, is_there).fill_null(b"")
    marked = joined(runs(is_there.astype(np.uint8), 1, len(elements)), present)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return joined(_counts(lengths, count), _of_places(_offsets(marked)[ends], marked.buffers()[2]))


def _counts(lengths: Any, count: int) -> pa.Array:
    return runs(np.asarray(lengths).astype("<u4").view(np.uint8), 4, count)


def _offsets(array: pa.Array) -> npt.NDArray[np.int64]:
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]


def _of_places(places: npt.NDArray[np.int64], data: Any) -> pa.Array:
    buffers = [None, pa.py_buffer(np.ascontiguousarray(places)), data if data is not None else pa.py_buffer(b"")]
    return pa.Array.from_buffers(pa.large_binary(), len(places) - 1, buffers)
