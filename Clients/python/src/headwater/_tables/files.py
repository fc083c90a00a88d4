"""Parquet, CSV and NDJSON files, read in pieces: memory is a piece, whatever the size of the files."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ..errors import InvalidArgument, NotFound
from . import convert
from .sources import ROWS_MAX, Make, Rows, Source

_JSON_ROWS = 16_384
_CSV_BYTES = 8 << 20
_LINE_BYTES_MAX = 64 << 20
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}


def open_files(paths: Any, text_columns: list[str]) -> Source:
    """A source of one path, of a glob such as `data/*.parquet`, or of a list of them; rows in the order of the names.

    Raises:
        NotFound: where there is no such file.
        InvalidArgument: where a name tells no format.
    """
    files: list[Path] = []
    for path in paths if isinstance(paths, (list, tuple)) else [paths]:
        files += _matches(os.fspath(path))
    readers = [_reader(file, text_columns) for file in files]
    count = None
    if all(_format(file) == ".parquet" for file in files):
        count = sum(pq.read_metadata(file).num_rows for file in files)

    def read() -> Iterator[Rows]:
        for reader in readers:
            yield from reader()

    return Source(read, count, True)


def _matches(path: str) -> list[Path]:
    if os.path.isdir(path):
        raise InvalidArgument("is a directory: name its files, such as with *.parquet", path)
    if os.path.exists(path):
        return [Path(path)]
    found = sorted(glob.glob(path, recursive=True))
    if not found:
        raise NotFound("there is no such file", path)
    return [Path(name) for name in found]


def _format(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _reader(file: Path, text_columns: list[str]) -> Callable[[], Iterator[Rows]]:
    format = _format(file)
    if format in (".parquet", ".pq"):
        return partial(_read_parquet, file)
    if format == ".csv":
        return partial(_read_csv, file, text_columns)
    if format in (".ndjson", ".jsonl"):
        return partial(_read_ndjson, file, text_columns)
    raise InvalidArgument("the name tells no format: .parquet, .csv, .ndjson or .jsonl (the last three also as .gz, .zst)", str(file))


def _read_parquet(file: Path) -> Iterator[Rows]:
    first = 0
    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(ROWS_MAX // 4):
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield Rows(batch.num_rows, first, str(file), columns)
                first += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidArgument(f"cannot be read as Parquet: {error}", str(file)) from None


def _open(file: Path) -> Any:
    compression = _COMPRESSIONS.get(file.suffix.lower())
    return pa.input_stream(str(file), compression=compression) if compression else pa.OSFile(str(file), "rb")


def _read_csv(file: Path, text_columns: list[str]) -> Iterator[Rows]:
    first = 0
    convert_options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(text_columns, pa.string()), null_values=[""], strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )  # fmt: skip
    try:
        with _open(file) as stream:
            reader = pa_csv.open_csv(
                stream, pa_csv.ReadOptions(block_size=_CSV_BYTES, use_threads=False),
                pa_csv.ParseOptions(newlines_in_values=True), convert_options,
            )  # fmt: skip
            for batch in reader:
                columns: dict[str, pa.Array | pa.ChunkedArray | Make] = {}
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    if name in columns:
                        raise InvalidArgument(f"column '{name}' comes twice", str(file))
                    columns[name] = partial(convert.of_text, column) if name in text_columns else column
                if batch.num_rows:
                    yield Rows(batch.num_rows, first, str(file), columns)
                first += batch.num_rows
    except pa.ArrowInvalid as error:
        raise InvalidArgument(f"cannot be read as CSV: {error}", str(file)) from None


def _read_ndjson(file: Path, text_columns: list[str]) -> Iterator[Rows]:
    first = 0
    with _open(file) as stream:
        for records, line in _records(stream, file):
            names: dict[str, None] = {}
            for record in records:
                names.update(dict.fromkeys(record))
            columns: dict[str, pa.Array | pa.ChunkedArray | Make] = {}
            for name in names:
                cells = [record.get(name) for record in records]
                columns[name] = partial(convert.of_json, cells) if name in text_columns else _inferred(cells, file, line, name)
            yield Rows(len(records), first, str(file), columns)
            first += len(records)


def _inferred(cells: list[Any], file: Path, line: int, name: str) -> pa.Array:
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidArgument(f"cells have no common type: {error}", f"{file}: column '{name}' from line {line} on") from None


def _records(stream: BinaryIO, file: Path) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Runs of objects, each with the line that it starts at."""
    records: list[dict[str, Any]] = []
    start = 1
    for number, line in enumerate(_lines(stream, file), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=_once)
        except ValueError as error:
            raise InvalidArgument(f"is no JSON object: {error}", f"{file}: line {number}") from None
        if not isinstance(record, dict):
            raise InvalidArgument("is no JSON object", f"{file}: line {number}")
        records.append(record)
        if len(records) == _JSON_ROWS:
            yield records, start
            records, start = [], number + 1
    if records:
        yield records, start


def _lines(stream: BinaryIO, file: Path) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(1 << 20):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE_BYTES_MAX:
            raise InvalidArgument(f"a line is longer than {_LINE_BYTES_MAX} bytes", str(file))
        yield from lines
    if rest:
        yield rest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' comes twice")
    return made
