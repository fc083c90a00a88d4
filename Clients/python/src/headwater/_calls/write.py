"""write and delete: tables in, one position out."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .._columns import batch
from .._columns.sizes import cuts
from .._connections.transport import Deadline
from .._shown import counted, progress_bar
from .._tables.partitions import PathText
from .._tables.rows import ROWS_MAX, Rows, Source
from .._tables.rules import Rules
from .._tables.sources import open_source
from .._wire import headwater_pb2 as pb
from .._wire.frames import Bytes, Method
from .._wire.session import Exchange, decode
from ..errors import FailedPrecondition, HeadwaterError, InvalidArgument, Unavailable
from .check import RowCheck
from .core import Backoff, Core, parse_json
from .groups import Column, Group, group
from .taken import Taken, note

_ENTRY = struct.Struct("<IIIB51x")
_WRITE, _DELETE = 1, 2
# What one request aims at: a table up to this is one atomic write, and larger requests are no faster.
REQUEST_BYTES = 16 << 20
_HEAD_BYTES = 1 << 16
# Requests of one table on their way at once: the server checks one while it takes in the one before, and keeps their order.
_REQUESTS_AT_ONCE = 2


class Written(int):
    """The position of a write: an `int`, for `min_position`, that also tells what was written.

    Attributes:
        rows: how many rows were written.
        ingest_time: when the log took the last of them, microseconds since 1970 UTC.
        keys_with_newer_rows: of a delete, for how many keys a newer row wins.
        rows_with_newer_rows: the first of these rows, numbered from 0 in what was given; at most 64 of each request.
        rows_below_cutoff: how many rows are older than the group's retention allows: they are never read.
        rows_behind_tombstone: how many written rows are older than the delete of their key: in history, and not served online.
    """

    rows: int
    ingest_time: int
    keys_with_newer_rows: int
    rows_with_newer_rows: list[int]
    rows_below_cutoff: int
    rows_behind_tombstone: int

    def __new__(
        cls, position: int, rows: int = 0, ingest_time: int = 0, keys_with_newer_rows: int = 0, newer: list[int] | None = None,
        rows_below_cutoff: int = 0, rows_behind_tombstone: int = 0,
    ) -> Written:  # fmt: skip
        made = super().__new__(cls, position)
        made.rows, made.ingest_time, made.keys_with_newer_rows = rows, ingest_time, keys_with_newer_rows
        made.rows_with_newer_rows = newer or []
        made.rows_below_cutoff, made.rows_behind_tombstone = rows_below_cutoff, rows_behind_tombstone
        return made

    def _plus(self, other: Written) -> Written:
        """Of two requests, the later one's position."""
        newer = self.rows_with_newer_rows + [self.rows + row for row in other.rows_with_newer_rows]
        keys = self.keys_with_newer_rows + other.keys_with_newer_rows
        below = self.rows_below_cutoff + other.rows_below_cutoff
        behind = self.rows_behind_tombstone + other.rows_behind_tombstone
        return Written(int(other), self.rows + other.rows, other.ingest_time, keys, newer, below, behind)

    def __str__(self) -> str:
        return int.__repr__(self)

    def __format__(self, specification: str) -> str:
        return int.__format__(self, specification)

    def __repr__(self) -> str:
        newer = f", {counted(self.keys_with_newer_rows, 'key has', 'keys have')} newer rows" if self.keys_with_newer_rows else ""
        below = f", {self.rows_below_cutoff:,} below the retention cutoff" if self.rows_below_cutoff else ""
        behind = f", {self.rows_behind_tombstone:,} older than their key's delete" if self.rows_behind_tombstone else ""
        return f"<position {int(self)}: {counted(self.rows, 'row', 'rows')}{newer}{below}{behind}>"

    def __reduce__(self) -> tuple[object, ...]:
        return Written, (
            int(self), self.rows, self.ingest_time, self.keys_with_newer_rows, self.rows_with_newer_rows, self.rows_below_cutoff,
            self.rows_behind_tombstone,
        )  # fmt: skip


@dataclass
class Options:
    """How a table is written."""

    timeout: float | None
    nan_is_null: bool | None
    progress: bool | None
    is_delete: bool = False
    time_unit: str | None = None
    lossy: bool = False


