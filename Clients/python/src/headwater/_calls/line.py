"""Writes in a line: under way one behind the other on one connection, answered in their order, each taken once.

1. `send` puts a part on the connection, unless that was lost: then the part waits in the line.
2. `answer` waits for the answer of the first part. Where the connection is lost it makes a new one and sends again, in order, what has
   no answer, in the bytes and with the numbers of the first attempt: the server takes each once.
3. A part that cannot be encoded, or that the server refuses, fails when it is the first: all before it is acknowledged by then.

A line has a producer session of its own. So its numbers rise without gaps, and none leaves the server's window before it is answered.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from .._connections.background import Background
from .._connections.transport import Deadline, Transport
from .._wire import headwater_pb2 as pb
from .._wire.frames import Bytes, Method
from .._wire.session import Exchange
from ..errors import Cancelled, DataLoss, DeadlineExceeded, FailedPrecondition, HeadwaterError, Internal, InvalidArgument, Unavailable
from .body import Body, Entry
from .core import Backoff, Core
from .request import answer
from .row_entry import RowEntry
from .write import REQUEST_BYTES
from .written import Written

# Of what is encoded beside the loop of asyncio, which so many rows do not hold up.
_ROWS_MAX = 4_096
# After these nobody knows whether a request was taken.
_UNKNOWN = (Unavailable, DeadlineExceeded, Cancelled, DataLoss, Internal)


class Part:
    """Some rows of a stream: one request."""

    __slots__ = ("body", "deadline", "entry", "error", "first_row", "is_restamped", "sent", "stamp", "tries")

    def __init__(self, entry: Entry, first_row: int) -> None:
        self.entry = entry
        self.body = Body([entry])
        self.first_row = first_row
        # Set where it enters the line.
        self.deadline = Deadline(None)
        self.stamp: tuple[int, int, int] | None = None
        self.sent: tuple[Transport, Exchange] | None = None
        self.tries = 0
        self.is_restamped = False
        # Why it cannot be sent.
        self.error: HeadwaterError | None = None

    @property
    def end_row(self) -> int:
        return self.first_row + self.entry.row_count

    def may_be_written(self, error: HeadwaterError | None) -> bool:
        """Whether it may have been taken although it has no answer but an error. What was refused at its first attempt was not; at another
        one the first may have been taken.
        """
        is_unknown = error is None or isinstance(error, _UNKNOWN) or (self.tries > 1 and not isinstance(error, InvalidArgument))
        return self.tries > 0 and is_unknown

    def halves(self) -> tuple[Part, Part] | None:
        """The same rows as two requests; `None` where they have come as a table, or are one."""
        if not isinstance(self.entry, RowEntry) or self.entry.row_count < 2:
            return None
        first, second = self.entry.halves()
        made = Part(first, self.first_row), Part(second, self.first_row + first.row_count)
        for part in made:
            part.deadline = self.deadline
        return made


class Line:
    """What a stream has under way."""

    def __init__(self, core: Core, background: Background) -> None:
        self._core, self._background = core, background
        # Changed under the guard; the first is the one whose answer is waited for.
        self.parts: deque[Part] = deque()
        # Where all parts are under way, those that have their answer aside; `None` once it is lost. Changed in turn.
        self._transport: Transport | None = None
        self._producer = core.borrow_producer()

    def close(self) -> None:
        """Leaves the session to the next line."""
        self._core.return_producer(self._producer)

    @property
    def size(self) -> int:
        """Bytes under way."""
        return sum([part.body.size for part in self.parts])

    @property
    def is_ready(self) -> bool:
        """Whether there is something to `answer`; the sender has not come to a part that is neither under way nor left over."""
        return bool(self.parts) and (self._transport is None or self.parts[0].sent is not None or self.parts[0].error is not None)

    async def send(self, part: Part) -> None:
        """Sends the last part of the line. Where that cannot be done now, `answer` does it; where it never can, the part has an `error`."""
        async with self._background.turn:
            transport = self._transport
            if transport is None or part.sent is not None:
                return
            try:
                if not transport.is_open:
                    raise Unavailable("the connection takes no more requests")
                await self._put(part, transport)
            except Unavailable:
                self._transport = None
            if any(each.error is not None for each in self._all()):
                # Nothing goes out behind it, or behind the half of it that cannot be sent.
                self._transport = None

    async def answer(self) -> tuple[Part, Written]:
        """The answer of the first part, which stays in the line.

        Raises:
            HeadwaterError: why it has none.
        """
        backoff = Backoff(self._core.retries)
        while True:
            part = self.parts[0]
            if part.error is not None:
                raise part.error
            try:
                if part.sent is None:
                    await self._send_all(part.deadline)
                    continue
                return part, await self._answer_of(part)
            except Unavailable as error:
                await self._leave()
                await backoff.wait(self._core, "online", error, part.deadline)
            except FailedPrecondition as error:
                if not await self._restamp(part, error):
                    raise

    async def answers_behind(self) -> dict[Part, Written]:
        """Behind a first part that has failed: which of those under way were taken all the same; others have an `error`. Nothing more is
        sent.
        """
        async with self._background.turn:
            self._transport = None
        found = {}
        for part in self._all()[1:]:
            try:
                if part.sent is not None:
                    found[part] = await self._answer_of(part)
            except HeadwaterError as error:
                part.error = error
        return found

    async def _answer_of(self, part: Part) -> Written:
        assert part.sent is not None
        transport, exchange = part.sent
        try:
            # Without staying awake for it: the core has other work.
            await transport.changed(exchange, part.deadline, wants_room=False)
        finally:
            if not exchange.is_done:
                await transport.cancel(exchange)
        return answer(await transport.finish(exchange, part.deadline))

    def _all(self) -> list[Part]:
        with self._background.guard:
            return list(self.parts)

    async def _send_all(self, deadline: Deadline) -> None:
        """Sends all that is not under way, over a new connection where the line has none: then nothing is under way on another."""
        async with self._background.turn:
            transport = self._transport or await self._core.pool.transport("online", deadline)
            for part in self._all():
                if part.sent is None and part.error is None:
                    await self._put(part, transport)
                if any(each.error is not None for each in self._all()):
                    # Nothing goes out behind it, or behind the half of it that cannot be sent.
                    return
            self._transport = transport

    async def _leave(self) -> None:
        """Leaves a connection that is lost, or whose server stops: what it has not taken is to be sent again. That shows when all have
        their answers: one that were sent again before those in front of it would change the order.
        """
        async with self._background.turn:
            self._transport = None
            for part in self._all():
                if part.sent is None:
                    continue
                transport, exchange = part.sent
                if not exchange.is_done:
                    await transport.changed(exchange, part.deadline, wants_room=False)
                if isinstance(exchange.error, Unavailable):
                    part.sent = None

    async def _put(self, part: Part, transport: Transport) -> None:
        try:
            pieces = await self._encoded(part, transport)
            if pieces is None:
                return
            if part.stamp is None:
                part.stamp = await self._producer.stamp(self._core, part.deadline)
            producer, epoch, sequence = part.stamp
            head = pb.WriteRequest(project=self._core.project.encode(), producer=producer, epoch=epoch, sequence=sequence)
            part.tries += 1
            part.sent = transport, await transport.begin(Method.WRITE, head.SerializeToString(), pieces, part.deadline)
        except Unavailable:
            raise
        except HeadwaterError as error:
            part.error = error

    async def _encoded(self, part: Part, transport: Transport) -> list[Bytes] | None:
        """The bytes of a part; `None` where they were too many, and it was sent as two."""

        def encode() -> list[Bytes] | None:
            try:
                pieces = part.body.encode(transport)
            except InvalidArgument:
                # Of more than a frame takes the size is known.
                if part.body.size <= REQUEST_BYTES:
                    raise
                pieces = None
            return pieces if part.body.size <= REQUEST_BYTES else None

        is_large = part.entry.row_count > _ROWS_MAX and not part.body.size
        pieces = await self._core.pool.driver.run(encode) if is_large else encode()
        if pieces is not None or part.tries:
            return pieces or part.body.encode(transport)
        halves = part.halves()
        if halves is None:
            return part.body.encode(transport)
        with self._background.guard:
            place = self.parts.index(part)
            self.parts[place] = halves[0]
            self.parts.insert(place + 1, halves[1])
        for half in halves:
            await self._put(half, transport)
        return None

    async def _restamp(self, part: Part, error: FailedPrecondition) -> bool:
        """Whether a part can go again under a new session, where the server let go of one that was idle for long: what was sent only once
        is not written then.
        """
        if part.stamp is None:
            return False
        self._producer.end(part.stamp)
        parts = self._all()
        if "unknown or has ended" not in error.message or any(other.tries > 1 or other.is_restamped for other in parts):
            return False
        async with self._background.turn:
            self._transport = None
            for other in self._all():
                # Those behind are refused just so.
                other.sent, other.stamp, other.tries = None, None, 0
                other.is_restamped = True
        return True


def rows_of(parts: list[Part]) -> list[Any]:
    """What a user gave: rows and tables, in order."""
    given: list[Any] = []
    for part in parts:
        given += part.entry.given
    return given
