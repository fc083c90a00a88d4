"""Cells of CSV and NDJSON files, and of JSON text, as columns of a feature's type: docs/formats/tables.md."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import CELL_BYTES_MAX, FeatureType
from . import json_text
from .convert import fit, instants_of_text
from .decimals import first_row
from .rules import ColumnRules, Epochs, Misfit, first_failing

# What Arrow raises for Python objects that it does not take, such as a number that is too large.
_UNREADABLE = (pa.ArrowException, OverflowError, ValueError, TypeError)


def _a(type: FeatureType) -> str:
    return f"an {type}" if str(type)[0] in "ai" else f"a {type}"


def of_text(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    """Cells of a CSV file: docs/formats/tables.md.

    Raises:
        Misfit: names the row.
    """
    if type.code in (2, 3):
        return _integers(array, type)
    if type.is_float:
        return _floats(array, type)
    if type.code == 8:
        return instants_of_text(array, rules.epochs)
    if type.code == 6:
        return _of_size(array)
    if type.code == 7:
        return _of_size(
            pa.array([None if cell is None else _bytes_of(cell, row) for row, cell in enumerate(array.to_pylist())], pa.binary())
        )
    if type.code == 1:
        return _parsed(pc.utf8_lower(array), array, type)
    return of_json([None if cell is None else _list_of(cell, row, type) for row, cell in enumerate(array.to_pylist())], type, rules)


def _parsed(text: pa.Array, given: pa.Array, type: FeatureType) -> pa.Array:
    """What Arrow reads in text."""
    try:
        return text.cast(type.arrow)
    except pa.ArrowInvalid:
        row = first_failing(text, lambda part: part.cast(type.arrow))
        cell = given[row].as_py()
        is_beyond = type.code in (2, 3) and re.fullmatch("-?[0-9]+", cell)
        raise Misfit(row, f"{_quoted(cell)} is beyond the range of {type}" if is_beyond else f"{_quoted(cell)} is not {_a(type)}") from None


def _integers(array: pa.Array, type: FeatureType) -> pa.Array:
    # Arrow would read hexadecimal digits too; a letter anywhere tells that there may be some.
    if _has_byte_above(array, ord("9")):
        other = pc.invert(pc.match_substring_regex(array, "^-?[0-9]+$"))
        if pc.any(other).as_py():
            row = first_row(other)
            raise Misfit(row, f"{_quoted(array[row].as_py())} is not {_a(type)}")
    return _parsed(array, array, type)


def _floats(array: pa.Array, type: FeatureType) -> pa.Array:
    """Numbers as Arrow reads them, less a plus sign in front and the names that it knows besides ours."""
    made = _parsed(array, array, type)
    if _has_byte(array, ord("+")):
        _refuse(pc.starts_with(array, "+"), array, f"is not {_a(type)}")
    finite = pc.is_finite(made)
    if pc.all(finite, min_count=0).as_py():
        return made
    known = pc.or_(finite, pc.is_in(array, pa.array(list(_SPELT))))
    _refuse(pc.and_(pc.invert(known), pc.match_substring_regex(array, "[0-9]")), array, f"is beyond the range of {type}")
    _refuse(pc.invert(known), array, f"is not {_a(type)}")
    return made


def _refuse(flags: pa.Array, array: pa.Array, reason: str) -> None:
    if pc.any(flags).as_py():
        row = first_row(flags)
        raise Misfit(row, f"{_quoted(array[row].as_py())} {reason}")


def _of_size(array: pa.Array) -> pa.Array:
    """Text or bytes within the limit of a cell."""
    if array.nbytes > CELL_BYTES_MAX:
        sizes = np.asarray(pc.fill_null(pc.binary_length(array), 0))
        if (sizes > CELL_BYTES_MAX).any():
            row = int(np.argmax(sizes > CELL_BYTES_MAX))
            raise Misfit(row, f"a cell of {sizes[row]} bytes; the limit is {CELL_BYTES_MAX}")
    return array


def _text_bytes(array: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of all cells of a column of text."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)
    return np.frombuffer(data, np.uint8)[ends[array.offset] : ends[array.offset + len(array)]]


def _has_byte(array: pa.Array, byte: int) -> bool:
    return bool((_text_bytes(array) == byte).any())


def _has_byte_above(array: pa.Array, byte: int) -> bool:
    return bool(_text_bytes(array).max(initial=0) > byte)


def _quoted(text: str) -> str:
    """Text from a file as a message shows it: its head, on one line."""
    head = "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in text[:60])
    return f"'{head}'" if len(text) <= 60 else f"'{head}…'"


def of_json(cells: list[Any], type: FeatureType, rules: ColumnRules) -> pa.Array:
    """Cells of an NDJSON file, or of JSON text in a CSV file: docs/formats/tables.md.

    Raises:
        Misfit: names the row.
    """
    scalar = type.element if type.is_array or type.is_vector else type
    made: list[Any] = []
    if scalar.code == 8:
        cells = _with_instants(cells, rules.epochs)
    for row, cell in enumerate(cells):
        if cell is None or scalar is type:
            made.append(_json_cell(cell, scalar, row))
        elif isinstance(cell, list):
            made.append([_json_cell(element, scalar, row) for element in cell])
        else:
            raise Misfit(row, f"{json_text.shown(cell)} is not {_a(type)}")
    try:
        array = pa.array(made, pa.list_(scalar.arrow) if scalar is not type else type.arrow)
    except _UNREADABLE:
        row = first_failing_cell(made, pa.list_(scalar.arrow) if scalar is not type else type.arrow)
        raise Misfit(row, f"{json_text.shown(cells[row])} does not fit {type}") from None
    return fit(array, type, rules) if type.is_vector else array


def _with_instants(cells: list[Any], epochs: Epochs) -> list[Any]:
    """Cells, or the elements of lists, with microseconds in place of texts and of whole numbers: all at once, which is many times as fast
    as one by one.
    """
    texts, text_rows, numbers, number_rows = [], [], [], []
    for row, cell in enumerate(cells):
        for element in cell if isinstance(cell, list) else [cell]:
            if isinstance(element, str):
                texts.append(element)
                text_rows.append(row)
            elif element.__class__ is int and -(2**63) <= element < 2**63:
                numbers.append(element)
                number_rows.append(row)

    def made(instants: Callable[[], pa.Array], rows: list[int]) -> Iterator[Any]:
        before = epochs.doubt
        try:
            values = instants().cast(pa.int64()).to_pylist()
        except Misfit as misfit:
            raise Misfit(rows[misfit.row or 0], misfit.reason) from None
        if epochs.doubt is not None and epochs.doubt is not before:
            epochs.doubt.row = rows[epochs.doubt.row or 0]
        return iter(values)

    of_texts = made(lambda: instants_of_text(pa.array(texts, pa.string()), epochs), text_rows)
    of_numbers = made(lambda: epochs.instants(pa.array(numbers, pa.int64())), number_rows)

    def instant(element: Any) -> Any:
        if isinstance(element, str):
            return next(of_texts)
        is_number = element.__class__ is int and -(2**63) <= element < 2**63
        return next(of_numbers) if is_number else element

    return [[instant(element) for element in cell] if isinstance(cell, list) else instant(cell) for cell in cells]


def first_failing_cell(cells: list[Any], type: pa.DataType) -> int:
    """The first of some cells that Arrow does not take as `type`."""
    for row, cell in enumerate(cells):
        try:
            pa.array([cell], type)
        except _UNREADABLE:
            return row
    return 0


_SPELT = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def _json_cell(cell: Any, type: FeatureType, row: int) -> Any:
    if cell is None:
        return None
    kind = cell.__class__
    if type.is_float:
        if kind is str and cell in _SPELT:
            return _SPELT[cell]
        if kind in (int, float, json_text.LongFloat):
            value = _float32_of(cell) if type.code == 4 else _float64_of(cell)
            if np.isfinite(value):
                return value
            raise Misfit(row, f"{json_text.shown(cell)} is beyond the range of {type}")
    elif type.code == 7 and kind is str:
        return _bytes_of(cell, row)
    elif kind is {1: bool, 2: int, 3: int, 6: str, 8: int}.get(type.code):
        return cell
    elif cell is json_text.MINUS_ZERO and type.code in (2, 3, 8):
        return 0
    raise Misfit(row, f"{json_text.shown(cell)} is not {_a(type)}")


def _float64_of(cell: int | float) -> float:
    try:
        return float(cell)
    except OverflowError:
        return float("inf")


def _float32_of(cell: int | float) -> float:
    """The float32 next to a number as it was written: by way of a float64 it would be rounded twice."""
    if isinstance(cell, json_text.LongFloat) or (isinstance(cell, int) and abs(cell) > 2**53):
        text = cell.text if isinstance(cell, json_text.LongFloat) else str(cell)
        return float(pa.scalar(text).cast(pa.float32()).as_py())
    # Half a step above the greatest, from where on it is rounded to infinity.
    return float("inf") if abs(cell) >= 3.4028235677973366e38 else float(cell)


def _bytes_of(text: str, row: int) -> bytes:
    try:
        made = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        made = None
    # Python takes texts that no bytes are written as.
    if made is None or base64.b64encode(made).decode() != text:
        raise Misfit(row, f"{_quoted(text)} is no base64 with padding")
    return made


def _list_of(text: str, row: int, type: FeatureType) -> list[Any]:
    try:
        made = json_text.parse(text)
    except ValueError as error:
        raise Misfit(row, f"{_quoted(text)} is no JSON array, such as [1,2]: {error}") from None
    if not isinstance(made, list):
        # A null cell is an empty one; `null` here is no array.
        raise Misfit(row, f"{_quoted(text)} is not {_a(type)}: write it as JSON")
    return made
