"""get: keys in, feature vectors out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import pyarrow as pa

from .._columns import packed
from .._columns.packed import PackedColumns, Types
from .._columns.types import FeatureType, Field
from .._connections.transport import Deadline, Transport
from .._given import are_paths, is_path, library_of
from .._names import AnswerNames, FullNames
from .._shown import counted
from .._tables import convert
from .._tables.rules import Rules
from .._tables.sources import columns_of
from .._tables.values import values_to_arrow
from .._times import microseconds
from .._wire import headwater_pb2 as pb
from .._wire.frames import Method
from .._wire.session import decode
from .._wire.words import in_python
from ..errors import FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted, Unavailable
from ..online import OnlineFeatures
from .core import Backoff, Core, of_text, position


class Selection(NamedTuple):
    """What is asked for: a service, or features."""

    service: str | None
    features: tuple[str, ...]
    full_feature_names: bool

    @staticmethod
    def of(service: str | None, features: Sequence[str] | str | None, full_feature_names: bool) -> Selection:
        """Checks that it is one of them.

        Raises:
            InvalidArgument: where it is both or none.
        """
        if (service is None) == (features is None):
            raise InvalidArgument("give either service= or features=")
        listed: tuple[str, ...]
        if features is None or isinstance(features, str):
            listed = () if features is None else (features,)
        elif isinstance(features, (Mapping, set, frozenset)) or not isinstance(features, Iterable):
            raise InvalidArgument(f"{type(features).__name__} is no list of names such as group:feature, whose order is that of the answer")
        else:
            listed = tuple(features)
        try:
            return _checked(service, listed, full_feature_names)
        except TypeError:
            # What cannot be hashed is no name.
            raise InvalidArgument("features are names, such as group:feature, and a service is one name") from None

    def fill(self, request: Any) -> None:
        """Writes it into a request's head."""
        if self.service is not None:
            request.service = self.service.encode()
        request.features.extend([feature.encode() for feature in self.features])
        request.full_feature_names = self.full_feature_names


@lru_cache(maxsize=1024)
def _checked(service: str | None, features: tuple[str, ...], full_feature_names: bool) -> Selection:
    if any(not isinstance(feature, str) for feature in features) or not isinstance(service or "", str):
        raise InvalidArgument("features are names, such as group:feature, and a service is one name")
    if service is None and not features:
        raise InvalidArgument("features= names none: give a list of group:feature")
    for name in (*features, *([] if service is None else [service])):
        of_text(name, "features" if service is None else "service", "features are names, such as group:feature, and a service is one name")
    return Selection(service, features, full_feature_names)


@dataclass(frozen=True)
class Prepared:
    """A feature list that the server resolved, on one connection."""

    handle: int
    outputs: tuple[Field, ...]
    output_types: Types
    keys: tuple[Field, ...]
    # Columns beside the keys, for expressions.
    request: tuple[Field, ...]
    names: AnswerNames


# How often one get prepares its list again: each time definitions have changed since the time before.
_PREPARED_AGAIN_MAX = 16


class _Full(Unavailable):
    """A connection has as many handles as one may have: the next one has none yet."""


@dataclass
class Options:
    """How a get is done."""

    at: Any = None
    min_position: int | None = None
    event_times: bool = False
    timeout: float | None = None
    time_unit: str | None = None


async def prepare(
    core: Core, transport: Transport, selection: Selection, deadline: Deadline, as_of: int | None = None, *, is_confirmed: bool = False
) -> Prepared:
    """Resolves a list, once on each connection; as of a position, which only histories read, each time.

    Args:
        is_confirmed: asks whether a list that was prepared before still means the same; a get finds that out by itself.

    Raises:
        NotFound: for what does not exist.
        Unavailable: where the connection has as many handles as one may have; it takes no more requests then.
    """
    known: Prepared | None = transport.prepared.get((core.project, selection)) if as_of is None else None
    if known is not None:
        if not is_confirmed:
            return known
        try:
            await _confirm(transport, known, deadline)
            return known
        except (FailedPrecondition, NotFound):
            pass
    request = pb.PrepareRequest(project=core.project.encode())
    selection.fill(request)
    if as_of is not None:
        request.as_of = as_of
    try:
        frame = await transport.finish(await transport.begin(Method.PREPARE, request.SerializeToString(), (), deadline), deadline)
    except ResourceExhausted as error:
        if not transport.prepared:
            # Without a handle it is something else that the server has too little of.
            raise
        transport.retire()
        raise _Full(error.message) from None
    reply = decode(pb.PrepareReply, frame.head)
    for warning in reply.warnings:
        warnings.warn(in_python(warning.decode()), FutureWarning, stacklevel=2)
    outputs = tuple(Field(output.name.decode(), FeatureType.parse(output.type.decode())) for output in reply.outputs)
    keys = tuple(Field(key.name.decode(), FeatureType.parse(key.type.decode())) for key in reply.keys)
    others = tuple(Field(column.name.decode(), FeatureType.parse(column.type.decode())) for column in reply.request)
    features = [field.name for field in outputs]
    names = AnswerNames(FullNames(features) if selection.full_feature_names else features, [field.name for field in keys], "request key")
    made = Prepared(reply.handle, outputs, Types(field.type for field in outputs), keys, others, names)
    if as_of is None:
        transport.prepared[core.project, selection] = made
    return made


