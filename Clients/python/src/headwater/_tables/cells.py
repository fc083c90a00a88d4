"""Cells of CSV and NDJSON files, and of JSON text, as columns of a feature's type: docs/formats/tables.md."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import FeatureType
from .convert import fit, instants_of_text
from .decimals import first_row
from .rules import ColumnRules, Epochs, Misfit, first_failing

# What Arrow raises for Python objects that it does not take: a number too large, a lone surrogate, …
_UNREADABLE = (pa.ArrowException, OverflowError, ValueError, TypeError)


def _a(type: FeatureType) -> str:
    return f"an {type}" if str(type)[0] in "ai" else f"a {type}"


def of_text(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    """Cells of a CSV file: docs/formats/tables.md.

    Raises:
        Misfit: names the row.
    """
    if type.code == 6:
        return array
    if type.code == 8:
        return instants_of_text(array, rules.epochs)
    if type.code == 7:
        return pa.array([None if cell is None else _bytes_of(cell, row) for row, cell in enumerate(array.to_pylist())], pa.binary())
    if type.is_array or type.is_vector:
        return of_json([None if cell is None else _json_of(cell, row) for row, cell in enumerate(array.to_pylist())], type, rules)
    if type.code in (2, 3):
        # Arrow would read hexadecimal digits too.
        other = pc.invert(pc.match_substring_regex(array, r"^-?\d+$"))
        if pc.any(other).as_py():
            row = first_row(other)
            raise Misfit(row, f"'{array[row].as_py()}' is not {_a(type)}")
    text = pc.utf8_lower(array) if type.code == 1 else array
    try:
        made = text.cast(type.arrow)
    except pa.ArrowInvalid:
        row = first_failing(text, lambda part: part.cast(type.arrow))
        raise Misfit(row, f"'{array[row].as_py()}' is not {_a(type)}") from None
    if type.is_float and pc.any(pc.is_inf(made)).as_py():
        beyond = pc.and_(pc.is_inf(made), pc.invert(pc.match_substring(array, "inf", ignore_case=True)))
        if pc.any(beyond).as_py():
            row = first_row(beyond)
            raise Misfit(row, f"'{array[row].as_py()}' is beyond {type}")
    return made


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
            raise Misfit(row, f"{json.dumps(cell)[:60]} is no array")
    try:
        array = pa.array(made, pa.list_(scalar.arrow) if scalar is not type else type.arrow)
    except _UNREADABLE:
        row = first_failing_cell(made, pa.list_(scalar.arrow) if scalar is not type else type.arrow)
        raise Misfit(row, f"{json.dumps(cells[row])[:60]} does not fit {type}") from None
    return fit(array, type, rules) if type.is_vector else array


def _with_instants(cells: list[Any], epochs: Epochs) -> list[Any]:
    """Cells, or the elements of lists, with microseconds in place of texts and of whole numbers: all at once, which is many times as fast
    as one by one.
    """
    texts, text_rows, numbers, number_rows = [], [], [], []
    for row, cell in enumerate(cells):
        for element in cell if isinstance(cell, list) else [cell]:
            if isinstance(element, str):
                texts.append(element.encode(errors="replace").decode())
                text_rows.append(row)
            elif element.__class__ is int and -(2**63) <= element < 2**63:
                numbers.append(element)
                number_rows.append(row)

    def made(instants: Callable[[], pa.Array], rows: list[int]) -> Iterator[Any]:
        try:
            return iter(instants().cast(pa.int64()).to_pylist())
        except Misfit as misfit:
            raise Misfit(rows[misfit.row or 0], misfit.reason) from None

    of_texts = made(lambda: instants_of_text(pa.array(texts, pa.string()), None), text_rows)
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
        if kind in (int, float):
            try:
                value = float(cell)
            except OverflowError:
                value = float("inf")
            if np.isfinite(value) and not (type.code == 4 and abs(value) > 3.4028235677973366e38):
                return value
    elif type.code == 7 and kind is str:
        return _bytes_of(cell, row)
    elif kind is {1: bool, 2: int, 3: int, 6: str, 8: int}.get(type.code):
        return cell
    raise Misfit(row, f"{json.dumps(cell)[:60]} is not {_a(type)}")


def _bytes_of(text: str, row: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Misfit(row, f"'{text[:60]}' is no base64") from None


def _json_of(text: str, row: int) -> Any:
    try:
        return json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Misfit(row, f"'{text[:60]}' is no JSON array, such as [1,2]") from None


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is spelt as a text in JSON")
