"""Bits and statuses packed into bytes, the first in the lowest bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U8 = npt.NDArray[np.uint8]


def pack(flags: npt.NDArray[np.bool_]) -> U8:
    """One bit for each flag."""
    return np.packbits(flags, bitorder="little")


def unpack(bits: U8, count: int) -> npt.NDArray[np.bool_]:
    """The first `count` bits."""
    return np.unpackbits(bits, count=count, bitorder="little").view(np.bool_)


def of_buffer(buffer: pa.Buffer, offset: int, count: int) -> U8:
    """`count` bits of Arrow's from bit `offset` on, moved to the start of their bytes."""
    first = offset // 8
    span = np.frombuffer(buffer, np.uint8)[first : (offset + count + 7) // 8]
    if offset % 8 == 0:
        return span
    return pack(unpack(span, offset % 8 + count)[offset % 8 :])


def unpack_statuses(packed: U8, count: int) -> U8:
    """The first `count` statuses, two bits each, of each row of bytes."""
    cells = np.empty((*packed.shape, 4), np.uint8)
    for place in range(4):
        cells[..., place] = (packed >> (2 * place)) & 3
    return cells.reshape(*packed.shape[:-1], -1)[..., :count]
