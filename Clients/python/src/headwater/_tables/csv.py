"""CSV files in pieces: whole records of text, handed to Arrow once they are known to keep the rules of docs/formats/tables.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from .._columns.chunks import joined
from ..errors import InvalidArgument
from .records import BYTE_ORDER_MARK, Malformed, Run, runs
from .rows import Rows, Text
from .streams import Stream

BLOCK_BYTES = 8 << 20
_HEAD_BYTES = 64 << 10
COLUMNS_MAX = 65_535


def read_csv(file: Path) -> Iterator[Rows]:
    """The rows of a file as text; a piece without rows where it has none.

    Raises:
        InvalidArgument: for what is not CSV, with row and line.
    """
    with Stream(file, "CSV") as stream:
        reader = _Reader(file)
        none: Rows | None = None
        for rows in reader.read(stream, BLOCK_BYTES):
            if rows.count:
                yield rows
            else:
                none = rows
        if none is not None and none.first_row == reader.next_row == 1:
            yield none


def read_header(file: Path) -> list[str]:
    """The names of a file's columns.

    Raises:
        InvalidArgument: where there are none, or one comes twice.
    """
    with Stream(file, "CSV") as stream:
        reader = _Reader(file)
        next(reader.read(stream, _HEAD_BYTES))
        return reader.names


class _Reader:
    """Reads one file, and knows where it is in it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.names: list[str] = []
        # Of the next row, and of the record that it stands in.
        self.next_row, self._line = 1, 1

    def read(self, stream: Stream, block_bytes: int) -> Iterator[Rows]:
        try:
            blocks = runs(stream.without_mark, block_bytes)
            first = next(blocks)
            yield from self._rows(self._header(first))
            for run in blocks:
                yield from self._rows(run)
        except Malformed as fault:
            raise self._error(fault) from None

    def _header(self, run: Run) -> Run:
        """Reads the first record; what stands behind it is left."""
        place = f"{self._file}: line 1"
        if not run.data:
            raise InvalidArgument("the file is empty: its first line names the columns", place)
        end = run.first_end()
        header = Run(run.data[:end], is_last=run.is_last and end == len(run.data))
        try:
            header.check()
        except Malformed as fault:
            raise InvalidArgument(fault.reason.format(line=1 + header.lines_before(fault.opening)), place) from None
        for number, cell in enumerate(header.cells(), 1):
            try:
                self.names.append(cell.decode())
            except UnicodeDecodeError:
                raise InvalidArgument(f"the name of column {number} is not UTF-8", place) from None
        if len(self.names) > COLUMNS_MAX:
            raise InvalidArgument(f"{len(self.names)} columns; the limit is {COLUMNS_MAX}", place)
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InvalidArgument(f"column '{twice}' stands in the header twice", place)
        self._line += header.lines_before(end)
        return Run(run.data[end:], is_last=run.is_last)

    def _rows(self, run: Run) -> Iterator[Rows]:
        run.check()
        first = self.next_row
        # Arrow would skip a mark at the start of what it gets.
        data = BYTE_ORDER_MARK + run.data if run.data.startswith(BYTE_ORDER_MARK) else run.data
        if data and not data.endswith(b"\n"):
            # It takes an empty cell at the end of a file, behind one in quotes, for a quoted one.
            data += b"\n"
        columns = self._columns(run, data)
        count = len(columns[0])
        self.next_row += count
        self._line += run.lines_before(len(run.data))
        yield Rows(count, first, str(self._file), {name: Text(column) for name, column in zip(self.names, columns, strict=True)})

    def _columns(self, run: Run, data: bytes) -> list[pa.Array]:
        if not data:
            return [pa.array([], pa.string())] * len(self.names)
        # Names of our own: the file's need not be ones that Arrow takes.
        places = [str(number) for number in range(len(self.names))]
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(data),
                pa_csv.ReadOptions(column_names=places, block_size=len(data) + 1, use_threads=False),
                pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(places) > 1),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(places, pa.string()), null_values=[""], strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )  # fmt: skip
        except pa.ArrowInvalid as error:
            raise self._refused(run) or InvalidArgument(f"cannot be read as CSV: {error}", str(self._file)) from None
        return [joined(column.chunks, pa.string()) for column in table.columns]

    def _refused(self, run: Run) -> InvalidArgument | None:
        """What Arrow found in text that is CSV: a ragged record, or bytes that are not UTF-8."""
        starts = run.starts()
        if len(self.names) > 1:
            starts = starts[~run.is_blank(starts)]
        counts = run.cell_counts(starts)
        ragged = np.flatnonzero(counts != len(self.names))
        if len(ragged):
            count = int(counts[ragged[0]])
            reason = f"{count} {'cell' if count == 1 else 'cells'} where the header has {len(self.names)}"
            return InvalidArgument(reason, self._place(run, int(starts[ragged[0]])))
        try:
            run.data.decode()
        except UnicodeDecodeError as error:
            start = int(starts[np.searchsorted(starts, error.start, side="right") - 1])
            end = int(np.append(starts, len(run.data))[np.searchsorted(starts, error.start, side="right")])
            before = Run(run.data[start : error.start], is_last=False)
            name = self.names[int(before.cell_counts(np.array([0]))[0]) - 1] if error.start > start else self.names[0]
            shown = run.data[start:end].decode(errors="replace").strip()[:60]
            return InvalidArgument(f"'{shown}' is not UTF-8", f"{self._place(run, start)}, column '{name}'")
        return None

    def _error(self, fault: Malformed) -> InvalidArgument:
        if self.names:
            # A ragged record before it is the first that is wrong.
            starts = fault.run.starts()
            before = fault.run.head(int(starts[max(0, np.searchsorted(starts, fault.at, side="right") - 1)]))
            refused = self._refused(before) if before.data else None
            if refused is not None:
                return refused
        line = self._line + fault.run.lines_before(fault.opening)
        place = self._place(fault.run, fault.at) if self.names else f"{self._file}: line 1"
        return InvalidArgument(fault.reason.format(line=line), place)

    def _place(self, run: Run, place: int) -> str:
        """How messages name the record that a byte stands in."""
        starts = run.starts()
        starts = starts[starts <= place]
        line = self._line + run.lines_before(int(starts[-1]) if len(starts) else 0)
        if len(self.names) > 1:
            # They are skipped, and so have no number.
            starts = starts[~run.is_blank(starts)]
        return f"{self._file}: row {self.next_row + max(0, len(starts) - 1)} (line {line})"
