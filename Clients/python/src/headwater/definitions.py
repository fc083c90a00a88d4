"""Definitions as Python objects: they mirror the YAML field for field (docs/formats/definitions.md)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, Union

import numpy as np
import pyarrow as pa

from ._columns.types import FeatureType
from .errors import InvalidArgument

Duration = Union[str, dt.timedelta]

_UNITS = [
    (604_800_000_000, "w"), (86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms"), (1, "us"),
]  # fmt: skip


def duration_text(duration: Duration) -> str:
    """`3h` for a timedelta of three hours; text stays as it is."""
    if isinstance(duration, str):
        return duration
    microseconds = duration // dt.timedelta(microseconds=1)
    if microseconds <= 0:
        raise InvalidArgument(f"{duration} is no duration: it is above zero")
    for size, unit in _UNITS:
        if microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    raise AssertionError


def _plain(value: Any, place: str) -> Any:
    """A value as JSON has it.

    Raises:
        InvalidArgument: for what JSON has nothing for.
    """
    if isinstance(value, dt.timedelta):
        return duration_text(value)
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat() + ("Z" if isinstance(value, dt.datetime) and value.tzinfo is None else "")
    if isinstance(value, Mapping):
        return {str(name): _plain(item, f"{place}[{name}]") for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{number}]") for number, item in enumerate(value)]
    if isinstance(value, np.generic):
        return _plain(value.item(), place)
    if value is not None and not isinstance(value, (str, bool, int, float)):
        raise InvalidArgument(f"{value!r:.60} is of {type(value).__name__}, which no definition has", place)
    return value


def _words(*, default: Any = MISSING, default_factory: Any = MISSING) -> Any:
    """A field with what people say of a definition: a search looks through it."""
    return field(default=default, default_factory=default_factory, metadata={"is searched": True})


def searched_fields() -> tuple[str, ...]:
    """Names of the fields with words of people, of all definitions."""
    parts = [part for kind in (FeatureGroup, FeatureService, Entity, Feature, Key, RequestColumn, Expression) for part in fields(kind)]
    return tuple(dict.fromkeys(part.name for part in parts if part.metadata.get("is searched")))


def _default(part: Field[Any]) -> Any:
    return part.default_factory() if part.default_factory is not MISSING else part.default


class _Definition:
    """What a user defines. A field is declared once, as an attribute of its class: the walks over them do the rest."""

    def __repr__(self) -> str:
        """As it is written in Python, without what is left out."""
        shown = []
        for part in fields(self):  # type: ignore[arg-type]
            value, default = getattr(self, part.name), _default(part)
            if not (value is None or (default is not MISSING and value == default)):
                shown.append(f"{part.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_dict(self) -> dict[str, Any]:
        """As the YAML has it, without what is left out."""
        made: dict[str, Any] = {}
        for part in fields(self):  # type: ignore[arg-type]
            value, name = getattr(self, part.name), part.name.rstrip("_")
            is_empty = isinstance(value, (Mapping, Sequence)) and not value
            if value is None or (is_empty and _default(part) in ({}, ())) or (value is False and _default(part) is False):
                continue
            place = f"{self._place()}: {name}"
            if isinstance(value, (list, tuple)):
                made[name] = [item.to_dict() if isinstance(item, _Definition) else _plain(item, place) for item in value]
            else:
                made[name] = value.to_dict() if isinstance(value, _Definition) else _plain(value, place)
        return made

    def _place(self) -> str:
        kind = re.sub("(?<!^)([A-Z])", r" \1", type(self).__name__).lower()
        return f"{kind} '{getattr(self, 'name', None) or getattr(self, 'feature', '')}'"


@dataclass(repr=False)
class Key(_Definition):
    """A key column.

    Attributes:
        name: of the column.
        type: int32, int64, string, bytes or timestamp.
    """

    name: str
    type: str
    description: str | None = _words(default=None)

    def __post_init__(self) -> None:
        _check_type(self, "key")


@dataclass(repr=False)
class Feature(_Definition):
    """One typed column of a group.

    Attributes:
        name: of the column.
        type: bool, int32, int64, float32, float64, string, bytes, timestamp, `array(T)` or `vector(n)`.
        checks: `min`, `max`, `not_null`, `one_of`, `max_length`: a write that breaks one is refused.
        renamed_from: names that it had before, and that still mean it.
        deprecated: what to use instead, shown to who uses it.
    """

    name: str
    type: str
    description: str | None = _words(default=None)
    tags: Mapping[str, str] = _words(default_factory=dict)
    checks: Mapping[str, Any] = field(default_factory=dict)
    renamed_from: Sequence[str] = ()
    deprecated: str | None = None

    def __post_init__(self) -> None:
        _check_type(self, "feature")


# What a type in Python's own words, NumPy's or Arrow's is called here.
_CALLED = {
    float: "float64", int: "int64", str: "string", bytes: "bytes", bool: "bool", dt.datetime: "timestamp", dt.date: "timestamp",
    "float": "float64", "int": "int64", "str": "string", "datetime64": "timestamp",
}  # fmt: skip


def _check_type(column: Key | Feature | RequestColumn, what: str) -> None:
    """Refuses a type that is no text, and says what it is called.

    Raises:
        InvalidArgument: names the column.
    """
    if not isinstance(column.name, str):
        raise InvalidArgument(f"{column.name!r:.60} is no name: it is text", what)
    given = column.type
    if isinstance(given, str):
        return
    if isinstance(given, list) and len(given) == 1:
        called = _called(given[0])
        advice = f"say 'array({called})'" if called else "say such as 'array(float64)'"
    else:
        called = _called(given)
        advice = f"say '{called}'" if called else "say such as 'float64', 'string', 'timestamp', 'array(T)' or 'vector(n)'"
    raise InvalidArgument(f"the type is given as text, and not as {given!r:.60}: {advice}", f"{what} '{column.name}'")


def _called(given: Any) -> str | None:
    if isinstance(given, pa.DataType):
        return next((str(found) for found in [FeatureType.of_arrow(given)] if found is not None), None)
    try:
        named = _CALLED.get(given)
        if named is None and not isinstance(given, str) and given is not None:
            of_numpy = np.dtype(given)
            named = _CALLED.get(re.sub(r"\[.*", "", of_numpy.name), of_numpy.name)
    except TypeError:
        return None
    return named if named in _NAMES else None


_NAMES = ("bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp")


def _typed(given: Any, kind: type[Key] | type[Feature] | type[RequestColumn], what: str) -> list[Any]:
    """Columns as they were given, or for short as a dict of name: type.

    Raises:
        InvalidArgument: for names without types.
    """
    if isinstance(given, Mapping):
        return [kind(name, type) for name, type in given.items()]
    if isinstance(given, (list, tuple)) and all(isinstance(part, (kind, Mapping)) for part in given):
        return list(given)
    raise InvalidArgument(f"{given!r:.60} does not say the types: give a dict of name: type, or a list of hw.{kind.__name__}", what)


@dataclass(repr=False)
class Entity(_Definition):
    """A business key.

    Attributes:
        keys: `Key`s, or for short a dict of name: type; empty for a global entity.
    """

    name: str
    keys: Sequence[Key | Mapping[str, Any]] | Mapping[str, str]
    description: str | None = _words(default=None)
    tags: Mapping[str, str] = _words(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = _typed(self.keys, Key, f"entity '{self.name}': keys")


@dataclass(repr=False)
class FeatureGroup(_Definition):
    """A written table.

    Attributes:
        entity: its name, or the `Entity`, which is then applied with the group.
        features: `Feature`s, or for short a dict of name: type.
        event_time: name of the time column; `none` for a static table.
        version: a whole number; what an addition of features cannot say is a new version.
        max_age: how far back a read may look, such as `3h` or a timedelta; no limit, unless given.
        retention: how old a row may be before it is removed; no limit, unless given.
        ahead: how far in the future an event time may be; `5m`, unless given.
        available_time: name of the column that stands for ingest time in backfilled history.
        renamed_from: names that it had before, and that still mean it.
        deprecated: what to use instead, shown to who uses it.
    """

    name: str
    entity: str | Entity
    features: Sequence[Feature | Mapping[str, Any]] | Mapping[str, str]
    event_time: str = "none"
    version: int = 1
    max_age: Duration | None = None
    retention: Duration | None = None
    ahead: Duration | None = None
    available_time: str | None = None
    description: str | None = _words(default=None)
    owner: str | None = _words(default=None)
    tags: Mapping[str, str] = _words(default_factory=dict)
    renamed_from: Sequence[str] = ()
    deprecated: str | None = None

    def __post_init__(self) -> None:
        self.features = _typed(self.features, Feature, f"feature group '{self.name}': features")

    def to_dict(self) -> dict[str, Any]:
        """As the YAML has it, without what is left out."""
        made = super().to_dict()
        made["entity"] = self.entity.name if isinstance(self.entity, Entity) else self.entity
        return made

    def to_yaml(self) -> str:
        """The group, and the entity if it is known, as a part of a definitions file."""
        return to_yaml([self])


@dataclass(repr=False)
class Reference(_Definition):
    """A feature in a service, renamed or with other keys.

    Attributes:
        feature: `weather:temp`, `weather@2:temp`.
        as_: what the service calls it.
        keys: the group's key column → the request's.
        hidden: whether it only goes into expressions, and is no output.
    """

    feature: str
    as_: str | None = None
    keys: Mapping[str, str] | None = None
    hidden: bool = False


@dataclass(repr=False)
class RequestColumn(_Definition):
    """A column that whoever asks a service brings beside the keys: in `request=` of a get, in the spine of a history.

    Attributes:
        name: of the column; no key and no output is called so.
        type: any that a feature may have.
    """

    name: str
    type: str
    description: str | None = _words(default=None)

    def __post_init__(self) -> None:
        _check_type(self, "request column")


@dataclass(repr=False)
class Expression(_Definition):
    """An output of a service that is worked out when it is asked for: the same bits in a get and in a history.

    Attributes:
        name: of the output.
        expr: such as `amount / mean`, over outputs that stand before it and columns of the request (docs/expressions.md).
        hidden: whether it only goes into other expressions, and is no output.
        language: the version of the language that it is written in.
    """

    name: str
    expr: str
    hidden: bool = False
    description: str | None = _words(default=None)
    language: int = 1


@dataclass(repr=False)
class FeatureService(_Definition):
    """What a model reads.

    Attributes:
        features: references such as `weather:temp`, `weather:*`, or `Reference`s; a `FeatureGroup` for all of its features; `Expression`s.
        request: columns that a request brings beside keys, for the expressions: `RequestColumn`s, or for short a dict of name: type.
        renamed_from: names that it had before, and that still mean it.
        deprecated: what to use instead, shown to who uses it.
    """

    name: str
    features: Sequence[str | Reference | Expression | FeatureGroup | Mapping[str, Any]]
    version: int = 1
    description: str | None = _words(default=None)
    owner: str | None = _words(default=None)
    tags: Mapping[str, str] = _words(default_factory=dict)
    renamed_from: Sequence[str] = ()
    deprecated: str | None = None
    request: Sequence[RequestColumn | Mapping[str, Any]] | Mapping[str, str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.features, str) or not isinstance(self.features, Sequence):
            raise InvalidArgument(f"{self.features!r:.60} is no list of references", f"feature service '{self.name}': features")
        self.request = _typed(self.request, RequestColumn, f"feature service '{self.name}': request") if self.request else ()

    def to_dict(self) -> dict[str, Any]:
        """As the YAML has it, without what is left out."""
        whole = [f"{item.name}@{item.version}:*" if isinstance(item, FeatureGroup) else item for item in self.features]
        return super(FeatureService, replace(self, features=whole)).to_dict()


Definition = Union[Entity, FeatureGroup, FeatureService]


def to_document(definitions: Sequence[Definition], project: str | None = None) -> dict[str, Any]:
    """All definitions as one document, as a definitions file has them.

    Raises:
        InvalidArgument: for what is no definition.
    """
    document: dict[str, Any] = {} if project is None else {"project": project}
    entities: dict[str, dict[str, Any]] = {}
    groups: list[dict[str, Any]] = []
    services: list[dict[str, Any]] = []
    for definition in definitions:
        if isinstance(definition, Entity):
            entities[definition.name] = definition.to_dict()
        elif isinstance(definition, FeatureGroup):
            if isinstance(definition.entity, Entity):
                entities.setdefault(definition.entity.name, definition.entity.to_dict())
            groups.append(definition.to_dict())
        elif isinstance(definition, FeatureService):
            services.append(definition.to_dict())
        else:
            raise InvalidArgument(f"{type(definition).__name__} is no definition: give hw.Entity, hw.FeatureGroup or hw.FeatureService")
    document.update({"entities": list(entities.values()), "feature_groups": groups, "feature_services": services})
    return document


def to_yaml(definitions: Sequence[Definition], project: str | None = None) -> str:
    """The text of a definitions file.

    Args:
        definitions: a list of `Entity`, `FeatureGroup` and `FeatureService`.
        project: the file's project; none, unless given.
    """
    import yaml

    document = {name: value for name, value in to_document(definitions, project).items() if value}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return text
