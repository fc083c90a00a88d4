"""NumPy's times in units that Arrow has: it knows neither multiples, such as of 10 seconds, nor years, weeks, hours."""

from __future__ import annotations

from typing import Any

import numpy as np

from .rules import Misfit

# Of these, one each is what Arrow has too; what is finer than a microsecond it refuses itself.
_ARROWS = ("s", "ms", "us", "ns", "ps", "fs", "as")
_DAYS_MAX = 2**31
# What usual units have of microseconds; a single time of these need not be an array.
_MICROSECONDS = {
    "<M8[D]": 86_400_000_000,
    "<M8[h]": 3_600_000_000,
    "<M8[m]": 60_000_000,
    "<M8[s]": 1_000_000,
    "<M8[ms]": 1_000,
    "<M8[us]": 1,
}
_USUAL_MAX = 2**62


def plain_times(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same times in days, or in a unit from seconds on.

    Raises:
        Misfit: with the first row that lies beyond 64 bits of microseconds.
    """
    unit, count = np.datetime_data(values.dtype)
    if count == 1 and unit in _ARROWS:
        return values
    if count == 1 and unit == "D":
        days = values.astype(np.int64)
        _refuse(values, (np.abs(days) >= _DAYS_MAX) & ~np.isnat(values))
        return values
    # Finer ones keep their unit, the others all are whole microseconds.
    return _converted(values, unit if unit in ("ns", "ps", "fs", "as") else "us")


def microseconds_of(time: np.datetime64) -> int:
    """One time as microseconds since 1970; what is finer is cut.

    Raises:
        Misfit: for NaT, and where it lies beyond 64 bits of them.
    """
    factor = _MICROSECONDS.get(time.dtype.str)
    if factor is not None and -_USUAL_MAX < (made := int(time.astype(np.int64)) * factor) < _USUAL_MAX:
        return made
    if np.isnat(time):
        raise Misfit(None, f"{time!r} is no time")
    values = np.array([time])
    unit, count = np.datetime_data(values.dtype)
    if unit in ("ns", "ps", "fs", "as"):
        return int((_converted(values, unit) if count != 1 else values).astype("M8[us]").astype(np.int64)[0])
    return int(_converted(values, "us").astype(np.int64)[0])


def one_unit(times: list[np.datetime64 | None]) -> np.ndarray[Any, Any]:
    """Times of several units as an array of one, which NumPy finds.

    Raises:
        Misfit: with the first row that lies beyond what 64 bits of that unit hold.
    """
    given = [np.datetime64("NaT") if time is None else time for time in times]
    made = np.array(given)
    if len({time.dtype for time in given if not np.isnat(time)}) > 1:
        for row, time in enumerate(given):
            if not np.isnat(time) and made[row].astype(time.dtype) != time:
                unit = np.datetime_data(made.dtype)[0]
                raise Misfit(row, f"{time} does not fit beside times in {unit}: give all in microseconds")
    return made


def _converted(values: np.ndarray[Any, Any], unit: str) -> np.ndarray[Any, Any]:
    made = values.astype(f"M8[{unit}]")
    # What wrapped around does not come back. Years so far away wrap on their way, too.
    is_far = np.abs(values.astype(np.int64)) > 2**62 if np.datetime_data(values.dtype)[0] in ("Y", "M") else False
    _refuse(values, ((made.astype(values.dtype) != values) | is_far) & ~np.isnat(values))
    return made


def _refuse(values: np.ndarray[Any, Any], outside: np.ndarray[Any, Any]) -> None:
    if outside.any():
        row = int(np.flatnonzero(outside.reshape(len(values), -1).any(axis=1))[0])
        time = values.reshape(len(values), -1)[row][outside.reshape(len(values), -1)[row]][0]
        raise Misfit(row, f"{time!r} does not fit a timestamp, which is 64 bits of microseconds")
