"""Columns that stand in the path of a file, as Hive, Spark and `pyarrow.parquet.write_to_dataset` write them: `region=eu/p.parquet`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import FeatureType
from ..errors import InvalidArgument
from . import convert
from .cells import of_text
from .decimals import first_row
from .rows import STRING, Make, Rows, Text
from .rules import ColumnRules, Epochs, Misfit
from .schemas import feature_type

# What stands for null in a path.
_NULL = "__HIVE_DEFAULT_PARTITION__"


def path_columns(file: Path) -> dict[str, str | None]:
    """The columns of a file's directories: names and texts, in the order of the path.

    Raises:
        InvalidArgument: for a name that comes twice, or text that is not UTF-8.
    """
    columns: dict[str, str | None] = {}
    for directory in file.parent.parts:
        name, mark, value = directory.partition("=")
        if not mark or not name:
            continue
        name = _decoded(name, file)
        if name in columns:
            raise InvalidArgument(f"column '{name}' comes twice in the path", str(file))
        columns[name] = None if value == _NULL else _decoded(value, file)
    return columns


def _decoded(text: str, file: Path) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidArgument(f"'{text}' in the path is not UTF-8", str(file)) from None


def with_path(rows: Rows, values: dict[str, str | None]) -> Rows:
    """Rows of a file with the columns of its path. One that the file has too has to say the same there.

    Raises:
        InvalidArgument: names file, row and column.
    """
    if not values:
        return rows
    columns: dict[str, pa.Array | pa.ChunkedArray | Make] = dict(rows.columns)
    for name, value in values.items():
        held = columns.get(name)
        if held is None:
            columns[name] = PathText(value, rows.count, name, rows.source)
        elif isinstance(held, (pa.Array, pa.ChunkedArray)):
            _refuse_other(rows, name, held, value)
        else:
            columns[name] = Same(held, value)
    return Rows(rows.count, rows.first_row, rows.source, columns)


class PathText(Text):
    """A value of a path, for every row."""

    def __init__(self, value: str | None, count: int, name: str, source: str) -> None:
        self._value = pa.array([value], pa.string())
        self._all = pa.array(np.zeros(count, np.int64))
        self._name, self._source = name, source
        super().__init__(self._value.take(self._all))

    def __call__(self, type: FeatureType, rules: ColumnRules) -> pa.Array:
        try:
            return of_text(self._value, type, rules).take(self._all)
        except Misfit as misfit:
            raise InvalidArgument(f"{misfit.reason}; it stands in the file's path", f"{self._source}: column '{self._name}'") from None


class Same:
    """A column of text whose cells are those of the path."""

    def __init__(self, held: Make, value: str | None) -> None:
        self._held, self._value = held, value

    @property
    def array(self) -> pa.Array:
        return self(STRING, ColumnRules(Epochs(None)))

    def __call__(self, type: FeatureType, rules: ColumnRules) -> pa.Array:
        made = self._held(type, rules)
        _refuse_unequal(made, _of_path(self._value, type, rules), self._value)
        return made


def _of_path(value: str | None, type: FeatureType, rules: ColumnRules) -> pa.Array:
    try:
        return of_text(pa.array([value], pa.string()), type, rules)
    except Misfit as misfit:
        raise Misfit(0, f"{misfit.reason}; it stands in the file's path, and the file has the column too") from None


def _refuse_other(rows: Rows, name: str, held: pa.Array | pa.ChunkedArray, value: str | None) -> None:
    type = feature_type(held.type)
    if type is None:
        raise InvalidArgument(f"stands in the file, as {held.type}, and in its path: leave one out", f"{rows.source}: column '{name}'")
    made = convert.column(held, type, name, rows.first_row, rows.source)
    try:
        _refuse_unequal(made, _of_path(value, type, ColumnRules(Epochs("us"))), value)
    except Misfit as misfit:
        place = f"{rows.source}: row {rows.first_row + (misfit.row or 0)}, column '{name}'"
        raise InvalidArgument(misfit.reason, place) from None


def _refuse_unequal(made: pa.Array, expected: pa.Array, value: str | None) -> None:
    if expected.null_count:
        is_same = made.is_null()
    elif pa.types.is_nested(made.type):
        # By what is shown of them: a NaN is a NaN.
        is_same = pa.array([repr(cell.as_py()) == repr(expected[0].as_py()) for cell in made], pa.bool_())
    elif pa.types.is_floating(made.type) and pc.is_nan(expected)[0].as_py():
        is_same = pc.fill_null(pc.is_nan(made), False)
    else:
        is_same = pc.fill_null(pc.equal(made, expected[0]), False)
    if not pc.all(is_same, min_count=0).as_py():
        row = first_row(pc.invert(is_same))
        there = "null" if value is None else f"'{value}'"
        raise Misfit(row, f"is {made[row].as_py()!r:.60}, and {there} in the file's path: leave one out")
