"""Arrow columns of any type, brought to a feature's type without losing anything, or refused with the row and what would fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.kinds import is_list
from .._columns.types import FeatureType
from ..errors import InvalidArgument
from . import decimals, encodings, extensions
from .decimals import first_row, wider
from .rules import TIMESTAMP, ColumnRules, Epochs, Misfit, Rules, first_failing

# Text of a time, in groups its fraction and its zone.
INSTANT = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})?$"


def column(
    array: pa.Array | pa.ChunkedArray, type: FeatureType, name: str, first_row: int = 0, source: str = "", rules: Rules | None = None
) -> pa.Array:  # fmt: skip
    """The column as one array of the type's Arrow type.

    Args:
        first_row: the number of its first row in what the user handed in, for messages.
        source: the file it came from.

    Raises:
        InvalidArgument: names column, row, and what would fit.
    """
    if isinstance(array, pa.ChunkedArray) and array.num_chunks > 1 and encodings.has_dictionary(array.type):
        return _chunk_by_chunk(array, type, name, first_row, source, rules)
    try:
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
            if isinstance(array, pa.ChunkedArray):
                array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
        if array.type == type.arrow and not type.is_vector:
            return array
        made = fit(array, type, (rules or Rules()).of(name))
    except Misfit as misfit:
        raise misfit.placed(name, first_row, source) from None
    except pa.ArrowException as error:
        # What Arrow has no conversion for, or is too large to be one array.
        place = f"{source}: column '{name}'" if source else f"column '{name}'"
        raise InvalidArgument(f"holds {array.type} where the type is {type}: {error}", place) from None
    return made


def _chunk_by_chunk(
    chunks: pa.ChunkedArray, type: FeatureType, name: str, first_row: int, source: str, rules: Rules | None
) -> pa.Array:  # fmt: skip
    """Dictionaries that have a null among their values, or together more of them than indices reach, cannot be joined as they are."""
    made = []
    for chunk in chunks.chunks:
        made.append(column(chunk, type, name, first_row, source, rules))
        first_row += len(chunk)
    return pa.concat_arrays(made)


def _refuse_null_elements(vectors: pa.Array) -> None:
    elements = vectors.flatten()
    if elements.null_count:
        # Null vectors are left out of `elements`.
        cell = int(np.flatnonzero(np.asarray(elements.is_null()))[0]) // vectors.type.list_size
        raise Misfit(int(np.flatnonzero(np.asarray(vectors.is_valid()))[cell]), "a vector has no null elements: use array(float32)")


def fit(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    """An array of the type's Arrow type.

    Raises:
        Misfit: with the row, or without one for the whole column.
    """
    given = array.type
    if given == type.arrow:
        if type.is_vector:
            _refuse_null_elements(array)
        return array
    if encodings.is_encoded(given):
        return fit(encodings.plain(array), type, rules)
    if isinstance(array, pa.ExtensionArray) and not decimals.are_decimals(given):
        return fit(extensions.meant(array, type), type, rules)
    if pa.types.is_null(given):
        return array.cast(type.arrow)
    if type.is_array or type.is_vector:
        return _fit_list(array, type, rules)
    return _FITS[type.code](array, type, rules)


def _unfit(array: pa.Array, type: FeatureType, advice: str) -> Misfit:
    held = "decimals" if decimals.are_decimals(array.type) else array.type
    return Misfit(None, f"holds {held} where the type is {type}: {advice}")


def _is_text(given: pa.DataType) -> bool:
    return bool(pa.types.is_string(given) or pa.types.is_large_string(given))


def _fit_bool(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    if pa.types.is_boolean(array.type):
        return array
    raise _unfit(array, type, "only booleans fit")


def _fit_int(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    if decimals.are_decimals(array.type):
        return decimals.to_integers(array, type)
    if pa.types.is_floating(array.type):
        _refuse_rounded(array)
    elif not pa.types.is_integer(array.type):
        raise _unfit(array, type, "whole numbers fit")
    return _cast(array, type, lambda cell: f"{cell} does not fit {type}{wider(cell.as_py(), type)}")


# Whole numbers below this are floats of these bits exactly; from there on, several become the same float.
_EXACT_BELOW = {16: 2**11, 32: 2**24, 64: 2**53}


def _refuse_rounded(array: pa.Array) -> None:
    """Refuses floats that whole numbers may have been rounded to, as pandas does with those beside a missing one."""
    limit = _EXACT_BELOW[array.type.bit_width]
    values = array.cast(pa.float64())
    beyond = pc.and_(pc.greater_equal(pc.abs(values), float(limit)), pc.is_finite(values))
    if pc.any(beyond).as_py():
        row = first_row(beyond)
        raise Misfit(
            row, f"{array[row].as_py():.0f} is a float, which several whole numbers from {limit} on become: give whole numbers, "
            "beside missing ones in pandas as Int64",
        )  # fmt: skip


def _fit_float(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    given = array.type
    if pa.types.is_integer(given):
        made = array.cast(type.arrow, safe=False)
        if not rules.lossy:
            _refuse_inexact(array, made, type)
        return made
    if decimals.are_decimals(given):
        return decimals.to_floats(array, type, lossy=rules.lossy)
    if not pa.types.is_floating(given):
        raise _unfit(array, type, "numbers fit")
    made = array.cast(type.arrow)
    if type.code == 4 and given == pa.float64():
        beyond = pc.and_(pc.is_inf(made), pc.invert(pc.is_inf(array)))
        if pc.any(beyond).as_py():
            row = first_row(beyond)
            raise Misfit(row, f"{array[row].as_py()} is beyond float32: use float64")
    return made


def _refuse_inexact(array: pa.Array, made: pa.Array, type: FeatureType) -> None:
    """Refuses whole numbers that became others as floats."""
    whole = np.asarray(pc.fill_null(array, 0))
    floats = np.asarray(pc.fill_null(made, 0)).astype(np.float64)
    wide = np.dtype(np.uint64 if whole.dtype.kind == "u" else np.int64)
    with np.errstate(invalid="ignore"):
        # Of the greatest ones, the float is one more than 64 bits hold.
        is_other = (floats >= 2.0 ** (64 if wide.kind == "u" else 63)) | (floats.astype(wide) != whole)
    if is_other.any():
        row = int(np.flatnonzero(is_other)[0])
        raise Misfit(row, f"{array[row]} is not exact as {type}: use {'float64 or ' if type.code == 4 else ''}int64, or lossy=True")


def _fit_string(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    if _is_text(array.type):
        return _cast(array, type, lambda cell: "the column has more text than one request takes: write fewer rows at once")
    raise _unfit(array, type, "text fits; convert it with .astype(str) if text is meant")


def _fit_bytes(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    given = array.type
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    if any(is_one(given) for is_one in kinds):
        return array.cast(type.arrow)
    raise _unfit(array, type, "bytes fit; encode text first")


def _fit_timestamp(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    given = array.type
    if pa.types.is_timestamp(given):
        if given.tz is None:
            # A time without a zone is UTC.
            array = array.cast(pa.timestamp(given.unit, tz="UTC"))
        return _cast(array, type, _why_no_timestamp)
    if pa.types.is_date(given):
        return array.cast(pa.timestamp("us")).cast(type.arrow)
    if _is_text(given):
        return instants_of_text(array, None)
    if rules.epochs.unit is not None and (pa.types.is_integer(given) or pa.types.is_floating(given)):
        return rules.epochs.instants(array)
    raise _unfit(array, type, "times fit; of numbers say the unit with time_unit='s', 'ms', 'us' or 'ns'")


def _why_no_timestamp(cell: pa.Scalar) -> str:
    # Not as a datetime, which has neither.
    if cell.type.unit == "ns":
        return f"{np.datetime64(cell.value, 'ns')} is finer than a microsecond: round it, such as with .dt.floor('us')"
    return f"{cell.value} {cell.type.unit} since 1970 do not fit a timestamp, which is 64 bits of microseconds"


_FITS: dict[int, Callable[[pa.Array, FeatureType, ColumnRules], pa.Array]] = {
    1: _fit_bool, 2: _fit_int, 3: _fit_int, 4: _fit_float, 5: _fit_float, 6: _fit_string, 7: _fit_bytes, 8: _fit_timestamp,
}  # fmt: skip


def _fit_list(array: pa.Array, type: FeatureType, rules: ColumnRules) -> pa.Array:
    given = array.type
    if not is_list(given):
        raise _unfit(array, type, "lists fit")
    lengths = np.asarray(pc.fill_null(pc.list_value_length(array), type.length if type.is_vector else 0))
    if type.is_vector and (lengths != type.length).any():
        row = int(np.flatnonzero(lengths != type.length)[0])
        raise Misfit(row, f"{lengths[row]} elements where {type} has {type.length}")
    # The elements of cells that are not null.
    elements = array.flatten()
    try:
        elements = fit(elements, type.element, rules)
    except Misfit as misfit:
        if misfit.row is not None:
            own = np.asarray(pc.fill_null(pc.list_value_length(array), 0))
            misfit.row = int(np.searchsorted(np.cumsum(own), misfit.row, side="right"))
        raise misfit from None
    valid = np.asarray(array.is_valid())
    mask = pa.array(~valid) if array.null_count else None
    if type.is_vector:
        if mask is not None:
            # A null vector has elements too.
            places = np.full(len(array), -1, np.int64)
            places[valid] = np.arange(valid.sum())
            spread = (places[:, None] * type.length + np.arange(type.length)).reshape(-1)
            elements = elements.take(pa.array(spread, mask=np.repeat(~valid, type.length)))
        vectors = pa.FixedSizeListArray.from_arrays(elements, type.length, mask=mask)
        _refuse_null_elements(vectors)
        return vectors
    offsets = np.zeros(len(array) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if offsets[-1] >= 2**31:
        raise Misfit(None, f"{offsets[-1]} elements in one request: write fewer rows at once")
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), elements, mask=mask)


def _cast(array: pa.Array, type: FeatureType, reason: Callable[[Any], str]) -> pa.Array:
    """A cast that loses nothing, or names the first row that would."""
    try:
        return array.cast(type.arrow)
    except pa.ArrowInvalid:
        row = first_failing(array, lambda part: part.cast(type.arrow))
        raise Misfit(row, reason(array[row])) from None


def instants_of_text(array: pa.Array, epochs: Epochs | None) -> pa.Array:
    """RFC 3339, a date, or, where they are given, whole numbers; without a zone UTC is meant."""
    text = array.cast(pa.string())
    target = TIMESTAMP
    whole = pc.match_substring_regex(text, r"^-?\d+$")
    day = pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}$")
    instant = pc.match_substring_regex(text, INSTANT)
    known = pc.or_(day, instant) if epochs is None else pc.or_(pc.or_(whole, day), instant)
    if not pc.all(pc.fill_null(known, True), min_count=0).as_py():
        row = first_row(pc.invert(known))
        raise Misfit(row, f"'{text[row].as_py()}' is no time: use RFC 3339, such as 2026-01-05T10:00:00Z")
    # Digits past the sixth are cut off, as the server does.
    text = pc.replace_substring_regex(pc.utf8_upper(text), r"(\.\d{6})\d+", r"\1")
    none = pa.scalar(None, pa.string())
    zoned = pc.and_(instant, pc.match_substring_regex(text, r"(Z|[+-]\d{2}:\d{2})$"))

    def made(text: pa.Array, whole: pa.Array, zoned: pa.Array) -> pa.Array:
        with_zone = pc.if_else(zoned, text, none).cast(target)
        without = pc.if_else(pc.or_(zoned, whole), none, text).cast(pa.timestamp("us")).cast(target)
        return pc.coalesce(with_zone, without, pc.if_else(whole, text, none).cast(pa.int64()).cast(target))

    try:
        instants = made(text, whole, zoned)
    except pa.ArrowInvalid:
        parts = pa.record_batch([text, whole, zoned], ["text", "whole", "zoned"])
        row = first_failing(parts, lambda part: made(*part.columns))
        raise Misfit(row, f"'{array[row].as_py()}' is no time that there is, or none that fits 64 bits of microseconds") from None
    if epochs is not None and pc.any(whole).as_py():
        numbers = pc.if_else(whole, text, none).cast(pa.int64())
        return pc.if_else(pc.fill_null(whole, False), epochs.instants(numbers), instants)
    return instants
