"""The rows that features are joined to: what is sent of them, and what is kept to stand beside the answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._columns import batch
from .._columns.types import TIMESTAMP, FeatureType, Field
from .._names import AnswerNames
from .._tables.rows import Head, Rows, Source
from .._tables.rules import Rules
from .._tables.schemas import join_heads
from ..errors import InvalidArgument

# In one frame.
_ROWS = 131_072
_ADVICE = "say what all of them become, such as spine_types={'label': 'float64'}, or cast one of them"


class Spine:
    """The rows that features are joined to."""

    def __init__(
        self, source: Source, fields: list[Field], types: Mapping[str, FeatureType], rules: Rules, outputs: list[str], *,
        time: str, has_event_times: bool,
    ) -> None:  # fmt: skip
        """Takes a table.

        Args:
            fields: the columns that are sent: keys, those of a service's request, and the time.
            types: what other columns become.
            outputs: the features by their names in the answer.
            time: which of the columns is the time.
            has_event_times: whether event times stand beside them.
        """
        self._rules = rules
        self._outputs = outputs
        self._time = time
        self._has_event_times = has_event_times
        self._has_statuses = False
        # What its columns are called, where they have been seen.
        self._names: list[str] = []
        self.source = source
        self._fields = fields
        self._types = {**types, **dict(fields)}
        # Further columns that were given a type.
        self.retyped = [name for name in types if name not in dict(fields)]
        self._schema: pa.Schema | None = None

    @property
    def fields(self) -> list[Field]:
        """The columns that are sent."""
        return self._fields

    @property
    def types(self) -> Mapping[str, FeatureType]:
        """Of the columns that are sent, and of further ones that were given a type."""
        return self._types

    @property
    def rules(self) -> Rules:
        """How its cells are taken."""
        return self._rules

    def check(self) -> None:
        """Refuses a spine that lacks a column, or whose files differ, as far as that is known before rows are read.

        Raises:
            InvalidArgument: names file and column.
        """
        heads = list(self.source.heads())
        for head in heads:
            if head.types is not None:
                self._refuse_missing(head.types, head.source)
        known = join_heads(heads, self._types, self.retyped, _ADVICE)
        if all(head.types is not None for head in heads):
            self._refuse_unknown(known.names)
            self._seen(known.names)

    def prepare(self) -> pa.Table:
        """Finds the types of all columns; a table of them without rows.

        Raises:
            InvalidArgument: for files whose columns differ.
        """
        if self._schema is None:
            heads: Iterable[Head] = list(self.source.heads())
            if any(head.types is None for head in heads):
                # Only the rows tell, so they are read twice: nothing is sent before all are known to fit together.
                heads = [rows.head for rows in self.source.read()]
            schema = join_heads(heads, self._types, self.retyped, _ADVICE)
            if not schema.names:
                schema = pa.schema([(name, type.arrow) for name, type in self._types.items()])
            self._refuse_missing(dict(_types(schema)), "")
            self._refuse_unknown(schema.names)
            self._seen(schema.names)
            self._schema = schema
        return self._schema.empty_table()

    def encoded(self, keep: Callable[[pa.Table], None], first_row: int = 0) -> Iterator[npt.NDArray[np.uint8]]:
        """Batches to send, from a row on; `keep` gets the rows as the user has them."""
        for rows in self.source.read():
            skipped, first_row = min(first_row, rows.count), max(0, first_row - rows.count)
            if skipped == rows.count:
                continue
            sent, kept = self.columns(rows)
            arrays = [(number, type, array) for number, ((_, type), array) in enumerate(zip(self._fields, sent, strict=True))]
            keep(kept.slice(skipped))
            for start in range(skipped, rows.count, _ROWS):
                count = min(_ROWS, rows.count - start)
                yield batch.encode(count, [(number, type, array.slice(start, count)) for number, type, array in arrays])

    def columns(self, rows: Rows) -> tuple[list[pa.Array], pa.Table]:
        """Of some rows the columns that are sent, and all of them as the answer keeps them: with the columns and types of all files.

        Raises:
            InvalidArgument: for cells that do not fit, and for numbers that all may be times in another unit.
        """
        if self.source.whole is None and self.source.is_repeatable:
            self._rules.defer()
        made = [self._sent(rows, name, type) for name, type in self._fields], self._kept(rows)
        if self._rules.is_doubtful:
            self._settle_times()
        return made

    def _sent(self, rows: Rows, name: str, type: FeatureType) -> pa.Array:
        # NDJSON may leave a column out of any row, and so out of all rows of a piece.
        array = rows.column(name, type, self._rules) if name in rows.columns else pa.nulls(rows.count, type.arrow)
        if name == self._time and array.null_count:
            row = rows.first_row + int(np.flatnonzero(np.asarray(array.is_null()))[0])
            place = f"{rows.source}: row {row}" if rows.source else f"row {row}"
            raise InvalidArgument("is null: every row of a spine needs its time", f"{place}, column '{name}'")
        return array

    def _kept(self, rows: Rows) -> pa.Table:
        """The rows, with the columns of all files."""
        made = rows.arrow(self._types, self._rules, self.retyped)
        if made.schema.equals(self._schema):
            return made
        # Batches of a reader may be of other types than it states.
        self._schema = join_heads([Head("", dict(self._known)), Head(rows.source, dict(_types(made.schema)))], {}, (), _ADVICE)
        columns = {}
        for name, type in self._known:
            if name not in rows.columns:
                columns[name] = pa.nulls(rows.count, type)
                continue
            try:
                columns[name] = made[name].cast(type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                place = f"{rows.source}: column '{name}'" if rows.source else f"column '{name}'"
                raise InvalidArgument(f"holds what {type}, the type of all files together, does not: {error}", place) from None
        return pa.table(columns)

    @property
    def _known(self) -> list[tuple[str, pa.DataType]]:
        assert self._schema is not None
        return _types(self._schema)

    def _settle_times(self) -> None:
        """Reads ahead where all numbers so far among the times of a column may be in another unit.

        Raises:
            InvalidArgument: where all of them may.
        """
        times = {name: type for name, type in self._types.items() if TIMESTAMP.code in (type.code, type.element_code)}
        for rows in self.source.read():
            for name, type in times.items():
                if name in rows.columns:
                    rows.column(name, type, self._rules)
            if not self._rules.is_doubtful:
                break
        self._rules.settle()

    def _refuse_missing(self, types: Mapping[str, pa.DataType | None], source: str) -> None:
        missing = [name for name, _ in self._fields if name not in types]
        if missing:
            wanted = ", ".join(f"{name} ({type})" for name, type in self._fields)
            reason = f"has no column '{missing[0]}': it needs {wanted}{self._hint(missing[0], types)}"
            raise InvalidArgument(reason, f"{source}: spine" if source else "spine")

    def _hint(self, missing: str, types: Mapping[str, pa.DataType | None]) -> str:
        """What the column that is missing may be called."""
        other = next((name for name in types if name.casefold() == missing.casefold()), None)
        if other is not None:
            return f"; it has '{other}', in another case"
        times = [name for name, given in types.items() if _is_time(name, given)]
        return f"; if its time is '{times[0]}', say spine_time='{times[0]}'" if missing == self._time and times else ""

    def _refuse_unknown(self, names: Iterable[str]) -> None:
        unknown = [name for name in self.retyped if name not in set(names)]
        if unknown:
            raise InvalidArgument(f"the spine has no column '{unknown[0]}'; it has {', '.join(names)}", "spine_types")

    def expect(self, *, statuses: bool) -> None:
        """Says whether statuses are to stand beside the features; refuses those that would take a column's place.

        Raises:
            InvalidArgument: names both columns.
        """
        self._has_statuses = statuses
        self._seen(self._names)

    def _seen(self, names: list[str]) -> None:
        self._names = names
        if names:
            answer = AnswerNames(self._outputs, names, "column of the spine")
            answer.refuse_clashes(statuses=self._has_statuses, event_times=self._has_event_times)


def _is_time(name: str, given: pa.DataType | None) -> bool:
    if given is not None and pa.types.is_timestamp(given):
        return True
    return name.casefold() in ("event_timestamp", "event_time", "timestamp", "time", "datetime", "date", "ts")


def _types(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return list(zip(schema.names, schema.types, strict=True))


class Beside:
    """Rows of the spine that wait for their features."""

    def __init__(self) -> None:
        self._tables: deque[pa.Table] = deque()
        # The number of the first.
        self._first = 0
        # The spine's columns.
        self.empty = pa.table({})

    def add(self, table: pa.Table) -> None:
        """Takes the next rows."""
        self._tables.append(table)

    def take(self, count: int) -> pa.Table:
        """The next rows."""
        self._first += count
        parts: list[pa.Table] = []
        while self._tables and count > 0:
            table = self._tables.popleft()
            if table.num_rows > count:
                self._tables.appendleft(table.slice(count))
                table = table.slice(0, count)
            parts.append(table)
            count -= table.num_rows
        if not parts:
            return self.empty
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts, promote_options="permissive")

    def cut(self, row: int) -> None:
        """Leaves only rows before this one."""
        kept: deque[pa.Table] = deque()
        left = row - self._first
        for table in self._tables:
            if left <= 0:
                break
            kept.append(table.slice(0, left))
            left -= table.num_rows
        self._tables = kept
