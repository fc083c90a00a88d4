"""Saved training sets: saving, listing, making again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._datasets.hashes import TableHash, fields_of
from .._datasets.splits import Parts, SplitRule
from .._given import is_path
from .._shown import counted
from .._tables.sources import snapshot
from ..errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound, OutOfRange
from . import history, operations
from .comparison import Comparison, report
from .core import Core, of_text
from .groups import describe
from .online import Selection
from .spine_hash import SpineHash, hash_spine
from .table import Part, TableQuery

# Of a part of an answer that is hashed as it comes.
_ROWS = 262_144


@dataclass
class Words:
    """What a training set is saved with beside its rows."""

    description: str | None = None
    owner: str | None = None
    tags: Mapping[str, str] | None = None
    split: SplitRule | None = None


async def hash_answer(
    core: Core, query: TableQuery, take: Callable[[Part], None] | None = None, *, definition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Hashes the features of an answer with their statuses. It is loaded where its spine is in memory, else streamed.

    Args:
        take: is given each part behind its hashing.
        definition: of the saved set that this is made again of.

    Raises:
        OutOfRange: where history is gone.
    """
    hash: TableHash | None = None

    def add(part: Part) -> None:
        nonlocal hash
        hash = hash or TableHash(part.fields)
        hash.append(part.columns, list(part.codes))
        if take is not None:
            take(part)

    run = core.pool.driver.run
    try:
        if query.loaded is not None or query.spine.source.whole is not None or not query.spine.source.is_repeatable:
            loaded = await query.load()
            await run(lambda: add(loaded))
        else:
            async with aclosing(query.parts(_ROWS)) as parts:
                async for part in parts:
                    await run(lambda part=part: add(part))  # type: ignore[misc]
    except OutOfRange as error:
        raise (error if definition is None else _gone(definition, error)) from None
    assert hash is not None
    made: dict[str, Any] = hash.finish()
    return made


async def save(core: Core, query: TableQuery, name: str, words: Words) -> dict[str, Any]:
    """Saves what an answer was made of; the same again changes nothing.

    Raises:
        AlreadyExists: where another set goes by that name.
    """
    question = query.question
    of_text(name, "name", "hist.save('churn')")
    features = await hash_answer(core, query)
    spine = await core.pool.driver.run(lambda: hash_spine(query, keep=words.split is not None))
    made: dict[str, Any] = {"name": name}
    made |= {key: value for key, value in (("description", words.description), ("owner", words.owner)) if value is not None}
    if words.tags:
        made["tags"] = dict(words.tags)
    made |= {"query": question.definition(query.position), "rows": spine.rows, "spine": spine.keys, "labels": spine.labels}
    made["features"] = features
    if words.split is not None:
        made["split"] = words.split.definition(deal(query, words.split, spine.columns))
    if question.source is not None:
        made["source"] = question.source
    made["created"] = time.time_ns() // 1000
    await operations.apply_or_plan(core, {"project": core.project, "datasets": [made]}, is_plan=False)
    return await dataset(core, name)


def deal(query: TableQuery, rule: SplitRule, columns: list[pa.Array]) -> Parts:
    """The part of each row of a spine."""
    spine = query.spine
    names = [name for name, _ in spine.fields]
    time_place = names.index(query.question.spine_time)
    return rule.deal(columns, spine.fields, query.question.key_count, time_place)


async def datasets(core: Core) -> list[dict[str, Any]]:
    """The saved training sets of the project, in short."""
    entries: list[dict[str, Any]] = (await operations.listing(core)).get("datasets", [])
    return entries


async def dataset(core: Core, name: str) -> dict[str, Any]:
    """What a training set was made of.

    Raises:
        NotFound: says which there are.
    """
    of_text(name, "name", "client.dataset('churn')")
    names = [entry["name"] for entry in await datasets(core)]
    if name not in names:
        there = ", ".join(names) if names else "there is none: hist.save(name) makes one"
        raise NotFound(f"no dataset '{name}' in project '{core.project}': {there}")
    found: dict[str, Any] = (await describe(core, name))["datasets"][0]
    return found


