"""NDJSON as Parquet, a batch at a time: columns of known types, and further ones of the types that the first rows show."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._columns.kinds import is_binary, is_list
from ..errors import InvalidArgument
from .convert import instants_of_text
from .rules import Epochs

_ROWS = 65_536
_BATCH_BYTES = 64 << 20
_UNFIT = (pa.ArrowException, TypeError, ValueError, OverflowError)


def write_parquet(path: str, lines: BinaryIO, types: dict[str, pa.DataType]) -> None:
    """Writes objects, one a line, as a Parquet file.

    Args:
        types: of columns whose types are known.

    Raises:
        InvalidArgument: names row and column of a cell that is not of its column's type.
    """
    writer: pq.ParquetWriter | None = None
    schema: pa.Schema | None = None
    number = Decimal if any(map(_has_decimals, types.values())) else float
    done = 0
    try:
        while True:
            rows = [json.loads(line, parse_float=number) for line in _take(lines)]
            if schema is None:
                schema = _schema(rows, types)
                writer = pq.ParquetWriter(path, schema)
            if not rows:
                return
            _refuse_new(rows, schema.names, done)
            arrays = [_column([row.get(field.name) for row in rows], field, done, is_known=field.name in types) for field in schema]
            assert writer is not None
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done += len(rows)
    finally:
        if writer is not None:
            writer.close()


def _has_decimals(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind)) or any(_has_decimals(kind.field(place).type) for place in range(kind.num_fields))


def _take(lines: BinaryIO) -> list[bytes]:
    """The next lines."""
    taken: list[bytes] = []
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if len(taken) == _ROWS or size > _BATCH_BYTES:
            break
    return taken


def _schema(rows: list[dict[str, Any]], types: dict[str, pa.DataType]) -> pa.Schema:
    """Columns in the order in which rows have them; types as they are known, else as the first rows show them."""
    names = dict.fromkeys(name for row in rows for name in row) | dict.fromkeys(types)
    return pa.schema([(name, types[name] if name in types else _shown(name, [row.get(name) for row in rows])) for name in names])


def _shown(name: str, cells: list[Any]) -> pa.DataType:
    def plain(cell: Any) -> Any:
        if isinstance(cell, dict):
            return {name: plain(member) for name, member in cell.items()}
        return [plain(element) for element in cell] if isinstance(cell, list) else float(cell) if isinstance(cell, Decimal) else cell

    try:
        return pa.array([plain(cell) for cell in cells]).type
    except _UNFIT as error:
        raise InvalidArgument(f"cells have no common type: {error}: {_advice(name)}", f"column '{name}'") from None


def _advice(name: str) -> str:
    return f"give it one with --spine-type '{name}=TYPE', or name an .ndjson file"


def _refuse_new(rows: list[dict[str, Any]], names: list[str], done: int) -> None:
    known = set(names)
    for row, content in enumerate(rows, done + 1):
        if not content.keys() <= known:
            raise InvalidArgument(
                f"the column '{min(content.keys() - known)}' comes first in row {row}: a Parquet file has its columns from the start; "
                "name an .ndjson file"
            )


def _column(cells: list[Any], field: pa.Field, done: int, *, is_known: bool) -> pa.Array:
    try:
        return _typed(cells, field.type)
    except _UNFIT as error:
        row = _first_failing(cells, lambda part: _typed(part, field.type))
        reason = f"{json.dumps(cells[row], default=str):.60} does not fit {field.type}"
        if isinstance(error, pa.ArrowException) and pa.types.is_timestamp(field.type):
            reason += f": {error}"
        if not is_known:
            reason += f", which the first {_ROWS} rows are of: {_advice(field.name)}"
        raise InvalidArgument(reason, f"row {done + row + 1}, column '{field.name}'") from None


def _first_failing(cells: list[Any], work: Callable[[list[Any]], object]) -> int:
    """The first cell for which `work` fails, given that it fails for all together."""
    low, high = 0, len(cells)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            work(cells[low:middle])
            low = middle
        except _UNFIT:
            high = middle
    return low


def _typed(cells: list[Any], kind: pa.DataType) -> pa.Array:
    """Cells of JSON as an array that holds all of each of them.

    Raises:
        ValueError: or what Arrow raises, where one does not fit.
    """
    types = pa.types
    if types.is_dictionary(kind):
        return _typed(cells, kind.value_type).dictionary_encode().cast(kind)
    if is_list(kind):
        return _lists(cells, kind)
    if types.is_struct(kind):
        return _structs(cells, kind)
    if types.is_integer(kind):
        return pa.array([_whole(cell) for cell in cells], kind)
    if types.is_floating(kind):
        return pa.array([_real(cell) for cell in cells], pa.float64()).cast(kind)
    if is_binary(kind):
        return pa.array([None if cell is None else base64.b64decode(cell, validate=True) for cell in cells], kind)
    if types.is_timestamp(kind):
        return _times(cells, kind)
    if types.is_date(kind):
        return pa.array(cells, pa.string()).cast(pa.date32()).cast(kind)
    if types.is_decimal(kind):
        return pa.array([None if cell is None else Decimal(cell) for cell in cells], kind)
    if types.is_boolean(kind) and any(not (cell is None or cell is True or cell is False) for cell in cells):
        raise ValueError("is no boolean")
    return pa.array(cells, kind)


def _whole(cell: Any) -> int | None:
    if cell is None or type(cell) is int:
        return cell
    raise ValueError("is no whole number")


def _real(cell: Any) -> float | None:
    if cell is None:
        return None
    if isinstance(cell, (bool, list, dict)):
        raise ValueError("is no number")
    if isinstance(cell, str) and cell not in ("NaN", "Infinity", "-Infinity"):
        raise ValueError("is no number")
    made = float(cell)
    if isinstance(cell, int) and made != cell:
        raise ValueError("is beyond what a float holds")
    return made


def _lists(cells: list[Any], kind: pa.DataType) -> pa.Array:
    if any(not (cell is None or isinstance(cell, list)) for cell in cells):
        raise ValueError("is no list")
    is_null = np.array([cell is None for cell in cells], np.bool_)
    mask = pa.array(is_null) if is_null.any() else None
    if pa.types.is_fixed_size_list(kind):
        if any(cell is not None and len(cell) != kind.list_size for cell in cells):
            raise ValueError("is a list of another length")
        # A null one has elements too.
        padded = [None] * kind.list_size
        elements = _typed([element for cell in cells for element in (padded if cell is None else cell)], kind.value_type)
        return pa.FixedSizeListArray.from_arrays(elements, kind.list_size, mask=mask).cast(kind)
    elements = _typed([element for cell in cells if cell is not None for element in cell], kind.value_type)
    offsets = np.zeros(len(cells) + 1, np.int64)
    np.cumsum([0 if cell is None else len(cell) for cell in cells], out=offsets[1:])
    return pa.LargeListArray.from_arrays(pa.array(offsets), elements, mask=mask).cast(kind)


def _structs(cells: list[Any], kind: pa.DataType) -> pa.Array:
    names = {field.name for field in kind}
    if any(not (cell is None or (isinstance(cell, dict) and cell.keys() <= names)) for cell in cells):
        raise ValueError("has other members")
    arrays = [_typed([None if cell is None else cell.get(field.name) for cell in cells], field.type) for field in kind]
    mask = pa.array([cell is None for cell in cells], pa.bool_())
    return pa.StructArray.from_arrays(arrays, fields=list(kind), mask=mask)


def _times(cells: list[Any], kind: pa.DataType) -> pa.Array:
    # Whole numbers are microseconds, which times outside the years 0 to 9999 are written as.
    texts = pa.array([str(_whole(cell)) if not (cell is None or isinstance(cell, str)) else cell for cell in cells], pa.string())
    if kind.unit == "ns" and all(cell is None or isinstance(cell, str) for cell in cells):
        read = texts.cast(pa.timestamp("ns", tz="UTC"))
    else:
        read = instants_of_text(texts, Epochs("us"))
    return (read if kind.tz else read.cast(pa.timestamp(read.type.unit))).cast(kind)
