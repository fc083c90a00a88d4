"""The command `headwater-tables`: Parquet and compressed tables for the command `headwater`, which reads and writes text alone.

`read` turns a file into CSV or NDJSON on standard output, `write` makes one of what comes on standard input. Parquet goes by NDJSON, whose
cells have types; the rules of its cells are those of docs/formats/tables.md.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from .._columns.types import FeatureType
from ..errors import HeadwaterError
from .from_text import write_parquet
from .to_text import Wanted, lines_of


def main() -> int:
    """Runs the command.

    Returns:
        The exit code: 1 where a file cannot be converted, with a line that says why.
    """
    arguments = _parser().parse_args()
    try:
        if arguments.command == "read":
            _read(arguments, sys.stdout.buffer)
        else:
            _write(arguments, sys.stdin.buffer)
    except BrokenPipeError:
        return 1
    except (HeadwaterError, pa.ArrowException, OSError, ValueError, OverflowError) as error:
        print(_told(error, arguments.path), file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="headwater-tables", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    read, write = commands.add_parser("read"), commands.add_parser("write")
    for command in (read, write):
        command.add_argument("path")
        command.add_argument("--packing", choices=["parquet", "gzip", "zstd"], required=True)
    read.add_argument("--column", action="append", default=[], metavar="COLUMN=TYPE", help="convert a column, as Python's client does")
    read.add_argument("--required", action="append", default=[], metavar="COLUMN", help="a column that must be there")
    read.add_argument("--only", action="store_true", help="refuse further columns")
    read.add_argument("--time-unit", choices=["s", "ms", "us", "ns"], help="of times that are whole numbers")
    write.add_argument("--field", action="append", default=[], metavar="COLUMN=TYPE")
    write.add_argument("--like", metavar="PATH", help="a Parquet file whose types all other columns keep")
    return parser


def _told(error: Exception, path: str) -> str:
    """What was wrong, in the words of the command line, which names the file itself."""
    text = " ".join(str(error).split()).removeprefix(f"{path}: ")
    return re.sub(r"time_unit='(\w+)'", r"--time-unit \1", text).replace("lossy=True", "lossy=True in Python")


def _types(columns: list[str]) -> dict[str, FeatureType]:
    named = [column.rpartition("=") for column in columns]
    return {name: FeatureType.parse(kind) for name, _, kind in named}


def _read(arguments: argparse.Namespace, out: BinaryIO) -> None:
    if arguments.packing == "parquet":
        wanted = Wanted(_types(arguments.column), arguments.required, has_others=not arguments.only)
        for piece in lines_of(arguments.path, wanted, arguments.time_unit):
            out.write(piece)
    else:
        with pa.OSFile(arguments.path) as file, pa.CompressedInputStream(file, arguments.packing) as stream:
            while piece := stream.read(1 << 20):
                out.write(piece)
    out.flush()


def _write(arguments: argparse.Namespace, rows: BinaryIO) -> None:
    if arguments.packing != "parquet":
        with pa.OSFile(arguments.path, "wb") as file, pa.CompressedOutputStream(file, arguments.packing) as stream:
            shutil.copyfileobj(rows, stream, 1 << 20)
        return
    like = pq.read_schema(arguments.like) if arguments.like else pa.schema([])
    types = {field.name: field.type for field in like} | {name: type.arrow for name, type in _types(arguments.field).items()}
    write_parquet(arguments.path, rows, types)


if __name__ == "__main__":
    sys.exit(main())
