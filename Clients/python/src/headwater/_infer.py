"""A definition proposed from a table."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ._columns.chunks import joined
from ._columns.kinds import is_any_list, is_binary, is_text
from ._columns.types import FeatureType
from ._given import library_of
from ._tables import decimals, encodings, extensions
from ._tables.guess import Guess
from ._tables.partitions import Same
from ._tables.rows import Head, Rows, Source, Text
from ._tables.schemas import join_heads
from ._tables.sources import columns_of, open_source
from .definitions import Duration, Entity, Feature, FeatureGroup, Key
from .errors import InvalidArgument


def infer_group(
    data: Any, *, name: str, keys: str | Sequence[str], event_time: str | None = None, entity: str | Entity | None = None,
    max_age: Duration | None = None, columns: str | Sequence[str] | None = None, skip: str | Sequence[str] = (),
) -> FeatureGroup:  # fmt: skip
    """Proposes a feature group for a table; look at it, change what should be otherwise, and apply it.

    Args:
        data: any table that `Client.write` takes, or paths. Text of a CSV file becomes of another type only where every cell comes back
            as it was written: `00501`, `1E5` and `+5` are strings. Numbers that end in zeros behind the point, such as `2.50`, become
            floats where all have as many digits behind it.
        name: of the group.
        keys: the key columns.
        event_time: the time's column; `None` for a static table.
        entity: its name, or an `Entity` that is there; by default an entity is proposed too, called as its keys.
        max_age: how far back a read may look.
        columns: those that become features, in this order; `None` for all beside keys and time.
        skip: columns that do not.

    Raises:
        InvalidArgument: for columns that are missing, or of types that no feature has: names all of them.
    """
    source, bad = _open(data)
    types = column_types(source) | bad
    if not types:
        raise InvalidArgument("the table is empty: there are no types to see")
    key_names = _names(keys)
    needed = [*key_names, *([event_time] if event_time else [])]
    skipped = _names(skip)
    wanted = _names(columns) if columns is not None else [column for column in types if column not in (*needed, *skipped)]
    missing = [column for column in dict.fromkeys([*needed, *wanted, *skipped]) if column not in types]
    if missing:
        listed = ", ".join(f"'{column}'" for column in missing)
        verb, plural = ("is", "") if len(missing) == 1 else ("are", "s")
        raise InvalidArgument(f"{verb} missing: the table has {', '.join(types)}", f"column{plural} {listed}")
    wanted = [column for column in wanted if column not in (*needed, *skipped)]
    types = _all_known(types, [*needed, *wanted])
    if source.is_repeatable:
        _warn_of_digits(next(iter(source.read())), types)
    for column in key_names:
        if not FeatureType.parse(types[column]).is_key_type:
            raise InvalidArgument(f"{types[column]} is no type of a key; int32, int64, string, bytes, timestamp are", f"column '{column}'")
    if event_time is not None and types[event_time] not in ("timestamp", "string"):
        raise InvalidArgument(f"{types[event_time]} is no time", f"column '{event_time}'")
    owner = entity if entity is not None else Entity("_".join(key_names), [Key(column, types[column]) for column in key_names])
    features = [Feature(column, types[column]) for column in wanted]
    return FeatureGroup(name, owner, features, event_time=event_time or "none", max_age=max_age)


def _open(data: Any) -> tuple[Source, dict[str, InvalidArgument]]:
    """A source of the columns that have a type, and why the others have none."""
    if isinstance(data, Iterator) and not isinstance(data, pa.RecordBatchReader):
        data = list(data)
    try:
        return open_source(data), {}
    except InvalidArgument:
        names = _names_in_memory(data)
        good: dict[str, Any] = {}
        bad: dict[str, InvalidArgument] = {}
        for name in names:
            try:
                good.update(columns_of(data, only={name}))
            except InvalidArgument as error:
                bad[name] = error
        if not names or len(set(names)) < len(names) or not bad or not all("column" in (error.location or "") for error in bad.values()):
            raise
        return open_source(good or pa.table({})), bad


def _names_in_memory(data: Any) -> list[str]:
    library = library_of(data)
    if library == "pandas" and hasattr(data, "columns"):
        return [str(name) for name in (*data.columns, *data.index.names) if name is not None]
    if library == "polars" and hasattr(data, "columns"):
        return list(data.columns)
    if isinstance(data, Mapping):
        return list(map(str, data))
    return list(dict.fromkeys(str(name) for record in data for name in record)) if _are_records(data) else []


def _are_records(data: Any) -> bool:
    return isinstance(data, (list, tuple)) and all(isinstance(record, Mapping) for record in data)


def _warn_of_digits(rows: Rows, types: Mapping[str, str]) -> None:
    """Says which decimals a write would refuse."""
    for column, type in types.items():
        held = rows.columns.get(column)
        if not isinstance(held, (pa.Array, pa.ChunkedArray)) or type.startswith(("string", "int")) or not len(held):
            continue
        array = joined(held.chunks, held.type) if isinstance(held, pa.ChunkedArray) else held
        found = _first_lossy(array)
        if found is not None:
            row, text = found
            warnings.warn(
                f"column '{column}': row {rows.first_row + row}: {text} has more digits than a float64 holds: a write "
                "refuses it unless lossy=True, which takes the nearest; a string keeps them all", stacklevel=3,
            )  # fmt: skip


def _first_lossy(array: pa.Array) -> tuple[int, str] | None:
    """The first row with a decimal, or a list of them, that a float64 does not hold, and that decimal."""
    while encodings.is_encoded(array.type):
        array = encodings.plain(array)
    if decimals.are_decimals(array.type):
        row = decimals.first_lossy(array)
        return None if row is None else (row, decimals.text(array, row))
    if is_any_list(array.type):
        found = _first_lossy(array.flatten())
        if found is None:
            return None
        ends = np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(array), 0)))
        return int(np.searchsorted(ends, found[0], side="right")), found[1]
    return None


def column_types(source: Source) -> dict[str, Any]:
    """The types of all columns: of tables by what they state, of text by all of its cells; Arrow's where no feature has it."""
    types: dict[str, Any] = {}
    guesses: dict[str, Guess] = {}
    heads = list(source.heads())
    if all(head.types is not None and None not in head.types.values() for head in heads):
        return {name: (_type_name(given) or given) for name, given in _joined(heads).items()}
    stated: list[Head] = []
    for rows in source.read():
        stated.append(Head(rows.source, {name: given for name, given in (rows.head.types or {}).items() if given is not None}))
        for name, held in rows.columns.items():
            if isinstance(held, (Text, Same)):
                guesses.setdefault(name, Guess()).look(held.array)
            types.setdefault(name, "string")
    types.update({name: (_type_name(given) or given) for name, given in _joined(stated).items()})
    # A column that is text in one file and typed in another is text.
    return {name: guesses[name].type if name in guesses and type == "string" else type for name, type in types.items()}


