"""Tasks that work beside their caller, in its event loop."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any

from .background import Signal, Work


class _TaskSignal:
    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait(self, seconds: float | None) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, seconds)
        except asyncio.TimeoutError:
            pass
        finally:
            self._waiting.discard(future)

    def tell(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()


class Tasks:
    """Tasks of the running event loop, which change state only where they do not wait: there is nothing to guard."""

    def __init__(self) -> None:
        self.guard: AbstractContextManager[Any] = nullcontext()
        self.turn: AbstractAsyncContextManager[Any] = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def signal(self) -> Signal:
        return _TaskSignal()

    def start(self, name: str, work: Work) -> None:
        """Runs work until it ends by itself."""
        self._tasks.append(asyncio.create_task(work(), name=name))

    async def join(self) -> None:
        """Waits until all work has ended."""
        await asyncio.wait(self._tasks)

    def stop(self) -> None:
        """Cancels all tasks."""
        for task in self._tasks:
            task.cancel()
