"""Connections that block, for any thread: requests of several threads run side by side on one.

There is no thread of our own. Of the threads that wait for an answer one reads the socket for all, and hands over when it has
what it came for.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .._wire import headwater_pb2 as pb
from .._wire.frames import Bytes, Frame, FrameReader
from .._wire.session import Exchange, Session, decode
from ..errors import Cancelled, HeadwaterError, Unavailable
from .background import Background
from .endpoint import Endpoint
from .threads import Threads
from .transport import Deadline, OfSession, Transport, not_greeted, unreachable

T = TypeVar("T")
# The pieces that one call of the system takes.
_PIECES_MAX = 1024
# As numbers, since joining the names of flags costs more than sending a frame.
_SEND_FLAGS = int(socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
_RECEIVE_FLAGS = int(socket.MSG_DONTWAIT)
# How long a thread looks for its answer before it sleeps.
_AWAKE_SECONDS = 100e-6


class BlockingTransport(OfSession):
    """One connection."""

    def __init__(self, endpoint: Endpoint, project: str, timeout: float) -> None:
        self.endpoint = endpoint
        self.prepared: dict[Any, Any] = {}
        self._session = Session()
        self._reader = FrameReader()
        # Guards the session; whoever waits for an answer that another thread reads waits on it.
        # To be entered again: a stream that nobody reads any more may be given up by the garbage collector, at any moment.
        self._news = threading.Condition(threading.RLock())
        self._is_being_read = False
        # Held while a frame goes out: frames do not mix.
        self._sending = threading.Lock()
        deadline = Deadline(timeout)
        self._socket = _connect(endpoint, deadline)
        self._poller = select.poll()
        self._poller.register(self._socket, select.POLLIN)
        try:
            exchange, frame = self._session.greet(project, None, "headwater-python")
            self._write(frame, deadline)
            self.hello = decode(pb.HelloReply, self._wait_for_reply(exchange, deadline).head)
        except BaseException as error:
            self._socket.close()
            raise (error if self._reader.has_frames else not_greeted(endpoint, error, deadline)) from None
        self._session.greeted(self.hello)

    async def begin(self, method: int, head: bytes, body: Sequence[Bytes], deadline: Deadline, *, end: bool = True) -> Exchange:
        self._take_turn(deadline)
        try:
            with self._news:
                exchange, frame = self._session.begin(method, head, body, budget_ms=deadline.budget_ms(), end=end)
            try:
                self._write(frame, deadline)
            except BaseException:
                with self._news:
                    self._session.forget(exchange)
                raise
        finally:
            self._sending.release()
        return exchange

    async def finish(self, exchange: Exchange, deadline: Deadline) -> Frame:
        return self._wait_for_reply(exchange, deadline)

    async def send(self, exchange: Exchange, body: Sequence[Bytes], *, end: bool) -> None:
        with self._sending:
            with self._news:
                if exchange.is_done:
                    return
                frame = self._session.data(exchange, body, end=end)
            self._write(frame, Deadline(None))

    async def changed(self, exchange: Exchange, deadline: Deadline, *, wants_room: bool) -> None:
        # A stream's server has work to do, for which it may want this core too.
        self._wait(lambda: exchange.is_done or bool(exchange.items) or (wants_room and exchange.send_window > 0), deadline, awake_seconds=0)

    async def take(self, exchange: Exchange) -> Frame | None:
        with self._news:
            frame, credit = self._session.take(exchange)
        if credit:
            with self._sending:
                self._write(credit, Deadline(None))
        return frame

    async def cancel(self, exchange: Exchange) -> None:
        self._give_up(exchange, Cancelled("the request was given up"))

    def close(self) -> None:
        """Closes the connection; what waits fails with `Cancelled`."""
        with self._news:
            self._session.lost(Cancelled("the client was closed"))
            self._news.notify_all()
            is_being_read = self._is_being_read
        # Wakes a thread that reads; its number stays taken as long as that thread may wait for it.
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not is_being_read:
            self._socket.close()

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close()

    def abandon(self) -> None:
        """Lets the connection go in a child process: the parent's stays as it is."""
        self._session.lost(Cancelled("the connection belongs to the parent process"))
        self._socket.close()

    def _wait_for_reply(self, exchange: Exchange, deadline: Deadline) -> Frame:
        try:
            if not exchange.is_done:
                self._wait(lambda: exchange.is_done, deadline)
        except BaseException:
            # Also Ctrl-C: the server need not go on.
            self._give_up(exchange, Cancelled("the request was given up"))
            raise
        if exchange.error is not None:
            raise exchange.error
        assert exchange.reply is not None
        return exchange.reply

    def _give_up(self, exchange: Exchange, error: HeadwaterError) -> None:
        with self._news:
            frame = self._session.cancel(exchange, error)
        # Where somebody sends just now, be it this thread itself, the server hears of it by the window that stays closed.
        if frame and self._sending.acquire(timeout=0.1):
            try:
                self._write(frame, Deadline(1.0))
            except HeadwaterError:
                pass
            finally:
                self._sending.release()

    def _take_turn(self, deadline: Deadline) -> None:
        """Waits until no other frame is going out."""
        left = deadline.left()
        if not self._sending.acquire(timeout=-1 if left is None else left):
            raise deadline.exceeded()

    def _wait(self, is_over: Callable[[], bool], deadline: Deadline, awake_seconds: float = _AWAKE_SECONDS) -> None:
        """Reads, or waits for the thread that does, until it is over."""
        with self._news:
            while not is_over():
                if self._session.failure is not None:
                    raise self._session.failure
                left = deadline.left()
                if self._is_being_read:
                    self._news.wait(left)
                    continue
                self._is_being_read = True
                self._news.release()
                try:
                    self._read(left, awake_seconds)
                except (HeadwaterError, OSError, ValueError) as error:
                    self._fail(error)
                finally:
                    self._news.acquire()
                    self._is_being_read = False
                    self._news.notify_all()

    def _hand_over(self) -> None:
        with self._news:
            self._is_being_read = False
            self._news.notify_all()

    def _read(self, timeout: float | None, awake_seconds: float) -> None:
        """Waits for bytes and sorts in what came; only by the one thread that reads."""
        # Most answers are here sooner than a thread that sleeps wakes up. (A socket has one timeout for both directions, so the wait
        # is not the socket's own.)
        poll = self._poller.poll
        awake_until = time.perf_counter() + awake_seconds
        while not poll(0):
            if time.perf_counter() > awake_until:
                if not poll(None if timeout is None else max(1, int(timeout * 1000))):
                    return
                break
        self._receive()

    def _receive(self) -> None:
        count = self._socket.recv_into(self._reader.buffer(), 0, _RECEIVE_FLAGS)
        if count == 0:
            raise Unavailable(f"{self.endpoint} closed the connection")
        frames = self._reader.received(count)
        if not frames:
            return
        answers: list[Bytes] = []
        with self._news:
            for frame in frames:
                answers += self._session.received(frame)
        # An answer to a ping does not wait for a frame that is going out: the server sees by that one that we live.
        if answers and self._sending.acquire(blocking=False):
            try:
                self._write(answers, Deadline(1.0))
            finally:
                self._sending.release()

    def _write(self, pieces: list[Bytes], deadline: Deadline) -> None:
        """Sends a whole frame. While the server takes none of it, its own frames are read, so that neither waits for the other."""
        views: list[Bytes] = pieces
        begun = False
        try:
            while views:
                try:
                    sent = self._socket.sendmsg(views[:_PIECES_MAX], [], _SEND_FLAGS)
                except BlockingIOError:
                    self._read_while_waiting_to_write(deadline)
                    continue
                if not begun:
                    if sent == sum([len(piece) for piece in pieces]):
                        # The usual case.
                        return
                    views = [memoryview(piece).cast("B") for piece in pieces]
                begun = True
                while views and sent >= len(views[0]):
                    sent -= len(views[0])
                    del views[0]
                if sent:
                    views[0] = views[0][sent:]
        except OSError as error:
            if not isinstance(error, HeadwaterError):
                self._fail(error)
                assert self._session.failure is not None
                raise self._session.failure from error
            if begun:
                self._fail(Unavailable(f"the connection to {self.endpoint} was given up: it took a part of a frame, and no more in time"))
            raise
        except BaseException as error:
            # Half a frame is out: nothing can follow it.
            if begun and views:
                self._fail(error)
            raise

    def _read_while_waiting_to_write(self, deadline: Deadline) -> None:
        left = deadline.left()
        with self._news:
            if self._session.failure is not None:
                raise self._session.failure
            reads = not self._is_being_read
            self._is_being_read = True
        poller = select.poll()
        if not reads:
            poller.register(self._socket, select.POLLOUT)
            # Not for long: the thread that reads may leave, and then somebody else has to.
            poller.poll(50 if left is None else min(50, left * 1000))
            return
        try:
            poller.register(self._socket, select.POLLIN | select.POLLOUT)
            events = poller.poll(None if left is None else left * 1000)
            if events and events[0][1] & select.POLLIN:
                self._receive()
        except (HeadwaterError, OSError, ValueError) as error:
            # Bytes were taken off the connection that nobody can make sense of.
            self._fail(error)
            assert self._session.failure is not None
            raise self._session.failure from error
        finally:
            self._hand_over()

    def _fail(self, error: BaseException) -> None:
        if not isinstance(error, HeadwaterError):
            error = Unavailable(f"the connection to {self.endpoint} was lost: {error}")
        with self._news:
            self._session.lost(error)
            self._news.notify_all()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class BlockingDriver:
    """Waits in the thread that calls."""

    async def connect(self, endpoint: Endpoint, project: str, timeout: float) -> Transport:
        return BlockingTransport(endpoint, project, timeout)

    def home(self) -> Any:
        return None

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def run(self, work: Callable[[], T]) -> T:
        return work()

    def background(self) -> Background:
        return Threads()


def _connect(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    try:
        if not endpoint.is_unix:
            connected = socket.create_connection((endpoint.host, endpoint.port), deadline.left())
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(None)
            return connected
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.settimeout(deadline.left())
            connected.connect(endpoint.host)
            # From here on waits are those of poll: with a timeout of its own, a socket's calls would wait too.
            connected.settimeout(None)
        except BaseException:
            connected.close()
            raise
        return connected
    except OSError as error:
        if isinstance(error, HeadwaterError):
            raise
        raise unreachable(endpoint, error, "headwater.open") from None
