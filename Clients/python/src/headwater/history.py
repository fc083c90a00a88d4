"""Answers that are tables: training sets and scans."""

from __future__ import annotations

import html
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ._calls import datasets
from ._calls.table import BATCH_ROWS, Part, TableQuery
from ._columns.exports import polars_frame, refuse_for_parquet
from ._columns.lists import lists
from ._columns.matrix import matrix_of
from ._connections.transport import run_awaitable, run_now
from ._forms import blocking
from ._paths import local_output
from ._shown import PREVIEW_ROWS, counted, preview, preview_html, progress_bar
from .datasets import Dataset, Shares, Split, rule_of
from .errors import HeadwaterError
from .online import STATUSES, Status

if TYPE_CHECKING:
    import pandas
    import polars

T = TypeVar("T")
# Of a row group.
PARQUET_ROWS = 4 * BATCH_ROWS


def _iterate(asynchronous: AsyncGenerator[T, None]) -> Iterator[T]:
    """A blocking iterator over what never suspends; leaving it early gives the stream up."""
    try:
        while True:
            try:
                item = run_awaitable(asynchronous.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run_awaitable(asynchronous.aclose())


class ParquetFile:
    """A file on its way. Part of an answer looks like all of it, so one that is left in the middle is removed."""

    def __init__(self, path: str | os.PathLike[str], options: dict[str, Any], progress: bool | None) -> None:
        self.rows = 0
        self._path = local_output(path, options)
        self._options = options
        self._writer: pq.ParquetWriter | None = None
        self._bar = progress_bar(str(path), progress)

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds a row group."""
        if self._writer is None:
            # Before a file that is there already is overwritten.
            refuse_for_parquet(batch.schema)
            self._writer = pq.ParquetWriter(self._path, batch.schema, **self._options)
        self._writer.write_batch(batch)
        self.rows += batch.num_rows
        self._bar.update(batch.num_rows)

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.close()
        if self._writer is not None:
            self._writer.close()
            if kind is not None and "filesystem" not in self._options:
                os.unlink(self._path)


class OfTable:
    """What tables of both kinds have: a question, and how its answer is shown."""

    def __init__(self, query: TableQuery, *, frame: Any = None, has_statuses: bool = False) -> None:
        self._query = query
        self._frame = frame
        self._has_statuses = has_statuses

    async def _table(self, statuses: bool) -> pa.Table:
        statuses = self._expect(statuses)
        return (await self._query.load()).table(statuses)

    async def _status_lists(self) -> dict[str, list[Status]]:
        self._expect(True)
        part = await self._query.load()
        return {name: [STATUSES[code] for code in codes] for name, codes in zip(part.names, part.codes.tolist(), strict=True)}

    async def _batches(self, rows: int, statuses: bool) -> AsyncGenerator[pa.RecordBatch, None]:
        statuses = self._expect(statuses)
        async with aclosing(self._query.parts(rows)) as parts:
            async for part in parts:
                for batch in record_batches(part, statuses):
                    yield batch

    def _expect(self, statuses: bool) -> bool:
        """Says whether statuses are wanted, before anything is asked."""
        if statuses and not self._has_statuses:
            raise ValueError("the rows of a scan have no statuses: they are what was written")
        self._query.expect(statuses=statuses)
        return statuses

    def _only_of_histories(self, what: str) -> None:
        if not self._has_statuses:
            raise ValueError(f"the rows of a scan cannot {what}: a training set can")


class FeatureTable(OfTable):
    """A table that the store answers with: asked for when it is first read, then kept.

    `batches()` and `to_parquet()` stream it without keeping it. All of them answer as of one position.
    """

    def __init__(self, query: TableQuery, *, frame: Any = None, has_statuses: bool = False) -> None:
        super().__init__(query, frame=frame, has_statuses=has_statuses)
        # What a notebook shows before it is read.
        self._first: pa.Table | None = None

    @property
    def position(self) -> int:
        """The log position that the whole answer shows; loads it where that is not known yet."""
        if self._query.position is None:
            run_now(self._query.load())
        assert self._query.position is not None
        return self._query.position

    @blocking
    async def to_arrow(self, *, statuses: bool = False) -> pa.Table:
        """The answer as an Arrow table; the columns of the answer share the memory that it arrived in.

        Args:
            statuses: adds a column `NAME__status` after each feature; of histories only.
        """
        return await self._table(statuses)

    @blocking
    async def to_pandas(self, *, statuses: bool = False, dtypes: str = "numpy") -> pandas.DataFrame:
        """The answer as a DataFrame; a spine that was one keeps its types and its index.

        Args:
            statuses: adds a column `NAME__status` after each feature; of histories only.
            dtypes: `numpy` for NumPy's types, where a missing number is NaN, or `arrow` for Arrow's, which keep null apart.
        """
        statuses = self._expect(statuses)
        return (await self._query.load()).to_pandas(self._frame, statuses, dtypes)

    @blocking
    async def to_polars(self, *, statuses: bool = False) -> polars.DataFrame:
        """The answer as a polars DataFrame."""
        return polars_frame(await self._table(statuses))

    @blocking
    async def to_dict(self, *, statuses: bool = False) -> dict[str, list[Any]]:
        """The answer as lists, missing values as None."""
        return lists(await self._table(statuses))

    @blocking
    async def to_numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """The features, without the spine, as one matrix of shape (rows, features), as `OnlineFeatures.to_numpy` makes it."""
        return matrix_of((await self._query.load()).features(False), dtype)

    def batches(self, rows: int = BATCH_ROWS, *, statuses: bool = False) -> Iterator[pa.RecordBatch]:
        """The answer piece by piece as it arrives: the server waits while it is not read.

        It waits for about half a minute. A history whose spine can be read again then goes on by itself with the rest of it; a scan ends
        with `Unavailable` or `DeadlineExceeded`: read that on, or let `to_arrow` or `to_parquet` do it.

        Args:
            rows: of a batch, about.
            statuses: adds a column `NAME__status` after each feature; of histories only.
        """
        return _iterate(self._batches(rows, statuses))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self.batches()

    @blocking
    async def to_parquet(
        self, /, path: str | os.PathLike[str], *, statuses: bool = False, progress: bool | None = None, **options: Any
    ) -> int:
        """Streams the answer into a Parquet file, in bounded memory.

        Args:
            progress: whether a bar is shown; `None`: on a terminal.
            options: of `pyarrow.parquet.ParquetWriter`, such as `compression="zstd"`.

        Returns:
            How many rows were written.
        """
        with ParquetFile(path, options, progress) as file:
            async with aclosing(self._batches(PARQUET_ROWS, statuses)) as batches:
                async for batch in batches:
                    file.write(batch)
        return file.rows

    @property
    def statuses(self) -> dict[str, list[Status]]:
        """The status of each value, by feature; of histories only."""
        return run_now(self._status_lists())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __dlpack__(self, **arguments: Any) -> Any:
        """The matrix of features for `torch.from_dlpack` and its like."""
        # A copy where it may only be read: such is not handed on this way.
        whole = self.to_numpy()
        return (whole if whole.flags.writeable else whole.copy()).__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        # CPU
        return 1, 0

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} stays in its process: call to_arrow() first, and pickle the table that it gives")

    def _summary(self) -> str:
        loaded = self._query.loaded
        if loaded is None:
            return "not read yet: to_arrow(), to_pandas(), to_parquet(path), batches()"
        table = loaded.table(False)
        size = f"{counted(table.num_rows, 'row', 'rows')} × {counted(table.num_columns, 'column', 'columns')}"
        return f"{size} at position {self._query.position}"

    def __repr__(self) -> str:
        shown = f"\n{preview(self.to_arrow())}" if self._query.loaded is not None else ""
        return f"<{type(self).__name__}: {self._summary()}>{shown}"

    def _repr_html_(self) -> str:
        if self._query.loaded is not None:
            return f"<div>{html.escape(self._summary())}</div>{preview_html(self.to_arrow())}"
        try:
            first = self._first_rows()
        except HeadwaterError as error:
            # What cannot be read can still be shown.
            return f"<div>{html.escape(f'{self._summary()} ({error})')}</div>"
        if first is None:
            return f"<div>{html.escape(self._summary())}</div>"
        return f"<div>the first rows; {html.escape(self._summary())}</div>{preview_html(first)}"

    def _first_rows(self) -> pa.Table | None:
        """The first rows of an answer that is not read yet: only so much is asked for. `None` where reading would use the spine up."""
        if self._first is None and self._query.can_be_read_again:
            parts = _iterate(self._query.parts(PREVIEW_ROWS + 1))
            try:
                self._first = next(parts).table(False)
            finally:
                parts.close()  # type: ignore[attr-defined]
        return self._first


class HistoricalFeatures(FeatureTable):
    """A training set: the spine's columns in its order and number, and the features as of each row's own time."""

    @blocking
    async def save(
        self, name: str, *, description: str | None = None, owner: str | None = None, tags: Mapping[str, str] | None = None,
        split: Shares | None = None, split_by: str = "key", seed: int = 0,
    ) -> Dataset:  # fmt: skip
        """Saves what the training set was made of: query, position, hashes of the spine, its further columns (labels) and all features.

        The rows are not kept: `client.dataset(name)` makes them again and proves them equal. What it reads is kept from retention until it
        is released. Saving the same again changes nothing, and adds labels to a set that was saved without.

        Args:
            name: once in a project.
            description, owner, tags: for people.
            split: how its rows are dealt out, such as `{"train": 0.8, "test": 0.2}`.
            split_by: `key` or `time`.
            seed: of a split by key.

        Raises:
            FailedPrecondition: where another set goes by that name.
        """
        self._only_of_histories("be saved")
        words = datasets.Words(description, owner, tags, rule_of(split, split_by, seed))
        saved = await datasets.save(self._query.core, self._query, name, words)
        return Dataset(self._query.core, saved, self._query.spine.rules.time_unit)

    @blocking
    async def split(self, parts: Shares, *, by: str = "key", seed: int = 0) -> Split:
        """Deals the rows out to parts, such as train and test.

        Args:
            parts: such as `{"train": 0.8, "test": 0.2}`.
            by: `key`: all rows of a key are in one part, in every training set; `time`: the parts follow each other in time.
            seed: of a split by key: another number deals other keys out.
        """
        self._only_of_histories("be split")
        rule = rule_of(parts, by, seed)
        assert rule is not None
        return Split.of(self._query, await datasets.split(self._query.core, self._query, rule), self._frame)


class Scan(FeatureTable):
    """The rows of one group: keys, event_time, ingest_time, position, row, features."""


def record_batches(part: Part, statuses: bool) -> list[pa.RecordBatch]:
    """A part as one record batch."""
    table = part.table(statuses)
    try:
        table = table.combine_chunks()
    except pa.ArrowInvalid:
        # Dictionaries that have together more values than their indices reach: a batch has those of one.
        pass
    return list(table.to_batches()) or [pa.RecordBatch.from_pylist([], table.schema)]
