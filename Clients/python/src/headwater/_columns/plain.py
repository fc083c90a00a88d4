"""Cells that are Python's own objects, straight to a compact body: of columns without nulls, whose cells are all of the type's class."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from . import bits
from .compact import varint
from .types import FeatureType

# By a type's code, the class of its cells; of numbers, how they are packed.
_CLASSES: dict[int, type] = {1: bool, 2: int, 3: int, 4: float, 5: float, 6: str, 7: bytes, 8: dt.datetime}
_FORMATS = {2: "i", 3: "q", 4: "f", 5: "d"}
_TIMESTAMP = pa.timestamp("us", tz="UTC")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_NAIVE_EPOCH = dt.datetime(1970, 1, 1)


def cells(type: FeatureType, values: Sequence[object]) -> bytes | None:
    """The data of a compact column; `None` where the cells are no such objects, or do not fit."""
    code = type.code
    if not _are_plain(code, values):
        return None
    try:
        if code in _FORMATS:
            return struct.pack(f"<{len(values)}{_FORMATS[code]}", *values)
        if code == 8:
            return _instants(values)
        if code == 1:
            return bits.pack(np.array(values, np.bool_)).tobytes()
        return _texts(values if code == 7 else [value.encode() for value in values])  # type: ignore[arg-type, attr-defined]
    except (struct.error, OverflowError, TypeError, UnicodeEncodeError, pa.ArrowException):
        # What is wrong with which of them is found by those who say it.
        return None


def array(type: FeatureType, values: Sequence[object]) -> pa.Array | None:
    """The same cells as an Arrow array; `None` as above, and where Arrow's own conversion is another one."""
    if type.code == 4 or not _are_plain(type.code, values):
        return None
    try:
        return pa.array(values, type.arrow)
    except (OverflowError, UnicodeEncodeError, pa.ArrowException):
        return None


def _are_plain(code: int, values: Sequence[object]) -> bool:
    wanted = _CLASSES.get(code)
    if len(values) == 1:
        return type(values[0]) is wanted
    kinds = set(map(type, values))
    return len(kinds) == 1 and wanted in kinds


def _instants(values: Sequence[object]) -> bytes:
    if len(values) > 4:
        buffer: pa.Buffer = pa.array(values, _TIMESTAMP).buffers()[1]
        packed: bytes = buffer.slice(0, 8 * len(values)).to_pybytes()
        return packed
    return struct.pack(f"<{len(values)}q", *map(_microseconds, values))


def _microseconds(value: Any) -> int:
    # Without a zone it is UTC.
    since = value - _EPOCH if value.tzinfo is not None else value - _NAIVE_EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds  # type: ignore[no-any-return]


def _texts(values: Sequence[bytes]) -> bytes:
    lengths = list(map(len, values))
    front = bytes(lengths) if max(lengths) < 128 else b"".join(map(varint, lengths))
    return front + b"".join(values)


class RowPacker:
    """Packs the cells of one row, all of them there and of fixed width, in one step."""

    def __init__(self, classes: tuple[type, ...], format: str, times: Sequence[int]) -> None:
        self._classes, self._times = classes, times
        self._pack = struct.Struct(format).pack

    @staticmethod
    def of(types: Sequence[FeatureType], *, takes_numbers: bool) -> RowPacker | None:
        """`None` where a type is of no fixed width.

        Args:
            takes_numbers: whether times are whole microseconds.
        """
        formats = {**_FORMATS, 8: "q"}
        if any(type.code not in formats for type in types):
            return None
        classes = tuple([int if takes_numbers and type.code == 8 else _CLASSES[type.code] for type in types])
        times = [place for place, kind in enumerate(classes) if kind is dt.datetime]
        return RowPacker(classes, "<" + "".join([formats[type.code] for type in types]), times)

    def pack(self, cells: tuple[Any, ...]) -> bytes | None:
        """The data of all columns; `None` where the cells are no such objects, or do not fit."""
        if tuple(map(type, cells)) != self._classes:
            return None
        try:
            if not self._times:
                return self._pack(*cells)
            packed = list(cells)
            for place in self._times:
                packed[place] = _microseconds(packed[place])
            return self._pack(*packed)
        except (struct.error, OverflowError, TypeError):
            return None
