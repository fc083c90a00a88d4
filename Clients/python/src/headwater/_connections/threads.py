"""Threads that work beside their caller."""

from __future__ import annotations

import threading
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any

from .background import Signal, Work
from .transport import run_now


class _ThreadSignal:
    def __init__(self, guard: threading.Lock) -> None:
        self._condition = threading.Condition(guard)

    async def wait(self, seconds: float | None) -> None:
        self._condition.wait(seconds)

    def tell(self) -> None:
        self._condition.notify_all()


class _ThreadTurn:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()


class Threads:
    """Threads of our own. They end with the program, whatever they wait for; signals such as Ctrl-C go to the program's own thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.guard: AbstractContextManager[Any] = self._lock
        self.turn: AbstractAsyncContextManager[Any] = _ThreadTurn()
        self._threads: list[threading.Thread] = []

    def signal(self) -> Signal:
        return _ThreadSignal(self._lock)

    def start(self, name: str, work: Work) -> None:
        """Runs work until it ends by itself."""
        thread = threading.Thread(target=lambda: run_now(work()), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    async def join(self) -> None:
        """Waits until all work has ended."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """A thread ends when what it waits for does."""
