"""The server's checks of a write, on this side: so that of a table that takes several requests nothing is written when one row is bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._times import instant, microseconds
from ..errors import InvalidArgument
from .groups import Column, Group

_LISTED_MAX = 20
_CELL_BYTES_MAX = 16 << 20
_KEY_BYTES_MAX = 4096


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

        for column, array in columns:
            if column.role in ("key", "event_time") and array.null_count:
                what = "a key" if column.role == "key" else "an event time"
                found(array.is_null(), column, lambda row, what=what: f"{what} is never null")  # type: ignore[misc]
            if column.role == "event_time" and len(array) and (pc.max(array.cast(pa.int64())).as_py() or 0) > self._latest:
                limit = pa.scalar(self._latest, pa.int64())
                found(
                    pc.greater(array.cast(pa.int64()), limit), column,
                    lambda row, array=array: f"{array[row].as_py()} is later than {instant(self._latest)}, as far as this group lets "  # type: ignore[misc]
                    "event times be ahead of the clock",
                )  # fmt: skip
            if column.type.is_text:
                limit_bytes = _KEY_BYTES_MAX if column.role == "key" else _CELL_BYTES_MAX
                lengths = pc.binary_length(array)
                if (pc.max(lengths).as_py() or 0) > limit_bytes:
                    found(pc.greater(lengths, limit_bytes), column, lambda row, limit=limit_bytes: f"more than {limit} bytes")  # type: ignore[misc]
            if not self._is_delete and column.role == "feature" and column.name in self._checks:
                self._declared(self._checks[column.name], column, array, found)
        if not self._is_delete:
            given = {column.name for column, _ in columns}
            for name, checks in self._checks.items():
                if checks.get("not_null") and name not in given:
                    raise InvalidArgument("is left out, and its checks say not_null; nothing was written", f"column '{name}'")

    def _declared(self, checks: dict[str, Any], column: Column, array: pa.Array, found: Callable[..., None]) -> None:
        if checks.get("not_null") and array.null_count:
            found(array.is_null(), column, lambda row: "is null, and its checks say not_null")
        for name, compare in (("min", pc.less), ("max", pc.greater)):
            if name in checks:
                bound = checks[name]
                values = array
                if column.type.code == 8:
                    bound, values = microseconds(bound, name), array.cast(pa.int64())
                outside = compare(values, pa.scalar(bound))
                if column.type.is_float:
                    outside = pc.or_(outside, pc.is_nan(array))
                found(outside, column, lambda row, name=name: f"{array[row].as_py()} is outside its {name} of {checks[name]}")
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

    def finish(self) -> None:
        """Raises what was found.

        Raises:
            InvalidArgument: up to 20 rows, one a line.
        """
        if self._count:
            more = f"\nand {self._count - len(self._problems)} more" if self._count > len(self._problems) else ""
            raise InvalidArgument("\n".join([f"{self._count} bad cells, nothing was written", *self._problems]) + more)