async def _confirm(transport: Transport, prepared: Prepared, deadline: Deadline) -> None:
    """Asks whether a list means what it did when it was prepared, by a get of it without rows.

    Raises:
        FailedPrecondition: where it means something else now.
        NotFound: where the server does not know it, or a part of it is gone.
    """
    body = packed.encode(prepared.handle, 0, [(type, pa.array([], type.arrow)) for _, type in (*prepared.keys, *prepared.request)])
    await transport.finish(await transport.begin(Method.GET_PREPARED, b"", (body,), deadline), deadline)


async def get(core: Core, selection: Selection, entities: Any, options: Options, request: Any = None) -> OnlineFeatures:
    """The latest features of entities, by a list that is prepared on the connection which is asked.

    A server knows a list until its connection ends or definitions change what it means; then it is prepared again, and the get repeated.
    """
    deadline = core.deadline(options.timeout)
    backoff = Backoff(core.retries)
    rules = Rules(options.time_unit)
    head = _head(options)
    # Tried again, a call has the same keys.
    entities, request = _kept(entities), _kept(request, "request", "columns of a request")
    key = core.project, selection
    again = 0
    while True:
        prepared: Prepared | None = None
        try:
            transport = await core.pool.transport("online", deadline)
            prepared = transport.prepared.get(key) or await prepare(core, transport, selection, deadline)
            try:
                prepared.names.refuse_clashes(event_times=options.event_times)
                keys, rows = key_columns(entities, prepared.keys, rules)
                others, rows = _request_columns(request, prepared, rows, rules)
            except InvalidArgument:
                # Refused by what the list meant when it was prepared: the caller may know better.
                await _confirm(transport, prepared, deadline)
                raise
            sent = [*((type, keys[name]) for name, type in prepared.keys), *((type, others[name]) for name, type in prepared.request)]
            body = packed.encode(prepared.handle, rows, sent)
            frame = await transport.finish(await transport.begin(Method.GET_PREPARED, head, (body,), deadline), deadline)
            columns = PackedColumns.decode(frame.body, prepared.output_types)
            return OnlineFeatures(prepared.outputs, prepared.output_types, columns, keys, prepared.names)
        except _Full:
            continue
        except Unavailable as error:
            await backoff.wait(core, "online", error, deadline)
        except (FailedPrecondition, NotFound):
            # The list means something else now, or the server does not know it. What is wrong with its names, preparing says.
            if prepared is None or again == _PREPARED_AGAIN_MAX:
                raise
            again += 1
            # Another call may have prepared it again already.
            if transport.prepared.get(key) is prepared:
                del transport.prepared[key]


def _head(options: Options) -> bytes:
    if options.at is None and not options.min_position and not options.event_times:
        return b""
    at = None if options.at is None else microseconds(options.at, "at", options.time_unit)
    return _encoded_head(at, position(options.min_position, "min_position") or 0, bool(options.event_times))


@lru_cache(maxsize=256)
def _encoded_head(at: int | None, min_position: int, event_times: bool) -> bytes:
    request = pb.GetPreparedRequest(min_position=min_position)
    if at is not None:
        request.at = at
    if event_times:
        request.event_times = True
    encoded: bytes = request.SerializeToString()
    return encoded


