"""Times as users give them: a datetime, a pandas Timestamp, a NumPy datetime64, RFC 3339 text, or whole numbers since 1970 UTC."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Union

import numpy as np
import pyarrow as pa

from ._tables.convert import INSTANT, instants_of_text
from ._tables.rules import Epochs, Misfit
from .errors import InvalidArgument

Time = Union[dt.datetime, dt.date, np.datetime64, str, int]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND = dt.timedelta(microseconds=1)
_INSTANT = re.compile(INSTANT)


def microseconds(time: Any, name: str, unit: str | None = None) -> int:
    """Microseconds since 1970 UTC; without a zone UTC is meant.

    Args:
        unit: of a number: `s`, `ms`, `us` or `ns`. Without one it is whole microseconds, in the years 1971 to 2200 or 0.

    Raises:
        InvalidArgument: for what is no time.
    """
    if isinstance(time, str):
        return _of_text(time, name, unit)
    if time != time:
        raise InvalidArgument(f"{time!r} is no time", name)
    if isinstance(time, dt.datetime):
        zoned = time if time.tzinfo is not None else time.replace(tzinfo=dt.timezone.utc)
        return (zoned - _EPOCH) // _MICROSECOND
    if isinstance(time, dt.date):
        return (time.toordinal() - _EPOCH.toordinal()) * 86_400_000_000
    if isinstance(time, np.datetime64):
        if np.isnat(time):
            raise InvalidArgument(f"{time!r} is no time", name)
        return int(time.astype("datetime64[us]").astype(np.int64))
    if isinstance(time, (int, np.integer)) and not isinstance(time, bool):
        return Epochs(unit).instant(int(time), name)
    if isinstance(time, (float, np.floating)) and unit is not None:
        return Epochs(unit).instant(float(time), name)
    hint = "say its unit with time_unit=" if isinstance(time, (float, np.floating)) else "give a datetime or RFC 3339 text"
    raise InvalidArgument(f"{time!r} is no time: {hint}", name)


def _of_text(text: str, name: str, unit: str | None) -> int:
    found = _INSTANT.fullmatch(text)
    if found is not None and found[0].isascii() and (found[2] or "Z") in "Zz":
        try:
            # The usual text, many times as fast as a column of them.
            whole = dt.datetime.fromisoformat(f"{text[:10]} {text[11:19]}").replace(tzinfo=dt.timezone.utc)
            return (whole - _EPOCH) // _MICROSECOND + int((found[1] or ".")[1:7].ljust(6, "0"))
        except ValueError:
            pass
    try:
        return int(instants_of_text(pa.array([text]), Epochs(unit)).cast(pa.int64())[0].as_py())
    except (Misfit, UnicodeEncodeError) as error:
        raise InvalidArgument(getattr(error, "reason", f"{text!r:.60} is no time"), name) from None


def instant(value: int) -> dt.datetime:
    """The datetime, in UTC, of microseconds since 1970."""
    return _EPOCH + value * _MICROSECOND
