"""Hashes of tables, the same however their rows are cut into parts, and the same as those of the command line."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._columns.types import FeatureType, Field
from .cells import cells

# Hashed at once: what is made for that stays in the processor's caches.
_ROWS = 65_536


class TableHash:
    """Hashes rows as they pass."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = list(fields)
        self.rows = 0
        self._columns = [(hashlib.sha256(), hashlib.sha256()) for _ in fields]

    def append(self, columns: Sequence[pa.Array | pa.ChunkedArray], codes: Sequence[npt.NDArray[np.uint8]] | None = None) -> None:
        """Takes the next rows.

        Args:
            columns: one for each field, of its Arrow type.
            codes: statuses of a history, a byte for each cell; a cell that is not present is null. `None`: present or null.
        """
        count = len(columns[0]) if columns else 0
        for place, (column, field) in enumerate(zip(columns, self.fields, strict=True)):
            statuses, bodies = self._columns[place]
            if codes is not None:
                statuses.update(np.ascontiguousarray(codes[place]).data)
            for array in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                for start in range(0, len(array), _ROWS):
                    part = array.slice(start, _ROWS)
                    if codes is None:
                        statuses.update(np.asarray(part.is_null()).astype(np.uint8).data)
                    bodies.update(cells(part.drop_null() if part.null_count else part, field.type))
        self.rows += count

    def pass_by(self, count: int) -> None:
        """Counts rows of a table without columns."""
        self.rows += count

    def finish(self) -> dict[str, Any]:
        """The table as a dataset's definition has it."""
        whole = hashlib.sha256(struct.pack("<Q", self.rows))
        columns = []
        for (name, type), (statuses, bodies) in zip(self.fields, self._columns, strict=True):
            digest = hashlib.sha256(statuses.digest() + bodies.digest()).digest()
            for text in (name.encode(), str(type).encode()):
                whole.update(struct.pack("<I", len(text)) + text)
            whole.update(digest)
            columns.append({"name": name, "type": str(type), "hash": digest.hex()})
        return {"columns": columns, "hash": whole.hexdigest()}


def fields_of(table: dict[str, Any]) -> list[Field]:
    """The columns of a table of a dataset's definition."""
    return [Field(column["name"], FeatureType.parse(column["type"])) for column in table["columns"]]
