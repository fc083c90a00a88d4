"""Packed columns: docs/formats/packed-columns.md. The keys and the answer of a get by handle."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..errors import DataLoss
from . import bits
from .batch import buffers
from .types import FeatureType

_HEADER = struct.Struct("<QII")
_STATUSES, _EVENT_TIMES = 1, 2


def _padded(count: int) -> int:
    return -(-count // 8) * 8


def encode(handle: int, row_count: int, keys: Sequence[tuple[FeatureType, pa.Array]]) -> bytes:
    """The keys of a get, and other columns of its request: columns in the order and of the types that the server named."""
    has_nulls = any(array.null_count for _, array in keys)
    parts = [_HEADER.pack(handle, row_count, _STATUSES if has_nulls else 0)]

    def add(*pieces: bytes | memoryview) -> None:
        joined = b"".join(pieces)
        parts.append(joined)
        if len(joined) % 8:
            parts.append(bytes(-len(joined) % 8))

    if has_nulls:
        add(*[_statuses_of(array).tobytes() for _, array in keys])
    for type, array in keys:
        _, offsets, element_validity, element_offsets, data = buffers(type, array)
        if type.is_text or type.is_array:
            add(offsets.tobytes())
        if type.is_array:
            add(struct.pack("<Q", array.flatten().null_count))
            if len(element_validity):
                add(element_validity.tobytes())
            if type.element.is_text:
                add(element_offsets.tobytes())
        add(data.tobytes())
    return b"".join(parts)


def _statuses_of(array: pa.Array) -> bits.U8:
    """PRESENT and NULL_VALUE, two bits each."""
    nulls = np.asarray(array.is_null())
    spread = np.zeros(-(-len(array) // 4) * 4, np.uint8)
    spread[: len(array)] = nulls
    cells = spread.reshape(-1, 4)
    return (cells[:, 0] | cells[:, 1] << 2 | cells[:, 2] << 4 | cells[:, 3] << 6).astype(np.uint8)


class Types(tuple[FeatureType, ...]):
    """The types of an answer, with what they have in common."""

    # Of them all, where it is of fixed width and no vector.
    common: FeatureType | None

    def __new__(cls, types: Iterable[FeatureType]) -> Types:
        made = super().__new__(cls, types)
        is_one = len(set(made)) == 1 and made[0].cell_bytes > 0 and not made[0].is_vector
        made.common = made[0] if is_one else None
        return made


@dataclass(slots=True)
class PackedColumns:
    """An answer, found its way through and not copied."""

    position: int
    row_count: int
    buffer: pa.Buffer
    # Where each column's parts begin.
    places: Sequence[int]
    # All statuses, `statuses_bytes` for each column; -1 where every cell is PRESENT.
    statuses_place: int
    event_times_place: int

    @staticmethod
    def decode(buffer: pa.Buffer, types: Types) -> PackedColumns:
        """Checks every length.

        Raises:
            DataLoss: for what is no such answer.
        """
        try:
            return _decode(buffer, types)
        except (struct.error, IndexError):
            raise DataLoss("the answer of a get is cut short") from None


def _decode(buffer: pa.Buffer, types: Types) -> PackedColumns:
    position, rows, flags = _HEADER.unpack_from(buffer, 0)
    at = _HEADER.size
    statuses_place = event_times_place = -1
    if flags & _STATUSES:
        statuses_place = at
        at += _padded((rows + 3) // 4 * len(types))
    places: Sequence[int]
    if types.common is not None:
        # The usual case, and the one whose cost would grow with features.
        step = _padded(rows * types.common.cell_bytes)
        places = range(at, at + step * len(types), step) if step else (at,) * len(types)
        at += step * len(types)
    else:
        places = []
        for type in types:
            places.append(at)
            width = type.cell_bytes
            at += _padded(rows * width) if width else _variable_bytes(buffer, at, rows, type)
    if flags & _EVENT_TIMES:
        event_times_place = at
        at += 8 * rows * len(types)
    if at != buffer.size or flags & ~3:
        raise DataLoss(f"the answer of a get has {buffer.size} bytes where its columns take {at}")
    return PackedColumns(position, rows, buffer, places, statuses_place, event_times_place)


def _variable_bytes(buffer: pa.Buffer, at: int, rows: int, type: FeatureType) -> int:
    """Bytes of a column of bool, text or arrays."""
    if type.code == 1:
        return _padded((rows + 7) // 8)
    if type.is_text:
        return _text_bytes(buffer, at, rows)
    count, _, elements = _array_parts(buffer, at, rows)
    used = elements - at
    if type.element.is_text:
        return used + _text_bytes(buffer, elements, count)
    return used + _padded((count + 7) // 8 if type.element.code == 1 else count * type.element.cell_bytes)


def _text_bytes(buffer: pa.Buffer, at: int, rows: int) -> int:
    (count,) = struct.unpack_from("<I", buffer, at + 4 * rows)
    used: int = _padded(4 * (rows + 1)) + _padded(count)
    return used


def _array_parts(buffer: pa.Buffer, at: int, rows: int) -> tuple[int, int, int]:
    """Of an array column: how many elements, how many of them null, and where the elements begin."""
    (count,) = struct.unpack_from("<I", buffer, at + 4 * rows)
    at += _padded(4 * (rows + 1))
    (nulls,) = struct.unpack_from("<Q", buffer, at)
    at += 8
    return count, nulls, at + (_padded((count + 7) // 8) if nulls else 0)


def arrow_column(packed: PackedColumns, index: int, type: FeatureType, validity: pa.Buffer | None) -> pa.Array:
    """One column as Arrow has it, sharing the answer's memory.

    Raises:
        DataLoss: where its offsets lead outside.
    """
    buffer, rows, at = packed.buffer, packed.row_count, packed.places[index]
    try:
        if type.is_vector:
            child = _plain(buffer, at, rows * type.length, type.element, None)
            made = pa.Array.from_buffers(type.arrow, rows, [validity], -1, children=[child])
        elif type.is_array:
            count, nulls, elements = _array_parts(buffer, at, rows)
            element_validity = None
            if nulls:
                size = (count + 7) // 8
                element_validity = buffer.slice(elements - _padded(size), size)
            child = _plain(buffer, elements, count, type.element, element_validity)
            made = pa.Array.from_buffers(type.arrow, rows, [validity, buffer.slice(at, 4 * (rows + 1))], -1, children=[child])
        else:
            made = _plain(buffer, at, rows, type, validity)
        made.validate(full=type.is_text or type.is_array)
    except pa.ArrowInvalid as error:
        raise DataLoss(f"a column of {type} in the answer of a get is malformed: {error}") from None
    return made


def _plain(buffer: pa.Buffer, at: int, count: int, type: FeatureType, validity: pa.Buffer | None) -> pa.Array:
    nulls = 0 if validity is None else -1
    if type.is_text:
        (size,) = struct.unpack_from("<I", buffer, at + 4 * count)
        offsets = buffer.slice(at, 4 * (count + 1))
        return pa.Array.from_buffers(type.arrow, count, [validity, offsets, buffer.slice(at + _padded(4 * (count + 1)), size)], nulls)
    size = (count + 7) // 8 if type.code == 1 else count * type.cell_bytes
    return pa.Array.from_buffers(type.arrow, count, [validity, buffer.slice(at, size)], nulls)
