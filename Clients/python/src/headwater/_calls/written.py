"""What a write answers."""

from __future__ import annotations

from .._shown import counted


class Written(int):
    """The position of a write: an `int`, for `min_position`, that also tells what was written.

    Attributes:
        rows: how many rows were written.
        ingest_time: when the log took the last of them, microseconds since 1970 UTC.
        keys_with_newer_rows: of a delete, for how many keys a newer row wins.
        rows_with_newer_rows: the first of these rows, numbered from 0 in what was given; at most 64 of each request.
        rows_below_cutoff: how many rows are older than the group's retention allows: they are never read.
        rows_behind_tombstone: how many written rows are older than the delete of their key: in history, and not served online.
    """

    rows: int
    ingest_time: int
    keys_with_newer_rows: int
    rows_with_newer_rows: list[int]
    rows_below_cutoff: int
    rows_behind_tombstone: int

    def __new__(
        cls, position: int, rows: int = 0, ingest_time: int = 0, keys_with_newer_rows: int = 0, newer: list[int] | None = None,
        rows_below_cutoff: int = 0, rows_behind_tombstone: int = 0,
    ) -> Written:  # fmt: skip
        made = super().__new__(cls, position)
        made.rows, made.ingest_time, made.keys_with_newer_rows = rows, ingest_time, keys_with_newer_rows
        made.rows_with_newer_rows = newer or []
        made.rows_below_cutoff, made.rows_behind_tombstone = rows_below_cutoff, rows_behind_tombstone
        return made

    def _plus(self, other: Written) -> Written:
        """Of two requests, the later one's position."""
        newer = self.rows_with_newer_rows + [self.rows + row for row in other.rows_with_newer_rows]
        keys = self.keys_with_newer_rows + other.keys_with_newer_rows
        below = self.rows_below_cutoff + other.rows_below_cutoff
        behind = self.rows_behind_tombstone + other.rows_behind_tombstone
        return Written(int(other), self.rows + other.rows, other.ingest_time, keys, newer, below, behind)

    def __str__(self) -> str:
        return int.__repr__(self)

    def __format__(self, specification: str) -> str:
        return int.__format__(self, specification)

    def __repr__(self) -> str:
        newer = f", {counted(self.keys_with_newer_rows, 'key has', 'keys have')} newer rows" if self.keys_with_newer_rows else ""
        below = f", {self.rows_below_cutoff:,} below the retention cutoff" if self.rows_below_cutoff else ""
        behind = f", {self.rows_behind_tombstone:,} older than their key's delete" if self.rows_behind_tombstone else ""
        return f"<position {int(self)}: {counted(self.rows, 'row', 'rows')}{newer}{below}{behind}>"

    def __reduce__(self) -> tuple[object, ...]:
        return Written, (
            int(self), self.rows, self.ingest_time, self.keys_with_newer_rows, self.rows_with_newer_rows, self.rows_below_cutoff,
            self.rows_behind_tombstone,
        )  # fmt: skip
