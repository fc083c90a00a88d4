"""Types of columns: as definitions spell them, as batches code them, and as Arrow and NumPy have them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..errors import InvalidArgument

# Codes are permanent: docs/formats/batch.md.
_CODES = {"bool": 1, "int32": 2, "int64": 3, "float32": 4, "float64": 5, "string": 6, "bytes": 7, "timestamp": 8}
_NAMES = {code: name for name, code in _CODES.items()}
_ARROW = {
    1: pa.bool_(), 2: pa.int32(), 3: pa.int64(), 4: pa.float32(), 5: pa.float64(), 6: pa.string(), 7: pa.binary(),
    8: pa.timestamp("us", tz="UTC"),
}  # fmt: skip
_NUMPY = {2: "<i4", 3: "<i8", 4: "<f4", 5: "<f8", 8: "<M8[us]"}
ARRAY, VECTOR = 16, 17
VECTOR_LENGTH_MAX = 65_536
# Of one cell of text, bytes or an array.
CELL_BYTES_MAX = 16 << 20


@dataclass(frozen=True)
class FeatureType:
    """The type of a key or a feature."""

    code: int
    element_code: int = 0
    length: int = 0

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(text: str) -> FeatureType:
        """Reads `float64`, `array(string)`, `vector(64)`.

        Raises:
            InvalidArgument: names what is unknown and what there is.
        """
        if text in _CODES:
            return FeatureType(_CODES[text])
        match = re.fullmatch(r"(array|vector)\((\w+)\)", text)
        if match and match[1] == "array" and match[2] in _CODES:
            return FeatureType(ARRAY, _CODES[match[2]])
        if match and match[1] == "vector" and re.fullmatch(r"[1-9]\d{0,4}", match[2]) and int(match[2]) <= VECTOR_LENGTH_MAX:
            return FeatureType(VECTOR, 4, int(match[2]))
        raise InvalidArgument(f"unknown type {text!r}: use {', '.join(_CODES)}, array(T) or vector(n) with n from 1 to {VECTOR_LENGTH_MAX}")

    @staticmethod
    def of_descriptor(code: int, element: int, length: int) -> FeatureType | None:
        """The type of a batch's 8 bytes; `None` for one that this version does not know."""
        if code in _NAMES and element == 0 and length == 0:
            return FeatureType(code)
        if code == ARRAY and element in _NAMES and length == 0:
            return FeatureType(ARRAY, element)
        if code == VECTOR and element == 4 and 1 <= length <= VECTOR_LENGTH_MAX:
            return FeatureType(VECTOR, 4, length)
        return None

    @staticmethod
    def of_arrow(given: pa.DataType) -> FeatureType | None:
        """The type whose columns are of this Arrow type; `None` where there is none."""
        if pa.types.is_fixed_size_list(given):
            return FeatureType(VECTOR, 4, given.list_size) if given.value_type == pa.float32() else None
        is_list = pa.types.is_list(given)
        code = next((code for code, arrow in _ARROW.items() if arrow == (given.value_type if is_list else given)), None)
        if code is None:
            return None
        return FeatureType(ARRAY, code) if is_list else FeatureType(code)

    def __str__(self) -> str:
        if self.code == ARRAY:
            return f"array({_NAMES[self.element_code]})"
        return f"vector({self.length})" if self.code == VECTOR else _NAMES[self.code]

    @property
    def is_array(self) -> bool:
        return self.code == ARRAY

    @property
    def is_vector(self) -> bool:
        return self.code == VECTOR

    @property
    def is_text(self) -> bool:
        """Whether cells are runs of bytes: string, bytes."""
        return self.code in (6, 7)

    @property
    def is_float(self) -> bool:
        return self.code in (4, 5)

    @property
    def is_key_type(self) -> bool:
        return self.code in (2, 3, 6, 7, 8)

    @cached_property
    def element(self) -> FeatureType:
        """Of an array or a vector."""
        return FeatureType(self.element_code)

    @cached_property
    def descriptor(self) -> bytes:
        return struct.pack("<BBHI", self.code, self.element_code, 0, self.length)

    @cached_property
    def arrow(self) -> pa.DataType:
        if self.code == ARRAY:
            return pa.list_(_ARROW[self.element_code])
        return pa.list_(pa.float32(), self.length) if self.code == VECTOR else _ARROW[self.code]

    @cached_property
    def numpy(self) -> np.dtype[np.generic] | None:
        """Of the cells of a column of fixed width, a vector's elements; else `None`."""
        name = _NUMPY.get(4 if self.code == VECTOR else self.code)
        return np.dtype(name) if name else None

    @cached_property
    def cell_bytes(self) -> int:
        """Of a cell of fixed width; 0 for bool, text and arrays."""
        return self.numpy.itemsize * (self.length or 1) if self.numpy is not None else 0


class Field(NamedTuple):
    """A named column."""

    name: str
    type: FeatureType


BOOL, INT64, TIMESTAMP = FeatureType(1), FeatureType(3), FeatureType(8)
