"""Compares training sets that were written with what is read now, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.chunks import joined
from .._columns.lists import pylist
from .._columns.types import Field
from .._datasets.cells import each
from .._given import library_of
from .._shown import counted
from .._tables.lenient import Cells, lenient
from .._tables.rows import Rows
from .._tables.rules import Misfit
from .._tables.sources import open_source
from ..errors import FailedPrecondition, InvalidArgument
from .spine_hash import label_rules
from .table import Part

_LISTED_MAX = 20


class Comparison:
    """Compares features and labels row by row."""

    def __init__(self, tables: Mapping[str, Any], fields: Sequence[Field], labels: Sequence[Field], time_unit: str | None) -> None:
        """Begins at the first rows.

        Args:
            tables: what was written: one table without a name, or one of each part of a split.
            fields: the features.
            labels: further columns of the spine.
            time_unit: of whole numbers that are times among the labels, which stand in both as the spine has them.
        """
        self._fields = [*fields, *labels]
        # Features are written in one form, whatever the spine's is.
        self._units = dict.fromkeys([field.name for field in fields], "us") | dict.fromkeys([field.name for field in labels], time_unit)
        self._tables = {name: _Written(name, table, self._fields, self._units) for name, table in tables.items()}
        self.count = 0
        self.differences: list[dict[str, Any]] = []

    def compare(self, part: Part, dealt: Mapping[str, npt.NDArray[np.int64] | None]) -> None:
        """Compares the next rows; `dealt` says which of them belong to which table, `None` is all."""
        whole = part.table(False)
        for name, rows in dealt.items():
            now = whole if rows is None else whole.take(pa.array(rows))
            first = self._tables[name].row
            given = self._tables[name].take(now.num_rows)
            for field in self._fields:
                odd = self._tables[name].take_odd(field.name, first, now.num_rows)
                before = Cells(joined(given[field.name].chunks, field.type.arrow), odd)
                after = lenient(now[field.name], field.type, label_rules(self._units[field.name]))
                self._column(name, first + self._tables[name].first_row, field, before, after)

    def finish(self) -> None:
        """Ends it.

        Raises:
            FailedPrecondition: where a table has more rows.
        """
        for table in self._tables.values():
            table.finish()

    def _column(self, name: str, first: int, field: Field, given: Cells, now: Cells) -> None:
        before, after = each(given.array, field.type), each(now.array, field.type)
        is_one_null = pc.xor(before.is_null(), after.is_null())
        is_other = np.array(pc.or_(pc.fill_null(pc.not_equal(before, after), False), is_one_null))
        if field.type.is_float and self._tables[name].is_pandas:
            # NumPy's types have one word for null and NaN.
            is_other &= ~np.asarray(pc.and_(before.is_null(), pc.fill_null(pc.is_nan(now.array), False)))
        for row in given.odd.keys() | now.odd.keys():
            # Of no type there is only the cell itself to go by.
            is_other[row] = row not in given.odd or row not in now.odd or given.odd[row] != now.odd[row]
        self.count += int(is_other.sum())
        for row in np.flatnonzero(is_other)[: _LISTED_MAX - len(self.differences)].tolist():
            place = {"part": name} if name else {}
            self.differences.append(
                {**place, "row": first + row, "column": field.name, "given": _shown(given, row), "history": _shown(now, row)}
            )


def _shown(cells: Cells, row: int) -> Any:
    return cells.odd[row] if row in cells.odd else pylist(cells.array.slice(row, 1))[0]


class _Written:
    """One table that was written."""

    def __init__(self, name: str, table: Any, fields: Sequence[Field], units: Mapping[str, str | None]) -> None:
        self._label = f"against[{name!r}]" if name else "against"
        self.is_pandas = library_of(table) == "pandas"
        self._fields, self._units = fields, units
        # Cells that are none of their column's type, by column and row.
        self._odd: dict[str, dict[int, Any]] = {field.name: {} for field in fields}
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
                raise FailedPrecondition(f"has {counted(self.row + have, 'row', 'rows')}, and the dataset has more", self._label)
            missing = [field.name for field in self._fields if field.name not in rows.columns]
            if missing:
                raise InvalidArgument(f"has no column '{missing[0]}'; it has {', '.join(rows.names)}", self._label)
            if not self._waiting and not self.row:
                self.first_row = rows.first_row
            self._waiting.append(pa.table({field.name: self._column(rows, field, self.row + have) for field in self._fields}))
            have += rows.count
        whole = pa.concat_tables(self._waiting) if self._waiting else self._none()
        self._waiting = [whole.slice(count)] if have > count else []
        self.row += count
        return whole.slice(0, count)

    def take_odd(self, name: str, first: int, count: int) -> dict[int, Any]:
        """Of rows that were taken, those whose cell is none of its column's type, counted from the first."""
        odd = self._odd[name]
        return {row - first: odd.pop(row) for row in [row for row in odd if row < first + count]}

    def _column(self, rows: Rows, field: Field, first: int) -> pa.Array:
        try:
            made = lenient(rows.columns[field.name], field.type, label_rules(self._units[field.name]))
        except Misfit as misfit:
            place = f"{self._label}: row {rows.first_row + (misfit.row or 0)}, column '{field.name}'"
            raise InvalidArgument(misfit.reason, place) from None
        self._odd[field.name] |= {first + row: cell for row, cell in made.odd.items()}
        return made.array

    def _none(self) -> pa.Table:
        return pa.table({name: pa.array([], type.arrow) for name, type in self._fields})

    def finish(self) -> None:
        """Refuses rows that are left."""
        rows = next(self._pieces, None)
        if any(table.num_rows for table in self._waiting) or (rows is not None and rows.count):
            raise FailedPrecondition(f"has more than the {counted(self.row, 'row', 'rows')} of the dataset", self._label)


def report(fields: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Columns as they were saved beside those that were found."""
    return [
        {"name": was["name"], "type": was["type"], "saved": was["hash"], "found": now["hash"], "is_equal": was == now}
        for was, now in zip(fields, found, strict=True)
    ]
