"""How cells are taken where their container leaves a choice: whole numbers as times, decimals as floats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidArgument

TIMESTAMP = pa.timestamp("us", tz="UTC")
_DAY = 86_400_000_000
# The years 1971 to 2200: a number in another unit than the one it is read in lies outside.
_PLAUSIBLE = range(365 * _DAY, 84_371 * _DAY)
# Of a unit, the microseconds; of nanoseconds, which are finer, 0.
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
_PLURALS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class Misfit(ValueError):
    """One cell, or a whole column, that does not fit: `row` is `None` for the column."""

    def __init__(self, row: int | None, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        self.reason = reason

    def placed(self, name: str, first_row: int = 0, source: str = "") -> InvalidArgument:
        """As an error that names the column, and the row where it is one cell."""
        row = "" if self.row is None else f"row {first_row + self.row}, "
        return InvalidArgument(self.reason, f"{f'{source}: ' if source else ''}{row}column '{name}'")


class Epochs:
    """The whole numbers among the times of one column.

    Without a unit they are microseconds, and refused where all of them lie outside the years 1971 to 2200; one that lies inside speaks for
    all. Zero is 1970 in every unit, and neither refused nor believed.
    """

    def __init__(self, unit: str | None) -> None:
        self.unit = unit
        # Why the numbers so far cannot be microseconds, where that is not raised at once.
        self.doubt: Misfit | None = None
        self.is_deferred = False
        self._is_plausible = unit is not None

    @property
    def is_doubtful(self) -> bool:
        return self.doubt is not None and not self._is_plausible

    def instants(self, numbers: pa.Array) -> pa.Array:
        """Whole numbers, or floats where there is a unit, as times; nanoseconds are cut to the microsecond that they lie in.

        Raises:
            Misfit: with the row of the first that is no such time.
        """
        if pa.types.is_floating(numbers.type):
            return self._of_floats(numbers)
        try:
            whole = numbers.cast(pa.int64())
        except pa.ArrowInvalid:
            row = first_failing(numbers, lambda part: part.cast(pa.int64()))
            raise Misfit(row, _beyond(numbers[row].as_py(), self.unit)) from None
        if not self._is_plausible:
            self._refuse_implausible(whole)
        factor = _UNITS[self.unit or "us"]
        if factor > 1:
            try:
                whole = pc.multiply_checked(whole, factor)
            except pa.ArrowInvalid:
                row = first_failing(whole, lambda part: pc.multiply_checked(part, factor))
                raise Misfit(row, _beyond(whole[row].as_py(), self.unit)) from None
        elif factor == 0:
            cells = np.asarray(pc.fill_null(whole, 0)) // 1_000
            whole = pa.array(cells, mask=np.asarray(whole.is_null()))
        return whole.cast(TIMESTAMP)

    def instant(self, number: int | float, name: str) -> int:
        """One such time, in microseconds.

        Raises:
            InvalidArgument: for what is none.
        """
        if self.unit is None and number and number not in _PLAUSIBLE and abs(number) < 2**63:
            raise InvalidArgument(_why_implausible(int(number)), name)
        factor = _UNITS[self.unit or "us"]
        scaled = number * factor if factor else number // 1_000
        # Twice so far is beyond, too, also of infinity and NaN.
        made = round(scaled) if abs(scaled) < 2**64 else 2**64
        if not -(2**63) <= made < 2**63:
            raise InvalidArgument(_beyond(number, self.unit), name)
        return made

    def _refuse_implausible(self, numbers: pa.Array) -> None:
        cells = np.asarray(pc.fill_null(numbers, 0))
        if ((cells >= _PLAUSIBLE.start) & (cells < _PLAUSIBLE.stop)).any():
            self._is_plausible = True
            return
        rows = np.flatnonzero(cells)
        if len(rows):
            misfit = Misfit(int(rows[0]), _why_implausible(int(cells[rows[0]])))
            if not self.is_deferred:
                raise misfit
            self.doubt = self.doubt or misfit

    def _of_floats(self, numbers: pa.Array) -> pa.Array:
        cells = np.asarray(pc.fill_null(numbers, 0)).astype(np.float64)
        assert self.unit is not None
        factor = _UNITS[self.unit]
        # A float of seconds is finer than a microsecond nowhere near our time: the nearest one is meant.
        made = np.rint(cells * factor) if factor else np.floor(cells / 1_000)
        outside = ~(np.abs(made) < 2.0**63)
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise Misfit(row, _beyond(cells[row], self.unit))
        return pa.array(made.astype(np.int64), mask=np.asarray(numbers.is_null())).cast(TIMESTAMP)


def _beyond(number: Any, unit: str | None) -> str:
    return f"{number} {_PLURALS[unit or 'us']} since 1970 do not fit a timestamp, which is 64 bits of microseconds"


def _why_implausible(number: int) -> str:
    read = f"the time {number} lies outside the years 1971 to 2200 when read as microseconds since 1970 UTC ({instant_text(number)})"
    for unit, factor in _UNITS.items():
        time = number * factor if factor else number // 1_000
        if time in _PLAUSIBLE:
            return f"{read}; in {_PLURALS[unit]} it is {instant_text(time)}: say time_unit='{unit}', or 'us' to take it as it is"
    return f"{read}: say its unit with time_unit='s', 'ms' or 'ns', or 'us' to take it as it is"


def instant_text(microseconds: int) -> str:
    """A time as text, also beyond the years that a datetime has."""
    return f"{np.datetime64(microseconds, 'us')}Z"


@dataclass(frozen=True)
class ColumnRules:
    """How the cells of one column are taken."""

    epochs: Epochs
    lossy: bool = False


@dataclass
class Rules:
    """How the cells of a table are taken.

    Attributes:
        time_unit: of whole numbers that are times: `s`, `ms`, `us` or `ns`.
        lossy: whether a number that a float cannot hold becomes the nearest one.
    """

    time_unit: str | None = None
    lossy: bool = False
    _columns: dict[str, ColumnRules] = field(default_factory=dict)
    # Whether numbers that cannot be microseconds are refused by `settle` alone, which has seen all.
    _is_deferred: bool = False
    # By column, where the first of them stands.
    _doubts: dict[str, InvalidArgument] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_time_unit(self.time_unit)

    def of(self, column: str) -> ColumnRules:
        """Those of a column, which know what was seen of it before."""
        if column not in self._columns:
            self._columns[column] = ColumnRules(Epochs(self.time_unit), self.lossy)
            self._columns[column].epochs.is_deferred = self._is_deferred
        return self._columns[column]

    def defer(self) -> None:
        """Lets numbers pass that cannot be microseconds, until a table was seen whole."""
        self._is_deferred = True
        for column in self._columns.values():
            column.epochs.is_deferred = True

    def note(self, column: str, place: Callable[[int], str]) -> None:
        """Remembers where a column's numbers first were in doubt."""
        doubt = self._columns[column].epochs.doubt if column in self._columns else None
        if doubt is not None and column not in self._doubts:
            self._doubts[column] = InvalidArgument(doubt.reason, place(doubt.row or 0))

    @property
    def is_doubtful(self) -> bool:
        return any(self._columns[column].epochs.is_doubtful for column in self._doubts)

    def settle(self) -> None:
        """Refuses what still is in doubt.

        Raises:
            InvalidArgument: with the first row.
        """
        for column, error in self._doubts.items():
            if self._columns[column].epochs.is_doubtful:
                raise error


def check_time_unit(unit: Any) -> None:
    """Refuses what is no unit.

    Raises:
        InvalidArgument: says which there are.
    """
    if unit is not None and unit not in _UNITS:
        raise InvalidArgument(f"{unit!r} is no unit of time: 's', 'ms', 'us' or 'ns'", "time_unit")


def first_failing(array: pa.Array | pa.RecordBatch, work: Callable[[Any], object]) -> int:
    """The first row for which `work` fails, given that it fails for all rows together."""
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            work(array.slice(low, middle - low))
            low = middle
        except (pa.ArrowInvalid, ValueError):
            high = middle
    return low
