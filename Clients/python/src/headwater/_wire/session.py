"""One connection's requests and their answers, without I/O and without locks: the owner of the socket guards it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from .._trace import extension
from .._version import __version__
from ..errors import DataLoss, HeadwaterError, Internal, Unavailable, error_class
from . import headwater_pb2 as pb
from .frames import FRAME_BYTES_MAX, Bytes, Frame, Kind, Method, encode
from .words import in_python

# Bytes of data frames that the server may send ahead on one stream.
WINDOW_BYTES = 4 << 20
# A capability that stands for nothing but its two line ends: a server of another protocol that waits for a line, such as HTTP's, answers
# our hello at once then, and not when one of both has waited long enough.
_LINE_END = b"eol\r\n\r\n"
_STREAMS = (Method.HISTORY, Method.SCAN, Method.LATEST, Method.AUDIT)

M = TypeVar("M", bound=Message)


def decode(message: type[M], head: bytes) -> M:
    """A head as its message.

    Raises:
        DataLoss: where it is none.
    """
    try:
        return message.FromString(head)
    except DecodeError:
        raise DataLoss(f"an answer's head is no {message.DESCRIPTOR.name}: use the same version on both sides") from None


class Exchange:
    """One request and what has come for it."""

    __slots__ = ("error", "items", "method", "reply", "request_id", "send_window", "unacknowledged")

    def __init__(self, method: int, request_id: int, send_window: int) -> None:
        self.method = method
        self.request_id = request_id
        # Data frames that came and were not taken.
        self.items: deque[Frame] = deque()
        # The last frame, if its status is OK.
        self.reply: Frame | None = None
        self.error: HeadwaterError | None = None
        # Data bytes that the server has room for.
        self.send_window = send_window
        # Data bytes taken and not given back as credit.
        self.unacknowledged = 0

    @property
    def is_done(self) -> bool:
        return self.reply is not None or self.error is not None


class Session:
    """Numbers requests, sorts what comes to them, and says which frames to send."""

    def __init__(self) -> None:
        self.hello: pb.HelloReply | None = None
        # What the server says it is: online, offline.
        self.roles: frozenset[str] = frozenset()
        # What it can do beyond what every server of its version does.
        self.capabilities: frozenset[bytes] = frozenset()
        self._exchanges: dict[int, Exchange] = {}
        self._last_id = 0
        self.is_draining = False
        self.failure: HeadwaterError | None = None

    @property
    def in_flight(self) -> int:
        return len(self._exchanges)

    @property
    def frame_bytes_max(self) -> int:
        """Bytes of a frame that the server takes."""
        limit = self.hello.limits.frame_bytes_max if self.hello else 0
        return limit or 64 << 20

    def greet(self, project: str, token: str | None, client_name: str) -> tuple[Exchange, list[Bytes]]:
        """The first request."""
        request = pb.HelloRequest(version_min=1, version_max=1, project=project.encode(), client_name=client_name.encode())
        request.client_version = __version__.encode()
        request.capabilities.append(_LINE_END)
        if token is not None:
            request.token = token.encode()
        request.limits.frame_bytes_max = FRAME_BYTES_MAX
        request.limits.initial_window_bytes = WINDOW_BYTES
        return self.begin(Method.HELLO, request.SerializeToString(), (), budget_ms=0, end=True)

    def greeted(self, reply: pb.HelloReply) -> None:
        self.hello = reply
        self.roles = frozenset([role.decode(errors="replace") for role in reply.roles])
        self.capabilities = frozenset(reply.capabilities)

    def begin(self, method: int, head: bytes, body: Sequence[Bytes], *, budget_ms: int, end: bool) -> tuple[Exchange, list[Bytes]]:
        """A new request, and the bytes to send for it.

        Raises:
            Unavailable: where the connection takes no more requests.
        """
        if self.failure is not None:
            raise self.failure
        if self.is_draining:
            raise Unavailable("the server is stopping and takes no new requests")
        self._last_id += 1
        window = 0
        if method in _STREAMS and self.hello is not None:
            window = self.hello.limits.initial_window_bytes or 4 << 20
        exchange = Exchange(method, self._last_id, window)
        frame = encode(Kind.REQUEST, method, self._last_id, head, body, budget_ms=budget_ms, end=end, extension=extension())
        self._exchanges[self._last_id] = exchange
        return exchange, frame

    def data(self, exchange: Exchange, body: Sequence[Bytes], *, end: bool) -> list[Bytes]:
        """One item that this side sends on a stream."""
        exchange.send_window -= sum([memoryview(piece).nbytes for piece in body])
        return encode(Kind.DATA, exchange.method, exchange.request_id, b"", body, end=end)

    def take(self, exchange: Exchange) -> tuple[Frame | None, list[Bytes]]:
        """The next data frame that has come, and what to send because it was taken."""
        if not exchange.items:
            return None, []
        frame = exchange.items.popleft()
        exchange.unacknowledged += len(frame.head) + frame.body.size
        if exchange.is_done or exchange.unacknowledged < WINDOW_BYTES // 4:
            return frame, []
        credit, exchange.unacknowledged = exchange.unacknowledged, 0
        return frame, encode(Kind.CREDIT, exchange.method, exchange.request_id, credit=credit)

    def cancel(self, exchange: Exchange, error: HeadwaterError) -> list[Bytes]:
        """Gives a request up: what still comes for it is dropped."""
        if exchange.is_done:
            return []
        exchange.error = error
        exchange.items.clear()
        self._exchanges.pop(exchange.request_id, None)
        return [] if self.failure else encode(Kind.CANCEL, exchange.method, exchange.request_id)

    def forget(self, exchange: Exchange) -> None:
        """Drops a request that was not sent."""
        self._exchanges.pop(exchange.request_id, None)

    def received(self, frame: Frame) -> list[Bytes]:
        """Sorts a frame in; what to send because of it."""
        exchange = self._exchanges.get(frame.request_id)
        if frame.kind == Kind.RESPONSE or frame.kind == Kind.END:
            if exchange is not None:
                del self._exchanges[frame.request_id]
                if frame.status == 0:
                    exchange.reply = frame
                else:
                    exchange.error = _error(frame)
        elif frame.kind == Kind.DATA:
            if exchange is not None:
                exchange.items.append(frame)
        elif frame.kind == Kind.CREDIT:
            if exchange is not None:
                exchange.send_window += frame.credit
        elif frame.kind == Kind.GO_AWAY:
            if frame.status:
                raise _error(frame)
            self.is_draining = True
        elif frame.kind == Kind.PING:
            return encode(Kind.PONG, 0, frame.request_id)
        elif frame.kind != Kind.PONG:
            raise Internal(f"the server sent a frame that only clients send: kind {frame.kind}")
        return []

    def lost(self, error: HeadwaterError) -> None:
        """The connection is over: all that waits fails with `error`."""
        if self.failure is None:
            self.failure = error
        for exchange in list(self._exchanges.values()):
            exchange.error = exchange.error or self.failure
        self._exchanges.clear()


def _error(frame: Frame) -> HeadwaterError:
    detail = decode(pb.ErrorDetail, frame.head)
    applied = detail.applied_position if detail.HasField("applied_position") else None
    location = detail.location.decode(errors="replace") or None
    message = detail.message.decode(errors="replace") or "the server gave no reason"
    return error_class(frame.status)(in_python(message), location, applied)
