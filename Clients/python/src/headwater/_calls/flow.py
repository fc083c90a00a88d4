"""Streams: rows that come one by one are gathered, sent in a line, and acknowledged in their order.

1. `add` puts a row behind the others, `write` a table; both wait while enough of them wait already.
2. The sender, a thread or a task, takes what was gathered for long enough, or is a batch, and sends it (`Line`), so many requests at once.
3. The receiver, another one, takes the answers in their order. `flush` waits for it.
4. Where a request fails for good, the stream has failed: nothing more is sent, and what was not acknowledged is kept and told.

What both share is changed under the guard. Neither the caller's thread nor its task sends or encodes: an interrupt there, such as Ctrl-C,
leaves everything in its place.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._columns import compact
from .._shown import counted
from .._tables.rows import ROWS_MAX
from .._tables.sources import snapshot
from ..errors import Cancelled, FailedPrecondition, HeadwaterError, Internal, InvalidArgument
from .check import RowCheck
from .core import Core
from .groups import Group, group
from .line import Line, Part, rows_of
from .row_entry import Row, RowEncoder, RowEntry
from .write import REQUEST_BYTES, Options, Table, nothing
from .written import Written

_LINGER_MAX, _IN_FLIGHT_MAX = 60.0, 256
# Of several requests, which may be tables; of one alone as many as it has.
_BYTES_UNDER_WAY = 2 * REQUEST_BYTES


@dataclass(frozen=True)
class Limits:
    """How rows are gathered, and how many requests are under way at once."""

    linger: float
    batch: int
    in_flight: int

    @staticmethod
    def of(linger: Any, batch: Any, in_flight: Any) -> Limits:
        """What a user gave.

        Raises:
            InvalidArgument: says what may be given.
        """
        is_number = isinstance(linger, (int, float, np.number)) and not isinstance(linger, bool)
        if not (is_number and 0 <= linger <= _LINGER_MAX):
            raise InvalidArgument(f"{linger!r} is no number of seconds from 0 to {_LINGER_MAX:g}", "linger")
        for value, name, most in ((batch, "batch", ROWS_MAX), (in_flight, "in_flight", _IN_FLIGHT_MAX)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise InvalidArgument(f"{value!r} is no whole number from 1 to {most:,}", name)
        return Limits(float(linger), batch, in_flight)


class Flow:
    """One stream, for both forms of client. Methods without `await` are called under the guard."""

    def __init__(self, core: Core, group: Group, options: Options, limits: Limits) -> None:
        self.group = group
        self._core, self._options, self._limits = core, options, limits
        self._background = core.pool.driver.background()
        self.guard = self._background.guard
        self._encoder = RowEncoder(core, group, options)
        self._line = Line(core, self._background)
        # What waits for its turn: whole parts, and behind them the rows that are gathered.
        self._parts: deque[Part] = deque()
        self.rows: list[Row] = []
        self.rows_max = 2 * limits.batch
        self._due = 0.0
        # How many rows have left `rows`, in parts; up to which one they go without waiting for more; up to which they are acknowledged.
        self._taken = self._flush_to = self.acknowledged = 0
        self.done = Written(0)
        self.failure: HeadwaterError | None = None
        self._is_failing = self._is_failure_told = False
        self._lost: list[Any] = []
        self.is_closing = self._has_sent = self._has_ended = False
        # Whether `add` has to look twice.
        self.is_stopped = False
        self._process = os.getpid()
        self._work, self._room, self._sent, self._answered = [self._background.signal() for _ in range(4)]
        self._background.start(f"headwater-send-{group.name}", self._send)
        self._background.start(f"headwater-receive-{group.name}", self._receive)

    @staticmethod
    async def open(core: Core, name: Any, options: Options, limits: Limits) -> Flow:
        """A stream into a group.

        Raises:
            NotFound: where there is no such group.
        """
        if not isinstance(name, str):
            raise InvalidArgument(f"{type(name).__name__} is no name of a group: client.stream(group)")
        found = await group(core, name, core.deadline(options.timeout))
        # What is wrong with the options shows now.
        Table(core, found, [], options)
        return Flow(core, found, options, limits)

    # MARK: What callers do

    def add(self, row: Any) -> None:
        """Takes a row, where there is room."""
        rows = self.rows
        rows.append(row.copy() if type(row) is dict else _copied(row))
        count = len(rows)
        if count == 1:
            self._due = time.monotonic() + self._limits.linger
            self._work.tell()
        elif count == self._limits.batch:
            self._work.tell()

    async def wait_for_room(self, *, of_tables: bool = False) -> None:
        """Waits until a row may be added, or a table; under the guard.

        Raises:
            HeadwaterError: why none may be added any more.
        """
        while not self.is_stopped and (len(self._parts) >= 2 if of_tables else len(self.rows) >= self.rows_max):
            self._refuse_in_child()
            await self._room.wait(None)
        self._check_open()

    async def write(self, data: Any) -> None:
        """Takes a table behind the rows."""
        with self.guard:
            self._check_open()
        if getattr(data, "__len__", lambda: 0)() <= compact.ROWS_MAX:
            # It is encoded later.
            data = snapshot(data)
        run = self._core.pool.driver.run
        table = Table(self._core, self.group, data, self._options)
        if table.source.is_repeatable:
            await table.check()
        pieces = table.pieces()
        taken = 0
        try:
            while (made := await run(lambda: next(pieces, None))) is not None:
                rows, arrays = made
                part = Part(table.entry_of(rows.count, arrays), 0)
                await run(part.body.prepare)
                with self.guard:
                    await self.wait_for_room(of_tables=True)
                    self._take_rows(len(self.rows))
                    part.first_row = self._taken
                    self._taken += rows.count
                    self._parts.append(part)
                    self._work.tell()
                taken += rows.count
        except InvalidArgument as error:
            # Where a row before the table was refused, that is what was raised.
            if taken and self.failure is None:
                error.message += f"; the stream has taken the {counted(taken, 'row', 'rows')} before, and goes on"
                error.args = (error.message,)
            raise

    async def flush(self) -> Written:
        """Waits until all rows so far are acknowledged."""
        self._refuse_in_child()
        with self.guard:
            self._check_open()
            until = self._taken + len(self.rows)
            self._flush_to = max(self._flush_to, until)
            self._work.tell()
            while self.acknowledged < until and self.failure is None:
                await self._answered.wait(None)
            if self.acknowledged < until:
                self._raise_failure()
            done = self.done
        return done if done.rows else await nothing(self._core, self._options)

    async def close(self) -> Written:
        """Sends what is left, waits for all answers, and ends.

        Raises:
            HeadwaterError: why rows were not acknowledged, where that was not raised before.
        """
        self._refuse_in_child()
        try:
            with self.guard:
                self.is_closing = self.is_stopped = True
                for signal in (self._work, self._room):
                    signal.tell()
                while not self._has_ended:
                    await self._answered.wait(None)
            await self._background.join()
        except BaseException:
            self.give_up()
            raise
        if self.failure is not None and not self._is_failure_told:
            self._raise_failure()
        return self.done

    def give_up(self) -> None:
        """Ends without waiting; takes the guard."""
        with self.guard:
            self.is_closing = True
            self._stop(Cancelled(f"the stream was given up; {self._progress()}"))
        self._background.stop()

    def unacknowledged(self) -> list[Any]:
        """Rows and tables that were given and not acknowledged, in order."""
        return self._lost if self.failure is not None else rows_of([*self._line.parts, *self._parts]) + self.rows

    def progress(self) -> str:
        """What somebody has to know who breaks it off; empty where all is acknowledged."""
        is_whole = self.failure is None and self.acknowledged == self._taken + len(self.rows)
        return "" if is_whole else f"of the stream into '{self.group.reference}' {self._progress()}"

    def _progress(self) -> str:
        if not self.acknowledged:
            return "no row is known to be written"
        last = self.acknowledged - 1
        rows = "row 0 was" if not last else f"rows 0 to {last:,} were"
        return f"{rows} written, up to position {int(self.done)}; whether rows behind them were written is not known"

    def _check_open(self) -> None:
        self._refuse_in_child()
        if self.failure is not None:
            self._raise_failure()
        if self.is_closing:
            raise FailedPrecondition("the stream is closed: open another one with client.stream(group)")

    def _refuse_in_child(self) -> None:
        if os.getpid() != self._process:
            raise FailedPrecondition("the stream belongs to the parent process: open one in this one with client.stream(group)")

    def _raise_failure(self) -> None:
        assert self.failure is not None
        self._is_failure_told = True
        raise type(self.failure)(self.failure.message, self.failure.location, self.failure.applied_position)

    # MARK: The sender

    async def _send(self) -> None:
        try:
            while (part := await self._next()) is not None:
                await self._line.send(part)
                with self.guard:
                    self._sent.tell()
        except BaseException as error:
            with self.guard:
                self._stop(_defect(error))
            if not isinstance(error, HeadwaterError):
                raise
        finally:
            with self.guard:
                self._has_sent = True
                self._sent.tell()

    async def _next(self) -> Part | None:
        """The next part to send, which is in the line now; `None` where there are no more."""
        with self.guard:
            while self.failure is None and not self._is_failing:
                if not self._is_full():
                    part = self._next_part()
                    if part is not None:
                        part.deadline = self._core.deadline(self._options.timeout)
                        self._line.parts.append(part)
                        self._room.tell()
                        return part
                    if self.is_closing:
                        return None
                waits_for_rows = self.rows and not self._is_full()
                await self._work.wait(max(0.0, self._due - time.monotonic()) if waits_for_rows else None)
        return None

    def _is_full(self) -> bool:
        under_way = len(self._line.parts)
        return under_way >= self._limits.in_flight or (under_way > 0 and self._line.size >= _BYTES_UNDER_WAY)

    def _next_part(self) -> Part | None:
        count = len(self.rows)
        is_due = count and (
            self._parts or count >= self._limits.batch or self.is_closing or self._taken < self._flush_to or time.monotonic() >= self._due
        )
        if is_due and not self._parts:
            self._take_rows(min(count, self._limits.batch))
            self._due = time.monotonic() + self._limits.linger
        return self._parts.popleft() if self._parts else None

    def _take_rows(self, count: int) -> None:
        """Makes parts of the first rows that are gathered."""
        for start in range(0, count, self._limits.batch):
            some = self.rows[start : min(start + self._limits.batch, count)]
            self._parts.append(Part(RowEntry(self._encoder, some, self._taken), self._taken))
            self._taken += len(some)
        del self.rows[:count]

    # MARK: The receiver

    async def _receive(self) -> None:
        failure: BaseException = Cancelled("the stream was given up")
        try:
            while await self._has_part():
                part, answer = await self._line.answer()
                with self.guard:
                    self._line.parts.popleft()
                    self.done = self.done._plus(answer)
                    self.acknowledged = part.end_row
                    self._work.tell()
                    self._answered.tell()
        except HeadwaterError as error:
            await self._fail(error)
        except BaseException as error:
            failure = error
            raise
        finally:
            with self.guard:
                if self._line.parts and self.failure is None:
                    self._stop(_defect(failure))
                self._has_ended = True
                self._answered.tell()
            self._line.close()

    async def _has_part(self) -> bool:
        with self.guard:
            while not self._line.is_ready:
                if self.failure is not None or (self._has_sent and not self._line.parts):
                    return False
                await self._sent.wait(None)
            return self.failure is None

    async def _fail(self, error: HeadwaterError) -> None:
        """Ends the stream, as its first part under way has failed."""
        with self.guard:
            self._is_failing = True
            failed = self._line.parts[0]
        behind = await self._line.answers_behind()
        made = self._told(error, failed, behind)
        with self.guard:
            kept = [part for part in self._line.parts if part not in behind]
            self._line.parts.clear()
            self._line.parts.extend(kept)
            self._stop(made)

    def _told(self, error: HeadwaterError, failed: Part, behind: Mapping[Part, Written]) -> HeadwaterError:
        """The error with what is written and what is not."""
        location, message = error.location, error.message
        if isinstance(error, InvalidArgument) and failed.tries:
            location, message = self._located(error, failed)
        first, last = failed.first_row, failed.end_row - 1
        rows = f"row {first:,} was" if first == last else f"rows {first:,} to {last:,} were"
        fate = f"whether {rows} written is not known" if failed.may_be_written(error) else f"{rows} not written"
        parts = [message, f"of the stream into '{self.group.reference}' {fate}"]
        if self.acknowledged:
            before = "row 0 was" if self.acknowledged == 1 else f"rows 0 to {self.acknowledged - 1:,} were"
            parts.append(f"{before}, up to position {int(self.done)}")
        if behind:
            taken = [f"{part.first_row:,} to {part.end_row - 1:,}" for part in behind]
            parts.append(f"of those behind rows {', '.join(taken)} were, up to position {max(map(int, behind.values()))}")
        doubtful = [part for part in list(self._line.parts)[1:] if part not in behind and part.may_be_written(part.error)]
        if doubtful:
            parts.append(f"whether rows {doubtful[0].first_row:,} to {doubtful[-1].end_row - 1:,} were is not known")
        parts.append("stream.unacknowledged has those that were not acknowledged")
        return type(error)("; ".join(parts), location, error.applied_position)

    def _located(self, error: InvalidArgument, part: Part) -> tuple[str | None, str]:
        """What a server refused, by the rows of the stream: it counts those of the request."""
        check = RowCheck(self.group, time.time_ns() // 1000, is_delete=False)
        try:
            check.check(list(part.entry.arrow().columns), part.first_row, "")
            check.finish(ending="")
        except InvalidArgument as found:
            return found.location, found.message
        counts_from = f" (rows count from row {part.first_row:,} of the stream)" if part.first_row else ""
        return error.location, error.message + counts_from

    def _stop(self, failure: HeadwaterError) -> None:
        if self.failure is None:
            self._lost = rows_of([*self._line.parts, *self._parts]) + self.rows
            self.failure = failure
        self.is_stopped = True
        for signal in (self._work, self._room, self._sent, self._answered):
            signal.tell()


def _copied(row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise InvalidArgument(f"{type(row).__name__} is no dict: stream.add({{column: value}}), or stream.write(table) for many rows")
    return dict(row)


def _defect(error: BaseException) -> HeadwaterError:
    if isinstance(error, HeadwaterError):
        return error
    return Cancelled("the stream was given up") if not isinstance(error, Exception) else Internal(f"{type(error).__name__}: {error}")
