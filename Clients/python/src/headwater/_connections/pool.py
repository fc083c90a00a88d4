"""The connections of one client: some to the server it was told of, and to each peer that a call needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..errors import FailedPrecondition, HeadwaterError, Unavailable
from .endpoint import Endpoint
from .transport import Deadline, Driver, Transport

# Stopped from growing here; each serves many requests at once.
POOL_SIZE = 4


class Pool:
    """Finds the server of each role, connects when it must, and again after a connection broke. For any thread."""

    def __init__(
        self, driver: Driver, first: Endpoint, project: str, connect_timeout: float,
        size: int = POOL_SIZE, before_connecting: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self.driver = driver
        self.first = first
        self._project = project
        self._connect_timeout = connect_timeout
        self._size = size
        self._before_connecting = before_connecting
        self._lock = threading.Lock()
        # By endpoint and home: an event loop's connections are its own.
        self._open: dict[tuple[Endpoint, Any], list[Transport]] = {}
        # How many are being made.
        self._opening: dict[tuple[Endpoint, Any], int] = {}
        # Of servers that drain: what is under way on them ends as usual.
        self._retired: list[Transport] = []
        # Where each role was last said to be served, and who was ever reached.
        self._known: dict[str, Endpoint] = {}
        self._reached: set[Endpoint] = set()
        # Which log the first server had: positions and sessions of this client are that one's.
        self._log_id = b""
        self._is_closed = False

    async def transport(self, role: str | None, deadline: Deadline) -> Transport:
        """A connection to a server with this role; `None` takes whichever server answers first.

        Raises:
            Unavailable: says which role is down.
        """
        try:
            transport = await self._reach(self.first, deadline)
            if role is None or role in transport.roles:
                return transport
        except Unavailable:
            # The peer may be up while the server that we were told of is not.
            if role is None or self._known.get(role, self.first) == self.first:
                raise
        peer = self._known.get(role)
        if peer is None or peer == self.first:
            raise Unavailable(f"the {role} service is down: {self.first} does not have it and knows of none; {_advice(role)}")
        try:
            transport = await self._reach(peer, deadline)
        except Unavailable as error:
            raise Unavailable(f"the {role} service is down: {error.message}; {_advice(role)}") from None
        if role not in transport.roles:
            raise Unavailable(f"{peer} is no {role} service, though {self.first} names it as one; {_advice(role)}")
        return transport

    def has_reached(self, role: str | None) -> bool:
        """Whether a server with this role was ever reached, or is one that this client starts: only then is it worth waiting for it."""
        return self._before_connecting is not None or (self.first if role is None else self._known.get(role)) in self._reached

    def close(self) -> None:
        """Closes all connections; calls that wait fail with `Cancelled`."""
        with self._lock:
            self._is_closed = True
            transports = self._all()
        for transport in transports:
            transport.close()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def abandon(self) -> None:
        """In a child process: its parent's connections are not its own."""
        self._lock = threading.Lock()
        self._opening.clear()
        for transport in self._all():
            transport.abandon()

    def _all(self) -> list[Transport]:
        """All connections, which the pool forgets."""
        transports = [transport for some in self._open.values() for transport in some] + self._retired
        self._open.clear()
        self._retired.clear()
        return transports

    async def _reach(self, endpoint: Endpoint, deadline: Deadline) -> Transport:
        place = (endpoint, self.driver.home())
        while True:
            found, may_open = self._pick(place)
            if found is not None:
                return found
            if may_open:
                break
            # As many as there may be are being made already.
            deadline.left()
            await self.driver.sleep(0.002)
        try:
            return await self._connect(place, deadline)
        finally:
            with self._lock:
                self._opening[place] = self._opening.get(place, 1) - 1

    async def _connect(self, place: tuple[Endpoint, Any], deadline: Deadline) -> Transport:
        endpoint, _ = place
        left = deadline.left()
        timeout = self._connect_timeout if left is None else min(left, self._connect_timeout)
        if self._before_connecting is not None:
            await self.driver.run(self._before_connecting)
        transport = await self.driver.connect(endpoint, self._project, timeout)
        with self._lock:
            refusal = _closed() if self._is_closed else self._other_log(transport, endpoint)
            if refusal is not None:
                transport.close()
                raise refusal
            self._leave_closed_loops()
            self._open.setdefault(place, []).append(transport)
            self._learn(transport, endpoint)
        return transport

    def _other_log(self, transport: Transport, endpoint: Endpoint) -> HeadwaterError | None:
        """Refuses the server of another store: what this client knows of positions, sessions and definitions does not hold there."""
        log_id = transport.hello.log_id
        if not log_id or self._log_id in (b"", log_id):
            self._log_id = self._log_id or log_id
            return None
        return FailedPrecondition(
            f"another store answers now: its log is {log_id.hex()[:8]}…, and this client's is {self._log_id.hex()[:8]}…: connect again",
            str(endpoint),
        )

    def _leave_closed_loops(self) -> None:
        """Lets connections go of event loops that have ended."""
        for place in [place for place in self._open if place[1] is not None and place[1].is_closed()]:
            for transport in self._open.pop(place):
                transport.abandon()
            self._opening.pop(place, None)

    def _pick(self, place: tuple[Endpoint, Any]) -> tuple[Transport | None, bool]:
        """The idlest connection, unless all are busy and there may be one more, which is then counted."""
        with self._lock:
            if self._is_closed:
                raise _closed()
            transports = self._open.setdefault(place, [])
            if len(transports) == 1 and transports[0].is_open and transports[0].in_flight == 0:
                # The usual case.
                return transports[0], False
            for transport in [transport for transport in transports if not transport.is_open]:
                transports.remove(transport)
                self._retired.append(transport)
            for transport in [transport for transport in self._retired if transport.in_flight == 0]:
                self._retired.remove(transport)
                transport.close()
            idlest = min(transports, key=lambda transport: transport.in_flight, default=None)
            opening = self._opening.get(place, 0)
            if (idlest is None or idlest.in_flight > 0) and len(transports) + opening < self._size:
                self._opening[place] = opening + 1
                return None, True
            return idlest, False

    def _learn(self, transport: Transport, endpoint: Endpoint) -> None:
        self._reached.add(endpoint)
        # Of several that serve a role the first one counts: it is of the same directory.
        for peer in reversed(transport.hello.peers):
            try:
                self._known[peer.role.decode(errors="replace")] = Endpoint.parse(peer.address.decode(errors="replace"))
            except HeadwaterError:
                continue
        for role in transport.roles & {"online", "offline"}:
            self._known[role] = endpoint


def _advice(role: str | None) -> str:
    return f"start it with 'headwater {role} --data DIR', or both with 'headwater serve --data DIR'"


def _closed() -> HeadwaterError:
    return FailedPrecondition("the client is closed: connect again")
