"""Answers that are tables: a history beside its spine, a scan. Streamed part by part, or loaded whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from google.protobuf.message import Message

from .._columns import bits
from .._columns.frames import to_pandas
from .._columns.gathered import Gathered
from .._wire.frames import Method
from ..errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, Unavailable
from ..online import event_time_column, status_column
from .core import Core
from .question import Question
from .rows import Answer, Piece, stream
from .spine import Beside, Spine

if TYPE_CHECKING:
    import pandas

# Of a part, about, unless told otherwise.
BATCH_ROWS = 65_536


class Part:
    """Some rows of an answer, or all."""

    def __init__(self, answer: Answer, capacity: int, *, has_event_times: bool) -> None:
        self.fields = list(answer.fields)
        self.names = [field.name for field in answer.fields]
        self._gathered = Gathered([field.type for field in answer.fields], capacity)
        self._columns: list[Any] | None = None
        self._beside: pa.Table | None = None
        self._retyped: Sequence[str] = ()
        self._statuses: list[tuple[npt.NDArray[np.uint8], int]] = []
        self._event_times: list[npt.NDArray[np.datetime64]] = []
        self._has_event_times = has_event_times
        self._codes: npt.NDArray[np.uint8] | None = None

    @property
    def rows(self) -> int:
        return self._gathered.rows

    @property
    def columns(self) -> list[Any]:
        """The features."""
        assert self._columns is not None
        return self._columns

    @property
    def spine(self) -> pa.Table:
        """The rows of the spine, as the user has them."""
        assert self._beside is not None
        return self._beside

    def add(self, piece: Piece) -> None:
        """Takes the next rows."""
        self._gathered.add(piece.batch)
        if piece.statuses is not None:
            self._statuses.append((piece.statuses, piece.count))
        if piece.event_times is not None:
            self._event_times.append(piece.event_times)

    def finish(self, beside: pa.Table | None, retyped: Sequence[str] = ()) -> Part:
        """All rows are here; `beside` are those of the spine, of whose columns some were given other types."""
        self._columns = self._gathered.columns()
        self._beside = beside
        self._retyped = retyped
        return self

    def _retyped_spine(self) -> pa.Table:
        """The columns of the spine that were given other types."""
        return pa.table({}) if self._beside is None else self._beside.select(list(self._retyped))

    @property
    def codes(self) -> npt.NDArray[np.uint8]:
        """Statuses as numbers, of shape (columns, rows); only a history has them."""
        if self._codes is None:
            self._codes = np.empty((len(self.names), self.rows), np.uint8)
            first = 0
            for packed, count in self._statuses:
                self._codes[:, first : first + count] = bits.unpack_statuses(packed, count)
                first += count
            self._statuses = []
        return self._codes

    @property
    def event_times(self) -> npt.NDArray[np.datetime64]:
        """When values became true, of shape (columns, rows), NaT where there is none; only a history that asked for them has them."""
        if len(self._event_times) != 1:
            empty = np.empty((len(self.names), 0), "M8[us]")
            self._event_times = [np.concatenate([empty, *self._event_times], axis=1)]
        return self._event_times[0]

    def features(self, statuses: bool) -> pa.Table:
        """The columns of the answer, without those of the spine; behind each feature its status and its event time, if asked for."""
        return pa.Table.from_arrays(*self._features(statuses))

    def _features(self, statuses: bool) -> tuple[list[Any], list[str]]:
        assert self._columns is not None
        if not statuses and not self._has_event_times:
            return self._columns, self.names
        columns: list[Any] = []
        names: list[str] = []
        for place, name in enumerate(self.names):
            columns.append(self._columns[place])
            names.append(name)
            if statuses:
                columns.append(status_column(self.codes[place]))
                names.append(f"{name}__status")
            if self._has_event_times:
                columns.append(event_time_column(self.event_times[place]))
                names.append(f"{name}__event_time")
        return columns, names

    def table(self, statuses: bool) -> pa.Table:
        """The spine's columns, and those of the answer behind them."""
        columns, names = self._features(statuses)
        beside = self._beside
        if beside is None:
            return pa.Table.from_arrays(columns, names)
        # One table of all: columns that are appended one by one take the square of their number.
        return pa.Table.from_arrays([*beside.columns, *columns], [*beside.schema.names, *names])

    def to_pandas(self, frame: Any, statuses: bool, dtypes: str) -> pandas.DataFrame:
        """The table as a DataFrame; beside a DataFrame that was the spine, with its types and its index."""
        if frame is None:
            return to_pandas(self.table(statuses), dtypes)
        import pandas

        features = to_pandas(self.features(statuses), dtypes)
        retyped = to_pandas(self._retyped_spine(), dtypes).set_axis(frame.index)
        frame = frame.assign(**{name: retyped[name] for name in retyped.columns if name in frame.columns})
        return pandas.concat([frame, features.set_axis(frame.index)], axis=1)