async def release(core: Core, name: str) -> dict[str, Any]:
    """Lets retention drop what a training set reads; for ever."""
    found = await dataset(core, name)
    await operations.apply_or_plan(core, {"project": core.project, "datasets": [{**found, "released": True}]}, is_plan=False)
    return await dataset(core, name)


async def again(core: Core, definition: Mapping[str, Any], spine: Any, time_unit: str | None) -> TableQuery:
    """The query of a training set, to be asked once more, of its spine.

    Raises:
        InvalidArgument: where no spine is given, and none is known.
        NotFound: where the file that it was read from is not there.
    """
    name, asked = definition["name"], definition["query"]
    if spine is None:
        source = definition.get("source")
        if source is None:
            raise InvalidArgument(f"dataset '{name}' was made of a spine in memory: give it with spine=")
        if not Path(source).exists():
            raise NotFound(f"the spine of dataset '{name}' is not here: give it with spine=", source)
        spine = source
    as_of = asked["as_of"]
    selection = Selection.of(asked.get("service"), asked.get("features"), asked.get("full_feature_names", False))
    return await history.history(
        core, snapshot(spine), selection, spine_time=asked["spine_time"], as_of=as_of, availability=asked.get("availability", "event"),
        min_position=as_of, event_times=False, timeout=None, time_unit=time_unit,
        spine_types=None,
        saved=fields_of(definition["spine"]), path=source_path(spine),
    )  # fmt: skip


async def checked_spine(core: Core, definition: Mapping[str, Any], query: TableQuery) -> SpineHash:
    """Hashes the spine, which is to be the one that the set was made of.

    Raises:
        FailedPrecondition: says what differs.
    """
    saved = fields_of(definition["labels"]) if "labels" in definition else None
    found = await core.pool.driver.run(lambda: hash_spine(query, saved, keep="split" in definition))
    if found.keys != definition["spine"]:
        pairs = zip(definition["spine"]["columns"], found.keys["columns"], strict=True)
        others = [was for was, now in pairs if was != now]
        names = ", ".join(column["name"] for column in others)
        has_times = any(column["type"] == "timestamp" for column in others)
        hint = (
            "; if its times are numbers, say time_unit= as it was saved with" if has_times and query.spine.rules.time_unit is None else ""
        )
        raise FailedPrecondition(
            f"this is not the spine that dataset '{definition['name']}' was made with: it has "
            f"{counted(found.rows, 'row', 'rows')}, that one {definition['rows']:,}; other cells in {names}{hint}"
        )
    return found


