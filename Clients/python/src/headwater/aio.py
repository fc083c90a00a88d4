"""The same calls as coroutines: `client = await headwater.aio.connect(…)`.

Any number of tasks share a client. Its connections belong to the event loop that made them: in a second loop, such as that of another
`asyncio.run`, it makes new ones. An answer is read in the loop that asked for it. What is described at `headwater.Client` holds here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Any, NoReturn

import pyarrow as pa

from ._calls import datasets, operations
from ._calls.core import RETRIES, TIMEOUT, Core
from ._calls.table import BATCH_ROWS
from ._calls.taken import note
from ._calls.written import Written
from ._connections.asyncio import AsyncioDriver
from ._embedded import EmbeddedServer
from ._forms import awaited, awaited_as
from .client import Client
from .datasets import Dataset, OfDataset
from .errors import HeadwaterError
from .history import FeatureTable, HistoricalFeatures, OfTable
from .online import Status
from .stream import OfStream, Stream


async def connect(
    address: str | None = None, project: str | None = None, *, timeout: float | None = TIMEOUT, retries: int = RETRIES,
    token: str | None = None,
) -> AsyncClient:  # fmt: skip
    """Connects to a server: as `headwater.connect`."""
    client = AsyncClient(address, project, timeout=timeout, retries=retries, token=token)
    return await client._begin()


async def open(
    path: str | os.PathLike[str], project: str | None = None, *, timeout: float | None = TIMEOUT, retries: int = RETRIES,
) -> AsyncClient:  # fmt: skip
    """Opens a store in a directory: as `headwater.open`."""
    server = EmbeddedServer(path)
    try:
        client = AsyncClient(
            server.address, project, timeout=timeout, retries=retries, before_connecting=server.ensure, on_close=server.release
        )
    except BaseException:
        server.release()
        raise
    return await client._begin()


class AsyncDataset(OfDataset):
    """A saved training set: as `headwater.Dataset`."""

    @staticmethod
    def _of(blocking: Dataset) -> AsyncDataset:
        return AsyncDataset(blocking._core, blocking._definition, blocking._time_unit)

    verify = awaited(Dataset.verify)
    split = awaited(Dataset.split)

    async def release(self) -> AsyncDataset:
        """Lets retention drop what it reads, for ever: what it was made of stays known, but in time it can be made no more."""
        self._definition = await datasets.release(self._core, self.name)
        return self


class AsyncTable(OfTable):
    """A table that the store answers with: as `headwater.FeatureTable`; of histories also as `headwater.HistoricalFeatures`."""

    @staticmethod
    def _of(blocking: FeatureTable) -> AsyncTable:
        return AsyncTable(blocking._query, frame=blocking._frame, has_statuses=blocking._has_statuses)

    @property
    def position(self) -> int | None:
        """The log position that the answer shows; `None` before it was read to its end."""
        return self._query.position

    to_arrow = awaited(FeatureTable.to_arrow)
    to_pandas = awaited(FeatureTable.to_pandas)
    to_polars = awaited(FeatureTable.to_polars)
    to_dict = awaited(FeatureTable.to_dict)
    to_numpy = awaited(FeatureTable.to_numpy)
    to_parquet = awaited(FeatureTable.to_parquet)
    save = awaited_as(AsyncDataset, HistoricalFeatures.save)
    split = awaited(HistoricalFeatures.split)

    async def statuses(self) -> dict[str, list[Status]]:
        """The status of each value, by feature; of histories only."""
        return await self._status_lists()

    def batches(self, rows: int = BATCH_ROWS, *, statuses: bool = False) -> AsyncGenerator[pa.RecordBatch, None]:
        """The answer piece by piece as it arrives: the server waits while it is not read."""
        return self._batches(rows, statuses)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AsyncTable stays in its process: await to_arrow() first, and pickle the table that it gives")


class AsyncStream(OfStream):
    """Rows on their way into one group, made by `AsyncClient.stream`: as `headwater.Stream`, for tasks of one event loop.

    `async with await client.stream("orders") as stream` closes it.
    """

    @staticmethod
    def _of(blocking: Stream) -> AsyncStream:
        blocking._is_left = True
        return AsyncStream(blocking._flow)

    async def add(self, row: Any) -> None:
        """Takes one row: as `headwater.Stream.add`. Others of the loop run only while it waits."""
        flow = self._flow
        if flow.is_stopped or len(flow.rows) >= flow.rows_max:
            await flow.wait_for_room()
        flow.add(row)

    async def write(self, data: Any) -> None:
        """Takes a table behind the rows so far: as `headwater.Stream.write`."""
        await self._flow.write(data)

    async def flush(self) -> Written:
        """Waits until all rows and tables so far are acknowledged: as `headwater.Stream.flush`."""
        try:
            return await self._flow.flush()
        except asyncio.CancelledError as error:
            self._tell(error)
            raise

    async def close(self) -> Written:
        """Sends what is left, waits until all is acknowledged, and ends: as `headwater.Stream.close`."""
        try:
            return await self._flow.close()
        except asyncio.CancelledError as error:
            self._tell(error)
            raise

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            await self.close()
            return
        try:
            await self.close()
        except HeadwaterError as other:
            note(error, str(other))


class AsyncClient:
    """A client of one store, for tasks of any event loop. Made by `connect` and `open`: as `headwater.Client`."""

    def __init__(
        self, address: str | None, project: str | None, *, timeout: float | None, retries: int, token: str | None = None,
        before_connecting: Callable[[], None] | None = None, on_close: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self._core = Core.of(
            AsyncioDriver(), address, project, timeout=timeout, retries=retries, token=token, before_connecting=before_connecting
        )
        self._on_close = on_close

    async def _begin(self) -> AsyncClient:
        try:
            await self._core.begin()
            await operations.choose_project(self._core)
        except BaseException:
            await self.close()
            raise
        return self

    @property
    def project(self) -> str:
        """The namespace of all names."""
        return self._core.project

    @property
    def address(self) -> str:
        """Where the server is that this client was told of."""
        return str(self._core.pool.first)

    apply = awaited(Client.apply)
    plan = awaited(Client.plan)
    promote = awaited(Client.promote)
    remove = awaited(Client.remove)
    list = awaited(Client.list)
    describe = awaited(Client.describe)
    search = awaited(Client.search)
    write = awaited(Client.write)
    stream = awaited_as(AsyncStream, Client.stream)
    delete = awaited(Client.delete)
    get_online_features = awaited(Client.get_online_features)
    get_historical_features = awaited_as(AsyncTable, Client.get_historical_features)
    scan = awaited_as(AsyncTable, Client.scan)
    latest = awaited_as(AsyncTable, Client.latest)
    datasets = awaited(Client.datasets)
    dataset = awaited_as(AsyncDataset, Client.dataset)
    status = awaited(Client.status)
    clients = awaited(Client.clients)
    slow = awaited(Client.slow)
    audit = awaited(Client.audit)
    snapshot = awaited(Client.snapshot)
    accept_clock = awaited(Client.accept_clock)
    compact = awaited(Client.compact)
    close = awaited(Client.close)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client stays in its process: connect in each worker, or open the same path there")

    def __repr__(self) -> str:
        return f"<headwater.aio.AsyncClient {self.address}, project {self.project!r}>"
