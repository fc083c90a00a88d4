"""What all calls share: routing, deadlines, retries, the producer session."""

from __future__ import annotations

import json
import os
import random
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from google.protobuf.message import Message

from .._connections.endpoint import Endpoint
from .._connections.pool import Pool
from .._connections.transport import Deadline, Driver
from .._wire import headwater_pb2 as pb
from .._wire.frames import Bytes, Frame, Method
from .._wire.session import decode
from ..errors import DataLoss, InvalidArgument, Unavailable, Unimplemented

M = TypeVar("M", bound=Message)
# Of a client that is not told otherwise: seconds of a call, and how often one is made again.
TIMEOUT, RETRIES = 30.0, 8
_PAUSE_MIN, _PAUSE_MAX = 0.05, 2.0


class Backoff:
    """Pauses between tries: none before the second, then 50 ms doubling to 2 s, shortened by chance so that clients do not come
    back together.
    """

    def __init__(self, retries: int) -> None:
        self._left = retries
        self._pause = 0.0

    async def wait(self, core: Core, role: str | None, error: Unavailable, deadline: Deadline) -> None:
        """Waits before the next try.

        Raises:
            Unavailable: `error` again, where there is no further try.
        """
        if self._left <= 0 or error.is_final or core.pool.is_closed or not core.pool.has_reached(role):
            raise error
        self._left -= 1
        left = deadline.left()
        if self._pause:
            pause = self._pause * random.uniform(0.5, 1)
            if left is not None and pause >= left:
                raise error
            await core.pool.driver.sleep(pause)
        self._pause = min(max(2 * self._pause, _PAUSE_MIN), _PAUSE_MAX)


def seconds(timeout: float | None) -> float | None:
    """A time that a call may take.

    Raises:
        InvalidArgument: for what is no number of seconds above zero.
    """
    is_number = isinstance(timeout, (int, float, np.number)) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and 0 < timeout < float("inf")):
        raise InvalidArgument(f"{timeout!r} is no number of seconds above 0; None is no limit", "timeout")
    return None if timeout is None else float(timeout)


def of_text(value: Any, name: str, example: str) -> str:
    """A text that a user gave.

    Raises:
        InvalidArgument: for what is none, or has half a character, which no name has.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{value!r:.60} is no text: {example}", name)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{value!r:.60} has half a character: {example}", name) from None
    return value


def parse_json(body: pa.Buffer) -> Any:
    """A JSON answer.

    Raises:
        DataLoss: where it is none.
    """
    try:
        return json.loads(body.to_pybytes())
    except ValueError:
        raise DataLoss("an answer is no JSON: use the same version on both sides") from None


def position(value: Any, name: str) -> int | None:
    """A log position that a user gave.

    Raises:
        InvalidArgument: for what is none.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < 2**64:
        raise InvalidArgument(f"{value!r} is no position: a write returns one", name)
    return int(value)


_cores: weakref.WeakSet[Core] = weakref.WeakSet()


