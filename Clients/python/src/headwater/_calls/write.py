"""write and delete: tables in, one position out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .._columns.sizes import cuts
from .._shown import progress_bar
from .._tables.partitions import PathText
from .._tables.rows import ROWS_MAX, Rows, Source
from .._tables.rules import Rules
from .._tables.sources import open_source
from .._wire import headwater_pb2 as pb
from .._wire.frames import Method
from ..errors import HeadwaterError, InvalidArgument
from .body import DELETE, WRITE, ArrowEntry, Body
from .check import RowCheck
from .core import Core, parse_json
from .groups import Column, Group, group
from .request import Request
from .taken import Taken, note
from .written import Written

# What one request aims at: a table up to this is one atomic write, and larger requests are no faster.
REQUEST_BYTES = 16 << 20
# Requests of one table on their way at once: the server checks one while it takes in the one before, and keeps their order.
_REQUESTS_AT_ONCE = 2


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
    return await Table(core, await group(core, target, core.deadline(options.timeout)), data, options).write()


async def _write_together(core: Core, tables: Mapping[str, Any], options: Options) -> Written:
    if not tables:
        raise InvalidArgument("there is nothing to write: the dict is empty")
    entries: list[ArrowEntry] = []
    for name, data in tables.items():
        table = Table(core, await group(core, name, core.deadline(options.timeout)), data, options)
        table.rules.defer()
        pieces = await core.pool.driver.run(lambda table=table: list(table.source.read()))  # type: ignore[misc]
        if len(pieces) > 1:
            joined = pa.concat_tables([table.typed(piece) for piece in pieces], promote_options="default")
            pieces = list(open_source(joined).read())
        entries += [entry for piece in pieces if (entry := table.entry(piece)) is not None]
        table.rules.settle()
    if not entries:
        return await nothing(core, options)
    request = Request(core, Body(entries), core.deadline(options.timeout))
    return await _alone(request, options)


async def nothing(core: Core, options: Options) -> Written:
    """What a write of no rows gives: the position where the log stands."""
    request = pb.StatusRequest(project=core.project.encode())
    frame = await core.call(Method.STATUS, "online", request, deadline=core.deadline(options.timeout))
    return Written(parse_json(frame.body)["online"]["last_position"])


class Table:
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

    def entry(self, rows: Rows) -> ArrowEntry | None:
        """One entry of a request; `None` of no rows, which are checked all the same."""
        arrays = self.arrays(rows) if rows.count or rows.columns else []
        return self.entry_of(rows.count, arrays) if rows.count else None

    def entry_of(self, count: int, arrays: list[tuple[Column, pa.Array]]) -> ArrowEntry:
        """One entry of a request, of columns by rising ordinal."""
        return ArrowEntry(self.group, DELETE if self.options.is_delete else WRITE, count, arrays)

    async def write(self) -> Written:
        run = self.core.pool.driver.run
        whole = self.source.whole
        if whole is not None:
            if whole.count == 0:
                await run(lambda: self.entry(whole))
                return await nothing(self.core, self.options)
            arrays = await run(lambda: self.arrays(whole))
            if whole.count <= ROWS_MAX and sum(array.nbytes for _, array in arrays) <= REQUEST_BYTES:
                # One request, which the server checks whole.
                body = Body([self.entry_of(whole.count, arrays)])
                request = Request(self.core, body, self.core.deadline(self.options.timeout))
                return await _alone(request, self.options)
        if self.source.is_repeatable:
            await self.check()
        return await self._send()

    async def check(self) -> None:
        """Checks all rows as the server does.

        Raises:
            InvalidArgument: with up to 20 of those that it would refuse.
        """
        now = time.time_ns() // 1000
        check = RowCheck(self.group, now, is_delete=self.options.is_delete)

        def work() -> None:
            for rows, arrays in self.pieces():
                check.check(arrays, rows.first_row, rows.source)

        self.rules.defer()
        await self.core.pool.driver.run(work)
        self.rules.settle()
        check.finish()

    def pieces(self) -> Iterator[tuple[Rows, list[tuple[Column, pa.Array]]]]:
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
        pieces = self.pieces()
        waiting: deque[tuple[Request, Rows]] = deque()
        is_over = False
        # Whose answer is waited for.
        answering: Request | None = None
        try:
            while waiting or not is_over:
                if not is_over and len(waiting) < _REQUESTS_AT_ONCE:
                    made = await run(lambda: next(pieces, None))
                    is_over = made is None
                    if made is not None:
                        rows, arrays = made
                        body = Body([self.entry_of(rows.count, arrays)])
                        await run(body.prepare)
                        request = Request(self.core, body, self.core.deadline(self.options.timeout))
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
        return done if done.rows else await nothing(self.core, self.options)

    async def _tell_what_was_written(
        self, error: HeadwaterError, done: Written, told: Taken, behind: list[tuple[Request, Rows]], *, has_gap: bool
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


async def _alone(request: Request, options: Options) -> Written:
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
