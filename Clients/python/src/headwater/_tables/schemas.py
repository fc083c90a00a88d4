"""Types of the same column in several files: one that holds them all without a loss, or a refusal by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import pyarrow as pa

from .._columns.kinds import is_binary, is_list, is_text
from .._columns.types import FeatureType
from ..errors import InvalidArgument
from .encodings import kept_type
from .extensions import type_as_it_was
from .rows import STRING, Head

_INTEGERS = {
    True: [pa.int8(), pa.int16(), pa.int32(), pa.int64()],
    False: [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()],
}
# Bits of whole numbers that a float holds exactly.
_EXACT_BITS = {pa.float16(): 11, pa.float32(): 24, pa.float64(): 53}
_UNITS = ("s", "ms", "us", "ns")


def join_heads(heads: Iterable[Head], types: Mapping[str, FeatureType], wanted: Collection[str], advice: str) -> pa.Schema:
    """The columns of all files, in the order in which they come first.

    Args:
        types: what columns of text become.
        wanted: columns that become of these types whatever they are.
        advice: what to do about types that have nothing in common.

    Raises:
        InvalidArgument: names the file and the column of the first that differs.
    """
    joined: dict[str, pa.DataType] = {}
    sources: dict[str, str] = {}
    for head in heads:
        for name, held in (head.types or {}).items():
            given = types.get(name, STRING).arrow if held is None or name in wanted else kept_type(type_as_it_was(held))
            if name not in joined:
                joined[name], sources[name] = given, head.source
                continue
            both = join(joined[name], given)
            if both is None:
                before = f"{sources[name]} has {joined[name]}" if sources[name] != head.source else f"those before are {joined[name]}"
                place = f"{head.source}: column '{name}'" if head.source else f"column '{name}'"
                raise InvalidArgument(f"is {given}, and {before}: {advice}", place)
            joined[name] = both
    return pa.schema(list(joined.items()))


def join(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """A type that holds both without a loss; `None` where there is none."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_dictionary(one) or pa.types.is_dictionary(other):
        return join(*(given.value_type if pa.types.is_dictionary(given) else given for given in (one, other)))
    if pa.types.is_integer(one) and pa.types.is_integer(other):
        return _join_integers(one, other)
    if _is_number(one) and _is_number(other):
        return _join_floats(one, other)
    if pa.types.is_timestamp(one) and pa.types.is_timestamp(other):
        unit = max(one.unit, other.unit, key=_UNITS.index)
        # A time without a zone is UTC, as everywhere.
        return pa.timestamp(unit, tz=one.tz if one.tz == other.tz else "UTC")
    if is_list(one) and is_list(other):
        element = join(one.value_type, other.value_type)
        return None if element is None else pa.large_list(element) if _is_large(one) or _is_large(other) else pa.list_(element)
    try:
        # Texts among each other, dates, durations, decimals: Arrow widens them.
        is_kin = any(
            is_one(one) and is_one(other) for is_one in (is_text, is_binary, pa.types.is_date, pa.types.is_duration, pa.types.is_decimal)
        )
        return (
            pa.unify_schemas([pa.schema([("", one)]), pa.schema([("", other)])], promote_options="permissive")[0].type if is_kin else None
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return None


def _join_integers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    signs = [pa.types.is_signed_integer(given) for given in (one, other)]
    if signs[0] == signs[1]:
        return max(one, other, key=lambda given: given.bit_width)
    signed, unsigned = (one, other) if signs[0] else (other, one)
    # One bit more than the unsigned one has.
    bits = max(signed.bit_width, 2 * unsigned.bit_width)
    return next((given for given in _INTEGERS[True] if given.bit_width == bits), None)


def _join_floats(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    def is_held(given: pa.DataType, float_type: pa.DataType) -> bool:
        if pa.types.is_floating(given):
            return bool(given.bit_width <= float_type.bit_width)
        return bool(given.bit_width - pa.types.is_signed_integer(given) <= _EXACT_BITS[float_type])

    return next((float_type for float_type in _EXACT_BITS if is_held(one, float_type) and is_held(other, float_type)), None)


def _is_number(given: pa.DataType) -> bool:
    return bool(pa.types.is_integer(given) or pa.types.is_floating(given))


def _is_large(given: pa.DataType) -> bool:
    return bool(pa.types.is_large_list(given))


def feature_type(given: pa.DataType) -> FeatureType | None:
    """The feature type that holds a scalar of an Arrow type; `None` where there is none."""
    if pa.types.is_dictionary(given):
        return feature_type(given.value_type)
    kinds = [
        (pa.types.is_boolean, "bool"), (pa.types.is_integer, "int64"), (pa.types.is_floating, "float64"), (is_text, "string"),
        (is_binary, "bytes"), (lambda given: pa.types.is_timestamp(given) or pa.types.is_date(given), "timestamp"),
    ]  # fmt: skip
    return next((FeatureType.parse(name) for is_one, name in kinds if is_one(given)), None)
