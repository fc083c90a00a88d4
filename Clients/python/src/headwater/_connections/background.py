"""What works beside its caller: threads, or tasks of an event loop, and how they wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

Work = Callable[[], Coroutine[Any, Any, None]]


class Signal(Protocol):
    """Something has changed."""

    async def wait(self, seconds: float | None) -> None:
        """Waits, under the guard, which is open meanwhile, until it is told, or for so long; sometimes for less."""

    def tell(self) -> None:
        """Wakes all that wait; under the guard."""


class Background(Protocol):
    """Threads or tasks that share some state."""

    # Held while shared state is read or changed; nothing but signals is waited for under it.
    guard: AbstractContextManager[Any]
    # Held by whoever sends: what is sent keeps its order.
    turn: AbstractAsyncContextManager[Any]

    def signal(self) -> Signal: ...

    def start(self, name: str, work: Work) -> None:
        """Runs work until it ends by itself."""

    async def join(self) -> None:
        """Waits until all work has ended."""

    def stop(self) -> None:
        """Cancels what can be cancelled."""