class TableQuery:
    """One question whose answer is a table. It is asked when it is read, and again each time it is streamed; from the second time on as of
    the position that it was first answered at, so that all answers are the same.
    """

    def __init__(
        self, core: Core, method: Method, request: Callable[[int | None], Message], *, timeout: float | None,
        body: Sequence[Any] = (), spine: Spine | None = None, event_times: bool = False, question: Question | None = None,
    ) -> None:  # fmt: skip
        self._core = core
        self._method = method
        self._request = request
        self._timeout = timeout
        self._body = body
        self._spine = spine
        self._has_event_times = event_times
        self._question = question
        self._is_used_up = False
        self._loaded: Part | None = None
        # Of the answer; known at its end.
        self.position: int | None = None

    @property
    def core(self) -> Core:
        return self._core

    @property
    def loaded(self) -> Part | None:
        return self._loaded

    def expect(self, *, statuses: bool) -> None:
        """Says whether statuses are to stand beside the features, before it is asked.

        Raises:
            InvalidArgument: where one would take the place of another column.
        """
        if self._spine is not None:
            self._spine.expect(statuses=statuses)

    @property
    def can_be_read_again(self) -> bool:
        """Whether reading it uses nothing up."""
        return self._spine is None or self._spine.source.is_repeatable

    @property
    def spine(self) -> Spine:
        """Of a history."""
        assert self._spine is not None
        return self._spine

    @property
    def question(self) -> Question:
        """Of a history."""
        assert self._question is not None
        return self._question

    async def load(self) -> Part:
        """The whole answer; asked once."""
        if self._loaded is None:
            async with aclosing(self.parts(None)) as parts:
                async for part in parts:
                    self._loaded = part
        assert self._loaded is not None
        return self._loaded

    async def parts(self, rows: int | None) -> AsyncGenerator[Part, None]:
        """The answer in parts of about so many rows; memory is a few of them. `None`: all in one.

        Raises:
            HeadwaterError: what the stream ended with.
        """
        answer = Answer()
        beside = Beside()
        if self._spine is not None:
            beside.empty = await self._core.pool.driver.run(self._spine.prepare)
        if rows is not None and self._spine is not None and self._spine.source.is_repeatable and self.position is None:
            await self._fix_position()
        # A spine in memory says how many rows there will be.
        capacity = rows if rows is not None else (self._spine.source.row_count if self._spine is not None else None)
        part: Part | None = None
        given = 0
        async with aclosing(self._stream(answer, beside)) as stream:
            async for piece in stream:
                part = part or self._part(answer, capacity or BATCH_ROWS)
                part.add(piece)
                if rows is not None and part.rows >= rows:
                    yield self._finish(part, beside)
                    part, given = None, given + 1
        if part is not None or not given:
            yield self._finish(part or self._part(answer, 0), beside)

    def _part(self, answer: Answer, capacity: int) -> Part:
        return Part(answer, capacity, has_event_times=self._has_event_times)

    def _finish(self, part: Part, beside: Beside) -> Part:
        spine, retyped = None, []
        if self._spine is not None:
            retyped = self._spine.retyped
            spine = beside.take(part.rows)
            both = [name for name in spine.schema.names if name in part.names]
            if both:
                raise InvalidArgument(f"'{both[0]}' is a column of the spine and a feature: rename the spine's")
        return part.finish(spine, retyped)

    async def _stream(self, answer: Answer, beside: Beside) -> AsyncGenerator[Piece, None]:
        """The pieces of the answer. A history whose stream is lost, or was read too slowly for the server to wait, goes on with the rest
        of its spine.
        """
        if self._spine is not None:
            if self._is_used_up:
                raise FailedPrecondition("the spine was a reader, which can be read once: give a table, or paths")
            self._is_used_up = not self._spine.source.is_repeatable
        while True:
            before = answer.rows
            try:
                async with aclosing(self._ask(answer, beside)) as pieces:
                    async for piece in pieces:
                        yield piece
                break
            except (Unavailable, DeadlineExceeded):
                can_go_on = self._spine is not None and self._spine.source.is_repeatable and self._timeout is None
                if not can_go_on or self.position is None or answer.rows == before:
                    raise
        self.position = answer.position

    def _ask(self, answer: Answer, beside: Beside) -> AsyncGenerator[Piece, None]:
        spine = self._spine
        answer.first_row = answer.rows

        def feed() -> Iterator[Any]:
            assert spine is not None
            beside.cut(answer.rows)
            return spine.encoded(beside.add, answer.rows)

        return stream(
            self._core, self._method, self._request(self.position), answer, self._timeout, self._body,
            feed if spine is not None else None, has_statuses=self._method == Method.HISTORY,
            has_event_times=self._has_event_times,
        )  # fmt: skip

    async def _fix_position(self) -> None:
        """Asks a history of no rows where the store is, so that a stream that is lost can go on as of the same position."""
        answer = Answer()
        request = self._request(None)
        async for _ in stream(self._core, self._method, request, answer, None, spine=lambda: iter([]), has_statuses=True):
            pass
        self.position = answer.position
