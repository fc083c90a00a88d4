"""Batches: docs/formats/batch.md. Arrow's buffers go in by one copy each and come out by none."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataLoss, InvalidArgument, Unimplemented
from . import bits
from .types import FeatureType

HEADER = struct.Struct("<4sHHII48x")
ENTRY = struct.Struct("<I8sI10I8x")
ENTRY_FIELDS = struct.Struct("<IBBHII10I8x")
MAGIC, VERSION = b"HWB1", 1
ROWS_MAX = 4_000_000
_OFFSET_MAX = 2**31 - 1
_NOTHING = np.empty(0, np.uint8)

# The five buffers of a column: validity, offsets, element validity, element offsets, data.
Buffers = tuple[bits.U8, bits.U8, bits.U8, bits.U8, bits.U8]


def encode(row_count: int, columns: Sequence[tuple[int, FeatureType, pa.Array]], prefix: bytes = b"") -> np.ndarray:
    """A batch of columns by rising ordinal, each an array of its type's Arrow type.

    Args:
        prefix: what stands in front of it; a multiple of 64 bytes.

    Returns:
        The bytes, of shape (n,) and type uint8.
    """
    laid_out = [(ordinal, type, array.null_count, buffers(type, array)) for ordinal, type, array in columns]
    at = HEADER.size + ENTRY.size * len(laid_out)
    entries: list[bytes] = []
    places: list[tuple[int, bits.U8]] = []
    for ordinal, type, nulls, parts in laid_out:
        spans: list[int] = []
        for buffer in parts:
            if len(buffer) == 0:
                spans += [0, 0]
                continue
            places.append((at, buffer))
            spans += [at, len(buffer)]
            at += -(-len(buffer) // 64) * 64
        entries.append(ENTRY.pack(ordinal, type.descriptor, nulls, *spans))
    if at > 256 << 20:
        raise InvalidArgument(f"{row_count} rows take {at} bytes; the limit of a batch is {256 << 20}: write fewer at once")
    out = np.empty(len(prefix) + at, np.uint8)
    front = prefix + HEADER.pack(MAGIC, VERSION, len(laid_out), row_count, at) + b"".join(entries)
    out[: len(front)] = np.frombuffer(front, np.uint8)
    end = len(front)
    for place, buffer in places:
        start = place + len(prefix)
        # Padding is zeros.
        out[end:start] = 0
        end = start + len(buffer)
        out[start:end] = buffer
    out[end:] = 0
    return out


def buffers(type: FeatureType, array: pa.Array) -> Buffers:
    validity = _validity(array)
    if type.is_array:
        lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0))
        offsets = _offsets(lengths)
        # Without the elements of null cells.
        elements = array.flatten()
        element = type.element
        _, element_offsets, _, _, data = buffers(element, elements)
        return validity, offsets, _validity(elements), element_offsets, data
    if type.is_vector:
        elements = array.values.slice(array.offset * type.length, len(array) * type.length)
        data = _fixed(elements, type)
        if len(validity):
            cells = data.view("<f4").reshape(len(array), type.length).copy()
            cells[~bits.unpack(validity, len(array))] = 0
            data = cells.reshape(-1).view(np.uint8)
        return validity, _NOTHING, _NOTHING, _NOTHING, data
    if type.is_text:
        return validity, *_text(array)
    if array.null_count:
        # What stands behind a null is not told.
        zero: object = False if type.code == 1 else 0
        array = pc.fill_null(array, pa.scalar(zero, pa.int64()).cast(type.arrow) if type.code == 8 else pa.scalar(zero, type.arrow))
    if type.code == 1:
        data = bits.of_buffer(array.buffers()[1], array.offset, len(array)) if len(array) else _NOTHING
    else:
        data = _fixed(array, type)
    return validity, _NOTHING, _NOTHING, _NOTHING, data


def _validity(array: pa.Array) -> bits.U8:
    if array.null_count == 0:
        return _NOTHING
    validity = array.buffers()[0]
    if validity is None:
        # An array of Arrow's null type has no validity.
        return np.zeros((len(array) + 7) // 8, np.uint8)
    return bits.of_buffer(validity, array.offset, len(array))


def _fixed(array: pa.Array, type: FeatureType) -> bits.U8:
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return _NOTHING
    assert type.numpy is not None
    width = type.numpy.itemsize
    return np.frombuffer(data, np.uint8)[array.offset * width : (array.offset + len(array)) * width]


def _offsets(lengths: npt.NDArray[np.integer]) -> bits.U8:
    offsets = np.zeros(len(lengths) + 1, "<i4")
    np.cumsum(lengths, out=offsets[1:])
    return offsets.view(np.uint8)


def _text(array: pa.Array) -> tuple[bits.U8, bits.U8, bits.U8, bits.U8]:
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(b"", pa.binary()).cast(array.type))
    _, offset_buffer, data = array.buffers()
    if offset_buffer is None or offset_buffer.size == 0:
        return np.zeros(4, np.uint8), _NOTHING, _NOTHING, _NOTHING
    offsets = np.frombuffer(offset_buffer, "<i4")[array.offset : array.offset + len(array) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    cells = np.frombuffer(data, np.uint8)[first:last] if data is not None and last > first else _NOTHING
    own = offsets - np.int32(first) if first else offsets
    return np.ascontiguousarray(own).view(np.uint8), _NOTHING, _NOTHING, cells


class Batch:
    """A batch that was received, its columns found and not copied.

    Attributes:
        rows: how many rows there are.
        length: bytes of the batch.
        types: of the columns.
    """

    __slots__ = ("_buffer", "_entries", "length", "rows", "types")

    def __init__(self, buffer: pa.Buffer) -> None:
        """Finds the columns of the batch that a buffer starts with.

        Raises:
            DataLoss: for what is no batch.
            Unimplemented: for another version, or a type that this client does not know.
        """
        if buffer.size < HEADER.size:
            raise DataLoss(f"a batch of {buffer.size} bytes is cut short")
        magic, version, count, self.rows, self.length = HEADER.unpack_from(buffer, 0)
        if magic != MAGIC:
            raise DataLoss("an answer's body is no batch")
        if version != VERSION:
            raise Unimplemented(f"a batch of version {version}; this client knows {VERSION}: use the same version on both sides")
        end = HEADER.size + ENTRY.size * count
        if self.length > buffer.size or end > self.length or self.rows > ROWS_MAX:
            raise DataLoss("a batch is longer than what it came in")
        self._buffer = buffer
        self._entries = list(ENTRY_FIELDS.iter_unpack(memoryview(buffer)[HEADER.size : end]))
        self.types = [_type(entry[1:5]) for entry in self._entries]
        for entry in self._entries:
            if max(map(add, entry[6::2], entry[7::2])) > self.length:
                raise DataLoss("a batch's column reaches outside it")

    def column(self, index: int) -> pa.Array:
        """One column, as a view.

        Raises:
            DataLoss: where it is malformed.
        """
        type, entry = self.types[index], self._entries[index]
        spans = zip(entry[6::2], entry[7::2], strict=True)
        found = [self._buffer.slice(place, size) if size else None for place, size in spans]
        validity, offsets, element_validity, element_offsets, data = found
        data = self._buffer.slice(0, 0) if data is None else data
        try:
            return _column(type, self.rows, entry[5], validity, offsets, element_validity, element_offsets, data)
        except (pa.ArrowInvalid, struct.error) as error:
            raise DataLoss(f"a batch's column of {type} is malformed: {error}") from None

    def cells(self, index: int) -> npt.NDArray[Any]:
        """The cells of a column of fixed width, a vector's elements side by side; what stands for a null is zero."""
        type, entry = self.types[index], self._entries[index]
        count = self.rows * (type.length or 1)
        assert type.numpy is not None
        if entry[15] != count * type.numpy.itemsize:
            raise DataLoss(f"a batch's column of {type} has {entry[15]} bytes for {self.rows} rows")
        return np.frombuffer(self._buffer, type.numpy, count, entry[14])

    def null_count(self, index: int) -> int:
        return int(self._entries[index][5])

    def validity(self, index: int) -> bits.U8:
        """A bit for each row, set where a column is not null, and more up to a whole byte."""
        place, size = self._entries[index][6:8]
        needed = (self.rows + 7) // 8
        if not size:
            return np.full(needed, 0xFF, np.uint8)
        if size != needed:
            raise DataLoss(f"a batch's column has {size} bytes of validity for {self.rows} rows")
        return np.frombuffer(self._buffer, np.uint8, size, place)


