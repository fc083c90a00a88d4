"""Saved training sets: what they were made of, made again and proved equal, dealt out to parts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ._calls import datasets as calls
from ._calls.table import Part, TableQuery
from ._columns.exports import polars_frame, refuse_for_parquet
from ._columns.lists import lists
from ._columns.matrix import matrix_of
from ._datasets.splits import SplitRule
from ._forms import blocking
from ._given import library_of
from ._paths import local_output
from ._shown import aligned, counted, html_text, preview, preview_html
from ._times import instant
from .reports import DatasetShown, Report

if TYPE_CHECKING:
    import pandas
    import polars

    from ._calls.core import Core

Shares = Mapping[str, float] | str


def rule_of(shares: Shares | None, by: str, seed: int) -> SplitRule | None:
    """How rows are dealt out; `None` where it is not said."""
    return None if shares is None else SplitRule.of(shares, by, seed)


class DatasetReport(Report):
    """What making a training set again gave. True where all is as it was."""

    @property
    def is_equal(self) -> bool:
        """Whether spine, features, labels and split are as they were saved, and what was written is equal."""
        return bool(self["is_equal"])

    def __bool__(self) -> bool:
        return self.is_equal

    def __str__(self) -> str:
        rows = [["feature", "type", "saved", "now", ""]]
        for column in self["columns"]:
            verdict = "equal" if column["is_equal"] else "DIFFERENT"
            rows.append([column["name"], column["type"], column["saved"][:12], column["found"][:12], verdict])
        lines = aligned(rows)
        labels = self["labels"]
        lines.append(f"labels: {labels['verdict']}")
        lines += [f"  {column['name']}: {column['remark']}" for column in labels["columns"] if column["remark"]]
        if "split" in self:
            parts = ", ".join(f"{part['name']} {part['found']:,} of {part['rows']:,}" for part in self["split"]["parts"])
            lines.append(f"split by {self['split']['by']}: {'equal' if self['split']['is_equal'] else 'DIFFERENT'} ({parts})")
        for one in self.get("differences", []):
            place = f"{one['part']}, " if "part" in one else ""
            lines.append(f"  {place}row {one['row']}, column '{one['column']}': {one['given']!r} was given, {one['history']!r} is read")
        if "difference_count" in self:
            lines.append(f"compared with what was written: {counted(self['difference_count'], 'other cell', 'other cells')}")
        verdict = "every cell equal" if self.is_equal else "different"
        lines.append(f"dataset {self['dataset']}, {counted(self['rows'], 'row', 'rows')} as of position {self['as_of']}: {verdict}")
        return "\n".join(lines)


class Datasets(list[dict[str, Any]]):
    """The saved training sets of a project, in short."""

    def __str__(self) -> str:
        if not self:
            return "no datasets: hist.save(name) makes one"
        rows = [["name", "rows", "as of", "created", "history", "description"]]
        for entry in self:
            created = instant(entry["created"]).isoformat() if "created" in entry else ""
            kept = "released" if entry.get("released") else "kept"
            rows.append([entry["name"], f"{entry['rows']:,}", str(entry["as_of"]), created, kept, entry.get("description") or ""])
        return "\n".join(aligned(rows))

    def __repr__(self) -> str:
        return f"<Datasets\n{self}>"

    def _repr_html_(self) -> str:
        return html_text(str(self))


class Split(dict[str, "SplitPart"]):
    """The parts of a training set, by name, such as `train` and `test`."""

    def __str__(self) -> str:
        return "\n".join(f"{name}: {counted(len(part), 'row', 'rows')}" for name, part in self.items())

    def __repr__(self) -> str:
        return f"<Split\n{self}>"

    def _repr_html_(self) -> str:
        return html_text(str(self))

    @staticmethod
    def of(query: TableQuery, rows: Mapping[str, npt.NDArray[np.int64]], frame: Any) -> Split:
        """Made of a loaded answer and the rows of each part."""
        part = query.loaded
        assert part is not None
        return Split({name: SplitPart(part, places, frame) for name, places in rows.items()})


class SplitPart:
    """Some rows of a training set, in its order."""

    def __init__(self, part: Part, rows: npt.NDArray[np.int64], frame: Any) -> None:
        self._part, self._rows, self._frame = part, rows, frame

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Which rows of the training set these are, from 0."""
        return self._rows

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self._part.table(False).take(pa.array(self._rows))

    def to_pandas(self, *, dtypes: str = "numpy") -> pandas.DataFrame:
        """The rows as a DataFrame; a spine that was one keeps its types and its index."""
        return self._part.to_pandas(self._frame, False, dtypes).iloc[self._rows]

    def to_polars(self) -> polars.DataFrame:
        """The rows as a polars DataFrame."""
        return polars_frame(self.to_arrow())

    def to_dict(self) -> dict[str, list[Any]]:
        """The rows as lists, missing values as None."""
        return lists(self.to_arrow())

    def to_numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """The features, without the spine, as one matrix of shape (rows, features)."""
        return matrix_of(self._part.features(False).take(pa.array(self._rows)), dtype)

    def to_parquet(self, path: str | os.PathLike[str], **options: Any) -> int:
        """Writes the rows into a Parquet file; how many they are."""
        table = self.to_arrow()
        refuse_for_parquet(table.schema)
        pq.write_table(table, local_output(path, options), **options)
        return len(self)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self.to_arrow().to_batches())

    def __repr__(self) -> str:
        return f"<SplitPart: {counted(len(self), 'row', 'rows')}>\n{preview(self.to_arrow())}"

    def _repr_html_(self) -> str:
        return f"<div>{counted(len(self), 'row', 'rows')}</div>{preview_html(self.to_arrow())}"


