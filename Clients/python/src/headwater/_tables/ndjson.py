"""NDJSON files in pieces: docs/formats/tables.md."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import InvalidArgument
from .json_text import parse
from .records import RECORD_BYTES_MAX
from .rows import Make, Objects, Rows
from .streams import Stream

_ROWS = 16_384
_PIECE_BYTES = 8 << 20
_READ_BYTES = 1 << 20
_SPACE = b" \t\r"


def read_ndjson(file: Path, typed: Collection[str]) -> Iterator[Rows]:
    """The rows of a file.

    Args:
        typed: columns that become of the type that is asked for; the others are what Arrow makes of them.

    Raises:
        InvalidArgument: for what is no object, with row and line.
    """
    first = 1
    with Stream(file, "NDJSON") as stream:
        for records in _pieces(_records(stream, file)):
            names: dict[str, None] = {}
            for record in records:
                names.update(dict.fromkeys(record))
            columns: dict[str, pa.Array | pa.ChunkedArray | Make] = {}
            for name in names:
                cells = [record.get(name) for record in records]
                columns[name] = Objects(cells) if name in typed else _inferred(cells, file, first, name)
            yield Rows(len(records), first, str(file), columns)
            first += len(records)


def _inferred(cells: list[Any], file: Path, first: int, name: str) -> pa.Array:
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise InvalidArgument(f"cells have no common type: {error}", f"{file}: row {first} and those behind it, column '{name}'") from None


def _pieces(records: Iterator[tuple[dict[str, Any], int]]) -> Iterator[list[dict[str, Any]]]:
    """Runs of objects; the file's last may be short."""
    piece: list[dict[str, Any]] = []
    size = 0
    for record, record_bytes in records:
        piece.append(record)
        size += record_bytes
        if len(piece) == _ROWS or size >= _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _records(stream: Stream, file: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The objects, each with the size of its text."""
    row = 0
    for number, line in enumerate(_lines(stream, file), 1):
        if not line.strip(_SPACE):
            continue
        row += 1
        try:
            record = parse(line.decode())
        except UnicodeDecodeError:
            raise InvalidArgument("the text is not UTF-8", f"{file}: row {row} (line {number})") from None
        except ValueError as error:
            raise InvalidArgument(f"is no JSON object: {error}", f"{file}: row {row} (line {number})") from None
        if not isinstance(record, dict):
            raise InvalidArgument("is no JSON object", f"{file}: row {row} (line {number})")
        yield record, len(line)


def _lines(stream: Stream, file: Path) -> Iterator[bytes]:
    rest = b""
    count = 0
    while chunk := stream.without_mark(_READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        count += len(lines)
        if len(rest) > RECORD_BYTES_MAX:
            raise InvalidArgument(f"a line of more than {RECORD_BYTES_MAX} bytes", f"{file}: line {count + 1}")
        yield from lines
    if rest:
        yield rest
