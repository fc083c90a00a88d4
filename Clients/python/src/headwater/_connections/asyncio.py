"""Connections of asyncio: any number of tasks of one event loop share one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .._wire import headwater_pb2 as pb
from .._wire.frames import Bytes, Frame, FrameReader
from .._wire.session import Exchange, Session, decode
from ..errors import Cancelled, FailedPrecondition, HeadwaterError, Unavailable
from .background import Background
from .endpoint import Endpoint
from .tasks import Tasks
from .transport import Deadline, OfSession, Transport, not_greeted, unreachable

T = TypeVar("T")


class AsyncioTransport(OfSession, asyncio.BufferedProtocol):
    """One connection. All of it belongs to the loop that made it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.prepared: dict[Any, Any] = {}
        self.hello = pb.HelloReply()
        self._session = Session()
        self._reader = FrameReader()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        # Set while the loop's buffer has room for what we send.
        self._has_room = asyncio.Event()
        self._has_room.set()

    @staticmethod
    async def open(endpoint: Endpoint, project: str, timeout: float) -> AsyncioTransport:
        """Connects and says hello.

        Raises:
            Unavailable: where nobody answers.
        """
        loop = asyncio.get_running_loop()
        deadline = Deadline(timeout)
        opened = AsyncioTransport(endpoint)
        try:
            if endpoint.is_unix:
                connecting = loop.create_unix_connection(lambda: opened, endpoint.host)
                await asyncio.wait_for(connecting, deadline.left())
            else:
                await asyncio.wait_for(loop.create_connection(lambda: opened, endpoint.host, endpoint.port), deadline.left())
        except asyncio.TimeoutError:
            raise deadline.exceeded() from None
        except OSError as error:
            if isinstance(error, HeadwaterError):
                raise
            raise unreachable(endpoint, error, "headwater.aio.open") from None
        try:
            exchange, frame = opened._session.greet(project, None, "headwater-python-aio")
            opened._write(frame)
            opened.hello = decode(pb.HelloReply, (await opened.finish(exchange, deadline)).head)
        except BaseException as error:
            opened.close()
            raise (error if opened._reader.has_frames else not_greeted(endpoint, error, deadline)) from None
        opened._session.greeted(opened.hello)
        return opened

    async def begin(self, method: int, head: bytes, body: Sequence[Bytes], deadline: Deadline, *, end: bool = True) -> Exchange:
        await self._room(deadline)
        exchange, frame = self._session.begin(method, head, body, budget_ms=deadline.budget_ms(), end=end)
        self._write(frame)
        try:
            await self._room(deadline)
        except BaseException:
            await self.cancel(exchange)
            raise
        return exchange

    async def finish(self, exchange: Exchange, deadline: Deadline) -> Frame:
        try:
            while not exchange.is_done:
                await self._news(exchange, deadline)
        except BaseException:
            await self.cancel(exchange)
            raise
        if exchange.error is not None:
            raise exchange.error
        assert exchange.reply is not None
        return exchange.reply

    async def send(self, exchange: Exchange, body: Sequence[Bytes], *, end: bool) -> None:
        await self._has_room.wait()
        if not exchange.is_done:
            self._write(self._session.data(exchange, body, end=end))

    async def changed(self, exchange: Exchange, deadline: Deadline, *, wants_room: bool) -> None:
        while not (exchange.is_done or exchange.items or (wants_room and exchange.send_window > 0)):
            await self._news(exchange, deadline)

    async def take(self, exchange: Exchange) -> Frame | None:
        frame, credit = self._session.take(exchange)
        if credit:
            self._write(credit)
        return frame

    async def cancel(self, exchange: Exchange) -> None:
        frame = self._session.cancel(exchange, Cancelled("the request was given up"))
        if frame and self._transport is not None:
            self._transport.writelines(frame)

    def close(self) -> None:
        """Closes the connection; what waits fails with `Cancelled`. From any event loop, also where its own is closed."""
        closed = Cancelled("the client was closed")
        if self._is_at_home():
            return self._fail(closed)
        try:
            self._loop.call_soon_threadsafe(self._fail, closed)
        except RuntimeError:
            return self.abandon()
        # The loop may stand still: the server hears of it all the same.
        return self._shut_down()

    def abandon(self) -> None:
        """Lets the connection go of a loop that is closed. In a child process, where its loop does not run, there is nothing to do."""
        if self._loop.is_closed():
            self._session.lost(Cancelled("the event loop that the connection belonged to is closed"))
            self._shut_down()
            transport, self._transport = self._transport, None
            # Nobody waits in a loop that is closed.
            self._waiting.clear()
            self._has_room = asyncio.Event()
            # The loop would be asked to close the socket, and does nothing any more: asyncio's own transports can be told directly.
            finish = getattr(transport, "_call_connection_lost", None)
            if transport is not None and finish is not None and transport.get_extra_info("socket").fileno() >= 0:
                finish(None)

    def _shut_down(self) -> None:
        taken = self._transport.get_extra_info("socket") if self._transport is not None else None
        if taken is not None:
            try:
                taken.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It was closed already.
                return

    def _is_at_home(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    async def _news(self, exchange: Exchange, deadline: Deadline) -> None:
        if self._session.failure is not None:
            raise self._session.failure
        if not self._is_at_home():
            raise FailedPrecondition("this answer is read in the event loop that it was asked in: ask again in this one")
        future = self._loop.create_future()
        self._waiting[exchange.request_id] = future
        try:
            await asyncio.wait_for(future, deadline.left())
        except asyncio.TimeoutError:
            raise deadline.exceeded() from None
        finally:
            self._waiting.pop(exchange.request_id, None)

    async def _room(self, deadline: Deadline) -> None:
        """Waits until the loop's buffer has room for what we send."""
        if self._has_room.is_set():
            return
        try:
            await asyncio.wait_for(self._has_room.wait(), deadline.left())
        except asyncio.TimeoutError:
            raise deadline.exceeded() from None

    def _write(self, pieces: list[Bytes]) -> None:
        if self._session.failure is not None:
            raise self._session.failure
        assert self._transport is not None
        for piece in pieces:
            self._transport.write(memoryview(piece).cast("B"))

    def _fail(self, error: HeadwaterError) -> None:
        self._session.lost(error)
        self._has_room.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(Unavailable(f"the connection to {self.endpoint} was lost: {error or 'the server closed it'}"))

    def pause_writing(self) -> None:
        self._has_room.clear()

    def resume_writing(self) -> None:
        self._has_room.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._reader.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        try:
            for frame in self._reader.received(nbytes):
                answers = self._session.received(frame)
                if answers and self._transport is not None:
                    self._transport.writelines(answers)
                future = self._waiting.get(frame.request_id)
                if future is not None and not future.done():
                    future.set_result(None)
        except HeadwaterError as error:
            self._fail(error)


class AsyncioDriver:
    """Waits in a task; what would hold up the loop goes to a thread."""

    async def connect(self, endpoint: Endpoint, project: str, timeout: float) -> Transport:
        return await AsyncioTransport.open(endpoint, project, timeout)

    def home(self) -> Any:
        return asyncio.get_running_loop()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    def background(self) -> Background:
        return Tasks()
