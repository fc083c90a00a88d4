"""Expressions over a table, by the server's own evaluator."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, overload

import pyarrow as pa

from ._columns.types import FeatureType
from ._embedded import binary
from ._infer import column_types
from ._tables.rules import Rules
from ._tables.sources import open_source
from ._tables.to_text import lines
from .errors import InvalidArgument

# What a column is called in an expression, without or with quotes.
_NAME = re.compile(r"[^,=\s][^,=]*")


@overload
def evaluate(expression: str, data: Any = ..., *, types: Mapping[str, str] | None = ...) -> pa.ChunkedArray: ...
@overload
def evaluate(expression: Mapping[str, str], data: Any = ..., *, types: Mapping[str, str] | None = ...) -> pa.Table: ...
def evaluate(
    expression: str | Mapping[str, str], data: Any = None, *, types: Mapping[str, str] | None = None
) -> pa.ChunkedArray | pa.Table:
    """Evaluates expressions for each row of a table, with the bits that the server gives them (docs/expressions.md).

    It needs the `headwater` executable, as `hw.open` does, and no server.

    Args:
        expression: one, for its column; or several by the names of their results, for a table.
        data: any table that `Client.write` takes, or paths; `None` for constants alone, of which there is one row.
        types: of columns, where they are others than those that the table has: `{"amount": "float64"}`.

    Raises:
        InvalidArgument: for an expression that cannot be read or does not fit the columns, with its place and a caret below it; for a
            cell that does not fit its column's type.
        NotFound: where there is no executable.
    """
    wanted = {"value": expression} if isinstance(expression, str) else dict(expression)
    if not wanted:
        raise InvalidArgument("there is no expression")
    arguments = ["eval", "--out", "-", "--out-format", "arrows", *(f"--as={name}" for name in wanted)]
    given = b""
    if data is not None:
        if isinstance(data, Iterator) and not isinstance(data, pa.RecordBatchReader):
            data = list(data)
        known = _types(data, types or {})
        given = b"".join(_lines(data, known, wanted.values()))
        arguments += ["--from", "-", "--format", "ndjson", *(f"--types={name}={type}" for name, type in known.items())]
    elif types:
        raise InvalidArgument("there are no columns without a table", "types")
    done = subprocess.run([binary(), *arguments, "--", *wanted.values()], input=given, capture_output=True, check=False)
    if done.returncode != 0:
        raise InvalidArgument(re.sub(r"^headwater: ", "", done.stderr.decode(errors="replace").rstrip("\n"), flags=re.MULTILINE))
    table = pa.ipc.open_stream(done.stdout).read_all()
    return table.column(0) if isinstance(expression, str) else table


def _types(data: Any, stated: Mapping[str, str]) -> dict[str, FeatureType]:
    """The types of the columns that an expression may name."""
    found = {name: type for name, type in column_types(open_source(data)).items() if isinstance(type, str) and _NAME.fullmatch(name)}
    unknown = [name for name in stated if name not in found]
    if unknown:
        raise InvalidArgument(f"the table has no column '{unknown[0]}'; it has {', '.join(found) or 'none'}", "types")
    return {name: FeatureType.parse(type) for name, type in (found | dict(stated)).items()}


def _lines(data: Any, types: Mapping[str, FeatureType], expressions: Collection[str]) -> Iterator[bytes]:
    """The rows, with those columns alone that an expression may read."""
    rules = Rules(None)
    for rows in open_source(data).read():
        columns = {name: column for name, column in rows.columns.items() if name in types and _is_in(name, expressions)}
        yield lines(replace(rows, columns=columns), types, rules)


def _is_in(name: str, expressions: Collection[str]) -> bool:
    """Whether some expression holds a name, as itself or in quotes; it may still be part of a longer one."""
    return any(name in text or name.replace('"', '""') in text for text in expressions)
