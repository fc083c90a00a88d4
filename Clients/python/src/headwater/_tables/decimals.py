"""Decimals as floats: the nearest one, read from the digits themselves, so that nothing is rounded twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import FeatureType
from .rules import Misfit, first_failing

# Any number of so many digits comes back from a float64 as it was.
DIGITS_MAX = 15
# The least float64 that has all its bits.
_NORMAL_MIN = 2.2250738585072014e-308


class DecimalTexts(pa.ExtensionType):
    """Decimals as text: those that are too far apart for one of Arrow's decimal types."""

    def __init__(self) -> None:
        super().__init__(pa.string(), "headwater.decimals")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> DecimalTexts:
        return cls()


def are_decimals(given: pa.DataType) -> bool:
    """Whether `to_floats` takes a column of this type."""
    return bool(pa.types.is_decimal(given)) or isinstance(given, DecimalTexts)


def of_objects(cells: Sequence[Any]) -> pa.Array | None:
    """Python's decimals that Arrow has no one type for; `None` where they are not all finite decimals."""
    if not all(cell is None or (isinstance(cell, Decimal) and cell.is_finite()) for cell in cells):
        return None
    return DecimalTexts().wrap_array(pa.array([None if cell is None else str(cell) for cell in cells], pa.string()))


def to_floats(array: pa.Array, type: FeatureType, *, lossy: bool) -> pa.Array:
    """The nearest floats.

    Raises:
        Misfit: with the first row that is beyond the type, or, unless `lossy`, that a float64 does not hold: one of more than 15
            significant digits, or whose nearest float64 is another number when it is written shortest.
    """
    texts = array.storage if isinstance(array, pa.ExtensionArray) else array.cast(pa.string())
    made = texts.cast(type.arrow)
    beyond = pc.is_inf(made)
    if pc.any(beyond).as_py():
        row = first_row(beyond)
        advice = ": use float64" if type.code == 4 and np.isfinite(float(texts[row].as_py())) else ""
        raise Misfit(row, f"{texts[row].as_py()} is beyond {type}{advice}")
    if not lossy:
        lost = first_lossy(array, texts)
        if lost is not None:
            raise Misfit(
                lost, f"{texts[lost].as_py()} has more digits than a float64 holds: lossy=True takes the nearest; text keeps them all"
            )
    return made


def first_lossy(array: pa.Array, texts: pa.Array | None = None) -> int | None:
    """The first row whose decimal a float64 does not hold."""
    given = array.type
    is_narrow = pa.types.is_decimal(given) and given.precision <= DIGITS_MAX and -200 < given.scale < 200
    if is_narrow:
        return None
    if texts is None:
        texts = array.storage if isinstance(array, pa.ExtensionArray) else array.cast(pa.string())
    mantissa = pc.replace_substring_regex(texts, r"[eE].*|[-+.]", "")
    digits = pc.replace_substring_regex(pc.replace_substring_regex(mantissa, "^0+", ""), "0+$", "")
    is_lossy = np.asarray(pc.fill_null(pc.greater(pc.utf8_length(digits), DIGITS_MAX), False))
    small = pc.less(pc.abs(texts.cast(pa.float64())), _NORMAL_MIN)
    suspects = np.flatnonzero(np.asarray(pc.fill_null(pc.and_(small, pc.not_equal(digits, "")), False)))
    # Few floats so small have all their bits.
    for row in suspects.tolist():
        text = texts[row].as_py()
        is_lossy[row] |= Decimal(repr(float(text))) != Decimal(text)
    rows = np.flatnonzero(is_lossy)
    return int(rows[0]) if len(rows) else None


def text(array: pa.Array, row: int) -> str:
    """One decimal as text."""
    cell = array.storage[row] if isinstance(array, pa.ExtensionArray) else array[row]
    return str(cell.as_py())


def first_row(flags: pa.Array) -> int:
    """The first row whose flag is set."""
    return int(np.flatnonzero(np.asarray(pc.fill_null(flags, False)))[0])


def to_integers(array: pa.Array, type: FeatureType) -> pa.Array:
    """Whole decimals.

    Raises:
        Misfit: with the first row that is none, or beyond the type.
    """
    if isinstance(array, pa.ExtensionArray):
        cells = [None if text is None else Decimal(text) for text in array.storage.to_pylist()]
        reach = 2**31 if type.code == 2 else 2**63
        for row, cell in enumerate(cells):
            if cell is not None and not (-reach <= cell < reach and cell == cell.to_integral_value()):
                raise Misfit(row, f"{cell} does not fit {type}")
        return pa.array([None if cell is None else int(cell) for cell in cells], type.arrow)
    # Arrow takes decimals of 32 and 64 bits for whole numbers of so many digits before the point.
    array = array if pa.types.is_decimal256(array.type) else array.cast(pa.decimal128(38, array.type.scale))
    try:
        return array.cast(type.arrow)
    except pa.ArrowInvalid:
        row = first_failing(array, lambda part: part.cast(type.arrow))
        raise Misfit(row, f"{array[row].as_py()} does not fit {type}{wider(array[row].as_py(), type)}") from None


def wider(value: Any, type: FeatureType) -> str:
    """What would hold a number that is no int32, or no int64."""
    if value != value:
        return ": NaN is no number; what is missing is None, in pandas a nullable column such as Int64"
    if value in (float("inf"), float("-inf")):
        return ": it is no whole number"
    if value != int(value):
        return ": use float64, or round it"
    return ": use int64" if type.code == 2 and -(2**63) <= value < 2**63 else ": use float64, or string"
