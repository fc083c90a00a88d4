"""How much each row of a column takes in a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Of a cell whose size differs, where it ends.
_END = 4


def row_bytes(array: pa.Array) -> npt.NDArray[np.int64]:
    """About how many bytes each cell takes; null ones too."""
    given = array.type
    if pa.types.is_string(given) or pa.types.is_binary(given):
        lengths: npt.NDArray[np.int64] = np.asarray(pc.fill_null(pc.binary_length(array), 0)).astype(np.int64)
        return lengths + _END
    if pa.types.is_list(given):
        # From where on each element takes its place; a null cell may have some behind it.
        starts = np.append(0, np.cumsum(row_bytes(array.values)))
        sizes: npt.NDArray[np.int64] = np.diff(starts[np.asarray(array.offsets)])
        return sizes + _END
    return np.full(len(array), width_of(given), np.int64)


def width_of(given: pa.DataType) -> int:
    """Bytes of each cell; 0 where they differ."""
    if pa.types.is_string(given) or pa.types.is_binary(given) or pa.types.is_list(given):
        return 0
    bits: int = given.list_size * given.value_type.bit_width if pa.types.is_fixed_size_list(given) else given.bit_width
    return max(1, bits // 8)


def cuts(count: int, arrays: Sequence[pa.Array], bytes_max: int, rows_max: int) -> Iterator[tuple[int, int]]:
    """Where a table is cut into parts: each is of so many bytes, or is one row that has more."""
    if sum(array.nbytes for array in arrays) <= bytes_max:
        yield from ((start, min(start + rows_max, count)) for start in range(0, count, rows_max))
        return
    widths = [width_of(array.type) for array in arrays]
    if all(widths):
        # The usual case, without a look at each row.
        step = max(1, min(rows_max, bytes_max // sum(widths)))
        yield from ((start, min(start + step, count)) for start in range(0, count, step))
        return
    ends = np.cumsum(sum((row_bytes(array) for array in arrays), np.zeros(count, np.int64)))
    start = 0
    while start < count:
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + bytes_max, side="right"))
        stop = min(max(stop, start + 1), start + rows_max, count)
        yield start, stop
        start = stop
