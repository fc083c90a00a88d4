"""Kinds of Arrow's types, of each of which Arrow has several."""

from __future__ import annotations

import pyarrow as pa


def is_text(given: pa.DataType) -> bool:
    """Text in any of its layouts."""
    return bool(pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_string_view(given))


def is_binary(given: pa.DataType) -> bool:
    """Bytes in any of their layouts."""
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(is_one(given) for is_one in kinds)


def is_list(given: pa.DataType) -> bool:
    """Lists whose elements lie in order, one list behind the other."""
    return bool(pa.types.is_list(given) or pa.types.is_large_list(given) or pa.types.is_fixed_size_list(given))


def is_any_list(given: pa.DataType) -> bool:
    """Lists in any of their layouts, views too."""
    return bool(is_list(given) or pa.types.is_list_view(given) or pa.types.is_large_list_view(given))
