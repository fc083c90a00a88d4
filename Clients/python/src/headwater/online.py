"""The answer of an online get."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ._columns import bits, packed
from ._columns.exports import polars_frame
from ._columns.frames import to_pandas
from ._columns.lists import pylist
from ._columns.matrix import NumpyColumn, dtype_of, filled, matrix, objects_of
from ._columns.packed import PackedColumns, Types
from ._columns.types import TIMESTAMP, Field
from ._names import AnswerNames
from ._shown import counted, preview, preview_html

if TYPE_CHECKING:
    import pandas
    import polars


class Status(str, Enum):
    """What stands behind a value, the same on every path that reads. A member is its name as text: `== "PRESENT"` holds.

    Attributes:
        PRESENT: there is a value.
        NULL_VALUE: the row is there, and the value in it is null.
        NOT_FOUND: there is no row of that key: never written, deleted, or not yet at that time.
        OUTSIDE_MAX_AGE: there is a row, older than the group's max_age; it is not served.
    """

    PRESENT = "PRESENT"
    # The row is there, and the value in it is null.
    NULL_VALUE = "NULL_VALUE"
    NOT_FOUND = "NOT_FOUND"
    # There is a row, older than the group's max_age.
    OUTSIDE_MAX_AGE = "OUTSIDE_MAX_AGE"

    def __repr__(self) -> str:
        return self.value

    def __str__(self) -> str:
        return self.value


# By the two bits that they have on the wire.
STATUSES = (Status.PRESENT, Status.NULL_VALUE, Status.NOT_FOUND, Status.OUTSIDE_MAX_AGE)


@lru_cache(maxsize=1)
def _status_names() -> pa.Array:
    # Made when it is first needed: Arrow imports pandas for it.
    return pa.array([status.value for status in STATUSES])


def status_column(codes: npt.NDArray[np.uint8]) -> pa.DictionaryArray:
    """Statuses as a dictionary-encoded column of text."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.view(np.int8)), _status_names(), safe=False)


def event_time_column(times: npt.NDArray[np.datetime64]) -> pa.Array:
    """Event times as a column; NaT is null."""
    return pa.array(times).cast(TIMESTAMP.arrow)


