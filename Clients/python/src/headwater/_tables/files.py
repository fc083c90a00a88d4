"""Parquet, CSV and NDJSON files, read in pieces: memory is a piece, whatever the size of the files."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._paths import local
from ..errors import InvalidArgument, NotFound
from .csv import read_csv, read_header
from .extensions import named_columns
from .ndjson import read_ndjson
from .partitions import path_columns, with_path
from .rows import ROWS_MAX, Head, Rows, Source, named, types_of
from .streams import COMPRESSIONS

_PARQUET = (".parquet", ".pq")
_CSV = (".csv",)
_NDJSON = (".ndjson", ".jsonl")


def open_files(paths: Any, typed: Collection[str]) -> Source:
    """A source of one path, of a glob such as `data/*.parquet`, or of a list of them; rows in the order of the names.

    Args:
        typed: columns of NDJSON files that become of the type that is asked for.

    Raises:
        NotFound: where there is no such file.
        InvalidArgument: where a name tells no format.
    """
    files = [_File(file, typed) for path in (paths if isinstance(paths, (list, tuple)) else [paths]) for file in _matches(local(path))]
    count = sum(file.parquet_rows() for file in files) if all(file.format in _PARQUET for file in files) else None

    def read() -> Iterator[Rows]:
        for file in files:
            yield from file.read()

    return Source(read, count, True, lambda: (file.head() for file in files))


def _matches(path: str) -> list[Path]:
    if os.path.isdir(path):
        raise InvalidArgument("is a directory: name its files, such as with *.parquet, or with **/*.parquet where they lie deeper", path)
    if os.path.exists(path):
        return [Path(path)]
    found = sorted(glob.glob(path, recursive=True))
    if not found:
        raise NotFound("there is no such file", path)
    directory = next((name for name in found if os.path.isdir(name)), None)
    if directory is not None:
        raise InvalidArgument(f"is a directory, and '{path}' matches it: name files, such as with *.parquet", directory)
    return [Path(name) for name in found]


class _File:
    """One file, with the columns that stand in its path."""

    def __init__(self, path: Path, typed: Collection[str]) -> None:
        self._path = path
        self._typed = typed
        suffixes = [suffix.lower() for suffix in path.suffixes]
        if suffixes and suffixes[-1] in COMPRESSIONS:
            suffixes.pop()
        self.format = suffixes[-1] if suffixes else ""
        if self.format not in (*_PARQUET, *_CSV, *_NDJSON):
            reason = "the name tells no format: .parquet, .csv, .ndjson or .jsonl (the last three also as .gz, .zst)"
            raise InvalidArgument(reason, str(path))
        self._in_path = path_columns(path)

    def head(self) -> Head:
        """What is known of it without reading its rows."""
        if self.format in _NDJSON:
            return Head(str(self._path), None)
        if self.format in _CSV:
            types: dict[str, pa.DataType | None] = dict.fromkeys(read_header(self._path))
        else:
            with _Parquet(self._path) as opened:
                types = types_of(opened.schema_arrow, str(self._path))
        return Head(str(self._path), types | {name: None for name in self._in_path if name not in types})

    def read(self) -> Iterator[Rows]:
        for rows in self._read():
            yield with_path(rows, self._in_path)

    def _read(self) -> Iterator[Rows]:
        if self.format in _CSV:
            return read_csv(self._path)
        return read_ndjson(self._path, self._typed) if self.format in _NDJSON else read_parquet(self._path)

    def parquet_rows(self) -> int:
        with _Parquet(self._path) as opened:
            return int(opened.metadata.num_rows)


def read_parquet(file: Path) -> Iterator[Rows]:
    """The rows of a Parquet file; of one without rows its columns alone."""
    first = 1
    with _Parquet(file) as opened:
        for batch in opened.iter_batches(ROWS_MAX // 4):
            yield Rows(batch.num_rows, first, str(file), named(batch.schema.names, named_columns(batch.schema, batch.columns), str(file)))
            first += batch.num_rows
        if first == 1:
            table = opened.schema_arrow.empty_table()
            yield Rows(0, first, str(file), named(table.schema.names, named_columns(table.schema, table.columns), str(file)))


class _Parquet:
    """A Parquet file that is open; damage is named as its own."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> pq.ParquetFile:
        try:
            self._opened = pq.ParquetFile(self._file)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._named(error) from None
        return self._opened

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._opened.close()
        if isinstance(error, (pa.ArrowInvalid, OSError)):
            raise self._named(error) from None

    def _named(self, error: BaseException) -> InvalidArgument:
        return InvalidArgument(f"cannot be read as Parquet: {error}", str(self._file))