def key_columns(entities: Any, fields: Sequence[Field], rules: Rules) -> tuple[dict[str, pa.Array], int]:
    """The key columns of a request, and how many rows it has; further columns are left out.

    Raises:
        InvalidArgument: for a missing key, a type that does not fit, columns of different lengths.
    """
    entities = _kept(entities)
    if entities is None or (not fields and isinstance(entities, (dict, list)) and not entities):
        if fields:
            raise InvalidArgument(f"give entities= with the keys {_described(fields)}")
        # A global feature has one vector, and no key to ask for it by.
        return {}, 1
    if isinstance(entities, (list, tuple)) and not entities:
        return {name: pa.array([], type.arrow) for name, type in fields}, 0
    columns = entities if isinstance(entities, dict) else columns_of(entities, only={name for name, _ in fields} if fields else None)
    # The answer keeps its keys, and the caller may use the memory of his arrays for the next ones.
    is_shared = library_of(entities) == "pandas" or (
        isinstance(entities, dict) and any(library_of(values) in ("numpy", "pandas") for values in entities.values())
    )
    keys: dict[str, pa.Array] = {}
    rows = -1
    for name, type in fields:
        if name not in columns:
            raise InvalidArgument(f"is missing: the keys of these features are {_described(fields)}", f"entity key '{name}'")
        array = convert.column(values_to_arrow(columns[name], name), type, name, rules=rules)
        if is_shared:
            array = _own(array)
        if rows >= 0 and len(array) != rows:
            raise InvalidArgument(f"{counted(len(array), 'value', 'values')} where the keys before have {rows}", f"entity key '{name}'")
        keys[name], rows = array, len(array)
    if rows < 0:
        rows = max((len(column) for column in columns.values()), default=1)
    return keys, rows


def _request_columns(request: Any, prepared: Prepared, key_rows: int, rules: Rules) -> tuple[dict[str, pa.Array], int]:
    """The columns of a request beside its keys, and how many rows it has.

    Args:
        key_rows: rows of the keys; where a list has none, the columns say how many there are.

    Raises:
        InvalidArgument: for a column that is missing or that nobody asked for, a type that does not fit, another number of rows.
    """
    fields = prepared.request
    if not fields:
        if request is not None and not (isinstance(request, (dict, list, tuple)) and not request):
            raise InvalidArgument("these features take nothing beside keys: leave it out", "request")
        return {}, key_rows
    if request is None:
        raise InvalidArgument(f"give request= with the columns {_described(fields)}")
    if isinstance(request, (list, tuple)) and not request:
        columns: Any = {name: [] for name, _ in fields}
    else:
        columns = request if isinstance(request, dict) else columns_of(request)
    wanted = dict(fields)
    rows = key_rows if prepared.keys else None
    unknown = [name for name in columns if name not in wanted]
    if unknown:
        raise InvalidArgument(f"is not asked for; the columns are {_described(fields)}", f"request column '{unknown[0]}'")
    made: dict[str, pa.Array] = {}
    for name, type in fields:
        place = f"request column '{name}'"
        if name not in columns:
            raise InvalidArgument(f"is missing: the columns are {_described(fields)}", place)
        array = convert.column(values_to_arrow(columns[name], name), type, name, rules=rules)
        rows = len(array) if rows is None else rows
        if len(array) != rows:
            others = "keys" if prepared.keys else "columns before"
            raise InvalidArgument(f"{counted(len(array), 'value', 'values')} where the {others} have {rows}", place)
        made[name] = array
    return made, rows or 0


def _kept(entities: Any, place: str = "entities", what: str = "keys") -> Any:
    """Entities, or columns of a request, that can be read more than once.

    Raises:
        InvalidArgument: for paths: keys of a request are in memory.
    """
    if entities.__class__ is dict:
        return entities
    if isinstance(entities, pa.RecordBatchReader):
        return entities.read_all()
    if isinstance(entities, Iterator):
        entities = list(entities)
    if isinstance(entities, (list, tuple)) and entities:
        if all(isinstance(item, pa.RecordBatch) for item in entities):
            return pa.Table.from_batches(entities)
        if are_paths(entities):
            raise _no_file(entities[0], place, what)
    if is_path(entities):
        raise _no_file(entities, place, what)
    return entities


def _no_file(path: Any, place: str, what: str) -> InvalidArgument:
    return InvalidArgument(
        f"{str(path)!r:.100} is a text or a path, and {what} are a table in memory: {{'key': [values]}}, or a file that you read first, "
        "such as with pyarrow.parquet.read_table(path) or pandas.read_csv(path)", place,
    )  # fmt: skip


def _own(array: pa.Array) -> pa.Array:
    """The same cells in memory of their own."""
    if array.null_count == 0 and array.type.num_fields == 0 and len(array.buffers()) == 2 and array.offset == 0:
        data = array.buffers()[1]
        return pa.Array.from_buffers(array.type, len(array), [None, pa.py_buffer(data.to_pybytes())])
    return pa.concat_arrays([array, array.slice(0, 0)])


def _described(fields: Sequence[Field]) -> str:
    return ", ".join(f"{name} ({type})" for name, type in fields)