async def write(core: Core, target: str | Mapping[str, Any], data: Any, options: Options) -> Written:
    """Writes one table into one group, or several tables in one atomic request."""
    if isinstance(target, Mapping):
        if data is not None:
            raise InvalidArgument("give either a group and its data, or one dict of group: data")
        return await _write_together(core, target, options)
    if not isinstance(target, str):
        raise InvalidArgument(f"{type(target).__name__} is no name of a group: client.write(group, data)")
    if data is None:
        raise InvalidArgument("give the data: client.write(group, data)")
    return await _Table(core, await group(core, target, core.deadline(options.timeout)), data, options).write()


async def _write_together(core: Core, tables: Mapping[str, Any], options: Options) -> Written:
    if not tables:
        raise InvalidArgument("there is nothing to write: the dict is empty")
    body: list[Bytes] = []
    for name, data in tables.items():
        table = _Table(core, await group(core, name, core.deadline(options.timeout)), data, options)
        table.rules.defer()
        pieces = await core.pool.driver.run(lambda table=table: list(table.source.read()))  # type: ignore[misc]
        if len(pieces) > 1:
            joined = pa.concat_tables([table.typed(piece) for piece in pieces], promote_options="default")
            pieces = list(open_source(joined).read())
        body += [entry for piece in pieces if (entry := table.encode(piece)) is not None]
        table.rules.settle()
    if not body:
        return await _nothing(core, options)
    size = sum(len(piece) for piece in body)
    limit = (await core.pool.transport("online", core.deadline(options.timeout))).frame_bytes_max - _HEAD_BYTES
    if size > limit:
        raise InvalidArgument(f"{size:,} bytes in one atomic request; the server takes {limit:,}: write the groups one by one")
    request = _Request(core, body, core.deadline(options.timeout))
    return await _alone(request, options)


async def _nothing(core: Core, options: Options) -> Written:
    """What a write of no rows gives: the position where the log stands."""
    request = pb.StatusRequest(project=core.project.encode())
    frame = await core.call(Method.STATUS, "online", request, deadline=core.deadline(options.timeout))
    return Written(parse_json(frame.body)["online"]["last_position"])


