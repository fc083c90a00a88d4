"""Compares training sets that were written with what is read now, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import FeatureType, Field
from .._datasets.cells import each
from .._tables import convert
from .._tables.cells import of_text
from .._tables.rules import Misfit, Rules
from .._tables.sources import open_source
from ..errors import FailedPrecondition, InvalidArgument
from ..online import pylist
from .table import Part

_LISTED_MAX = 20
_STRING = FeatureType.parse("string").code


def typed(column: pa.Array | pa.ChunkedArray, field: Field, first_row: int = 0, source: str = "") -> pa.Array:
    """A further column of a spine as the type that it is hashed as; text of a file is read as that type.

    Cells that are none of it are null: other cells than there were, which their hash shows.
    """
    name, type = field
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), type.arrow)
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if type.code == _STRING and not is_text and not pa.types.is_nested(column.type):
        column = column.cast(pa.string())
    # Numbers that a float does not hold are hashed as the nearest one.
    rules = Rules("us", lossy=True)
    if is_text and not type.is_text:
        try:
            return of_text(column.cast(pa.string()), type, rules.of(name))
        except Misfit:
            return pa.nulls(len(column), type.arrow)
    return convert.column(column, type, name, first_row, source, rules)


class Comparison:
    """Compares features and labels row by row."""

    def __init__(self, tables: Mapping[str, Any], fields: Sequence[Field], labels: Sequence[Field]) -> None:
        """Begins at the first rows.

        Args:
            tables: what was written: one table without a name, or one of each part of a split.
            fields: the features.
            labels: further columns of the spine.
        """
        self._fields = [*fields, *labels]
        self._tables = {name: _Written(name, table, self._fields) for name, table in tables.items()}
        self.count = 0
        self.differences: list[dict[str, Any]] = []

    def compare(self, part: Part, dealt: Mapping[str, npt.NDArray[np.int64] | None]) -> None:
        """Compares the next rows; `dealt` says which of them belong to which table, `None` is all."""
        whole = part.table(False)
        for name, rows in dealt.items():
            now = whole if rows is None else whole.take(pa.array(rows))
            first = self._tables[name].row
            given = self._tables[name].take(now.num_rows)
            first += self._tables[name].first_row
            for field in self._fields:
                self._column(name, first, field, given[field.name], typed(now[field.name], field))

    def finish(self) -> None:
        """Ends it.

        Raises:
            FailedPrecondition: where a table has more rows.
        """
        for table in self._tables.values():
            table.finish()

    def _column(self, name: str, first: int, field: Field, given: Any, now: pa.Array) -> None:
        given = pa.concat_arrays(given.chunks) if given.num_chunks else pa.array([], field.type.arrow)
        before, after = each(given, field.type), each(now, field.type)
        is_one_null = pc.xor(before.is_null(), after.is_null())
        is_other = np.asarray(pc.or_(pc.fill_null(pc.not_equal(before, after), False), is_one_null))
        if field.type.is_float and self._tables[name].is_pandas:
            # NumPy's types have one word for null and NaN.
            is_other &= ~np.asarray(pc.and_(before.is_null(), pc.fill_null(pc.is_nan(now), False)))
        self.count += int(is_other.sum())
        for row in np.flatnonzero(is_other)[: _LISTED_MAX - len(self.differences)].tolist():
            place = {"part": name} if name else {}
            one, other = pylist(given.slice(row, 1))[0], pylist(now.slice(row, 1))[0]
            self.differences.append({**place, "row": first + row, "column": field.name, "given": one, "history": other})


class _Written:
    """One table that was written."""

    def __init__(self, name: str, table: Any, fields: Sequence[Field]) -> None:
        self._label = f"against[{name!r}]" if name else "against"
        self.is_pandas = type(table).__module__.split(".")[0] == "pandas"
        self._fields = fields
        self._pieces = open_source(table, [field.name for field in fields]).read()
        self._waiting: list[pa.Table] = []
        # How many rows were taken, and the number of the first: 1 in a file, 0 in memory.
        self.row = 0
        self.first_row = 0

    def take(self, count: int) -> pa.Table:
        """The next rows."""
        have = sum(table.num_rows for table in self._waiting)
        while have < count:
            rows = next(self._pieces, None)
            if rows is None:
                raise FailedPrecondition(f"has {self.row + have:,} rows, and the dataset has more", self._label)
            missing = [field.name for field in self._fields if field.name not in rows.columns]
            if missing:
                raise InvalidArgument(f"has no column '{missing[0]}'; it has {', '.join(rows.names)}", self._label)
            if not self._waiting and not self.row:
                self.first_row = rows.first_row
            self._waiting.append(pa.table({field.name: self._column(rows, field) for field in self._fields}))
            have += rows.count
        whole = pa.concat_tables(self._waiting) if self._waiting else self._none()
        self._waiting = [whole.slice(count)] if have > count else []
        self.row += count
        return whole.slice(0, count)

    def _column(self, rows: Any, field: Field) -> pa.Array:
        try:
            held = rows.columns[field.name]
            return typed(held, field) if isinstance(held, (pa.Array, pa.ChunkedArray)) else rows.column(field.name, field.type)
        except InvalidArgument:
            # Cells that are none of its type are other cells.
            return pa.nulls(rows.count, field.type.arrow)

    def _none(self) -> pa.Table:
        return pa.table({name: pa.array([], type.arrow) for name, type in self._fields})

    def finish(self) -> None:
        """Refuses rows that are left."""
        rows = next(self._pieces, None)
        if any(table.num_rows for table in self._waiting) or (rows is not None and rows.count):
            raise FailedPrecondition(f"has more than the {self.row:,} rows of the dataset", self._label)


def report(fields: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Columns as they were saved beside those that were found."""
    return [
        {"name": was["name"], "type": was["type"], "saved": was["hash"], "found": now["hash"], "is_equal": was == now}
        for was, now in zip(fields, found, strict=True)
    ]
