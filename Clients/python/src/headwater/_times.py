"""Times as users give them: a datetime, a pandas Timestamp, a NumPy datetime64, RFC 3339 text, or whole numbers since 1970 UTC."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Any, Union

import numpy as np
import pyarrow as pa

from ._tables.convert import INSTANT, instants_of_text
from ._tables.numpy_times import microseconds_of
from ._tables.rules import Epochs, Misfit
from .errors import InvalidArgument

Time = Union[dt.datetime, dt.date, np.datetime64, str, int]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH_DAY = _EPOCH.toordinal()
_INSTANT = re.compile(INSTANT, re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ZONE = re.compile(r"([+-])([01]\d|2[0-3]):?([0-5]\d)", re.ASCII)


def microseconds(time: Any, name: str, unit: str | None = None) -> int:
    """Microseconds since 1970 UTC; without a zone UTC is meant.

    Args:
        unit: of a number: `s`, `ms`, `us` or `ns`. Without one it is whole microseconds, in the years 1971 to 2200 or 0.

    Raises:
        InvalidArgument: for what is no time.
    """
    if isinstance(time, str):
        return _of_text(time, name, unit)
    if isinstance(time, np.datetime64):
        try:
            return microseconds_of(time)
        except Misfit as misfit:
            raise InvalidArgument(misfit.reason, name) from None
    if time != time:
        raise InvalidArgument(f"{time!r} is no time", name)
    if isinstance(time, dt.datetime):
        if type(time).__module__.startswith("pandas."):
            try:
                # In nanoseconds.
                return int(time.value) // 1_000  # type: ignore[attr-defined]
            except OverflowError:
                pass
        # By its parts: pandas' own differences take ten times as long.
        second = time.second + 60 * (time.minute + 60 * (time.hour + 24 * (time.toordinal() - _EPOCH_DAY)))
        offset = time.utcoffset()
        return second * 1_000_000 + time.microsecond - (0 if offset is None else offset // _MICROSECOND)
    if isinstance(time, dt.date):
        return (time.toordinal() - _EPOCH_DAY) * 86_400_000_000
    if isinstance(time, (int, np.integer)) and not isinstance(time, bool):
        return Epochs(unit).instant(int(time), name)
    if isinstance(time, (float, np.floating)) and unit is not None:
        return Epochs(unit).instant(float(time), name)
    hint = "say its unit with time_unit=" if isinstance(time, (float, np.floating)) else "give a datetime or RFC 3339 text"
    raise InvalidArgument(f"{time!r} is no time: {hint}", name)


def _of_text(text: str, name: str, unit: str | None) -> int:
    made = _of_usual_text(str.__str__(text))
    if made is not None:
        return made
    try:
        return int(instants_of_text(pa.array([text]), Epochs(unit)).cast(pa.int64())[0].as_py())
    except (Misfit, UnicodeEncodeError) as error:
        raise InvalidArgument(getattr(error, "reason", f"{text!r:.60} is no time"), name) from None


@lru_cache(maxsize=256)
def _of_usual_text(text: str) -> int | None:
    """Many times as fast as a column of one text; `None` for what only that may know."""
    found = _INSTANT.fullmatch(text)
    if found is None and _DAY.fullmatch(text) is None:
        return None
    zone = None if found is None else found[2]
    offset = 0
    if zone is not None and zone not in "Zz":
        parts = _ZONE.fullmatch(zone)
        if parts is None:
            return None
        offset = (60 * int(parts[2]) + int(parts[3])) * (-60 if parts[1] == "-" else 60)
    try:
        whole = dt.datetime.fromisoformat(text[:10] if found is None else f"{text[:10]} {text[11:19]}")
    except ValueError:
        return None
    second = whole.second + 60 * (whole.minute + 60 * (whole.hour + 24 * (whole.toordinal() - _EPOCH_DAY))) - offset
    fraction = found[1] if found is not None else None
    return second * 1_000_000 + (0 if fraction is None else int(fraction[1:7].ljust(6, "0")))


def instant(value: int) -> dt.datetime:
    """The datetime, in UTC, of microseconds since 1970."""
    return _EPOCH + value * _MICROSECOND
