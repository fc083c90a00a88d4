"""Batches: docs/formats/batch.md. Arrow's buffers go in by one copy each and come out by none."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
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
# As NumPy reads all entries at once: the buffers as place and size.
_ENTRY_CELLS = np.dtype([("ordinal", "<u4"), ("type", "V8"), ("nulls", "<u4"), ("spans", "<u4", (5, 2)), ("padding", "V8")])
_VALIDITY, _DATA = 0, 4
_DESCRIPTOR = struct.Struct("<BBHI")
# Up to so many bytes a column, taking all columns at once is faster than one by one.
_FEW_BYTES = 4096
MAGIC, VERSION = b"HWB1", 1
ROWS_MAX = 4_000_000
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
        self._entries = np.frombuffer(buffer, _ENTRY_CELLS, count, HEADER.size)
        self.types = _types(self._entries["type"].tobytes())
        spans = self._entries["spans"].astype(np.int64)
        if count and int((spans[:, :, 0] + spans[:, :, 1]).max()) > self.length:
            raise DataLoss("a batch's column reaches outside it")

    def column(self, index: int) -> pa.Array:
        """One column, as a view.

        Raises:
            DataLoss: where it is malformed.
        """
        type, entry = self.types[index], self._entries[index]
        found = [self._buffer.slice(place, size) if size else None for place, size in entry["spans"].tolist()]
        validity, offsets, element_validity, element_offsets, data = found
        data = self._buffer.slice(0, 0) if data is None else data
        try:
            return arrow_column(type, self.rows, int(entry["nulls"]), validity, offsets, element_validity, element_offsets, data)
        except (pa.ArrowInvalid, struct.error) as error:
            raise DataLoss(f"a batch's column of {type} is malformed: {error}") from None

    def cells(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """The cells of columns of one type of fixed width, of shape (columns, cells), a vector's elements side by side; what stands for a
        null is zero.

        Raises:
            DataLoss: where one of them has fewer or more.
        """
        type = self.types[columns[0]]
        assert type.numpy is not None
        count = self.rows * (type.length or 1)
        places, sizes = self._spans(columns, _DATA)
        if (sizes != count * type.numpy.itemsize).any():
            raise DataLoss(f"a batch's column of {type} has {sizes.max()} bytes for {self.rows} rows")
        return self._gathered(places, count, type.numpy)

    def validity(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Where columns are not null, of shape (columns, rows).

        Raises:
            DataLoss: where a column has too few bits.
        """
        present = np.ones((len(columns), self.rows), np.bool_)
        places, sizes = self._spans(columns, _VALIDITY)
        given = np.flatnonzero(sizes)
        needed = (self.rows + 7) // 8
        if (sizes[given] != needed).any():
            raise DataLoss(f"a batch's column has {sizes.max()} bytes of validity for {self.rows} rows")
        if len(given):
            found = self._gathered(places[given], needed, np.dtype(np.uint8))
            present[given] = np.unpackbits(found, axis=1, count=self.rows, bitorder="little").view(np.bool_)
        return present

    def has_nulls(self, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Which columns have a null."""
        flags: npt.NDArray[np.bool_] = self._entries["nulls"][columns] != 0
        return flags

    def _spans(self, columns: npt.NDArray[np.intp], buffer: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        spans = self._entries["spans"][columns, buffer].astype(np.int64)
        return spans[:, 0], spans[:, 1]

    def _gathered(self, places: npt.NDArray[np.int64], count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """`count` cells from each place, without a step of Python for each."""
        size = count * dtype.itemsize
        if count == 0:
            return np.empty((len(places), 0), dtype)
        steps = np.diff(places)
        if len(places) == 1 or (steps[0] > 0 and (steps == steps[0]).all()):
            step = int(steps[0]) if len(steps) else size
            view: npt.NDArray[Any] = np.ndarray((len(places), count), dtype, self._buffer, int(places[0]), (step, dtype.itemsize))
            return view
        words = -(-size // 8)
        if size > _FEW_BYTES or (places % 8).any() or int(places.max()) + 8 * words > self.length // 8 * 8:
            one_by_one: npt.NDArray[Any] = np.array([np.frombuffer(self._buffer, dtype, count, place) for place in places.tolist()])
            return one_by_one
        whole = np.frombuffer(self._buffer, "<u8", self.length // 8)
        found: npt.NDArray[Any] = whole[(places // 8)[:, None] + np.arange(words)]
        cells: npt.NDArray[Any] = found.view(np.uint8)[:, :size].view(dtype)
        return cells


@lru_cache(maxsize=4096)
def _type(descriptor: tuple[int, ...]) -> FeatureType:
    code, element, _, length = descriptor
    type = FeatureType.of_descriptor(code, element, length)
    if type is None:
        raise Unimplemented(f"a column of a type that this client does not know (code {code}): use the same version on both sides")
    # The one that parsing gives: types that are the same object compare fast.
    return FeatureType.parse(str(type))


@lru_cache(maxsize=64)
def _types(descriptors: bytes) -> list[FeatureType]:
    """Of all columns: the batches of one answer have the same."""
    return [_type(descriptor) for descriptor in _DESCRIPTOR.iter_unpack(descriptors)]


def arrow_column(
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
