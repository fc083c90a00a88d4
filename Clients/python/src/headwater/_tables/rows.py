"""Some rows of a table, as the user has them, and where more come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from .._columns.types import FeatureType
from ..errors import InvalidArgument
from . import convert
from .cells import of_json, of_text
from .encodings import kept
from .extensions import Unregistered, as_it_was, named_columns
from .rules import ColumnRules, Misfit, Rules

# Rows that are taken at once, at most.
ROWS_MAX = 262_144

Make = Callable[[FeatureType, ColumnRules], pa.Array]
STRING = FeatureType(6)


class Text:
    """A column of a file's text: becomes of the type that is asked for."""

    def __init__(self, array: pa.Array) -> None:
        self.array = array

    def __call__(self, type: FeatureType, rules: ColumnRules) -> pa.Array:
        return of_text(self.array, type, rules)


class Objects:
    """A column of a file's JSON: becomes of the type that is asked for."""

    of = staticmethod(of_json)

    def __init__(self, cells: list[Any]) -> None:
        self.cells = cells

    def __call__(self, type: FeatureType, rules: ColumnRules) -> pa.Array:
        return of_json(self.cells, type, rules)


class Head(NamedTuple):
    """What is known of a table, or of one file of it, before its rows are read."""

    # The file; empty for a table in memory.
    source: str
    # Columns and their types, extension types that this process does not know by their names; `None` for text, which becomes of the type
    # that is asked for; all `None` where only the rows tell.
    types: dict[str, pa.DataType | None] | None


@dataclass
class Rows:
    """Some rows of a table."""

    count: int
    # The number of the first: in a table in memory they count from 0, as everywhere in Python, in a file from 1, as on the command line.
    first_row: int
    # The file; empty for a table in memory.
    source: str
    # As the user has them: Arrow arrays, or what makes one of a type that is wanted.
    columns: Mapping[str, pa.Array | pa.ChunkedArray | Make]

    @property
    def head(self) -> Head:
        is_typed = (pa.Array, pa.ChunkedArray)
        return Head(self.source, {name: _type_of(held) if isinstance(held, is_typed) else None for name, held in self.columns.items()})

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def held(self, name: str) -> pa.Array | pa.ChunkedArray:
        """A column as the user has it; none that is made of texts."""
        column = self.columns[name]
        assert isinstance(column, (pa.Array, pa.ChunkedArray))
        return column

    def column(self, name: str, type: FeatureType, rules: Rules | None = None) -> pa.Array:
        """A column of the type that is wanted.

        Raises:
            InvalidArgument: names file, row and column, and what would fit.
        """
        held = self.columns[name]
        rules = rules or Rules()
        if not isinstance(held, (pa.Array, pa.ChunkedArray)):
            try:
                made = held(type, rules.of(name))
            except Misfit as misfit:
                raise InvalidArgument(misfit.reason, self._place(misfit.row or 0, name)) from None
            rules.note(name, lambda row: self._place(row, name))
            return made
        return convert.column(held, type, name, self.first_row, self.source, rules)

    def _place(self, row: int, name: str) -> str:
        place = f"row {self.first_row + row}, column '{name}'"
        return f"{self.source}: {place}" if self.source else place

    def slice(self, start: int, count: int) -> Rows:
        """Rows of a table in memory."""
        columns: dict[str, pa.Array | pa.ChunkedArray | Make] = {}
        for name, column in self.columns.items():
            assert isinstance(column, (pa.Array, pa.ChunkedArray))
            columns[name] = column.slice(start, count)
        return Rows(count, self.first_row + start, self.source, columns)

    def arrow(self, types: Mapping[str, FeatureType], rules: Rules | None = None, wanted: Collection[str] = ()) -> pa.Table:
        """All columns: what has a type as the user has it, but those in `wanted`; what has none as `types` says, or as text."""
        made: dict[str, pa.Array | pa.ChunkedArray] = {}
        for name, held in self.columns.items():
            if name not in wanted and isinstance(held, (pa.Array, pa.ChunkedArray)):
                made[name] = kept(as_it_was(held))
            else:
                made[name] = self.column(name, types.get(name, STRING), rules)
        return pa.table(made)


@dataclass
class Source:
    """A table that can be read piece by piece."""

    read: Callable[[], Iterator[Rows]]
    # `None` where it is not known before all is read.
    row_count: int | None
    # Whether `read` can be called again.
    is_repeatable: bool
    # What is known of each of its files, or of the table.
    heads: Callable[[], Iterable[Head]]
    # The one piece of a table in memory.
    whole: Rows | None = None


def named(names: Sequence[str], columns: Sequence[Any], source: str | None = None) -> dict[str, Any]:
    """Columns by name.

    Raises:
        InvalidArgument: for a name that comes twice.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgument(f"column '{twice}' comes twice", source)
    return dict(zip(names, columns, strict=True))


def types_of(schema: pa.Schema, source: str | None = None) -> dict[str, pa.DataType | None]:
    """The types of a table's columns, as `Rows` has them.

    Raises:
        InvalidArgument: for a name that comes twice.
    """
    table = schema.empty_table()
    columns = named(table.schema.names, named_columns(table.schema, table.columns), source)
    return {name: _type_of(column) for name, column in columns.items()}


def _type_of(column: pa.Array | pa.ChunkedArray) -> pa.DataType:
    return column.type if isinstance(column.type, Unregistered) else kept(column).type
