"""The command `headwater-tables`: Parquet and compressed tables for the command `headwater`, which reads and writes text alone.

`read` turns a file into CSV or NDJSON on standard output, `write` makes one of what comes on standard input. Parquet goes by NDJSON, whose
cells have types; the rules of its cells are those of docs/formats/tables.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .._columns.types import FeatureType
from ..errors import HeadwaterError, InvalidArgument

_ROWS = 65_536


def main() -> int:
    """Runs the command.

    Returns:
        The exit code: 1 where a file cannot be converted, with a line that says why.
    """
    parser = argparse.ArgumentParser(prog="headwater-tables", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("read", "write"):
        command = commands.add_parser(name)
        command.add_argument("path")
        command.add_argument("--packing", choices=["parquet", "gzip", "zstd"], required=True)
        if name == "write":
            command.add_argument("--field", action="append", default=[], metavar="COLUMN=TYPE")
            command.add_argument("--like", metavar="PATH", help="a Parquet file whose types all other columns keep")
    arguments = parser.parse_args()
    try:
        if arguments.command == "read":
            _read(arguments.path, arguments.packing, sys.stdout.buffer)
        else:
            _write(arguments.path, arguments.packing, sys.stdin.buffer, arguments.field, arguments.like)
    except BrokenPipeError:
        return 1
    except (HeadwaterError, pa.ArrowException, OSError, ValueError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def _read(path: str, packing: str, out: BinaryIO) -> None:
    if packing == "parquet":
        for piece in _ndjson(path):
            out.write(piece)
    else:
        with pa.OSFile(path) as file, pa.CompressedInputStream(file, packing) as stream:
            while piece := stream.read(1 << 20):
                out.write(piece)
    out.flush()


def _write(path: str, packing: str, rows: BinaryIO, fields: list[str], like: str | None) -> None:
    if packing != "parquet":
        with pa.OSFile(path, "wb") as file, pa.CompressedOutputStream(file, packing) as stream:
            shutil.copyfileobj(rows, stream, 1 << 20)
        return
    types = pq.read_schema(like) if like else pa.schema([])
    wanted = {field.name: field.type for field in types}
    for field in fields:
        name, _, kind = field.rpartition("=")
        wanted[name] = FeatureType.parse(kind).arrow
    _to_parquet(path, rows, wanted)


# From Parquet.


def _ndjson(path: str) -> Iterator[bytes]:
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    spell = [_speller(field.type, field.name) for field in schema]
    names = [json.dumps(name, ensure_ascii=False) + ":" for name in schema.names]
    for batch in file.iter_batches(_ROWS):
        if not names:
            yield b"{}\n" * batch.num_rows
            continue
        columns = [[name + cell for cell in to_text(column)] for name, to_text, column in zip(names, spell, batch.columns)]
        yield "".join(["{" + ",".join(cells) + "}\n" for cells in zip(*columns)]).encode()


def _speller(kind: pa.DataType, name: str) -> Callable[[pa.Array], list[str]]:
    """How cells of a type are spelt in JSON."""
    if isinstance(kind, pa.BaseExtensionType):
        raise InvalidArgument(f"is {kind}, which is not what it is stored as: convert it first", f"column {name}")
    types = pa.types
    if types.is_dictionary(kind):
        inner = _speller(kind.value_type, name)
        return lambda column: inner(column.dictionary_decode())
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = _speller(kind.value_type, name)
        return lambda column: _lists(column, inner)
    one = _cell_speller(kind, name)
    return lambda column: ["null" if cell is None else one(cell) for cell in _cells(column)]


def _cells(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        whole = column.cast(pa.timestamp(column.type.unit)) if column.type.tz else column
        if column.type.unit == "ns":
            # Cut to the microsecond that it lies in.
            numbers = np.asarray(whole.cast(pa.int64()).fill_null(0)) // 1_000
            whole = pa.array(numbers, mask=np.asarray(whole.is_null())).cast(pa.timestamp("us"))
        column = pc.strftime(whole.cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
    elif pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    cells: list[Any] = column.to_pylist()
    return cells


def _cell_speller(kind: pa.DataType, name: str) -> Callable[[Any], str]:
    types = pa.types
    if types.is_boolean(kind):
        return lambda cell: "true" if cell else "false"
    if types.is_integer(kind) or types.is_decimal(kind) or types.is_null(kind):
        return str
    if types.is_float64(kind):
        return lambda cell: repr(cell) if np.isfinite(cell) else _odd_float(cell)
    if types.is_floating(kind):
        return lambda cell: str(np.float32(cell)) if np.isfinite(cell) else _odd_float(cell)
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view" or types.is_timestamp(kind):
        return lambda cell: json.dumps(cell, ensure_ascii=False)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or str(kind) == "binary_view":
        return lambda cell: json.dumps(base64.b64encode(cell).decode())
    if types.is_date(kind):
        return lambda cell: json.dumps(cell.isoformat())
    raise InvalidArgument(f"is {kind}, and there is no such type here: convert it, or leave it out", f"column {name}")


def _odd_float(cell: float) -> str:
    return '"NaN"' if np.isnan(cell) else '"Infinity"' if cell > 0 else '"-Infinity"'


def _lists(column: pa.Array, inner: Callable[[pa.Array], list[str]]) -> list[str]:
    elements = inner(column.flatten())
    lengths = pc.list_value_length(column).to_pylist()
    texts: list[str] = []
    start = 0
    for length in lengths:
        if length is None:
            texts.append("null")
        else:
            texts.append("[" + ",".join(elements[start : start + length]) + "]")
            start += length
    return texts


# To Parquet.


def _to_parquet(path: str, lines: BinaryIO, wanted: dict[str, pa.DataType]) -> None:
    writer: pq.ParquetWriter | None = None
    schema: pa.Schema | None = None
    has_decimals = any(pa.types.is_decimal(kind) for kind in wanted.values())
    number = Decimal if has_decimals else float
    try:
        done = 0
        while True:
            rows = [json.loads(line, parse_float=number) for line in _take(lines)]
            if schema is None:
                schema = _schema(rows, wanted)
                writer = pq.ParquetWriter(path, schema)
            if not rows:
                break
            for row, content in enumerate(rows, done + 1):
                unknown = content.keys() - set(schema.names)
                if unknown:
                    raise InvalidArgument(
                        f"the column {min(unknown)!r} comes first in row {row}: a Parquet file has its columns from the start; "
                        "name an .ndjson file"
                    )
            arrays = [_array([row.get(field.name) for row in rows], field) for field in schema]
            assert writer is not None
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done += len(rows)
    finally:
        if writer is not None:
            writer.close()


def _take(lines: BinaryIO) -> list[bytes]:
    """The next lines."""
    taken: list[bytes] = []
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if len(taken) == _ROWS or size > 64 << 20:
            break
    return taken


def _schema(rows: list[dict[str, Any]], wanted: dict[str, pa.DataType]) -> pa.Schema:
    """Columns in the order in which rows have them; types as they are known, else as the first rows show them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names += [name for name in wanted if name not in names]
    fields = []
    for name in names:
        kind = wanted.get(name)
        if kind is None:
            kind = pa.array([float(cell) if isinstance(cell, Decimal) else cell for cell in (row.get(name) for row in rows)]).type
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def _array(cells: list[Any], field: pa.Field) -> pa.Array:
    try:
        return _typed(cells, field.type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidArgument(f"{error}", f"column {field.name}") from None


def _typed(cells: list[Any], kind: pa.DataType) -> pa.Array:
    types = pa.types
    if types.is_dictionary(kind):
        return _typed(cells, kind.value_type).dictionary_encode().cast(kind)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        flat = _typed([element for cell in cells if cell is not None for element in cell], kind.value_type).to_pylist()
        start = 0
        lists: list[Any] = []
        for cell in cells:
            lists.append(None if cell is None else flat[start : start + len(cell)])
            start += 0 if cell is None else len(cell)
        return pa.array(lists, kind)
    if types.is_floating(kind):
        return pa.array([None if cell is None else float(cell) for cell in cells], kind)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return pa.array([None if cell is None else base64.b64decode(cell, validate=True) for cell in cells], kind)
    if types.is_timestamp(kind):
        texts = [cell if isinstance(cell, str) else None for cell in cells]
        read = pa.array(texts, pa.string()).cast(pa.timestamp("us", tz="UTC"))
        if any(isinstance(cell, int) for cell in cells):
            # Outside the years 0 to 9999 times are whole microseconds.
            both = [cell if isinstance(cell, int) else time for cell, time in zip(cells, read.cast(pa.int64()).to_pylist())]
            read = pa.array(both, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
        return (read if kind.tz else read.cast(pa.timestamp("us"))).cast(kind)
    if types.is_date(kind):
        return pa.array(cells, pa.string()).cast(pa.date32()).cast(kind)
    if types.is_decimal(kind):
        return pa.array([None if cell is None else Decimal(cell) for cell in cells], kind)
    return pa.array(cells, kind)


if __name__ == "__main__":
    sys.exit(main())
