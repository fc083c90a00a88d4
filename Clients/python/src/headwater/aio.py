"""The same calls as coroutines: `client = await headwater.aio.connect(…)`.

Any number of tasks share a client. Its connections belong to the event loop that made them: in a second loop, such as that of another
`asyncio.run`, it makes new ones. An answer is read in the loop that asked for it. What is described at `headwater.Client` holds here.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy.typing as npt
import pyarrow as pa

from ._calls import datasets, history, online, operations, write
from ._calls.core import Core
from ._calls.datasets import Words, source_path
from ._calls.groups import describe
from ._calls.online import Selection
from ._calls.table import BATCH_ROWS, TableQuery
from ._calls.write import Written
from ._connections.asyncio import AsyncioDriver
from ._embedded import EmbeddedServer
from ._tables.sources import snapshot
from ._times import Time
from .client import RETRIES, TIMEOUT
from .datasets import AsyncDataset, Datasets, Shares, Split, frame_of, rule_of
from .history import PARQUET_ROWS, FeatureTable, ParquetFile, record_batches
from .online import OnlineFeatures, Status
from .reports import AuditReport, Description, Listing, Plan, Report, StatusReport

if TYPE_CHECKING:
    import pandas
    import polars


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


class AsyncTable:
    """A table that the store answers with: as `headwater.FeatureTable`."""

    def __init__(self, query: TableQuery, *, frame: Any = None, has_statuses: bool = False) -> None:
        self._query = query
        # What is loaded needs no waiting.
        self._table = FeatureTable(query, frame=frame, has_statuses=has_statuses)

    async def _loaded(self) -> FeatureTable:
        await self._query.load()
        return self._table

    @property
    def position(self) -> int | None:
        """The log position that the answer shows; `None` before it was read to its end."""
        return self._query.position

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AsyncTable stays in its process: await to_arrow() first, and pickle the table that it gives")

    async def to_arrow(self, *, statuses: bool = False) -> pa.Table:
        """The answer as an Arrow table."""
        self._table._statuses(statuses)
        return (await self._loaded()).to_arrow(statuses=statuses)

    async def to_pandas(self, *, statuses: bool = False, dtypes: str = "numpy") -> pandas.DataFrame:
        """The answer as a DataFrame; a spine that was one keeps its types and its index."""
        self._table._statuses(statuses)
        return (await self._loaded()).to_pandas(statuses=statuses, dtypes=dtypes)

    async def to_polars(self, *, statuses: bool = False) -> polars.DataFrame:
        """The answer as a polars DataFrame."""
        self._table._statuses(statuses)
        return (await self._loaded()).to_polars(statuses=statuses)

    async def to_dict(self, *, statuses: bool = False) -> dict[str, list[Any]]:
        """The answer as lists, missing values as None."""
        self._table._statuses(statuses)
        return (await self._loaded()).to_dict(statuses=statuses)

    async def to_numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """The features, without the spine, as one matrix of shape (rows, features)."""
        return (await self._loaded()).to_numpy(dtype)

    async def statuses(self) -> dict[str, list[Status]]:
        """The status of each value, by feature; of histories only."""
        return (await self._loaded()).statuses

    async def batches(self, rows: int = BATCH_ROWS, *, statuses: bool = False) -> AsyncGenerator[pa.RecordBatch, None]:
        """The answer piece by piece as it arrives: the server waits while it is not read."""
        statuses = self._table._statuses(statuses)
        async with aclosing(self._query.parts(rows)) as parts:
            async for part in parts:
                for batch in record_batches(part, statuses):
                    yield batch

    async def save(
        self, name: str, *, description: str | None = None, owner: str | None = None, tags: Mapping[str, str] | None = None,
        split: Shares | None = None, split_by: str = "key", seed: int = 0,
    ) -> AsyncDataset:  # fmt: skip
        """Saves what a training set was made of; of histories only: as `headwater.HistoricalFeatures.save`."""
        self._table._only_of_histories("be saved")
        words = Words(description, owner, tags, rule_of(split, split_by, seed))
        saved = await datasets.save(self._query.core, self._query, name, words)
        return AsyncDataset(self._query.core, saved, self._query.spine.rules.time_unit)

    async def split(self, parts: Shares, *, by: str = "key", seed: int = 0) -> Split:
        """Deals the rows out to parts; of histories only: as `headwater.HistoricalFeatures.split`."""
        self._table._only_of_histories("be split")
        rule = rule_of(parts, by, seed)
        assert rule is not None
        return Split.of(self._query, await datasets.split(self._query.core, self._query, rule), self._table._frame)

    async def to_parquet(
        self, path: str | os.PathLike[str], *, statuses: bool = False, progress: bool | None = None, **options: Any
    ) -> int:
        """Streams the answer into a Parquet file, in bounded memory; how many rows were written."""
        with ParquetFile(path, options, progress) as file:
            async with aclosing(self.batches(PARQUET_ROWS, statuses=statuses)) as batches:
                async for batch in batches:
                    file.write(batch)
        return file.rows


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

    async def apply(self, definitions: Any) -> Plan:
        """Applies definitions."""
        return await operations.apply_or_plan(self._core, definitions, is_plan=False)

    async def plan(self, definitions: Any) -> Plan:
        """What `apply` would do."""
        return await operations.apply_or_plan(self._core, definitions, is_plan=True)

    async def promote(self, kind: str, name: str, *, force: bool = False, dry_run: bool = False) -> Plan:
        """Makes a name without a version mean another version."""
        return await operations.promote(self._core, kind, name, force=force, dry_run=dry_run)

    async def remove(self, kind: str, name: str, *, force: bool = False, keep_history: bool = False, dry_run: bool = False) -> Plan:
        """Removes a project, an entity, a group, a feature, a service or a dataset; refused while something depends on it."""
        return await operations.remove(self._core, kind, name, force=force, keep_history=keep_history, dry_run=dry_run)

    async def list(self) -> Listing:
        """Everything in the project, in short."""
        return await operations.listing(self._core)

    async def describe(self, name: str) -> Description:
        """All that goes by a name."""
        return Description(await describe(self._core, name))

    async def search(self, text: str) -> Listing:
        """What has the text in a name, a description, an owner or a tag."""
        return await operations.search(self._core, text)

    async def write(
        self, target: str | Mapping[str, Any], data: Any = None, *, timeout: float | None = None, nan_is_null: bool | None = None,
        time_unit: str | None = None, lossy: bool = False, progress: bool | None = None,
    ) -> Written:  # fmt: skip
        """Writes rows into a feature group, or into several in one atomic request."""
        options = write.Options(timeout, nan_is_null, progress, time_unit=time_unit, lossy=lossy)
        return await write.write(self._core, target, data, options)

    async def delete(
        self, group: str, keys: Any, *, time_unit: str | None = None, timeout: float | None = None, progress: bool | None = None
    ) -> Written:
        """Deletes keys, from an event time on."""
        return await write.write(self._core, group, keys, write.Options(timeout, None, progress, is_delete=True, time_unit=time_unit))

    async def get_online_features(
        self, features: Sequence[str] | str | None = None, entities: Any = None, *, service: str | None = None,
        full_feature_names: bool = False, min_position: int | None = None, at: Time | None = None, event_times: bool = False,
        time_unit: str | None = None, timeout: float | None = None,
    ) -> OnlineFeatures:  # fmt: skip
        """The latest features of entities, all seen at one position."""
        selection = Selection.of(service, features, full_feature_names)
        return await online.get(self._core, selection, entities, online.Options(at, min_position, event_times, timeout, time_unit))

    async def get_historical_features(
        self, spine: Any, features: Sequence[str] | str | None = None, *, service: str | None = None, spine_time: str = "event_time",
        spine_types: Mapping[str, str] | None = None, full_feature_names: bool = False, as_of: int | None = None,
        availability: str = "event", min_position: int | None = None, event_times: bool = False, time_unit: str | None = None,
        timeout: float | None = None, save: str | None = None,
    ) -> AsyncTable:  # fmt: skip
        """A training set: to each row of the spine the features as they were at its own time."""
        path, spine = source_path(spine), snapshot(spine)
        query = await history.history(
            self._core, spine, Selection.of(service, features, full_feature_names), spine_time=spine_time,
            spine_types=spine_types, as_of=as_of, availability=availability, min_position=min_position, event_times=event_times,
            timeout=timeout, time_unit=time_unit, path=path,
        )  # fmt: skip
        made = AsyncTable(query, frame=frame_of(spine), has_statuses=True)
        if save is not None:
            await made.save(save)
        return made

    async def scan(
        self, group: str, columns: Sequence[str] | None = None, *, start: Time | None = None, end: Time | None = None, keys: Any = None,
        deletes: bool = False, as_of: int | None = None, min_position: int | None = None, time_unit: str | None = None,
        timeout: float | None = None,
    ) -> AsyncTable:  # fmt: skip
        """All rows of a group in (key, event_time, position, row) order."""
        query = await history.scan(
            self._core, group, columns=columns, start=start, end=end, keys=keys, deletes=deletes, as_of=as_of, min_position=min_position,
            timeout=timeout, time_unit=time_unit,
        )  # fmt: skip
        return AsyncTable(query)

    async def latest(
        self, group: str, columns: Sequence[str] | None = None, *, at: Time | None = None, keys: Any = None, deletes: bool = False,
        as_of: int | None = None, min_position: int | None = None, time_unit: str | None = None, timeout: float | None = None,
    ) -> AsyncTable:  # fmt: skip
        """The latest row of every key of a group, by history."""
        query = await history.latest(
            self._core, group, columns=columns, at=at, keys=keys, deletes=deletes, as_of=as_of, min_position=min_position, timeout=timeout,
            time_unit=time_unit,
        )  # fmt: skip
        return AsyncTable(query)

    async def datasets(self) -> Datasets:
        """The saved training sets of the project, in short."""
        return Datasets(await datasets.datasets(self._core))

    async def dataset(self, name: str) -> AsyncDataset:
        """A saved training set."""
        return AsyncDataset(self._core, await datasets.dataset(self._core, name))

    async def status(self) -> StatusReport:
        """Where the server stands."""
        return await operations.status(self._core)

    async def audit(self, *, min_position: int | None = None, progress: bool | None = None) -> AuditReport:
        """Compares online and offline over all rows, at one position; true where they agree."""
        return await operations.audit(self._core, min_position, progress)

    async def snapshot(self) -> Report:
        """Takes a snapshot of the online store."""
        return await operations.snapshot(self._core)

    async def accept_clock(self) -> Report:
        """Tells the server that its wall clock is right, where `status` says that it is not followed."""
        return await operations.accept_clock(self._core)

    async def compact(self, group: str | None = None) -> Report:
        """Compacts the history of one group, or of all."""
        return await operations.compact(self._core, group)

    async def close(self) -> None:
        """Closes all connections; calls that wait fail with `Cancelled`."""
        if self._core.pool.is_closed:
            return
        self._core.pool.close()
        if self._on_close is not None:
            await self._core.pool.driver.run(self._on_close)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client stays in its process: connect in each worker, or open the same path there")

    def __repr__(self) -> str:
        return f"<headwater.aio.AsyncClient {self.address}, project {self.project!r}>"
