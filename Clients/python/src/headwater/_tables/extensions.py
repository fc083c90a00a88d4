"""Extension types: cells whose storage may not be what they mean."""

from __future__ import annotations

import uuid
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .._columns.kinds import is_any_list
from .._columns.types import FeatureType
from .rules import Misfit

_NAME = b"ARROW:extension:name"
# What to do about a type that stands for something that no feature is.
_ADVICE = {
    "pandas.period": "a period is no instant: make it one with .dt.to_timestamp(), or text with .astype(str)",
    "pandas.interval": "an interval is two numbers: give its ends as two columns, such as with .array.left, or text with .astype(str)",
    "arrow.opaque": "what it means only its database knows: convert it there",
    "arrow.variable_shape_tensor": "tensors of differing shape are no column",
}


class Unregistered(pa.ExtensionType):
    """An extension type that this process does not know: its storage, under its name."""

    def __init__(self, storage: pa.DataType, name: str) -> None:
        super().__init__(storage, name)

    def __arrow_ext_serialize__(self) -> bytes:
        # Arrow makes the type anew from this, also within the process.
        name: str = self.extension_name
        return name.encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> Unregistered:
        return cls(storage_type, serialized.decode())


def named_columns(schema: pa.Schema, columns: list[Any]) -> list[Any]:
    """The columns of a table, with those that are of an extension type this process does not know under its name."""
    return [_named(field, column) for field, column in zip(schema, columns, strict=True)]


def _named(field: pa.Field, column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    name = _unknown_name(field)
    if name is None:
        return column
    made = Unregistered(field.type, name.decode(errors="replace"))
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([made.wrap_array(chunk) for chunk in column.chunks], made)
    return made.wrap_array(column)


def _unknown_name(field: pa.Field) -> bytes | None:
    """The extension type, of the column or of the elements of its lists, that this process does not know."""
    given = field.type
    if isinstance(given, pa.BaseExtensionType):
        return None
    name: bytes | None = (field.metadata or {}).get(_NAME)
    return _unknown_name(given.value_field) if name is None and is_any_list(given) else name


def as_it_was(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A column that `named_columns` gave a name, without it."""
    if not isinstance(column.type, Unregistered):
        return column
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column.storage


def type_as_it_was(given: pa.DataType) -> pa.DataType:
    """The type of such a column without its name."""
    return given.storage_type if isinstance(given, Unregistered) else given


def meant(array: pa.ExtensionArray, type: FeatureType) -> pa.Array:
    """The cells as what they mean.

    Raises:
        Misfit: names the type, and what to do.
    """
    name: str = array.type.extension_name
    storage = array.storage
    is_list = type.is_array or type.is_vector
    if name == "arrow.uuid" and type.code == 7:
        return storage
    if name == "arrow.uuid" and type.code == 6:
        return pa.array([None if cell is None else str(uuid.UUID(bytes=cell)) for cell in storage.to_pylist()], pa.string())
    if name == "arrow.json" and type.code == 6:
        return storage
    if name == "arrow.bool8" and type.code == 1:
        return pc.not_equal(storage, 0)
    if name == "arrow.fixed_shape_tensor" and is_list and len(_shape(array.type)) == 1:
        return storage
    raise Misfit(None, f"holds {name} where the type is {type}: {advice(array.type)}")


def _shape(given: Any) -> list[int]:
    # Without its class only its storage is known.
    return list(getattr(given, "shape", ())) or [0, 0]


def advice(given: Any) -> str:
    """What to do about a column of this type."""
    fits = meaning(given)
    if fits is not None:
        return f"it fits {fits}"
    if given.extension_name == "arrow.fixed_shape_tensor":
        return "a tensor of one dimension fits array(T) or vector(n): reshape it"
    return _ADVICE.get(given.extension_name, "what its storage means is not known: give a column of a plain type, such as its .storage")


def meaning(given: Any) -> str | None:
    """The feature type that an extension type stands for; `None` where there is none, or where it depends on the storage."""
    return {"arrow.uuid": "string", "arrow.json": "string", "arrow.bool8": "bool"}.get(given.extension_name)


def tensor_storage(given: Any) -> pa.DataType | None:
    """Of a tensor of one dimension; else `None`."""
    is_flat = given.extension_name == "arrow.fixed_shape_tensor" and len(_shape(given)) == 1
    return given.storage_type if is_flat else None
