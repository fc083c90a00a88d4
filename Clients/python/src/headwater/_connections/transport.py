"""What calls need of a connection. A blocking one never suspends; one of asyncio does."""

from __future__ import annotations

import errno
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from .._wire import headwater_pb2 as pb
from .._wire.frames import Bytes, Frame
from .._wire.session import Exchange, Session
from ..errors import DeadlineExceeded, HeadwaterError, Internal, InvalidArgument, Unavailable
from .background import Background
from .endpoint import Endpoint

T = TypeVar("T")


class Deadline:
    """Until when a call may take, by a clock that never goes back."""

    __slots__ = ("seconds", "until")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.until = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Seconds that are left, above 0; `None` without end.

        Raises:
            DeadlineExceeded: where none are.
        """
        if self.until is None:
            return None
        left = self.until - time.monotonic()
        if left <= 0:
            raise self.exceeded()
        return left

    def budget_ms(self) -> int:
        """What the server is told: milliseconds, 0 without end."""
        left = self.left()
        return 0 if left is None else min(max(1, int(left * 1000)), 0xFFFFFFFF)

    def exceeded(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"no answer within {self.seconds:.3g} s: give it more time with timeout=")


class Transport(Protocol):
    """One connection to one server."""

    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def hello(self) -> pb.HelloReply: ...
    @property
    def roles(self) -> frozenset[str]: ...
    @property
    def capabilities(self) -> frozenset[bytes]:
        """What the server announced that it can do."""

    @property
    def is_open(self) -> bool:
        """Whether new requests may go here."""

    @property
    def in_flight(self) -> int: ...
    @property
    def frame_bytes_max(self) -> int: ...

    # What the server has resolved for this connection: handles of gets, by what they were asked for.
    prepared: dict[Any, Any]

    async def begin(self, method: int, head: bytes, body: Sequence[Bytes], deadline: Deadline, *, end: bool = True) -> Exchange:
        """Sends a request."""

    async def finish(self, exchange: Exchange, deadline: Deadline) -> Frame:
        """Waits for the one answer of a call, or for the end of a stream.

        Raises:
            HeadwaterError: what the server answers; `DeadlineExceeded`; `Unavailable` where the connection ends: the
                request may then have been carried out.
        """

    async def send(self, exchange: Exchange, body: Sequence[Bytes], *, end: bool) -> None:
        """Sends an item of a stream; only while `exchange.send_window` is above zero, or with `end`."""

    async def changed(self, exchange: Exchange, deadline: Deadline, *, wants_room: bool) -> None:
        """Waits until an item or the end has come for a stream, or room to send where that is wanted."""

    async def take(self, exchange: Exchange) -> Frame | None:
        """An item that has come; gives credit back."""

    async def cancel(self, exchange: Exchange) -> None:
        """Gives a request up."""

    def close(self) -> None: ...
    def retire(self) -> None:
        """Takes no new requests; those under way end as usual."""

    def abandon(self) -> None:
        """Lets the connection go where nothing can be done with it: in a child process, whose parent's stays as it is, and where the event
        loop that it belongs to has been closed.
        """


class OfSession:
    """What a connection of either kind knows by its session."""

    _session: Session

    @property
    def is_open(self) -> bool:
        """Whether new requests may go here."""
        return self._session.failure is None and not self._session.is_draining

    @property
    def roles(self) -> frozenset[str]:
        return self._session.roles

    @property
    def capabilities(self) -> frozenset[bytes]:
        """What the server announced that it can do."""
        return self._session.capabilities

    @property
    def in_flight(self) -> int:
        return self._session.in_flight

    @property
    def frame_bytes_max(self) -> int:
        return self._session.frame_bytes_max

    def retire(self) -> None:
        """Takes no new requests; those under way end as usual."""
        self._session.is_draining = True


def unreachable(endpoint: Endpoint, error: OSError, opener: str) -> Unavailable:
    """Nobody answers: says what to do."""
    if isinstance(error, ConnectionResetError) or error.errno == errno.ECONNRESET:
        return _closed_early(endpoint)
    return Unavailable(
        f"no server answers at {endpoint} ({error.strerror or error}): start one with 'headwater serve --data DIR "
        f"--listen {endpoint}', or open a directory with {opener}(DIR)"
    )


def not_greeted(endpoint: Endpoint, error: BaseException, deadline: Deadline) -> BaseException:
    """What kept a hello from its answer, where no frame has come: mostly, something else answers there."""
    if isinstance(error, DeadlineExceeded):
        return DeadlineExceeded(
            f"no answer within {deadline.seconds:.3g} s: what took the connection is not a Headwater server, or one that stands still",
            str(endpoint),
        )
    if isinstance(error, InvalidArgument):
        return InvalidArgument(error.message, str(endpoint))
    if isinstance(error, Unavailable) or (isinstance(error, OSError) and not isinstance(error, HeadwaterError)):
        return _closed_early(endpoint)
    return error


def _closed_early(endpoint: Endpoint) -> Unavailable:
    return Unavailable("closed the connection before it answered: it is not a Headwater server, or one that is stopping", str(endpoint))


class Driver(Protocol):
    """How a client waits and connects."""

    async def connect(self, endpoint: Endpoint, project: str, timeout: float) -> Transport: ...
    def home(self) -> Any:
        """Where a connection that is made now can be used: the event loop; `None` is everywhere."""

    async def sleep(self, seconds: float) -> None: ...
    async def run(self, work: Callable[[], T]) -> T:
        """Runs work that takes long, or reads files."""

    def background(self) -> Background:
        """What works beside a caller."""


def run_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs what never suspends, because each thing that it waits for blocks instead."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    except HeadwaterError as error:
        # Says what is wrong and where by itself: the way to it through this package tells a caller nothing.
        raise error.with_traceback(None) from error.__cause__
    finally:
        coroutine.close()
    raise Internal("a blocking call was suspended")


def run_awaitable(awaitable: Awaitable[T]) -> T:
    """As `run_now`, for what an asynchronous iterator gives."""

    async def wait() -> T:
        return await awaitable

    return run_now(wait())
