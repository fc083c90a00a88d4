"""The bytes of a file, unpacked where its name says so."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from ..errors import InvalidArgument
from .records import BYTE_ORDER_MARK

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}


class Stream:
    """A file that is open.

    Raises:
        InvalidArgument: for one that cannot be opened, as a format that messages name.
    """

    def __init__(self, file: Path, format: str) -> None:
        self._file, self._format = file, format
        self._is_started = False
        compression = COMPRESSIONS.get(file.suffix.lower())
        try:
            self._opened: Any = pa.input_stream(str(file), compression=compression) if compression else pa.OSFile(str(file), "rb")
        except (pa.ArrowInvalid, OSError) as error:
            raise self._error(error) from None

    def without_mark(self, count: int) -> bytes:
        """The next bytes: as many as asked for, fewer only at the end. A byte order mark at the start is skipped.

        Raises:
            InvalidArgument: for damage.
        """
        if self._is_started:
            return self._read(count)
        self._is_started = True
        head = self._read(max(count, len(BYTE_ORDER_MARK))).removeprefix(BYTE_ORDER_MARK)
        return head + self._read(count - len(head)) if len(head) < count else head

    def _read(self, count: int) -> bytes:
        parts: list[bytes] = []
        try:
            # A packed file gives what it has.
            while count > 0 and (part := self._opened.read(count)):
                parts.append(part)
                count -= len(part)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._error(error) from None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _error(self, error: Exception) -> InvalidArgument:
        return InvalidArgument(f"cannot be read as {self._format}: {error}", str(self._file))

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._opened.close()
