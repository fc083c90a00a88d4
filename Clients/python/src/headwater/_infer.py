"""A definition proposed from a table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ._columns.types import FeatureType
from ._tables import decimals, encodings, extensions
from ._tables.guess import Guess
from ._tables.partitions import Same
from ._tables.rows import Head, Rows, Source, Text
from ._tables.schemas import join_heads
from ._tables.sources import open_source
from .definitions import Duration, Entity, Feature, FeatureGroup, Key
from .errors import InvalidArgument


def infer_group(
    data: Any, *, name: str, keys: str | Sequence[str], event_time: str | None = None, entity: str | Entity | None = None,
    max_age: Duration | None = None,
) -> FeatureGroup:  # fmt: skip
    """Proposes a feature group for a table; look at it, change what should be otherwise, and apply it.

    Args:
        data: any table that `Client.write` takes, or paths. Text of a CSV file becomes of another type only where every cell comes back
            as it was written: `00501`, `1E5` and `+5` are strings.
        name: of the group.
        keys: the key columns.
        event_time: the time's column; `None` for a static table.
        entity: its name, or an `Entity` that is there; by default an entity is proposed too, called as its keys.
        max_age: how far back a read may look.

    Raises:
        InvalidArgument: for a column that is missing, or of a type that no feature has.
    """
    source = open_source(data)
    types = _column_types(source)
    if not types:
        raise InvalidArgument("the table is empty: there are no types to see")
    key_names = [keys] if isinstance(keys, str) else list(keys)
    needed = [*key_names, *([event_time] if event_time else [])]
    for column in needed:
        if column not in types:
            raise InvalidArgument(f"is missing: the table has {', '.join(types)}", f"column '{column}'")
    if source.is_repeatable:
        _warn_of_digits(next(iter(source.read())), types)
    for column in key_names:
        if not FeatureType.parse(types[column]).is_key_type:
            raise InvalidArgument(f"{types[column]} is no type of a key; int32, int64, string, bytes, timestamp are", f"column '{column}'")
    if event_time is not None and types[event_time] not in ("timestamp", "string"):
        raise InvalidArgument(f"{types[event_time]} is no time", f"column '{event_time}'")
    owner = entity if entity is not None else Entity("_".join(key_names), [Key(column, types[column]) for column in key_names])
    features = [Feature(column, types[column]) for column in types if column not in needed]
    return FeatureGroup(name, owner, features, event_time=event_time or "none", max_age=max_age)


def _warn_of_digits(rows: Rows, types: Mapping[str, str]) -> None:
    """Says which decimals a write would refuse."""
    for column, type in types.items():
        held = rows.columns.get(column)
        if not isinstance(held, (pa.Array, pa.ChunkedArray)) or type != "float64" or not decimals.are_decimals(held.type):
            continue
        array = pa.concat_arrays(held.chunks) if isinstance(held, pa.ChunkedArray) and held.num_chunks else held
        row = decimals.first_lossy(array) if len(array) else None
        if row is not None:
            warnings.warn(
                f"column '{column}': row {rows.first_row + row}: {decimals.text(array, row)} has more digits than a float64 holds: a write "
                "refuses it unless lossy=True, which takes the nearest; a string keeps them all", stacklevel=3,
            )  # fmt: skip


def _column_types(source: Source) -> dict[str, str]:
    """The types of all columns: of tables by what they state, of text by all of its cells."""
    types: dict[str, str] = {}
    guesses: dict[str, Guess] = {}
    heads = list(source.heads())
    if all(head.types is not None and None not in head.types.values() for head in heads):
        return {name: _type_of(given, name) for name, given in _joined(heads).items()}
    stated: list[Head] = []
    for rows in source.read():
        stated.append(Head(rows.source, {name: given for name, given in (rows.head.types or {}).items() if given is not None}))
        for name, held in rows.columns.items():
            if isinstance(held, (Text, Same)):
                guesses.setdefault(name, Guess()).look(held.array)
            types.setdefault(name, "string")
    types.update({name: _type_of(given, name) for name, given in _joined(stated).items()})
    # A column that is text in one file and typed in another is text.
    return {name: guesses[name].type if name in guesses and types[name] == "string" else type for name, type in types.items()}


def _joined(heads: Sequence[Head]) -> dict[str, pa.DataType]:
    schema = join_heads(heads, {}, (), "cast one of them")
    return dict(zip(schema.names, schema.types, strict=True))


def _type_of(given: pa.DataType, column: str) -> str:
    if encodings.is_encoded(given):
        return _type_of(encodings.plain_type(given), column)
    if isinstance(given, decimals.DecimalTexts):
        return "float64"
    if isinstance(given, pa.BaseExtensionType):
        meaning, tensor = extensions.meaning(given), extensions.tensor_storage(given)
        if meaning is None and tensor is None:
            reason = f"{given.extension_name} is no type of a feature: {extensions.advice(given)}"
            raise InvalidArgument(reason, f"column '{column}'")
        return meaning or _type_of(tensor, column)
    if pa.types.is_fixed_size_list(given) and pa.types.is_floating(given.value_type):
        return f"vector({given.list_size})"
    if any(is_one(given) for is_one in _LISTS):
        element = _type_of(given.value_type, column)
        if "(" not in element:
            return f"array({element})"
    for is_one, name in _TYPES:
        if is_one(given):
            return name
    raise InvalidArgument(f"{given} is no type of a feature: convert it, or leave the column out", f"column '{column}'")


def _is_text(given: pa.DataType) -> bool:
    return bool(pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_string_view(given))


def _is_bytes(given: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(is_one(given) for is_one in kinds)


_LISTS = [
    pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view, pa.types.is_large_list_view,
]  # fmt: skip
_TYPES = [
    (pa.types.is_boolean, "bool"),
    (lambda given: given.id in (pa.int8().id, pa.int16().id, pa.int32().id, pa.uint8().id, pa.uint16().id), "int32"),
    (pa.types.is_integer, "int64"),
    (lambda given: given.id in (pa.float16().id, pa.float32().id), "float32"),
    (pa.types.is_floating, "float64"),
    (pa.types.is_decimal, "float64"),
    (_is_text, "string"),
    (_is_bytes, "bytes"),
    (lambda given: pa.types.is_timestamp(given) or pa.types.is_date(given), "timestamp"),
]
