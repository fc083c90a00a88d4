"""Hashes of the spine that a training set is made of: its keys and time, and its further columns, which are labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .._columns.chunks import joined
from .._columns.types import FeatureType, Field
from .._datasets.hashes import TableHash
from .._tables.lenient import fitted, lenient
from .._tables.rows import Rows, Source
from .._tables.rules import ColumnRules, Epochs, Misfit
from .._tables.sources import open_source
from ..errors import InvalidArgument
from .spine import Spine
from .table import TableQuery

# Beside present and null: no saved set has it, so that what it stands for is other than whatever there was.
_ODD = 255


@dataclass
class SpineHash:
    """What a spine was made of."""

    rows: int
    keys: dict[str, Any]
    labels: dict[str, Any]
    # Keys and time, of all rows; only where a split was asked for.
    columns: list[pa.Array]


def hash_spine(query: TableQuery, saved: list[Field] | None = None, *, keep: bool = False) -> SpineHash:
    """Hashes the spine's keys and time, and its further columns as the answer has them: with the columns and types of all of its files.

    Args:
        saved: the labels that a saved set has: text of a file is read as their types.
        keep: whether keys and time are kept, to deal the rows out.
    """
    spine, source = query.spine, _source(query)
    keys = TableHash(spine.fields)
    labels = TableHash(_label_fields(spine.prepare().schema, spine, saved)) if source is spine.source else None
    kept: list[list[pa.Array]] = [[] for _ in spine.fields]
    for rows in source.read():
        columns, whole = spine.columns(rows)
        keys.append(columns)
        if keep:
            for column, chunks in zip(columns, kept, strict=True):
                chunks.append(column)
        labels = labels or TableHash(_label_fields(whole.schema, spine, saved))
        _append(labels, whole, rows, spine, is_read=saved is not None)
    arrays = [joined(chunks, type.arrow) for chunks, (_, type) in zip(kept, spine.fields, strict=True)]
    return SpineHash(keys.rows, keys.finish(), (labels or TableHash([])).finish(), arrays if keep else [])


def _source(query: TableQuery) -> Source:
    """The spine from its start."""
    source = query.spine.source
    return source if source.is_repeatable or query.loaded is None else open_source(query.loaded.spine)


def _label_fields(schema: pa.Schema, spine: Spine, saved: list[Field] | None) -> list[Field]:
    """Further columns with the types that they are hashed as: given ones, their own, or, of text, those that they were saved with."""
    # Imported late: what it knows of texts makes Arrow import pandas.
    from .._infer import type_of

    types = {field.name: field.type for field in saved or []} | {name: spine.types[name] for name in spine.retyped}
    names = [name for name, _ in spine.fields]
    text = FeatureType.parse("string")
    made = []
    for name, given in zip(schema.names, schema.types, strict=True):
        if name in names:
            continue
        # Without a single cell it could be any.
        type = text if pa.types.is_null(given) else type_of(given)
        if type is None:
            raise InvalidArgument(f"{given} has no hash: leave the column out of the spine, or convert it", f"spine: column '{name}'")
        made.append(Field(name, types.get(name, type) if type == text or name in spine.retyped else type))
    return made


def label_rules(time_unit: str | None) -> ColumnRules:
    """How labels are read: whole numbers as times of the query's unit, and numbers that a float does not hold as the nearest one."""
    return ColumnRules(Epochs(time_unit or "us"), lossy=True)


def _append(labels: TableHash, whole: pa.Table, rows: Rows, spine: Spine, *, is_read: bool) -> None:
    """Takes the labels of some rows.

    Args:
        is_read: whether text is read as the types of a saved set: cells that are none of them are other cells than there were.
    """
    if not labels.fields:
        labels.pass_by(rows.count)
        return
    arrays, codes = [], []
    for name, type in labels.fields:
        rules = label_rules(spine.rules.time_unit)
        if is_read:
            array, odd = lenient(whole[name], type, rules)
        else:
            array, odd = _checked(whole[name], Field(name, type), rows, rules), {}
        code = np.asarray(array.is_null()).astype(np.uint8)
        code[list(odd)] = _ODD
        arrays.append(array)
        codes.append(code)
    labels.append(arrays, codes)


def _checked(column: pa.ChunkedArray, field: Field, rows: Rows, rules: ColumnRules) -> pa.Array:
    first = rows.first_row
    made = []
    for chunk in column.chunks:
        try:
            made.append(fitted(chunk, field.type, rules))
        except Misfit as misfit:
            raise misfit.placed(field.name, first, rows.source) from None
        first += len(chunk)
    return joined(made, field.type.arrow)