class OfDataset:
    """What saved training sets of both kinds have."""

    def __init__(self, core: Core, definition: dict[str, Any], time_unit: str | None = None) -> None:
        self._core = core
        self._definition = definition
        # Of the spine that it was saved with, where that was in this process: no definition has it.
        self._time_unit = time_unit

    @property
    def name(self) -> str:
        """The name that it was saved under."""
        return str(self._definition["name"])

    @property
    def definition(self) -> dict[str, Any]:
        """What it was made of, field for field as docs/formats/dataset.md has it."""
        return self._definition

    def show(self) -> DatasetShown:
        """What it was made of: query, position, columns with their hashes."""
        return DatasetShown(self._definition)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} stays in its process: call client.dataset({self.name!r}) there")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}\n{self.show()}>"

    def _repr_html_(self) -> str:
        return self.show()._repr_html_()


class Dataset(OfDataset):
    """A saved training set. Its rows are not kept: they are made again of its spine, and proved equal by their hashes."""

    @blocking
    async def verify(self, spine: Any = None, *, against: Any = None, time_unit: str | None = None) -> DatasetReport:
        """Makes the set again and compares every feature with its statuses, the labels, the split, and what was written.

        Args:
            spine: what it was made with; by default the file that it was read from.
            against: what was written of it, a table or a path, whose features and labels are compared row by row; of a split set also a
                dict of part: table.
            time_unit: of the spine's times that are numbers, as for `Client.write`.

        Returns:
            A report that is true where all is equal, and that can be printed.

        Raises:
            FailedPrecondition: where the spine is another one, or a table has other rows.
            OutOfRange: where a retention has dropped what it reads.
        """
        return DatasetReport(await calls.verify(self._core, self.name, spine, against, time_unit or self._time_unit))

    @blocking
    async def release(self) -> Dataset:
        """Lets retention drop what it reads, for ever: what it was made of stays known, but in time it can be made no more."""
        self._definition = await calls.release(self._core, self.name)
        return self

    @blocking
    async def split(
        self, parts: Shares | None = None, *, by: str = "key", seed: int = 0, spine: Any = None, time_unit: str | None = None
    ) -> Split:
        """Makes the set again and deals its rows out: as it was saved, unless it is said how.

        Args:
            parts: such as `{"train": 0.8, "test": 0.2}`; `None`: those that it was saved with.
            by: `key`: all rows of a key are in one part, by its hash; `time`: the parts follow each other in time.
            seed: of the hash of keys: another number deals other keys out.
            spine: what it was made with; by default the file that it was read from.
            time_unit: of the spine's times that are numbers, as for `Client.write`.
        """
        query, rows = await calls.split_again(self._core, self.name, rule_of(parts, by, seed), spine, time_unit or self._time_unit)
        return Split.of(query, rows, frame_of(spine))


def frame_of(data: Any) -> Any:
    """The spine, where it is a pandas DataFrame."""
    return data if library_of(data) == "pandas" else None
