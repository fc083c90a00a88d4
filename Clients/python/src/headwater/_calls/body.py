"""Bodies of writes: encoded once, in the form that the server takes which the first attempt goes to."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .._columns import batch, compact
from .._connections.transport import Transport
from .._wire.frames import Bytes
from ..errors import InvalidArgument
from .groups import Column, Group

WRITE, DELETE = 1, 2
_ENTRY = struct.Struct("<IIIB51x")
# Of a frame, what is left for all but the body.
_HEAD_BYTES = 1 << 16


class Entry(Protocol):
    """Some rows of one group."""

    @property
    def row_count(self) -> int: ...

    @property
    def column_count(self) -> int:
        """How many columns it has, at most."""

    @property
    def given(self) -> list[Any]:
        """What a user gave: rows, or a table."""

    def arrow(self) -> ArrowEntry:
        """As arrays."""

    def batch(self) -> Bytes:
        """As every server takes them."""

    def compact(self) -> Bytes:
        """As few rows go to a server that takes them so."""


@dataclass(frozen=True)
class ArrowEntry:
    """Rows whose columns are Arrow arrays of the group's types, by rising ordinal."""

    group: Group
    operation: int
    row_count: int
    columns: Sequence[tuple[Column, pa.Array]]

    @property
    def column_count(self) -> int:
        return len(self.columns)

    @property
    def given(self) -> list[Any]:
        return [pa.table({column.name: array for column, array in self.columns})]

    def arrow(self) -> ArrowEntry:
        """As arrays."""
        return self

    def batch(self) -> np.ndarray:
        """The head, and a batch behind it."""
        columns = [(column.ordinal, column.type, array) for column, array in self.columns]
        made = batch.encode(self.row_count, columns, prefix=bytes(_ENTRY.size))
        _ENTRY.pack_into(made.data, 0, self.group.id, self.group.schema_version, len(made) - _ENTRY.size, self.operation)
        return made

    def compact(self) -> bytes:
        """The same rows without padding."""
        columns = [compact.column(column.ordinal, column.type, array) for column, array in self.columns]
        return compact.entry(self.group.id, self.group.schema_version, self.operation, self.row_count, columns)


class Body:
    """The entries of one request. A retry sends the bytes of the first attempt, also to a server of another version: other bytes would be
    other content under the same number.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._pieces: list[Bytes] | None = None
        self.row_count = sum([entry.row_count for entry in entries])

    def prepare(self) -> None:
        """Encodes what has the same form for every server, ahead of its turn."""
        if not self._is_small():
            self._pieces = [entry.batch() for entry in self._entries]

    def encode(self, transport: Transport) -> list[Bytes]:
        """The bytes, as pieces to send one behind the other.

        Raises:
            InvalidArgument: for more than the server takes.
        """
        if self._pieces is None:
            if compact.CAPABILITY in transport.capabilities and self._is_small():
                self._pieces = [compact.MAGIC, *[entry.compact() for entry in self._entries]]
            else:
                self._pieces = [entry.batch() for entry in self._entries]
        limit = transport.frame_bytes_max - _HEAD_BYTES
        if self.size > limit:
            advice = "write the groups one by one" if len(self._entries) > 1 else "write fewer rows at once"
            raise InvalidArgument(f"{self.size:,} bytes in one atomic request; the server takes {limit:,}: {advice}")
        return self._pieces

    @property
    def size(self) -> int:
        """Bytes; 0 before they are encoded."""
        return sum([len(piece) for piece in self._pieces or ()])

    def _is_small(self) -> bool:
        columns = sum([entry.column_count for entry in self._entries])
        return columns <= compact.COLUMNS_MAX and all(1 <= entry.row_count <= compact.ROWS_MAX for entry in self._entries)