class _Table:
    """One table on its way into one group."""

    def __init__(self, core: Core, group: Group, data: Any, options: Options) -> None:
        self.core, self.group, self.options = core, group, options
        roles = ("key", "event_time") if options.is_delete else ("key", "event_time", "available_time", "feature")
        self.columns = {column.name: column for column in group.of_role(*roles)}
        # By the names that features had before too.
        if not options.is_delete:
            for feature in group.definition["features"]:
                for name in feature.get("renamed_from", ()):
                    self.columns.setdefault(name, self.columns[feature["name"]])
        if options.is_delete and isinstance(data, (list, tuple)) and data and all(isinstance(key, str) for key in data):
            keys = ", ".join(f"{column.name!r}: […]" for column in group.of_role("key"))
            raise InvalidArgument(f"give the keys by their columns: {{{keys}}}; paths of files are given one by one, or as a glob")
        self.rules = Rules(options.time_unit, options.lossy)
        self.source: Source = open_source(data, self.columns, nan_is_null=options.nan_is_null)

    def typed(self, rows: Rows) -> pa.Table:
        """Rows whose columns are of the group's types, so that those of several files are the same."""
        return pa.table({column.name: array for column, array in self.arrays(rows)})

    def arrays(self, rows: Rows) -> list[tuple[Column, pa.Array]]:
        """The columns by rising ordinal.

        Raises:
            InvalidArgument: for an unknown column, a missing key or event time, a cell that does not fit.
        """
        where = f"{rows.source}: " if rows.source else ""
        unknown = [name for name in rows.names if name not in self.columns]
        if unknown:
            is_in_path = isinstance(rows.columns[unknown[0]], PathText)
            hint = "; it stands in the file's path" if is_in_path else _in_another_case(unknown[0], self.columns)
            taken = " that a delete takes" if self.options.is_delete else ""
            reason = f"'{self.group.reference}' has no such column{taken}; there are {', '.join(self.columns)}{hint}"
            raise InvalidArgument(reason, f"{where}column '{unknown[0]}'")
        given = set(rows.names)
        for column in self.columns.values():
            is_needed = column.role == "key" or (column.role == "event_time" and not self.options.is_delete)
            if is_needed and column.name not in given:
                raise InvalidArgument(
                    f"is missing: '{self.group.reference}' needs it as {column.role.replace('_', ' ')}", f"{where}column '{column.name}'"
                )
        arrays = {}
        for name, column in self.columns.items():
            if name not in given:
                continue
            if column.ordinal in arrays:
                reason = f"and another column are both '{column.name}', which had other names before: keep one"
                raise InvalidArgument(reason, f"{where}column '{name}'")
            arrays[column.ordinal] = (column, rows.column(name, column.type, self.rules))
        return [arrays[ordinal] for ordinal in sorted(arrays)]

    def encode(self, rows: Rows) -> np.ndarray | None:
        """One entry of a request; `None` of no rows, which are checked all the same."""
        arrays = self.arrays(rows) if rows.count or rows.columns else []
        return self._entry(rows.count, arrays) if rows.count else None

    def _entry(self, count: int, arrays: list[tuple[Column, pa.Array]]) -> np.ndarray:
        columns = [(column.ordinal, column.type, array) for column, array in arrays]
        entry = batch.encode(count, columns, prefix=bytes(_ENTRY.size))
        operation = _DELETE if self.options.is_delete else _WRITE
        _ENTRY.pack_into(entry.data, 0, self.group.id, self.group.schema_version, len(entry) - _ENTRY.size, operation)
        return entry

    async def write(self) -> Written:
        run = self.core.pool.driver.run
        whole = self.source.whole
        if whole is not None:
            if whole.count == 0:
                await run(lambda: self.encode(whole))
                return await _nothing(self.core, self.options)
            arrays = await run(lambda: self.arrays(whole))
            if whole.count <= ROWS_MAX and sum(array.nbytes for _, array in arrays) <= REQUEST_BYTES:
                # One request, which the server checks whole.
                request = _Request(self.core, [self._entry(whole.count, arrays)], self.core.deadline(self.options.timeout))
                return await _alone(request, self.options)
        if self.source.is_repeatable:
            await self._check()
        return await self._send()

    async def _check(self) -> None:
        now = time.time_ns() // 1000
        check = RowCheck(self.group, now, is_delete=self.options.is_delete)

        def work() -> None:
            for rows, arrays in self._pieces():
                check.check(arrays, rows.first_row, rows.source)

        self.rules.defer()
        await self.core.pool.driver.run(work)
        self.rules.settle()
        check.finish()

    def _pieces(self) -> Iterator[tuple[Rows, list[tuple[Column, pa.Array]]]]:
        """Parts that are requests."""
        for rows in self.source.read():
            arrays = self.arrays(rows)
            if not rows.count:
                continue
            for start, stop in cuts(rows.count, [array for _, array in arrays], REQUEST_BYTES, ROWS_MAX):
                part = Rows(stop - start, rows.first_row + start, rows.source, {})
                yield part, [(column, array.slice(start, stop - start)) for column, array in arrays]

    async def _send(self) -> Written:
        """Sends the parts in order; while the server works on some, the next is made ready."""
        run = self.core.pool.driver.run
        bar = progress_bar(self.group.name, self.options.progress, self.source.row_count)
        done = Written(0)
        told = Taken()
        pieces = self._pieces()
        waiting: deque[tuple[_Request, Rows]] = deque()
        is_over = False
        # Whose answer is waited for.
        answering: _Request | None = None
        try:
            while waiting or not is_over:
                if not is_over and len(waiting) < _REQUESTS_AT_ONCE:
                    made = await run(lambda: next(pieces, None))
                    is_over = made is None
                    if made is not None:
                        rows, arrays = made
                        entry = await run(lambda rows=rows, arrays=arrays: self._entry(rows.count, arrays))  # type: ignore[misc]
                        request = _Request(self.core, [entry], self.core.deadline(self.options.timeout))
                        # Before it is sent: what is interrupted then may have been written.
                        waiting.append((request, rows))
                        await request.begin(waiting[-2][0] if len(waiting) > 1 else None)
                    continue
                answering, rows = waiting.popleft()
                done = done._plus(await answering.finish())
                answering = None
                told.add(rows)
                bar.update(done.rows - bar.n)
        except HeadwaterError as error:
            # What failed is that request, or the making of the next one.
            await self._tell_what_was_written(error, done, told, list(waiting), has_gap=answering is not None)
            raise
        except BaseException as error:
            # Ctrl-C, or a task that is cancelled: nothing is waited for.
            is_under_way = answering is not None or bool(waiting)
            note(error, told.interrupted(int(done), is_under_way=is_under_way, is_delete=self.options.is_delete))
            raise
        finally:
            bar.close()
        return done if done.rows else await _nothing(self.core, self.options)

    async def _tell_what_was_written(
        self, error: HeadwaterError, done: Written, told: Taken, behind: list[tuple[_Request, Rows]], *, has_gap: bool
    ) -> None:
        """Adds it to an error that came in the middle of a table: the requests behind may have been taken."""
        later = Written(0)
        for request, rows in behind:
            try:
                answer = await request.finish()
                if has_gap:
                    later = later._plus(answer)
                else:
                    done = done._plus(answer)
                    told.add(rows)
            except HeadwaterError:
                continue
        verb = "deleted" if self.options.is_delete else "written"
        if done.rows:
            error.message += f"; {told.text(verb)}, up to position {int(done)}"
        if later.rows:
            count = "1 was" if later.rows == 1 else f"{later.rows} were"
            error.message += f"; of the rows behind the refused ones {count} {verb}, up to position {int(later)}"
        if (done.rows or later.rows) and not self.options.is_delete:
            error.message += "; writing them again adds the same rows a second time"
        error.args = (error.message,)


