"""history, scan and latest: what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from .._columns import batch
from .._columns.types import TIMESTAMP, FeatureType, Field
from .._connections.transport import Deadline
from .._tables.sources import open_source
from .._times import microseconds
from .._wire import headwater_pb2 as pb
from .._wire.frames import Method
from ..errors import InvalidArgument, NotFound, Unavailable
from .core import Core, position
from .groups import describe, group
from .online import Selection, key_columns, prepare
from .table import Spine, TableQuery


async def history(
    core: Core, spine: Any, selection: Selection, *, spine_time: str, as_of: int | None, availability: str,
    min_position: int | None, event_times: bool, timeout: float | None,
) -> TableQuery:  # fmt: skip
    """A point-in-time join, not asked yet; names, keys and the spine's columns are checked.

    Raises:
        NotFound: for features that do not exist.
        InvalidArgument: for a spine without its keys or its time.
    """
    if availability not in ("event", "ingest"):
        raise InvalidArgument(f"availability={availability!r}: 'event' or 'ingest'")
    keys = await request_keys(core, selection, core.deadline(timeout))
    fields = [*[key for key in keys if key.name != spine_time], Field(spine_time, TIMESTAMP)]
    made = Spine(open_source(spine, [field.name for field in fields]), fields)
    made.check()

    def request(answered: int | None) -> Message:
        head = pb.HistoryRequest(project=core.project.encode(), spine_time=spine_time.encode())
        selection.fill(head)
        for name, type in fields:
            head.spine_columns.add(name=name.encode(), type=str(type).encode())
        _positions(core, head, answered if as_of is None else as_of, min_position)
        head.availability_ingest = availability == "ingest"
        head.event_times = event_times
        return head

    return TableQuery(core, Method.HISTORY, request, timeout=timeout, spine=made, event_times=event_times)


async def scan(
    core: Core, name: str, *, columns: Sequence[str] | None, start: Any, end: Any, keys: Any, deletes: bool, as_of: int | None,
    min_position: int | None, timeout: float | None,
) -> TableQuery:  # fmt: skip
    """All rows of a group, or those of some keys, not asked yet."""
    times = {"start": start, "end": end}
    return await _rows(core, Method.SCAN, pb.ScanRequest, name, columns, keys, times, deletes, as_of, min_position, timeout)


async def latest(
    core: Core, name: str, *, columns: Sequence[str] | None, at: Any, keys: Any, deletes: bool, as_of: int | None,
    min_position: int | None, timeout: float | None,
) -> TableQuery:  # fmt: skip
    """The latest row of every key of a group, by history, not asked yet."""
    times = {"at": at}
    return await _rows(core, Method.LATEST, pb.LatestRequest, name, columns, keys, times, deletes, as_of, min_position, timeout)


async def _rows(
    core: Core, method: Method, make: Callable[..., Any], name: str, columns: Sequence[str] | str | None, keys: Any,
    times: Mapping[str, Any], deletes: bool, as_of: int | None, min_position: int | None, timeout: float | None,
) -> TableQuery:  # fmt: skip
    """What a scan and a latest share: all but the times that they are asked for."""
    key_names, body = await _keys(core, name, keys, core.deadline(timeout))
    names = [columns] if isinstance(columns, str) else list(columns or ())

    def request(answered: int | None) -> Message:
        head = make(project=core.project.encode(), group=name.encode(), deletes=deletes)
        head.columns.extend(column.encode() for column in names)
        head.key_names.extend(key_names)
        for field, time in times.items():
            if time is not None:
                setattr(head, field, microseconds(time, field))
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


async def _keys(core: Core, name: str, keys: Any, deadline: Deadline) -> tuple[list[bytes], list[Any]]:
    """The keys that a scan keeps to."""
    described = await group(core, name, deadline)
    if keys is None:
        return [], []
    fields = [Field(column.name, column.type) for column in described.of_role("key")]
    arrays, rows = key_columns(keys, fields)
    encoded = batch.encode(rows, [(number, type, arrays[name]) for number, (name, type) in enumerate(fields)])
    return [field.name.encode() for field in fields], [encoded]


async def request_keys(core: Core, selection: Selection, deadline: Deadline) -> list[Field]:
    """The key columns that a feature list takes: what a spine must have.

    The online service resolves the list; where it is down, its definitions are read from the server that answers, so that history does
    not need it.
    """
    try:
        transport = await core.transport("online", deadline)
        return list((await prepare(core, transport, selection, deadline)).keys)
    except Unavailable:
        pass
    keys: dict[str, FeatureType] = {}
    for reference, renamed in await _groups(core, selection):
        for column in (await group(core, reference)).of_role("key"):
            keys.setdefault(renamed.get(column.name, column.name), column.type)
    return [Field(name, type) for name, type in keys.items()]


async def _groups(core: Core, selection: Selection) -> list[tuple[str, dict[str, str]]]:
    """The groups of a list, each with what the request calls its keys."""
    if selection.service is None:
        return [(feature.rsplit(":", 1)[0], {}) for feature in selection.features]
    service = await _service(core, selection.service)
    return [(output["feature"].rsplit(":", 1)[0], output.get("keys", {})) for output in service["outputs"]]


async def _service(core: Core, name: str) -> dict[str, Any]:
    names = [name]
    # `churn_v2` stands for `churn@2` where no service has exactly that name.
    base, _, version = name.rpartition("_v")
    if base and version.isdigit():
        names.append(f"{base}@{version}")
    for candidate in names:
        try:
            services = (await describe(core, candidate)).get("feature_services", [])
        except NotFound:
            continue
        if services:
            newest: dict[str, Any] = max(services, key=lambda service: service["definition"]["version"])
            return newest
    raise NotFound(f"'{name}' in project '{core.project}' is no feature service: client.list() shows them")
