"""Definitions as Python objects: they mirror the YAML field for field (docs/formats/definitions.md)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

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


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, dt.timedelta):
        return duration_text(value)
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat() + ("Z" if isinstance(value, dt.datetime) and value.tzinfo is None else "")
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


class _Definition:
    def to_dict(self) -> dict[str, Any]:
        """As the YAML has it, without what is left out."""
        made: dict[str, Any] = {}
        for name, value in vars(self).items():
            if value is None or (value == {} and name in ("tags", "checks")):
                continue
            made[name.rstrip("_")] = [part.to_dict() if isinstance(part, _Definition) else _plain(part) for part in value] if isinstance(
                value, (list, tuple)
            ) else _plain(value)  # fmt: skip
        return made


@dataclass
class Key(_Definition):
    """A key column.

    Attributes:
        name: of the column.
        type: int32, int64, string, bytes or timestamp.
    """

    name: str
    type: str
    description: str | None = None


@dataclass
class Feature(_Definition):
    """One typed column of a group.

    Attributes:
        name: of the column.
        type: bool, int32, int64, float32, float64, string, bytes, timestamp, `array(T)` or `vector(n)`.
        checks: `min`, `max`, `not_null`, `one_of`, `max_length`: a write that breaks one is refused.
    """

    name: str
    type: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, Any] = field(default_factory=dict)


def _typed(given: Any, kind: type[Key] | type[Feature], what: str) -> list[Any]:
    """Columns as they were given, or for short as a dict of name: type.

    Raises:
        InvalidArgument: for names without types.
    """
    if isinstance(given, Mapping):
        return [kind(name, type) for name, type in given.items()]
    if isinstance(given, (list, tuple)) and all(isinstance(part, (kind, Mapping)) for part in given):
        return list(given)
    raise InvalidArgument(f"{given!r:.60} does not say the types: give a dict of name: type, or hw.{kind.__name__}s", what)


@dataclass
class Entity(_Definition):
    """A business key.

    Attributes:
        keys: `Key`s, or for short a dict of name: type; empty for a global entity.
    """

    name: str
    keys: Sequence[Key | Mapping[str, Any]] | Mapping[str, str]
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = _typed(self.keys, Key, f"entity '{self.name}': keys")


@dataclass
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
    description: str | None = None
    owner: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

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


@dataclass
class Reference(_Definition):
    """A feature in a service, renamed or with other keys.

    Attributes:
        feature: `weather:temp`, `weather@2:temp`.
        as_: what the service calls it.
        keys: the group's key column → the request's.
    """

    feature: str
    as_: str | None = None
    keys: Mapping[str, str] | None = None


@dataclass
class FeatureService(_Definition):
    """What a model reads.

    Attributes:
        features: references such as `weather:temp`, `weather:*`, or `Reference`s.
    """

    name: str
    features: Sequence[str | Reference | Mapping[str, Any]]
    version: int = 1
    description: str | None = None
    owner: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.features, str) or not isinstance(self.features, Sequence):
            raise InvalidArgument(f"{self.features!r:.60} is no list of references", f"feature service '{self.name}': features")


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