async def _alone(request: _Request, options: Options) -> Written:
    """One request that is the whole write."""
    try:
        await request.begin()
        return await request.finish()
    except HeadwaterError:
        raise
    except BaseException as error:
        note(error, Taken().interrupted(0, is_under_way=True, is_delete=options.is_delete))
        raise


def _in_another_case(name: str, known: Iterable[str]) -> str:
    other = next((other for other in known if other.casefold() == name.casefold()), None)
    return "" if other is None else f"; '{other}' differs only in case"


class _Request:
    """One atomic write, sent again with the same stamp where its answer is lost: the server takes it once."""

    def __init__(self, core: Core, body: list[Bytes], deadline: Deadline) -> None:
        self._core, self._body, self._deadline = core, body, deadline
        self._stamp: tuple[int, int, int] | None = None
        self._backoff = Backoff(core.retries)
        self._sent: tuple[Any, Exchange] | None = None

    async def begin(self, behind: _Request | None = None) -> None:
        """Sends it; a loss shows in `finish`.

        Args:
            behind: a request of the same table that has no answer yet. A server keeps the order of one connection's writes, so where that
                one's was lost, this one waits for its `finish`.
        """
        if behind is not None and (behind._sent is None or not behind._sent[0].is_open):
            return
        try:
            if self._stamp is None:
                self._stamp = await self._core.producer.stamp(self._core, self._deadline)
            producer, epoch, sequence = self._stamp
            head = pb.WriteRequest(project=self._core.project.encode(), producer=producer, epoch=epoch, sequence=sequence)
            before = None if behind is None else behind._sent
            transport = before[0] if before else await self._core.pool.transport("online", self._deadline)
            self._sent = transport, await transport.begin(Method.WRITE, head.SerializeToString(), self._body, self._deadline)
        except Unavailable as error:
            await self._backoff.wait(self._core, "online", error, self._deadline)
            self._sent = None

    async def finish(self) -> Written:
        """Waits for the answer.

        Raises:
            InvalidArgument: with rows and reasons: nothing was written.
            Unavailable: after the last retry: whether the write was taken is not known then.
        """
        while True:
            if self._sent is None:
                await self.begin()
                continue
            transport, exchange = self._sent
            try:
                frame = await transport.finish(exchange, self._deadline)
            except Unavailable as error:
                self._sent = None
                await self._backoff.wait(self._core, "online", error, self._deadline)
                continue
            except FailedPrecondition:
                assert self._stamp is not None
                self._core.producer.end(self._stamp)
                raise
            reply = decode(pb.WriteReply, frame.head)
            newer = np.frombuffer(frame.body, "<u4", frame.body.size // 4).tolist()
            return Written(
                reply.position, sum(reply.row_counts), reply.ingest_time, reply.keys_with_newer_rows, newer,
                reply.rows_below_cutoff, reply.rows_behind_tombstone,
            )  # fmt: skip
