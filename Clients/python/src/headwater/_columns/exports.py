"""Columns that an answer keeps of a spine, and that what it is handed to has no type for: refused by name, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import InvalidArgument

if TYPE_CHECKING:
    import polars

_Test = Callable[[pa.DataType], bool]


def _is_interval(type: pa.DataType) -> bool:
    return bool(type == pa.month_day_nano_interval())


def _is_empty_struct(type: pa.DataType) -> bool:
    return bool(pa.types.is_struct(type)) and not type.num_fields


_NEITHER: list[_Test] = [_is_interval, pa.types.is_union, pa.types.is_run_end_encoded]
# polars ends the process's thread with a panic at some of them.
_NOT_POLARS: list[_Test] = [*_NEITHER, pa.types.is_list_view, pa.types.is_large_list_view, pa.types.is_decimal256]
_NOT_PARQUET: list[_Test] = [*_NEITHER, _is_empty_struct]
# Arrow makes no empty column of these.
_NOT_KEPT: list[_Test] = [pa.types.is_union, pa.types.is_run_end_encoded]


def polars_frame(table: pa.Table) -> polars.DataFrame:
    """A table as a polars DataFrame.

    Raises:
        InvalidArgument: for a column that polars has no type for.
    """
    _refuse(table.schema, _NOT_POLARS, "polars has no type for: to_arrow() gives it as it is")
    import polars

    made = polars.from_arrow(table)
    assert isinstance(made, polars.DataFrame)
    return made


def refuse_for_parquet(schema: pa.Schema) -> None:
    """Refuses columns that a Parquet file cannot hold.

    Raises:
        InvalidArgument: names the column.
    """
    _refuse(schema, _NOT_PARQUET, "a Parquet file has no type for: leave the column out of the spine, or convert it")


def refuse_for_spine(types: Iterable[tuple[str, pa.DataType | None]]) -> None:
    """Refuses further columns of a spine that cannot be kept beside its features.

    Raises:
        InvalidArgument: names the column.
    """
    for name, type in types:
        # Runs and lists that are no part of something else are laid out.
        if type is not None and not pa.types.is_run_end_encoded(type) and _holds(type, _NOT_KEPT):
            raise InvalidArgument(
                f"is of type {type}, which cannot be kept beside features; no feature needs this column: leave it out of the spine, or "
                "convert it", f"column '{name}'",
            )  # fmt: skip


def _refuse(schema: pa.Schema, tests: list[_Test], reason: str) -> None:
    for field in schema:
        if _holds(field.type, tests):
            raise InvalidArgument(f"is of type {field.type}, which {reason}", f"column '{field.name}'")


def _holds(type: pa.DataType, tests: list[_Test]) -> bool:
    """Whether a type, or one inside it, is one of these."""
    if isinstance(type, pa.BaseExtensionType):
        type = type.storage_type
    if any(test(type) for test in tests):
        return True
    if pa.types.is_dictionary(type) or pa.types.is_run_end_encoded(type):
        return _holds(type.value_type, tests)
    return any(_holds(type.field(number).type, tests) for number in range(type.num_fields))
