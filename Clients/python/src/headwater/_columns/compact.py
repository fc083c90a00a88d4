"""Compact bodies: docs/formats/batch.md. Entries of few rows, without padding and without what is empty."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .batch import buffers
from .types import FeatureType

MAGIC = b"HWB2"
# What a server announces that takes them.
CAPABILITY = b"compact-rows"
# Of an entry; one of more is a batch.
ROWS_MAX = 1_024
# Of all entries of a body together; one of more is of batches.
COLUMNS_MAX = 65_536

# A column: its place in the schema, what says its type and nulls, and its data.
Column = tuple[int, bytes, bytes]


def entry(group_id: int, schema_version: int, operation: int, row_count: int, columns: Sequence[Column]) -> bytes:
    """One entry, of columns by rising ordinal; a body is `MAGIC` and entries."""
    head = _head(group_id, schema_version, operation, row_count, tuple([ordinal for ordinal, _, _ in columns]))
    return b"".join([head, *[described for _, described, _ in columns], *[data for _, _, data in columns]])


def column(ordinal: int, type: FeatureType, array: pa.Array) -> Column:
    """A column of an array of its type's Arrow type."""
    has_nulls = array.null_count > 0
    validity, offsets, element_validity, element_offsets, data = buffers(type, array)
    pieces = [validity.tobytes()] if has_nulls else []
    if len(offsets):
        pieces.append(_lengths(offsets))
    if type.is_array:
        pieces += [b"\1", element_validity.tobytes()] if len(element_validity) else [b"\0"]
        if len(element_offsets):
            pieces.append(_lengths(element_offsets))
    pieces.append(data.tobytes())
    return ordinal, descriptor(type, has_nulls=has_nulls), b"".join(pieces)


@lru_cache(maxsize=4096)
def descriptor(type: FeatureType, *, has_nulls: bool) -> bytes:
    """What says a column's type, and whether some of its cells are null."""
    first = bytes([type.code | has_nulls << 5])
    if type.is_array:
        return first + bytes([type.element_code])
    return first + varint(type.length) if type.is_vector else first


@lru_cache(maxsize=4096)
def _head(group_id: int, schema_version: int, operation: int, row_count: int, ordinals: tuple[int, ...]) -> bytes:
    """Of an entry, up to its columns: the entries of a stream have few different ones."""
    bitmap = np.zeros(ordinals[-1] // 8 + 1, np.uint8)
    for ordinal in ordinals:
        bitmap[ordinal // 8] |= 1 << ordinal % 8
    numbers = [varint(group_id), varint(schema_version), bytes([operation]), varint(row_count), varint(len(bitmap))]
    return b"".join([*numbers, bitmap.tobytes()])


def varint(number: int) -> bytes:
    """A number below 2^32: seven bits in each byte, the lowest first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def varints(numbers: npt.NDArray[np.integer]) -> bytes:
    """Numbers from 0 to 2^31, one behind the other."""
    if not len(numbers) or int(numbers.max()) < 128:
        return numbers.astype(np.uint8).tobytes()
    shifts = np.arange(0, 35, 7)
    septets = numbers.astype(np.int64)[:, None] >> shifts
    # A byte is there where something is left for it, and the first one always.
    is_there = septets > 0
    is_there[:, 0] = True
    goes_on = np.zeros(septets.shape, np.int64)
    goes_on[:, :-1] = is_there[:, 1:] * 128
    return (septets & 127 | goes_on)[is_there].astype(np.uint8).tobytes()


def _lengths(offsets: npt.NDArray[np.uint8]) -> bytes:
    return varints(np.diff(offsets.view("<i4")))
