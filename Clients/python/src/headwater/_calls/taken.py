"""Which rows of a table were taken before the write of it ended early, in words."""

from __future__ import annotations

import sys
import warnings

from .._tables.rows import Rows


class Taken:
    """Which rows of a table the server has taken: those of files count from 1, those of a table in memory from 0."""

    def __init__(self) -> None:
        self._first: Rows | None = None
        self._last: Rows | None = None
        self._count = 0

    def add(self, rows: Rows) -> None:
        """The next rows are taken."""
        self._first = self._first or rows
        self._last = rows
        self._count += rows.count

    def text(self, verb: str) -> str:
        """`rows 0 to 99 were written`."""
        first, last = self._first, self._last
        assert first is not None and last is not None
        end = last.first_row + last.count - 1
        if first.source != last.source:
            return f"{self._count:,} rows were {verb}, the last of them row {end} of {last.source}"
        place = f" of {last.source}" if last.source else ""
        return f"row {end}{place} was {verb}" if self._count == 1 else f"rows {first.first_row} to {end}{place} were {verb}"

    def interrupted(self, position: int, *, is_under_way: bool, is_delete: bool) -> str:
        """What somebody has to know who breaks it off; empty where nothing was sent."""
        verb = "deleted" if is_delete else "written"
        if not self._count:
            again = "" if is_delete else ": if they were, writing them again adds them a second time"
            return f"whether rows were {verb} is not known{again}" if is_under_way else ""
        parts = [f"{self.text(verb)}, up to position {position}"]
        parts += [f"whether rows behind them were {verb} is not known"] if is_under_way else []
        parts += [] if is_delete else ["writing them again adds the same rows a second time"]
        return "; ".join(parts)


def note(error: BaseException, text: str) -> None:
    """Tells something beside what is raised; as a warning where Python has no notes yet."""
    if not text:
        return
    if sys.version_info >= (3, 11):
        error.add_note(text)
    else:
        warnings.warn(text, RuntimeWarning, stacklevel=2)