def _after_fork() -> None:
    for core in list(_cores):
        core.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Core:
    """What a client is made of, blocking or not."""

    def __init__(self, pool: Pool, project: str, timeout: float | None, retries: int, *, takes_project: bool) -> None:
        self.pool = pool
        self.project = project
        # Whether nobody chose the project, so that the first definitions that are applied do.
        self.takes_project = takes_project
        self.timeout = timeout
        self.retries = retries
        self.producer = Producer()
        # Sessions of streams that have ended: a server keeps so many only, so that the next stream goes on with one.
        self._idle_producers: list[Producer] = []
        # Of what this client applied last: its reads of history know it, although history follows a moment behind.
        self.definitions_position = 0
        _cores.add(self)

    @staticmethod
    def of(
        driver: Driver, address: str | None, project: str | None, *, timeout: float | None, retries: int, token: str | None,
        before_connecting: Callable[[], None] | None,
    ) -> Core:  # fmt: skip
        """Made of what a user gave, and of HEADWATER_ADDRESS and HEADWATER_PROJECT where nothing was given.

        Raises:
            InvalidArgument: for an address that is none, a timeout or a number of retries that is none.
            Unimplemented: for a token, before anything is sent: no server checks one yet.
        """
        if token is not None:
            raise Unimplemented("servers check no tokens yet, so one would protect nothing: connect without it", "token")
        seconds(timeout)
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise InvalidArgument(f"{retries!r} is no number of retries: 0 or more", "retries")
        for value, name, example in ((address, "address", "connect('127.0.0.1:7070')"), (project, "project", "connect(project='flights')")):
            if value is not None:
                of_text(value, name, example)
        address = address or os.environ.get("HEADWATER_ADDRESS") or "127.0.0.1:7070"
        named = project or os.environ.get("HEADWATER_PROJECT")
        pool = Pool(driver, Endpoint.parse(address), named or "default", 10.0, before_connecting=before_connecting)
        return Core(pool, named or "default", timeout, retries, takes_project=named is None or named == "")

    async def call(
        self, method: Method, role: str | None, head: Message, body: Sequence[Bytes] = (), *, deadline: Deadline | None = None
    ) -> Frame:
        """One call, made again over a new connection where one is lost: all that come through here may be carried out twice."""
        deadline = Deadline(self.timeout) if deadline is None else deadline
        encoded = head.SerializeToString()
        backoff = Backoff(self.retries)
        while True:
            try:
                transport = await self.pool.transport(role, deadline)
                return await transport.finish(await transport.begin(method, encoded, body, deadline), deadline)
            except Unavailable as error:
                await backoff.wait(self, role, error, deadline)

    async def ask(
        self, method: Method, role: str | None, head: Message, answer: type[M], body: Sequence[Bytes] = (), *,
        deadline: Deadline | None = None,
    ) -> tuple[M, pa.Buffer]:  # fmt: skip
        """A call whose answer has a head."""
        frame = await self.call(method, role, head, body, deadline=deadline)
        return decode(answer, frame.head), frame.body

    async def begin(self) -> None:
        """Connects for the first time. Where this client starts the server itself, it tries again if that is lost meanwhile."""
        deadline = Deadline(self.timeout)
        backoff = Backoff(self.retries)
        while True:
            try:
                await self.pool.transport(None, deadline)
                return
            except Unavailable as error:
                await backoff.wait(self, None, error, deadline)

    def deadline(self, timeout: float | None) -> Deadline:
        """Of a call that was given a time of its own, or not."""
        return Deadline(self.timeout if timeout is None else seconds(timeout))

    def deadline_of_long_work(self) -> Deadline:
        """Of what takes as long as it takes."""
        return Deadline(None)

    def borrow_producer(self) -> Producer:
        """A session that nobody else writes with, until it is returned."""
        try:
            return self._idle_producers.pop()
        except IndexError:
            return Producer()

    def return_producer(self, producer: Producer) -> None:
        """Leaves a session to the next one."""
        self._idle_producers.append(producer)

    def abandon(self) -> None:
        """In a child process: connections and sessions are the parent's."""
        self.pool.abandon()
        self.producer.abandon()
        self._idle_producers = []


class Producer:
    """The session that makes this client's writes safe to retry: opened by the first write, numbered from 1. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: tuple[int, int] | None = None
        self._sequence = 0

    async def stamp(self, core: Core, deadline: Deadline) -> tuple[int, int, int]:
        """The producer, epoch and sequence of the next write."""
        while True:
            with self._lock:
                if self._session is not None:
                    self._sequence += 1
                    return (*self._session, self._sequence)
            request = pb.OpenProducerRequest(project=core.project.encode(), name=b"headwater-python")
            reply, _ = await core.ask(Method.OPEN_PRODUCER, "online", request, pb.OpenProducerReply, deadline=deadline)
            with self._lock:
                # Of writers that opened one together the first counts.
                if self._session is None:
                    self._session, self._sequence = (reply.producer, reply.epoch), 0

    def end(self, stamp: tuple[int, int, int]) -> None:
        """The server does not know the session any more: the next write opens a new one."""
        with self._lock:
            if self._session is not None and self._session[0] == stamp[0]:
                self._session = None

    def abandon(self) -> None:
        """In a child process: its parent goes on with the session."""
        self._lock = threading.Lock()
        self._session = None