def labels_report(definition: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Compares the labels with those that were saved."""
    if "labels" not in definition:
        return {"verdict": "not hashed when saved", "is_equal": True, "columns": []}
    saved = {column["name"]: column for column in definition["labels"]["columns"]}
    now = {column["name"]: column for column in found["columns"]}
    columns = []
    for name in dict.fromkeys([*saved, *now]):
        columns.append({"name": name, "remark": _label_remark(saved.get(name), now.get(name))})
    is_equal = not any(column["remark"] for column in columns) and list(saved) == list(now)
    verdict = "none" if not saved and not now else "equal" if is_equal else "different"
    if verdict == "different" and not any(column["remark"] for column in columns):
        verdict = "different: in another order"
    return {"verdict": verdict, "is_equal": is_equal, "columns": columns}


def _label_remark(saved: dict[str, Any] | None, now: dict[str, Any] | None) -> str:
    if saved is None or now is None:
        return "not there when saved" if saved is None else "is missing"
    if saved["type"] == now["type"]:
        return "" if saved["hash"] == now["hash"] else "other cells"
    text = "; a CSV file has text where nothing else is said: give the file, or the labels as text" if saved["type"] == "string" else ""
    return f"was saved as {saved['type']}, and is {now['type']} here: the type is part of the hash{text}"


async def verify(core: Core, name: str, spine: Any, against: Any, time_unit: str | None) -> dict[str, Any]:
    """Makes a training set again and says whether it is equal: spine, features with statuses, labels, split, and tables that were written.

    Raises:
        FailedPrecondition: for another spine.
        OutOfRange: where history is gone.
    """
    began = time.monotonic()
    definition = await dataset(core, name)
    query = await again(core, definition, spine, time_unit)
    found = await checked_spine(core, definition, query)
    labels = labels_report(definition, found.labels)
    rule = SplitRule.of_definition(definition["split"]) if "split" in definition else None
    dealt = deal(query, rule, found.columns) if rule is not None else None
    tables = _tables(against, rule)
    comparison = Comparison(tables, fields_of(definition["features"]), fields_of(found.labels), time_unit) if tables else None
    offset = 0

    def compare(part: Part) -> None:
        nonlocal offset
        if comparison is not None:
            comparison.compare(part, _rows_of(tables, rule, dealt, offset, part.rows))
        offset += part.rows

    features = await hash_answer(core, query, compare, definition=definition)
    if comparison is not None:
        comparison.finish()
    split = None if rule is None or dealt is None else _split_report(definition["split"], rule.definition(dealt))
    is_equal = features == definition["features"] and labels["is_equal"] and (split is None or split["is_equal"])
    made = {
        "dataset": name, "as_of": definition["query"]["as_of"], "rows": found.rows, "features": features["hash"],
        "columns": report(definition["features"]["columns"], features["columns"]), "labels": labels,
    }  # fmt: skip
    if split is not None:
        made["split"] = split
    if comparison is not None:
        made |= {"difference_count": comparison.count, "differences": comparison.differences}
        is_equal = is_equal and not comparison.count
    return {**made, "is_equal": is_equal, "seconds": time.monotonic() - began}


def _tables(against: Any, rule: SplitRule | None) -> dict[str, Any]:
    """The tables to compare with, by part; one of the whole set has no name."""
    if against is None:
        return {}
    is_parts = rule is not None and isinstance(against, Mapping) and bool(against) and set(against) <= set(rule.names)
    return dict(against) if is_parts else {"": against}


def _rows_of(tables: Mapping[str, Any], rule: SplitRule | None, dealt: Parts | None, offset: int, count: int) -> dict[str, Any]:
    if "" in tables or rule is None or dealt is None:
        return {"": None}
    here = dealt[offset : offset + count]
    return {name: np.flatnonzero(here == rule.names.index(name)) for name in tables}


def _split_report(saved: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    pairs = zip(saved["parts"], now["parts"], strict=True)
    parts = [{"name": was["name"], "rows": was["rows"], "found": part["rows"]} for was, part in pairs]
    return {"by": saved["by"], "parts": parts, "is_equal": all(part["rows"] == part["found"] for part in parts)}


async def split(core: Core, query: TableQuery, rule: SplitRule) -> dict[str, npt.NDArray[np.int64]]:
    """Loads an answer, and says which of its rows are in which part."""
    await query.load()
    found = await core.pool.driver.run(lambda: hash_spine(query, keep=True))
    dealt = deal(query, rule, found.columns)
    return {name: np.flatnonzero(dealt == place) for place, name in enumerate(rule.names)}


async def split_again(
    core: Core, name: str, rule: SplitRule | None, spine: Any, time_unit: str | None
) -> tuple[TableQuery, dict[str, npt.NDArray[np.int64]]]:
    """Makes a training set again, and deals its rows out: as it was saved, unless another rule is given.

    Raises:
        InvalidArgument: where neither it nor the caller says how.
        DataLoss: where history has other cells than it had.
    """
    definition = await dataset(core, name)
    if rule is None and "split" not in definition:
        raise InvalidArgument(f'dataset \'{name}\' was saved without a split: say how, such as {{"train": 0.8, "test": 0.2}}', "split")
    query = await again(core, definition, spine, time_unit)
    await checked_spine(core, definition, query)
    if await hash_answer(core, query, definition=definition) != definition["features"]:
        raise DataLoss(f"dataset '{name}' cannot be made again: history has other cells as of its position than it had")
    return query, await split(core, query, rule or SplitRule.of_definition(definition["split"]))


def _gone(definition: Mapping[str, Any], error: OutOfRange) -> OutOfRange:
    return OutOfRange(
        f"dataset '{definition['name']}' can be made no more: a retention has dropped history since position "
        f"{definition['query']['as_of']} ({error.message})", error.location,
    )  # fmt: skip


def source_path(spine: Any) -> str | None:
    """The path that a spine was read from, if it is one file."""
    return str(Path(spine).absolute()) if is_path(spine) and Path(spine).is_file() else None