@lru_cache(maxsize=4096)
def _type(descriptor: tuple[int, ...]) -> FeatureType:
    code, element, _, length = descriptor
    type = FeatureType.of_descriptor(code, element, length)
    if type is None:
        raise Unimplemented(f"a column of a type that this client does not know (code {code}): use the same version on both sides")
    # The one that parsing gives: types that are the same object compare fast.
    return FeatureType.parse(str(type))


class Gathered:
    """Rows of many batches in one piece: answers come in many small ones. Each is copied while the next is on its way, and let go."""

    def __init__(self, types: Sequence[FeatureType], capacity: int) -> None:
        """Begins with no rows, and room for `capacity`; it grows."""
        self.rows = 0
        self._types = list(types)
        self._capacity = capacity
        # Of columns of fixed width their cells, and where they are not null, once one is.
        self._cells = [None if type.numpy is None else np.empty(capacity * (type.length or 1), type.numpy) for type in self._types]
        self._present: list[npt.NDArray[np.bool_] | None] = [None] * len(self._types)
        # Others as they came.
        self._arrays: list[list[pa.Array]] = [[] for _ in self._types]

    def add(self, batch: Batch) -> None:
        """Takes the rows of a batch.

        Raises:
            DataLoss: where it has other types, or is malformed.
        """
        if batch.types != self._types:
            raise DataLoss(f"a batch of {', '.join(map(str, batch.types))} in an answer of {', '.join(map(str, self._types))}")
        first, end = self.rows, self.rows + batch.rows
        if end > self._capacity:
            self._grow(max(end, 2 * self._capacity))
        for index, type in enumerate(self._types):
            cells = self._cells[index]
            if cells is None:
                self._arrays[index].append(batch.column(index))
                continue
            width = type.length or 1
            cells[first * width : end * width] = batch.cells(index)
            present = self._present[index]
            if present is None and batch.null_count(index):
                present = self._present[index] = np.ones(self._capacity, np.bool_)
            if present is not None:
                present[first:end] = bits.unpack(batch.validity(index), batch.rows) if batch.null_count(index) else True
        self.rows = end

    def _grow(self, capacity: int) -> None:
        for index, type in enumerate(self._types):
            cells, present = self._cells[index], self._present[index]
            if cells is not None:
                self._cells[index] = _longer(cells, capacity * (type.length or 1))
            if present is not None:
                self._present[index] = _longer(present, capacity)
        self._capacity = capacity

    def columns(self) -> list[pa.Array | pa.ChunkedArray]:
        """All columns, each in one piece unless its text is longer than the offsets of one reach."""
        return [self._column(index, type) for index, type in enumerate(self._types)]

    def _column(self, index: int, type: FeatureType) -> pa.Array | pa.ChunkedArray:
        cells, present = self._cells[index], self._present[index]
        if cells is None:
            arrays = self._arrays[index]
            if sum([array.nbytes for array in arrays]) >= _OFFSET_MAX:
                return pa.chunked_array(arrays, type.arrow)
            return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays) if arrays else pa.array([], type.arrow)
        validity = None if present is None else pa.py_buffer(bits.pack(present[: self.rows]))
        data = pa.py_buffer(cells[: self.rows * (type.length or 1)])
        return _column(type, self.rows, -1, validity, None, None, None, data)


def _longer(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    longer = np.empty(size, array.dtype)
    longer[: len(array)] = array
    return longer


def _column(
    type: FeatureType,
    rows: int,
    nulls: int,
    validity: pa.Buffer | None,
    offsets: pa.Buffer | None,
    element_validity: pa.Buffer | None,
    element_offsets: pa.Buffer | None,
    data: pa.Buffer,
) -> pa.Array:
    if type.is_vector:
        child = pa.Array.from_buffers(pa.float32(), rows * type.length, [None, data], 0)
        made = pa.Array.from_buffers(type.arrow, rows, [validity], nulls, children=[child])
    elif type.is_array:
        count = struct.unpack_from("<i", offsets, 4 * rows)[0] if offsets is not None else 0
        child_buffers = [element_validity, element_offsets, data] if type.element.is_text else [element_validity, data]
        child = pa.Array.from_buffers(type.element.arrow, count, child_buffers, -1 if element_validity is not None else 0)
        made = pa.Array.from_buffers(type.arrow, rows, [validity, offsets], nulls, children=[child])
    else:
        made = pa.Array.from_buffers(type.arrow, rows, [validity, offsets, data] if type.is_text else [validity, data], nulls)
    made.validate(full=type.is_text or type.is_array)
    return made
