"""Times as users give them: a datetime, a pandas Timestamp, a NumPy datetime64, RFC 3339 text, or microseconds since 1970 UTC."""

from __future__ import annotations

import datetime as dt
from typing import Any, Union

import numpy as np
import pyarrow as pa

from ._tables.convert import Misfit, instants_of_text
from .errors import InvalidArgument

Time = Union[dt.datetime, dt.date, np.datetime64, str, int]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND = dt.timedelta(microseconds=1)


def microseconds(time: Any, name: str) -> int:
    """Microseconds since 1970 UTC; without a zone UTC is meant.

    Raises:
        InvalidArgument: for what is no time.
    """
    if time != time:
        raise InvalidArgument(f"{time!r} is no time", name)
    if isinstance(time, dt.datetime):
        zoned = time if time.tzinfo is not None else time.replace(tzinfo=dt.timezone.utc)
        return (zoned - _EPOCH) // _MICROSECOND
    if isinstance(time, dt.date):
        return microseconds(dt.datetime(time.year, time.month, time.day), name)
    if isinstance(time, np.datetime64):
        if np.isnat(time):
            raise InvalidArgument(f"{time!r} is no time", name)
        return int(time.astype("datetime64[us]").astype(np.int64))
    if isinstance(time, (int, np.integer)) and not isinstance(time, bool):
        return int(time)
    if isinstance(time, str):
        try:
            return int(instants_of_text(pa.array([time]), allow_integers=True).cast(pa.int64())[0].as_py())
        except Misfit as misfit:
            raise InvalidArgument(misfit.reason, name) from None
    raise InvalidArgument(f"{time!r} is no time: give a datetime, RFC 3339 text, or microseconds since 1970 UTC", name)


def instant(value: int) -> dt.datetime:
    """The datetime, in UTC, of microseconds since 1970."""
    return _EPOCH + value * _MICROSECOND
