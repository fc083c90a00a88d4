"""history, scan and latest: what they ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from google.protobuf.message import Message

from .._columns import batch
from .._columns.exports import refuse_for_spine
from .._columns.types import TIMESTAMP, FeatureType, Field
from .._connections.transport import Deadline
from .._names import FullNames
from .._tables.rows import Source
from .._tables.rules import Rules
from .._tables.sources import open_source
from .._times import microseconds
from .._wire import headwater_pb2 as pb
from .._wire.frames import Method
from ..errors import InvalidArgument, NotFound, Unavailable
from .core import Core, position
from .groups import Group, describe, group, promoted
from .online import Selection, key_columns, prepare
from .question import Question
from .spine import Spine
from .table import TableQuery


async def history(
    core: Core, spine: Any, selection: Selection, *, spine_time: str, spine_types: Mapping[str, str] | None, as_of: int | None,
    availability: str, min_position: int | None, event_times: bool, timeout: float | None, time_unit: str | None,
    path: str | None = None, saved: Sequence[Field] | None = None,
) -> TableQuery:  # fmt: skip
    """A point-in-time join, not asked yet; names, keys and the spine's columns are checked.

    Raises:
        NotFound: for features that do not exist.
        InvalidArgument: for a spine without its keys or its time.

    Args:
        path: the file that the spine is read from, if it is one.
        saved: keys and time of a saved training set, which is asked for again.
    """
    if availability not in ("event", "ingest"):
        raise InvalidArgument(f"availability={availability!r}: 'event' or 'ingest'")
    rules = Rules(time_unit)
    as_of = position(as_of, "as_of")
    try:
        resolved = await resolve(core, selection, core.deadline(timeout), as_of)
    except NotFound:
        if saved is None:
            raise
        # Definitions are others by now than those that the set is read with.
        resolved = Resolved([field for field in saved if field.name != spine_time], [], [])
    needed = [*resolved.keys, *resolved.request]
    has_time = any(column.name == spine_time for column in needed)
    fields = list(saved) if saved is not None else [*needed, *([] if has_time else [Field(spine_time, TIMESTAMP)])]
    if dict(fields)[spine_time] != TIMESTAMP:
        raise InvalidArgument(f"is a key of type {dict(fields)[spine_time]} and cannot be the time: name another spine_time=", spine_time)
    if isinstance(spine, (list, tuple)) and not spine:
        spine = {name: pa.array([], type.arrow) for name, type in fields}
    types = _spine_types(spine_types or {}, fields)
    source = _spine_source(spine, [*types, *(field.name for field in fields)])
    made = Spine(source, fields, types, rules, resolved.outputs, time=spine_time, has_event_times=event_times)
    await core.pool.driver.run(made.check)
    # Rows are dealt out by keys, which stand before the columns of the request.
    key_count = len(resolved.keys) if resolved.request else len(fields) - (not has_time)
    question = Question(selection, spine_time, availability, event_times, key_count, path)

    def request(answered: int | None) -> Message:
        head = pb.HistoryRequest(project=core.project.encode(), spine_time=spine_time.encode())
        selection.fill(head)
        for name, type in fields:
            head.spine_columns.add(name=name.encode(), type=str(type).encode())
        _positions(core, head, answered if as_of is None else as_of, min_position)
        head.availability_ingest = availability == "ingest"
        head.event_times = event_times
        return head

    return TableQuery(core, Method.HISTORY, request, timeout=timeout, spine=made, event_times=event_times, question=question)


def _spine_source(spine: Any, needed: list[str]) -> Source:
    """The spine, read piece by piece.

    Raises:
        InvalidArgument: for a column that Arrow has no type for, also one that no feature needs, as it is to be kept.
    """
    try:
        # A table as Arrow has it says its types before its cells are taken.
        if isinstance(spine, (pa.Table, pa.RecordBatch, pa.RecordBatchReader)):
            refuse_for_spine((field.name, field.type) for field in spine.schema if field.name not in needed)
        source = open_source(spine, needed)
        if source.whole is not None:
            refuse_for_spine((name, type) for name, type in (source.whole.head.types or {}).items() if name not in needed)
        return source
    except InvalidArgument as error:
        # Only of a column by itself: of a table that is none there is more to say.
        column = re.search(r"column '(.*)'$", error.location or "")
        if column is None or column[1] in needed or re.search("is one value|no feature needs", error.message):
            raise
        error.message += "; no feature needs this column: leave it out of the spine, or make it text"
        error.args = (error.message,)
        raise


def _spine_types(given: Mapping[str, str], fields: Sequence[Field]) -> dict[str, FeatureType]:
    """The types of further columns, by name."""
    types: dict[str, FeatureType] = {}
    for name, type in given.items():
        try:
            types[name] = FeatureType.parse(type if isinstance(type, str) else repr(type))
        except InvalidArgument as error:
            raise InvalidArgument(error.message, f"spine_types: column '{name}'") from None
        needed = dict(fields).get(name)
        if needed is not None and needed != types[name]:
            raise InvalidArgument(f"is {needed} by the definitions; spine_types= says {type}", f"column '{name}'")
    return types


async def scan(
    core: Core, name: str, *, columns: Sequence[str] | None, start: Any, end: Any, keys: Any, deletes: bool, as_of: int | None,
    min_position: int | None, timeout: float | None, time_unit: str | None,
) -> TableQuery:  # fmt: skip
    """All rows of a group, or those of some keys, not asked yet."""
    times = {"start": start, "end": end}
    return await _rows(core, Method.SCAN, pb.ScanRequest, name, columns, keys, times, deletes, as_of, min_position, timeout, time_unit)


async def latest(
    core: Core, name: str, *, columns: Sequence[str] | None, at: Any, keys: Any, deletes: bool, as_of: int | None,
    min_position: int | None, timeout: float | None, time_unit: str | None,
) -> TableQuery:  # fmt: skip
    """The latest row of every key of a group, by history, not asked yet."""
    times = {"at": at}
    return await _rows(core, Method.LATEST, pb.LatestRequest, name, columns, keys, times, deletes, as_of, min_position, timeout, time_unit)


async def _rows(
    core: Core, method: Method, make: Callable[..., Any], name: str, columns: Sequence[str] | str | None, keys: Any,
    times: Mapping[str, Any], deletes: bool, as_of: int | None, min_position: int | None, timeout: float | None, time_unit: str | None,
) -> TableQuery:  # fmt: skip
    """What a scan and a latest share: all but the times that they are asked for."""
    rules = Rules(time_unit)
    bounds = {field: microseconds(time, field, time_unit) for field, time in times.items() if time is not None}
    names = [columns] if isinstance(columns, str) else list(columns or ())
    as_of = position(as_of, "as_of")
    described = await group(core, name, core.deadline(timeout), as_of)
    if deletes:
        _refuse_deleted(described, names)
    key_names, body = _keys(described, keys, rules)

    def request(answered: int | None) -> Message:
        head = make(project=core.project.encode(), group=name.encode(), deletes=deletes)
        head.columns.extend(column.encode() for column in names)
        head.key_names.extend(key_names)
        for field, time in bounds.items():
            setattr(head, field, time)
        _positions(core, head, answered if as_of is None else as_of, min_position)
        made: Message = head
        return made

    return TableQuery(core, method, request, timeout=timeout, body=body)


def _positions(core: Core, head: Any, as_of: int | None, min_position: int | None) -> None:
    as_of, min_position = position(as_of, "as_of"), position(min_position, "min_position")
    if as_of is not None:
        head.as_of = as_of
    least = max(min_position or 0, core.definitions_position)
    if least:
        head.min_position = least


def _refuse_deleted(described: Group, names: Sequence[str]) -> None:
    """Refuses tombstones beside a column that is called as the one which tells them."""
    answered = [column.name for column in described.of_role("key", "feature") if column.role == "key" or not names or column.name in names]
    if "deleted" in answered:
        raise InvalidArgument(f"'deleted' is a column of '{described.reference}' and the one that deletes=True adds: leave deletes= out")


def _keys(described: Group, keys: Any, rules: Rules) -> tuple[list[bytes], list[Any]]:
    """The keys that a scan keeps to."""
    if keys is None:
        return [], []
    fields = [Field(column.name, column.type) for column in described.of_role("key")]
    arrays, rows = key_columns(keys, fields, rules)
    encoded = batch.encode(rows, [(number, type, arrays[name]) for number, (name, type) in enumerate(fields)])
    return [field.name.encode() for field in fields], [encoded]


class Resolved(NamedTuple):
    """What a feature list means: the columns that a spine must have, and the features by their names in the answer."""

    keys: list[Field]
    # Of a service's request.
    request: list[Field]
    outputs: list[str]


async def resolve(core: Core, selection: Selection, deadline: Deadline, as_of: int | None = None) -> Resolved:
    """Resolves a feature list.

    The online service resolves the list; where it is down, its definitions are read from the server that answers, so that history does
    not need it.
    """
    try:
        transport = await core.pool.transport("online", deadline)
        prepared = await prepare(core, transport, selection, deadline, as_of, is_confirmed=True)
        return Resolved(list(prepared.keys), list(prepared.request), _outputs(selection, [field.name for field in prepared.outputs]))
    except Unavailable:
        pass
    keys: dict[str, FeatureType] = {}
    outputs: list[str] = []
    request: list[Field] = []
    if selection.service is not None:
        wanted = (await _service(core, selection.service, as_of))["definition"].get("request", [])
        request = [Field(column["name"], FeatureType.parse(column["type"])) for column in wanted]
    for feature in await _features(core, selection, as_of):
        if feature.group is None:
            # What is worked out has its name, and no key.
            outputs += [feature.name]
            continue
        described = await group(core, feature.group, as_of=as_of)
        for column in described.of_role("key"):
            keys.setdefault(feature.keys.get(column.name, column.name), column.type)
        if feature.is_hidden:
            continue
        names = [column.name for column in described.of_role("feature")] if feature.name == "*" else [feature.name]
        is_full = selection.full_feature_names
        outputs += [feature.renamed or (f"{feature.group.partition('@')[0]}__{name}" if is_full else name) for name in names]
    return Resolved([Field(name, type) for name, type in keys.items()], request, _outputs(selection, outputs))


def _outputs(selection: Selection, names: list[str]) -> list[str]:
    return FullNames(names) if selection.full_feature_names else names


class _Feature(NamedTuple):
    """One reference of a list, with what the request calls it and its keys."""

    # `None` of an expression.
    group: str | None
    name: str
    renamed: str | None
    keys: dict[str, str]
    is_hidden: bool = False


async def _features(core: Core, selection: Selection, as_of: int | None) -> list[_Feature]:
    if selection.service is None:
        return [_Feature(*_split(feature), None, {}) for feature in selection.features]
    service = await _service(core, selection.service, as_of)
    features = []
    for output in service["outputs"]:
        name, is_hidden = output["name"], output.get("hidden", False)
        if "feature" in output:
            renamed = None if selection.full_feature_names else name
            features.append(_Feature(*_split(output["feature"]), renamed, output.get("keys", {}), is_hidden))
        elif not is_hidden:
            features.append(_Feature(None, name, name, {}))
    return features


def _split(reference: str) -> tuple[str, str]:
    group, _, name = reference.rpartition(":")
    return group, name


async def _service(core: Core, name: str, as_of: int | None) -> dict[str, Any]:
    names = [name]
    # `churn_v2` stands for `churn@2` where no service has exactly that name.
    base, _, version = name.rpartition("_v")
    if base and version.isdigit():
        names.append(f"{base}@{version}")
    for candidate in names:
        try:
            services = (await describe(core, candidate, as_of=as_of)).get("feature_services", [])
        except NotFound:
            continue
        if services:
            return promoted(services)
    raise NotFound(f"'{name}' in project '{core.project}' is no feature service: client.list() shows them")
