"""Rows that came one by one, as dicts, as an entry of a write: their columns are looked up once for each set of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import pyarrow as pa

from .._columns import compact, plain
from .._columns.chunks import joined
from .._columns.types import INT64
from .._tables.rows import Rows
from .._tables.rules import Rules
from .._tables.values import values_to_arrow, with_nulls
from .._wire.frames import Bytes
from ..errors import InvalidArgument
from .body import WRITE, ArrowEntry
from .core import Core
from .groups import Column, Group
from .write import Options, Table

Row = Mapping[str, Any]
T = TypeVar("T")


class _Plan:
    """Of rows with certain names: their columns by rising ordinal, and all about them that is the same for every request."""

    def __init__(self, group: Group, columns: Sequence[Column], names: Sequence[str], *, takes_numbers: bool) -> None:
        self.columns = columns
        self.width = len(names)
        # Takes the cells out of a row, in the order of the columns.
        self.cells_of: Callable[[Row], tuple[Any, ...]] = itemgetter(*names) if self.width > 1 else lambda row: (row[names[0]],)
        self.ordinals = tuple([column.ordinal for column in columns])
        self.described = [compact.descriptor(column.type, has_nulls=False) for column in columns]
        # Of one row whose cells are all there and of fixed width.
        self.row = plain.RowPacker.of([column.type for column in columns], takes_numbers=takes_numbers)
        self.row_front = compact.entry(group.id, group.schema_version, WRITE, 1, [
            (column.ordinal, described, b"") for column, described in zip(columns, self.described)
        ])  # fmt: skip


class RowEncoder:
    """Encodes the rows of one stream."""

    def __init__(self, core: Core, group: Group, options: Options) -> None:
        self._core, self.group, self._options = core, group, options
        self._plans: dict[tuple[str, ...], _Plan | None] = {}
        self._nan_is_null = options.nan_is_null
        # Whole microseconds are packed as they are.
        self._takes_numbers = options.time_unit == "us"

    def plan(self, rows: Sequence[Row]) -> _Plan | None:
        """What the names of the first row mean; `None` where others have other names, or some are no columns."""
        names = tuple(rows[0])
        if names not in self._plans:
            # As many as there are kinds of rows; names that change all the time fill no memory.
            if len(self._plans) > 256:
                self._plans.clear()
            self._plans[names] = self._plan(names)
        plan = self._plans[names]
        return None if plan is None or (len(rows) > 1 and set(map(len, rows)) != {plan.width}) else plan

    def _plan(self, names: tuple[str, ...]) -> _Plan | None:
        columns = self.table([]).columns
        by_ordinal = {columns[name].ordinal: (columns[name], name) for name in names if name in columns}
        needed = {column.ordinal for column in self.group.of_role("key", "event_time")}
        if len(by_ordinal) < len(names) or not needed <= by_ordinal.keys():
            return None
        ordered = [by_ordinal[ordinal] for ordinal in sorted(by_ordinal)]
        return _Plan(self.group, [column for column, _ in ordered], [name for _, name in ordered], takes_numbers=self._takes_numbers)

    def packed(self, plan: _Plan, rows: Sequence[Row]) -> bytes | None:
        """A compact entry; `None` where a row has other names.

        Raises:
            InvalidArgument: for a cell that does not fit.
        """
        group, count = self.group, len(rows)
        try:
            if count == 1 and plan.row is not None and not self._nan_is_null:
                data = plan.row.pack(plan.cells_of(rows[0]))
                if data is not None:
                    return plan.row_front + data
            cells = zip(*map(plan.cells_of, rows))
            made = [self._compact_column(column, described, cells) for column, described, cells in zip(plan.columns, plan.described, cells)]
        except KeyError:
            return None
        return compact.entry(group.id, group.schema_version, WRITE, count, made)

    def arrays(self, plan: _Plan, rows: Sequence[Row]) -> ArrowEntry | None:
        """As arrays; `None` where a row has other names.

        Raises:
            InvalidArgument: for a cell that does not fit.
        """
        try:
            cells = zip(*map(plan.cells_of, rows))
            arrays = [(column, self._arrow_column(column, cells)) for column, cells in zip(plan.columns, cells)]
        except KeyError:
            return None
        return ArrowEntry(self.group, WRITE, len(rows), arrays)

    def table(self, rows: Sequence[Row]) -> Table:
        """The rows as `write` takes them."""
        return Table(self._core, self.group, list(rows), self._options)

    def _compact_column(self, column: Column, described: bytes, cells: tuple[Any, ...]) -> compact.Column:
        type = column.type
        if not (self._nan_is_null and type.is_float):
            numbers = self._takes_numbers and type.code == 8 and cells[0].__class__ is int
            data = plain.cells(INT64 if numbers else type, cells)
            if data is not None:
                return column.ordinal, described, data
        return compact.column(column.ordinal, type, self._converted(column, cells))

    def _arrow_column(self, column: Column, cells: tuple[Any, ...]) -> pa.Array:
        if self._nan_is_null and column.type.is_float:
            return self._converted(column, cells)
        made = plain.array(column.type, cells)
        return self._converted(column, cells) if made is None else made

    def _converted(self, column: Column, cells: tuple[Any, ...]) -> pa.Array:
        given = with_nulls(values_to_arrow(list(cells), column.name, nan_is_null=self._nan_is_null), self._nan_is_null)
        rules = Rules(self._options.time_unit, self._options.lossy)
        return Rows(len(cells), 0, "", {column.name: given}).column(column.name, column.type, rules)

    def arrow_entry(self, rows: Sequence[Row], first_row: int) -> ArrowEntry:
        """Rows of any names, and with cells of several classes in a column, each taken as it would be alone.

        Raises:
            InvalidArgument: for the first row that does not fit, by its number.
        """
        tables = []
        for number, row in enumerate(rows):
            try:
                table = self.table([row])
                assert table.source.whole is not None
                tables.append(dict(table.arrays(table.source.whole)))
            except InvalidArgument as error:
                place = re.sub(r"^(row \d+(, )?)?", "", error.location or "")
                number += first_row
                raise InvalidArgument(error.message, f"row {number}, {place}" if place else f"row {number}") from None
        columns = sorted({column for table in tables for column in table}, key=lambda column: column.ordinal)
        arrays = [(column, joined([_cell(table, column) for table in tables], column.type.arrow)) for column in columns]
        return ArrowEntry(self.group, WRITE, len(rows), arrays)


class RowEntry:
    """Some rows that came one by one; `first_row` is the number of the first in what they came in."""

    def __init__(self, encoder: RowEncoder, rows: Sequence[Row], first_row: int) -> None:
        self._encoder, self._rows, self._first_row = encoder, rows, first_row

    @property
    def row_count(self) -> int:
        return len(self._rows)

    @property
    def column_count(self) -> int:
        return len(self._encoder.group.columns)

    @property
    def given(self) -> list[Any]:
        return list(self._rows)

    def halves(self) -> tuple[RowEntry, RowEntry]:
        """The same rows as two entries."""
        middle = len(self._rows) // 2
        first, second = self._rows[:middle], self._rows[middle:]
        return RowEntry(self._encoder, first, self._first_row), RowEntry(self._encoder, second, self._first_row + middle)

    def arrow(self) -> ArrowEntry:
        """As arrays.

        Raises:
            InvalidArgument: for a row that does not fit, by its number.
        """
        made = self._by_plan(self._encoder.arrays)
        return self._row_by_row() if made is None else made

    def batch(self) -> Bytes:
        """As every server takes them.

        Raises:
            InvalidArgument: for a row that does not fit, by its number.
        """
        return self.arrow().batch()

    def compact(self) -> Bytes:
        """Without padding, for servers that take it.

        Raises:
            InvalidArgument: for a row that does not fit, by its number.
        """
        made = self._by_plan(self._encoder.packed)
        return self._row_by_row().compact() if made is None else made

    def _by_plan(self, make: Callable[[_Plan, Sequence[Row]], T | None]) -> T | None:
        """What is made of all rows at once; `None` where that cannot be, or a row does not fit, which `_row_by_row` says by its number."""
        plan = self._encoder.plan(self._rows)
        if plan is None:
            return None
        try:
            return make(plan, self._rows)
        except InvalidArgument:
            return None

    def _row_by_row(self) -> ArrowEntry:
        return self._encoder.arrow_entry(self._rows, self._first_row)


def _cell(table: Mapping[Column, pa.Array], column: Column) -> pa.Array:
    return table[column] if column in table else pa.nulls(1, column.type.arrow)
