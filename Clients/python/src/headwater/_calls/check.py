"""The server's checks of a write, on this side: so that of a table that takes several requests nothing is written when one row is bad."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import CELL_BYTES_MAX, FeatureType
from .._shown import counted
from .._times import instant, microseconds
from ..errors import InvalidArgument
from .groups import Column, Group

_LISTED_MAX = 20
_KEY_BYTES_MAX = 4096
# The event time of the rows of a static table.
_ALWAYS = -(2**63)


class RowCheck:
    """Checks pieces of one table and gathers what is wrong."""

    def __init__(self, group: Group, now: int, *, is_delete: bool) -> None:
        self._group = group
        self._latest = now + group.ahead_microseconds
        self._is_delete = is_delete
        self._checks = {feature["name"]: feature["checks"] for feature in group.definition["features"] if "checks" in feature}
        self._problems: list[str] = []
        self._count = 0

    def check(self, columns: list[tuple[Column, pa.Array]], first_row: int, source: str) -> None:
        """Checks some rows; `finish` tells what was found."""

        def found(flags: Any, column: Column, reason: Callable[[int], str]) -> None:
            rows = np.flatnonzero(np.asarray(pc.fill_null(flags, False)))
            self._count += len(rows)
            place = f"{source}: " if source else ""
            for row in rows[: max(0, _LISTED_MAX - len(self._problems))].tolist():
                self._problems.append(f"{place}row {first_row + row}, column '{column.name}': {reason(row)}")

        self._keys([(column, array) for column, array in columns if column.role == "key"], found)
        for column, array in columns:
            if column.role == "event_time":
                self._event_times(column, array, found)
            if column.role != "key" and array.nbytes > CELL_BYTES_MAX:
                sizes = _cell_bytes(column.type, array)
                found(pc.greater(sizes, CELL_BYTES_MAX), column, lambda row: f"more than {CELL_BYTES_MAX} bytes")
            if not self._is_delete and column.role == "feature" and column.name in self._checks:
                self._declared(self._checks[column.name], column, array, found)
        if not self._is_delete:
            given = {column.name for column, _ in columns}
            for name, checks in self._checks.items():
                if checks.get("not_null") and name not in given:
                    raise InvalidArgument("is left out, and its checks say not_null; nothing was written", f"column '{name}'")

    def _keys(self, keys: list[tuple[Column, pa.Array]], found: Callable[..., None]) -> None:
        for column, array in keys:
            if array.null_count:
                found(array.is_null(), column, lambda row: "a key is never null")
        texts = [(column, array) for column, array in keys if column.type.is_text]
        if not texts:
            return
        # As KeyCodec encodes them: each zero byte takes two, and the end of a text two.
        fixed = sum(column.type.cell_bytes for column, _ in keys)
        lengths = [np.asarray(pc.fill_null(pc.binary_length(array), 0)).astype(np.int64) for _, array in texts]
        if fixed + sum(2 * int(length.max(initial=0)) + 2 for length in lengths) > _KEY_BYTES_MAX:
            zeros = [np.asarray(pc.fill_null(pc.count_substring(array.cast(pa.binary()), b"\0"), 0)) for _, array in texts]
            size = fixed + 2 * len(texts) + np.sum(lengths, axis=0) + np.sum(zeros, axis=0)
            is_whole = np.all([np.asarray(array.is_valid()) for _, array in keys], axis=0)
            reason = "a key of {} bytes; the limit is " + str(_KEY_BYTES_MAX)
            found(pa.array((size > _KEY_BYTES_MAX) & is_whole), texts[0][0], lambda row: reason.format(size[row]))

    def _event_times(self, column: Column, array: pa.Array, found: Callable[..., None]) -> None:
        if array.null_count:
            found(array.is_null(), column, lambda row: "an event time is never null")
        times = array.cast(pa.int64())
        least_and_most = pc.min_max(times)
        if (least_and_most["max"].as_py() or 0) > self._latest:
            found(
                pc.greater(times, self._latest), column,
                lambda row: f"{_text(times[row].as_py())} is later than {_text(self._latest)}, as far as this group lets event times be "
                "ahead of the clock",
            )  # fmt: skip
        if least_and_most["min"].as_py() == _ALWAYS:
            found(pc.equal(times, _ALWAYS), column, lambda row: "the smallest 64-bit number stands for 'always' and is no event time")

    def _declared(self, checks: dict[str, Any], column: Column, array: pa.Array, found: Callable[..., None]) -> None:
        if checks.get("not_null") and array.null_count:
            found(array.is_null(), column, lambda row: "is null, and its checks say not_null")
        if "min" in checks or "max" in checks:
            is_time = column.type.code == 8
            values = array.cast(pa.int64()) if is_time else array
            least, most = _bound(checks.get("min"), column.type, math.ceil), _bound(checks.get("max"), column.type, math.floor)
            outside = pc.is_nan(values) if column.type.is_float else pa.array(np.zeros(len(values), np.bool_))
            if least is not None:
                outside = pc.or_(outside, pc.less(values, least))
            if most is not None:
                outside = pc.or_(outside, pc.greater(values, most))
            limits = " and ".join(f"{name} of {checks[name]}" for name in ("min", "max") if name in checks)

            def reason(row: int) -> str:
                value = values[row].as_py()
                return f"{_text(value) if is_time else value} is outside its {limits}"

            found(outside, column, reason)
        if "one_of" in checks:
            known = pa.array(checks["one_of"], pa.string())
            outside = pc.and_(pc.invert(pc.is_in(array, known)), array.is_valid())
            found(outside, column, lambda row: f"'{array[row].as_py()}' is none of {', '.join(checks['one_of'])}")
        if "max_length" in checks:
            measure = pc.utf8_length if column.type.code == 6 else pc.list_value_length if column.type.is_array else pc.binary_length
            found(
                pc.greater(measure(array), checks["max_length"]), column,
                lambda row: f"longer than its max_length of {checks['max_length']}",
            )  # fmt: skip

    def finish(self, *, ending: str = ", nothing was written") -> None:
        """Raises what was found.

        Raises:
            InvalidArgument: up to 20 rows, one a line.
        """
        if self._count:
            more = f"\nand {self._count - len(self._problems)} more" if self._count > len(self._problems) else ""
            raise InvalidArgument("\n".join([f"{counted(self._count, 'bad cell', 'bad cells')}{ending}", *self._problems]) + more)


def _bound(bound: Any, type: FeatureType, rounded: Callable[[float], int]) -> pa.Scalar | None:
    """A limit as the server compares it: rounded as the values are."""
    if bound is None:
        return None
    if type.code == 4:
        with np.errstate(over="ignore"):
            # So that 0.1 is not above a max of 0.1.
            return pa.scalar(np.float32(bound))
    if type.code == 5:
        return pa.scalar(float(bound))
    whole = microseconds(bound, "bound", "us") if isinstance(bound, str) else rounded(bound)
    return pa.scalar(min(max(whole, -(2**63)), 2**63 - 1), pa.int64())


def _cell_bytes(type: FeatureType, array: pa.Array) -> Any:
    """The bytes of each cell of text or of an array; of others 0."""
    if type.is_text:
        return pc.binary_length(array)
    if not type.is_array:
        return pa.array(np.zeros(len(array), np.int64))
    counts = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
    if not type.element.is_text:
        return pa.array(counts * (type.element.cell_bytes or 1))
    ends = np.concatenate([[0], np.cumsum(np.asarray(pc.fill_null(pc.binary_length(array.flatten()), 0)).astype(np.int64))])
    places = np.concatenate([[0], np.cumsum(counts)])
    return pa.array(np.diff(ends[places]))


def _text(microseconds: int) -> str:
    try:
        return instant(microseconds).isoformat()
    except OverflowError:
        # Beyond the years that a datetime has.
        return f"{np.datetime64(microseconds, 'us')}"