class OnlineFeatures:
    """Feature vectors, one for each entity, all seen at one position.

    Columns are views into the bytes that arrived; each `to_…` makes what it names when it is called.

    Attributes:
        position: the log position that the whole answer shows.
    """

    def __init__(
        self, fields: Sequence[Field], types: Types, columns: PackedColumns, keys: Mapping[str, pa.Array], names: AnswerNames
    ) -> None:
        self._fields = fields
        self._types = types
        self._columns = columns
        self._keys = keys
        self._answer_names = names
        self._codes: npt.NDArray[np.uint8] | None = None
        self.position: int = columns.position

    @property
    def names(self) -> list[str]:
        """The features, in order."""
        return [field.name for field in self._fields]

    def __len__(self) -> int:
        return self._columns.row_count

    @property
    def status_codes(self) -> npt.NDArray[np.uint8]:
        """Statuses as numbers, of shape (entities, features): 0 PRESENT, 1 NULL_VALUE, 2 NOT_FOUND, 3 OUTSIDE_MAX_AGE."""
        if self._codes is None:
            rows, columns = self._columns, len(self._fields)
            if rows.statuses_place < 0:
                self._codes = np.zeros((rows.row_count, columns), np.uint8)
            else:
                size = (rows.row_count + 3) // 4
                packed_codes = np.frombuffer(rows.buffer, np.uint8, size * columns, rows.statuses_place)
                codes = bits.unpack_statuses(packed_codes, 4 * size * columns).reshape(columns, 4 * size)
                self._codes = codes[:, : rows.row_count].T
        return self._codes

    @property
    def statuses(self) -> dict[str, list[Status]]:
        """The status of each value, by feature."""
        codes = self.status_codes
        return {field.name: [STATUSES[code] for code in codes[:, place].tolist()] for place, field in enumerate(self._fields)}

    @property
    def event_times(self) -> dict[str, npt.NDArray[np.datetime64]] | None:
        """When each value became true, UTC, NaT where there is none; `None` unless the get asked for `event_times`."""
        rows, place = self._columns, self._columns.event_times_place
        if place < 0:
            return None
        times = np.frombuffer(rows.buffer, "<M8[us]", rows.row_count * len(self._fields), place)
        return dict(zip(self.names, times.reshape(len(self._fields), rows.row_count), strict=True))

    def _missing(self, place: int) -> npt.NDArray[np.bool_] | None:
        """Where a column has no value; `None` where it has all."""
        if self._columns.statuses_place < 0:
            return None
        missing = self.status_codes[:, place] != 0
        return missing if missing.any() else None

    def _array(self, place: int) -> pa.Array:
        missing = self._missing(place)
        validity = None if missing is None else pa.py_buffer(bits.pack(~missing))
        return packed.arrow_column(self._columns, place, self._fields[place].type, validity)

    def _values(self, place: int) -> npt.NDArray[Any]:
        """A column of fixed width as a view: zeros where there is no value."""
        type, rows, at = self._fields[place].type, self._columns, self._columns.places[place]
        assert type.numpy is not None
        values = np.frombuffer(rows.buffer, type.numpy, rows.row_count * (type.length or 1), at)
        return values.reshape(rows.row_count, type.length) if type.is_vector else values

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """One feature as an array, shape (entities,), a vector's (entities, n).

        A view where every value is there. Else floats have NaN, times NaT, and other types None in an array of objects.
        """
        try:
            place = self.names.index(name)
        except ValueError:
            raise KeyError(f"{name!r}: there are {', '.join(self.names)}") from None
        type = self._fields[place].type
        if type.numpy is None:
            return objects_of(self._array(place))
        values, missing = self._values(place), self._missing(place)
        return filled(type, values, missing)

    def to_numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """All features as one matrix of shape (entities, features); vectors lie side by side.

        Args:
            dtype: of the result; `None` for the common one of the features' types: float64 for whole numbers of which some are missing,
                which are NaN. Without a common type it is an array of objects. A view where all features are of one type and there.

        Raises:
            InvalidArgument: for a value that the result does not hold: a `dtype` of floats says that the nearest one may be taken, others
                take only what they hold.
        """
        whole = self._matrix()
        if whole is not None and (dtype is None or dtype_of(dtype) == whole.dtype):
            return whole
        columns = []
        for place, field in enumerate(self._fields):
            values = self._values(place) if field.type.numpy is not None else self[field.name]
            columns.append(NumpyColumn(field.name, field.type, values, self._missing(place)))
        return matrix(columns, len(self), dtype)

    def _matrix(self) -> npt.NDArray[Any] | None:
        """All columns as one view, where they are of one type, lie one behind the other, and all values are there."""
        rows, type = self._columns, self._types.common
        if type is None or type.numpy is None:
            return None
        if rows.row_count * type.cell_bytes % 8 or (rows.statuses_place >= 0 and self.status_codes.any()):
            return None
        flat = np.frombuffer(rows.buffer, type.numpy, rows.row_count * len(self._types), rows.places[0] if rows.row_count else 0)
        matrix: npt.NDArray[Any] = flat.reshape(len(self._types), rows.row_count).T
        return matrix

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        made = self.to_numpy(dtype)
        return made.copy() if copy else made

    def __dlpack__(self, **arguments: Any) -> Any:
        """The matrix for `torch.from_dlpack` and its like; missing values as in `to_numpy`."""
        # A copy: what may only be read is not handed on this way.
        return np.array(self.to_numpy(), order="C").__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        # CPU
        return 1, 0

    def to_dict(self, *, statuses: bool = False) -> dict[str, list[Any]]:
        """Keys and features as lists, missing values as None."""
        self._answer_names.refuse_clashes(statuses=statuses, event_times=self._columns.event_times_place >= 0)
        made: dict[str, list[Any]] = {name: pylist(column) for name, column in self._keys.items()}
        event_times = self.event_times
        for place, field in enumerate(self._fields):
            made[field.name] = self._list(place)
            if statuses:
                made[f"{field.name}__status"] = [STATUSES[code].value for code in self.status_codes[:, place].tolist()]
            if event_times is not None:
                made[f"{field.name}__event_time"] = pylist(event_time_column(event_times[field.name]))
        return made

    def _list(self, place: int) -> list[Any]:
        if self._fields[place].type.code in (2, 3, 4, 5):
            # NumPy does it several times as fast as Arrow.
            values: list[Any] = self._values(place).tolist()
            missing = self._missing(place)
            return values if missing is None else [None if gone else value for value, gone in zip(values, missing.tolist(), strict=True)]
        return pylist(self._array(place))

    def to_arrow(self, *, statuses: bool = False) -> pa.Table:
        """Keys and features as columns.

        Args:
            statuses: adds a column `NAME__status` after each feature.
        """
        return pa.table(self._named(statuses))

    def to_pandas(self, *, statuses: bool = False, dtypes: str = "numpy") -> pandas.DataFrame:
        """Keys and features as a DataFrame.

        Args:
            dtypes: `numpy` for NumPy's types, where a missing number is NaN, or `arrow` for Arrow's, which keep null apart.
        """
        return to_pandas(self.to_arrow(statuses=statuses), dtypes)

    def to_polars(self, *, statuses: bool = False) -> polars.DataFrame:
        """Keys and features as a polars DataFrame."""
        return polars_frame(self.to_arrow(statuses=statuses))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _named(self, statuses: bool) -> dict[str, pa.Array]:
        self._answer_names.refuse_clashes(statuses=statuses, event_times=self._columns.event_times_place >= 0)
        named: dict[str, pa.Array] = dict(self._keys)
        event_times = self.event_times
        for place, field in enumerate(self._fields):
            named[field.name] = self._array(place)
            if statuses:
                named[f"{field.name}__status"] = status_column(self.status_codes[:, place])
            if event_times is not None:
                named[f"{field.name}__event_time"] = event_time_column(event_times[field.name])
        return named

    def keys(self) -> list[str]:
        """The names, so that `dict(got)` has each feature as an array."""
        return self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def _summary(self) -> str:
        missing = int((self.status_codes != 0).sum()) if self._columns.statuses_place >= 0 else 0
        gaps = f", {missing:,} of {len(self) * len(self._fields):,} values missing" if missing else ""
        size = f"{counted(len(self), 'entity', 'entities')} × {counted(len(self._fields), 'feature', 'features')}"
        return f"{size} at position {self.position}{gaps}"

    def __repr__(self) -> str:
        return f"<OnlineFeatures: {self._summary()}>\n{preview(self.to_arrow())}"

    def _repr_html_(self) -> str:
        return f"<div>{html.escape(self._summary())}</div>{preview_html(self.to_arrow())}"