def _joined(heads: Sequence[Head]) -> dict[str, pa.DataType]:
    schema = join_heads(heads, {}, (), "cast one of them")
    joined = dict(zip(schema.names, schema.types, strict=True))
    for head in heads:
        # What stands for something else is not of its storage's type.
        joined.update({name: given for name, given in (head.types or {}).items() if isinstance(given, extensions.Unregistered)})
    return joined


def _names(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _all_known(types: Mapping[str, Any], columns: Sequence[str]) -> dict[str, str]:
    """The types of some columns.

    Raises:
        InvalidArgument: names all columns of which there is none.
    """
    bad = [column for column in columns if not isinstance(types[column], str)]
    if bad:
        listed = "; ".join(f"column '{column}': {_why_none(types[column])}" for column in bad)
        raise InvalidArgument(f"{listed}: convert what you need, and leave the rest out with skip={bad!r}")
    return {column: types[column] for column in columns}


def _why_none(given: pa.DataType | InvalidArgument) -> str:
    if isinstance(given, InvalidArgument):
        row = (given.location or "").partition(",")[0]
        return f"{row}: {given.message}" if row.startswith("row") else given.message
    if isinstance(given, pa.BaseExtensionType):
        return f"{given.extension_name} is no type of a feature: {extensions.advice(given)}"
    return f"{given} is no type of a feature"


def type_of(given: pa.DataType) -> FeatureType | None:
    """The type that fits an Arrow type best; `None` where no feature has it."""
    name = _type_name(given)
    return None if name is None else FeatureType.parse(name)


def _type_name(given: pa.DataType) -> str | None:
    if encodings.is_encoded(given):
        return _type_name(encodings.plain_type(given))
    if isinstance(given, decimals.DecimalTexts):
        return "float64"
    if isinstance(given, pa.BaseExtensionType):
        meaning, tensor = extensions.meaning(given), extensions.tensor_storage(given)
        return meaning or (None if tensor is None else _type_name(tensor))
    if pa.types.is_fixed_size_list(given) and pa.types.is_floating(given.value_type):
        return f"vector({given.list_size})"
    if is_any_list(given):
        element = _type_name(given.value_type)
        return f"array({element})" if element is not None and "(" not in element else None
    return next((name for is_one, name in _TYPES if is_one(given)), None)


_TYPES = [
    (pa.types.is_boolean, "bool"),
    (lambda given: given.id in (pa.int8().id, pa.int16().id, pa.int32().id, pa.uint8().id, pa.uint16().id), "int32"),
    (pa.types.is_integer, "int64"),
    (lambda given: given.id in (pa.float16().id, pa.float32().id), "float32"),
    (pa.types.is_floating, "float64"),
    (pa.types.is_decimal, "float64"),
    (is_text, "string"),
    (is_binary, "bytes"),
    (lambda given: pa.types.is_timestamp(given) or pa.types.is_date(given), "timestamp"),
]
