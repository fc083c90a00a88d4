"""The client: every call blocks until its answer is there."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn

from ._calls import datasets, history, online, operations, write
from ._calls.core import RETRIES, TIMEOUT, Core
from ._calls.datasets import source_path
from ._calls.flow import Flow, Limits
from ._calls.groups import describe
from ._calls.online import Selection
from ._calls.written import Written
from ._connections.blocking import BlockingDriver
from ._connections.transport import run_now
from ._forms import blocking
from ._tables.sources import snapshot
from ._times import Time
from .datasets import Dataset, Datasets, frame_of
from .errors import HeadwaterError
from .history import HistoricalFeatures, Scan
from .online import OnlineFeatures
from .reports import AuditReport, ClientsReport, Description, Listing, Plan, Report, SlowReport, StatusReport
from .stream import Stream


class Client:
    """A client of one store. For any thread; calls run side by side. Made by `connect` and `open`.

    Finds the server of each role, connects again after a loss, retries what is safe. Close it, or use it in a `with` statement.
    """

    def __init__(
        self, address: str | None, project: str | None, *, timeout: float | None = TIMEOUT, retries: int = RETRIES,
        token: str | None = None, before_connecting: Callable[[], None] | None = None, on_close: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self._core = Core.of(
            BlockingDriver(), address, project, timeout=timeout, retries=retries, token=token, before_connecting=before_connecting
        )
        self._on_close = on_close
        run_now(operations.begin(self._core))

    @property
    def project(self) -> str:
        """The namespace of all names."""
        return self._core.project

    @property
    def address(self) -> str:
        """Where the server is that this client was told of."""
        return str(self._core.pool.first)

    @blocking
    async def apply(self, definitions: Any) -> Plan:
        """Applies definitions.

        Args:
            definitions: a path of a YAML file or a list of them, or a list of `hw.Entity`, `hw.FeatureGroup` and `hw.FeatureService`.

        Returns:
            What was done.

        Raises:
            InvalidArgument: with up to 20 problems, each behind its file and line, or its path.
            FailedPrecondition: for a change that is not allowed: give the group or service a new version.
        """
        return await operations.apply_or_plan(self._core, definitions, is_plan=False)

    @blocking
    async def plan(self, definitions: Any) -> Plan:
        """What `apply` would do; print it. What is not allowed is in it, as `refusals`.

        Args:
            definitions: as for `apply`.
        """
        return await operations.apply_or_plan(self._core, definitions, is_plan=True)

    @blocking
    async def promote(self, kind: str, name: str, *, force: bool = False, dry_run: bool = False) -> Plan:
        """Makes a name without a version mean another version, for reads and writes from here on. Services stay pinned.

        Args:
            kind: `group` or `service`.
            name: the version, `orders@2`. The first one is promoted when it is made; applying a newer one promotes nothing.
            force: promotes a version without rows too, which is else a `FailedPrecondition`.
            dry_run: only says what it would do; what is not allowed is in it, as `refusals`.
        """
        return await operations.promote(self._core, kind, name, force=force, dry_run=dry_run)

    @blocking
    async def remove(self, kind: str, name: str, *, force: bool = False, keep_history: bool = False, dry_run: bool = False) -> Plan:
        """Removes something; while something depends on it, that is named in a `FailedPrecondition`.

        Args:
            kind: `project`, `entity`, `group`, `feature`, `service` or `dataset`.
            name: `orders`, or `orders@1` where there are several versions; of a feature `orders:total`.
            force: removes what depends on it too, but for datasets: what they read stays until they are released.
            keep_history: keeps a group's rows, which leave history at its next compaction else, for reads as of positions before.
            dry_run: only says what it would do; what is not allowed is in it, as `refusals`.
        """
        return await operations.remove(self._core, kind, name, force=force, keep_history=keep_history, dry_run=dry_run)

    @blocking
    async def list(self) -> Listing:
        """Everything in the project, in short."""
        return await operations.listing(self._core)

    @blocking
    async def describe(self, name: str) -> Description:
        """All that goes by a name, as the server has it: definition, columns, versions.

        Args:
            name: of an entity, a group, a service or a dataset: `weather`, or one version, `weather@2`.

        Raises:
            NotFound: says what there is.
        """
        return Description(await describe(self._core, name))

    @blocking
    async def search(self, text: str) -> Listing:
        """What has the text, without regard to case, in a name, a description, an owner or a tag; `matches` of an entry says where."""
        return await operations.search(self._core, text)

    @blocking
    async def write(
        self, target: str | Mapping[str, Any], data: Any = None, *, timeout: float | None = None, nan_is_null: bool | None = None,
        time_unit: str | None = None, lossy: bool = False, progress: bool | None = None,
    ) -> Written:  # fmt: skip
        """Writes rows into a feature group, or into several in one atomic request.

        A table of up to 16 MiB (or 262,144 rows) is one request: all of it is written, or nothing. A larger one is checked whole, then
        sent in several requests, in order. A lost connection is made again, and each row is written once.

        Args:
            target: the group, `weather` or `weather@1`; or a dict of group: data, written together.
            data: a pyarrow Table, RecordBatch or RecordBatchReader, a pandas or polars DataFrame, a list of dicts, a dict of columns; or
                the path of a Parquet, CSV or NDJSON file, a glob, or a list of paths. It has the group's key columns, its event time and
                any of its features; a missing feature is null.
            timeout: seconds for each request; the client's, unless given.
            nan_is_null: whether NaN in floats means null. By default it does in pandas columns of NumPy's types, where nothing else
                can, and nowhere else.
            time_unit: of times that are numbers: `s`, `ms`, `us` or `ns`. Without it whole microseconds are taken from texts and files, and
                refused where all lie outside the years 1971 to 2200.
            lossy: whether a number that a float cannot hold, such as a decimal of more than 15 digits, becomes the nearest one; it is
                refused, unless given.
            progress: whether a bar is shown; `None`: on a terminal, where it takes longer than half a second.

        Returns:
            The position of the last row, an `int` that also has `rows`, and how many of them gets will not find: `rows_below_cutoff`,
            older than the group's retention, and `rows_behind_tombstone`, older than the delete of their key.

        Raises:
            InvalidArgument: with rows and reasons: nothing was written.
            NotFound: where there is no such group.
        """
        options = write.Options(timeout, nan_is_null, progress, time_unit=time_unit, lossy=lossy)
        return await write.write(self._core, target, data, options)

    @blocking
    async def stream(
        self, group: str, *, linger: float = 0.001, batch: int = 1_000, in_flight: int = 8, timeout: float | None = None,
        nan_is_null: bool | None = None, time_unit: str | None = None, lossy: bool = False,
    ) -> Stream:  # fmt: skip
        """Opens a stream into a feature group, for rows that come one by one: they are gathered into requests, several of which are under
        way at once, in order.

            with client.stream("weather") as stream:
                for row in rows:
                    stream.add(row)

        Args:
            group: `weather` or `weather@1`, and its columns, as they are now: another promotion or column is for the next stream.
            linger: seconds that a row waits for others at most, before its request goes.
            batch: rows of a request at most. Up to 1,024 take the least bytes in the log.
            in_flight: requests under way at once, at most; while there are as many, and rows of two more wait, `add` waits.
            timeout: seconds for each request; the client's, unless given.
            nan_is_null, time_unit, lossy: as for `write`.

        Raises:
            NotFound: where there is no such group.
            InvalidArgument: for a number that is out of range.
        """
        options = write.Options(timeout, nan_is_null, False, time_unit=time_unit, lossy=lossy)
        return Stream(await Flow.open(self._core, group, options, Limits.of(linger, batch, in_flight)))

    @blocking
    async def delete(
        self, group: str, keys: Any, *, time_unit: str | None = None, timeout: float | None = None, progress: bool | None = None
    ) -> Written:
        """Deletes keys, from an event time on: reads at or after it find nothing older, reads of history before it still do.

        Args:
            group: `weather` or `weather@1`.
            keys: any table that `write` takes, with the key columns, and the event time's column where that is not now.
            time_unit, timeout, progress: as for `write`.

        Returns:
            The position, an `int` that also has `keys_with_newer_rows`: those for which a later row wins.
        """
        options = write.Options(timeout, None, progress, is_delete=True, time_unit=time_unit)
        return await write.write(self._core, group, keys, options)

    @blocking
    async def get_online_features(
        self, features: Sequence[str] | str | None = None, entities: Any = None, *, service: str | None = None,
        full_feature_names: bool = False, min_position: int | None = None, at: Time | None = None, event_times: bool = False,
        time_unit: str | None = None, timeout: float | None = None, request: Any = None,
    ) -> OnlineFeatures:  # fmt: skip
        """The latest features of entities, all seen at one position.

        Args:
            features: such as `["weather:temp", "aircraft@2:seats"]`; or give `service`.
            entities: the keys, one vector for each row: a dict of lists, a list of dicts, or any table in memory. None for global
                features. A null key, or one that is not there, is NOT_FOUND.
            service: `departure_delay`, or `departure_delay@1`.
            full_feature_names: names features `weather__temp`.
            min_position: the answer shows at least this position, such as that of a write.
            at: the clock for max_age, and for nothing else; the server's, unless given. A datetime, RFC 3339 text, or microseconds since
                1970; without a zone it is UTC.
            event_times: whether the answer tells when each value became true.
            time_unit: of `at`, and of keys that are times, where they are numbers: `s`, `ms`, `us` or `ns`.
            timeout: seconds; the client's, unless given.
            request: columns that a service's expressions want beside the keys, a row for each vector; in the forms that `entities` takes.

        Raises:
            NotFound: for features that do not exist.
            InvalidArgument: for a missing key or column of the request, or one of another type.
            DeadlineExceeded: where the position was not reached in time: it never answers stale.
            OutOfRange: for a position that the log never gave out.
        """
        selection = Selection.of(service, features, full_feature_names)
        options = online.Options(at, min_position, event_times, timeout, time_unit)
        return await online.get(self._core, selection, entities, options, request)

    @blocking
    async def get_historical_features(
        self, spine: Any, features: Sequence[str] | str | None = None, *, service: str | None = None, spine_time: str = "event_time",
        spine_types: Mapping[str, str] | None = None, full_feature_names: bool = False, as_of: int | None = None,
        availability: str = "event", min_position: int | None = None, event_times: bool = False, time_unit: str | None = None,
        timeout: float | None = None, save: str | None = None,
    ) -> HistoricalFeatures:  # fmt: skip
        """A training set: to each row of the spine the features as they were at its own time.

        Nothing is asked before the answer is read. Its rows are the spine's, in order and number.

        Args:
            spine: any table that `write` takes, or paths: keys, a service's request columns, a time, and what else there is, which is kept.
            features, service, full_feature_names: as in `get_online_features`.
            spine_time: the time's column. A time without a zone is UTC.
            spine_types: types of further columns, such as `{"label": "int64"}`. Without one, those of a CSV file stay text, as they stood.
            as_of: reads history as the log was at this position: the same question has the same answer for ever.
            availability: `event`, or `ingest`, which also requires that a row had been written by the spine row's time.
            min_position: the answer shows at least this position.
            event_times: adds a column `NAME__event_time` after each feature: when its value became true, null where there is none.
            time_unit: of the spine's times that are numbers, as for `write`.
            timeout: seconds for the whole stream; no limit, unless given.
            save: saves what the training set was made of under this name, as `HistoricalFeatures.save` does; it is asked for at once then.

        Raises:
            NotFound: for features that do not exist.
            InvalidArgument: for a spine without its keys or its time.
            OutOfRange: when it is read, for a position that the log never gave out, or that is older than what is kept.
        """
        path, spine = source_path(spine), snapshot(spine)
        query = await history.history(
            self._core, spine, Selection.of(service, features, full_feature_names), spine_time=spine_time,
            spine_types=spine_types, as_of=as_of, availability=availability, min_position=min_position, event_times=event_times,
            timeout=timeout, time_unit=time_unit, path=path,
        )  # fmt: skip
        if save is not None:
            await datasets.save(self._core, query, save, datasets.Words())
        return HistoricalFeatures(query, frame=frame_of(spine), has_statuses=True)

    @blocking
    async def scan(
        self, group: str, columns: Sequence[str] | None = None, *, start: Time | None = None, end: Time | None = None, keys: Any = None,
        deletes: bool = False, as_of: int | None = None, min_position: int | None = None, time_unit: str | None = None,
        timeout: float | None = None,
    ) -> Scan:  # fmt: skip
        """All rows of a group in (key, event_time, position, row) order. Nothing is asked before it is read.

        Args:
            group: `weather` or `weather@1`.
            columns: features to give; `None` for all.
            start, end: event times from `start` on, and before `end`.
            keys: only rows of these, as `entities` of a get.
            deletes: whether tombstones are given too, with a column `deleted`.
            as_of: as history was at this position.
            min_position: the answer shows at least this position.
            time_unit: of `start`, `end`, and keys that are times, where they are numbers: `s`, `ms`, `us` or `ns`.
            timeout: seconds for the whole stream; no limit, unless given.
        """
        query = await history.scan(
            self._core, group, columns=columns, start=start, end=end, keys=keys, deletes=deletes, as_of=as_of, min_position=min_position,
            timeout=timeout, time_unit=time_unit,
        )  # fmt: skip
        return Scan(query)

    @blocking
    async def latest(
        self, group: str, columns: Sequence[str] | None = None, *, at: Time | None = None, keys: Any = None, deletes: bool = False,
        as_of: int | None = None, min_position: int | None = None, time_unit: str | None = None, timeout: float | None = None,
    ) -> Scan:  # fmt: skip
        """The latest row of every key of a group, by history. Nothing is asked before it is read.

        Args:
            at: of the rows with an event time up to this; `None`: of all rows.
            group, columns, keys, deletes, as_of, min_position, time_unit, timeout: as for `scan`.
        """
        query = await history.latest(
            self._core, group, columns=columns, at=at, keys=keys, deletes=deletes, as_of=as_of, min_position=min_position, timeout=timeout,
            time_unit=time_unit,
        )  # fmt: skip
        return Scan(query)

    @blocking
    async def datasets(self) -> Datasets:
        """The saved training sets of the project, in short."""
        return Datasets(await datasets.datasets(self._core))

    @blocking
    async def dataset(self, name: str) -> Dataset:
        """A saved training set: show it, make it again and prove it equal, deal it out, release it."""
        return Dataset(self._core, await datasets.dataset(self._core, name))

    @blocking
    async def status(self) -> StatusReport:
        """Where the server stands: positions, lag, rows, memory and bytes, by store and group."""
        return await operations.status(self._core)

    @blocking
    async def clients(self) -> ClientsReport:
        """Who is connected to the server: address, name and version, requests, bytes, requests without an answer."""
        return await operations.clients(self._core)

    @blocking
    async def slow(self) -> SlowReport:
        """The slowest requests of the last hour, ten of each method, and what each waited for."""
        return await operations.slow(self._core)

    @blocking
    async def audit(self, *, min_position: int | None = None, progress: bool | None = None) -> AuditReport:
        """Compares online and offline over all rows, at one position; true where they agree.

        Args:
            min_position: compares at least at this position.
            progress: whether a bar is shown; `None`: on a terminal.
        """
        return await operations.audit(self._core, min_position, progress)

    @blocking
    async def snapshot(self) -> Report:
        """Writes a snapshot of the online store, so that it starts faster and the log can be shortened."""
        return await operations.snapshot(self._core)

    @blocking
    async def accept_clock(self) -> Report:
        """Tells the server that its wall clock is right, where `status` says that it is not followed.

        Returns:
            `ahead`: how far the wall clock was ahead of trusted time (negative: behind); `now`: trusted time from now on; in microseconds.
        """
        return await operations.accept_clock(self._core)

    @blocking
    async def compact(self, group: str | None = None) -> Report:
        """Merges the files of the offline store: each group to one run; or `group` alone, `weather` or `weather@1`."""
        return await operations.compact(self._core, group)

    @blocking
    async def close(self) -> None:
        """Closes all connections; calls that wait fail with `Cancelled`. Lets a server go that `open` started."""
        if self._core.pool.is_closed:
            return
        self._core.pool.close()
        if self._on_close is not None:
            await self._core.pool.driver.run(self._on_close)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client stays in its process: connect in each worker, or open the same path there")

    def __repr__(self) -> str:
        return f"<headwater.Client {self.address}, project {self.project!r}{', closed' if self._core.pool.is_closed else ''}>"

    def _repr_html_(self) -> str:
        try:
            listing = "" if self._core.pool.is_closed else self.list()._repr_html_()
        except HeadwaterError:
            listing = ""  # What cannot be reached can still be shown.
        return f"<div>{html.escape(repr(self))}</div>{listing}"
