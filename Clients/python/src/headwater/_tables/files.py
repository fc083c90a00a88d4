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

from .._paths import local
from ..errors import InvalidArgument, NotFound
from .cells import no_constant, of_json, of_text
from .extensions import named_columns
from .sources import ROWS_MAX, Make, Rows, Source, named

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
        files += _matches(local(path))
    readers = [_reader(file, text_columns) for file in files]
    count = None
    if all(_format(file) in (".parquet", ".pq") for file in files):
        count = sum(_parquet_rows(file) for file in files)

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
    directory = next((name for name in found if os.path.isdir(name)), None)
    if directory is not None:
        raise InvalidArgument(f"is a directory, and '{path}' matches it: name files, such as with *.parquet", directory)
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


def _parquet_rows(file: Path) -> int:
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidArgument(f"cannot be read as Parquet: {error}", str(file)) from None


def _read_parquet(file: Path) -> Iterator[Rows]:
    first = 1
    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(ROWS_MAX // 4):
                yield Rows(
                    batch.num_rows, first, str(file), named(batch.schema.names, named_columns(batch.schema, batch.columns), str(file))
                )
                first += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidArgument(f"cannot be read as Parquet: {error}", str(file)) from None


def _open(file: Path) -> Any:
    compression = _COMPRESSIONS.get(file.suffix.lower())
    return pa.input_stream(str(file), compression=compression) if compression else pa.OSFile(str(file), "rb")


def _read_csv(file: Path, text_columns: list[str]) -> Iterator[Rows]:
    first = 1
    for block_bytes in (_CSV_BYTES, _LINE_BYTES_MAX):
        try:
            for rows in _csv_rows(file, text_columns, block_bytes, first):
                yield rows
                first += rows.count
            return
        except (pa.ArrowInvalid, OSError) as error:
            # A record that is longer than a block is read with the longest there may be.
            if "straddl" not in str(error) or block_bytes == _LINE_BYTES_MAX:
                raise InvalidArgument(f"cannot be read as CSV: {error}", str(file)) from None


def _csv_rows(file: Path, text_columns: list[str], block_bytes: int, skip: int) -> Iterator[Rows]:
    """The rows from number `skip` on."""
    convert_options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(text_columns, pa.string()), null_values=[""], strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )  # fmt: skip
    first = 1
    with _open(file) as stream:
        read_options = pa_csv.ReadOptions(block_size=block_bytes, use_threads=False)
        for batch in pa_csv.open_csv(stream, read_options, pa_csv.ParseOptions(newlines_in_values=True), convert_options):
            kept = batch.slice(max(0, skip - first))
            columns: dict[str, pa.Array | pa.ChunkedArray | Make] = named(kept.schema.names, kept.columns, str(file))
            columns.update({name: partial(of_text, columns[name]) for name in columns if name in text_columns})
            if kept.num_rows:
                yield Rows(kept.num_rows, first + batch.num_rows - kept.num_rows, str(file), columns)
            first += batch.num_rows


def _read_ndjson(file: Path, text_columns: list[str]) -> Iterator[Rows]:
    first = 1
    with _open(file) as stream:
        for records, line in _records(stream, file):
            names: dict[str, None] = {}
            for record in records:
                names.update(dict.fromkeys(record))
            columns: dict[str, pa.Array | pa.ChunkedArray | Make] = {}
            for name in names:
                cells = [record.get(name) for record in records]
                columns[name] = partial(of_json, cells) if name in text_columns else _inferred(cells, file, line, name)
            yield Rows(len(records), first, str(file), columns)
            first += len(records)


def _inferred(cells: list[Any], file: Path, line: int, name: str) -> pa.Array:
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise InvalidArgument(f"cells have no common type: {error}", f"{file}: column '{name}' from line {line} on") from None


def _records(stream: BinaryIO, file: Path) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Runs of objects, each with the line that it starts at."""
    records: list[dict[str, Any]] = []
    start = 1
    for number, line in enumerate(_lines(stream, file), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=_once, parse_constant=no_constant)
        except RecursionError:
            raise InvalidArgument("is nested too deeply", f"{file}: line {number}") from None
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
    while chunk := _read(stream, file):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE_BYTES_MAX:
            raise InvalidArgument(f"a line is longer than {_LINE_BYTES_MAX} bytes", str(file))
        yield from lines
    if rest:
        yield rest


def _read(stream: BinaryIO, file: Path) -> bytes:
    try:
        return stream.read(1 << 20)
    except OSError as error:
        raise InvalidArgument(f"cannot be read: {error}", str(file)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' comes twice")
    return made
