"""Feature groups as a writer needs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .._columns.types import FeatureType
from .._connections.transport import Deadline
from .._wire import headwater_pb2 as pb
from .._wire.frames import Method
from ..errors import NotFound
from .core import Core, of_text, parse_json

_UNITS = {
    "us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000,
}  # fmt: skip


def duration_microseconds(text: str) -> int:
    """Of `90s`, `3h`, `400d`."""
    match = re.fullmatch(r"(\d+)(us|ms|s|m|h|d|w)", text)
    assert match is not None, text
    return int(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True)
class Column:
    """One column of a group, by its ordinal."""

    ordinal: int
    name: str
    type: FeatureType
    # key, event_time, available_time or feature
    role: str


@dataclass(frozen=True)
class Group:
    """A feature group in its newest schema."""

    name: str
    version: int
    id: int
    schema_version: int
    columns: tuple[Column, ...]
    definition: dict[str, Any]

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.version}"

    def of_role(self, *roles: str) -> list[Column]:
        return [column for column in self.columns if column.role in roles]

    @property
    def ahead_microseconds(self) -> int:
        """How far in the future an event time may be."""
        ahead: str = self.definition.get("ahead", "5m")
        return 2**62 if ahead == "none" else duration_microseconds(ahead)

    @staticmethod
    def of_json(described: dict[str, Any]) -> Group:
        definition = described["definition"]
        columns = tuple(
            Column(ordinal, column["name"], FeatureType.parse(column["type"]), column["role"])
            for ordinal, column in enumerate(described["columns"])
        )
        return Group(definition["name"], definition["version"], described["id"], described["schema_version"], columns, definition)


async def describe(core: Core, name: str, deadline: Deadline | None = None, as_of: int | None = None) -> dict[str, Any]:
    """All that goes by a name, as JSON; as it was at a position, where one is given.

    Raises:
        NotFound: says what there is.
    """
    name = of_text(name, "name", "'weather', or one version of it, 'weather@2'")
    request = pb.DescribeRequest(project=core.project.encode(), name=name.encode())
    if as_of is not None:
        request.as_of = as_of
    frame = await core.call(Method.DESCRIBE, None, request, deadline=deadline)
    described: dict[str, Any] = parse_json(frame.body)
    return described


async def group(core: Core, name: str, deadline: Deadline | None = None, as_of: int | None = None) -> Group:
    """The group that `weather` (its promoted version) or `weather@2` names.

    Raises:
        NotFound: where there is none, also where the name is that of something else.
    """
    groups = (await describe(core, name, deadline, as_of)).get("feature_groups", [])
    if not groups:
        raise NotFound(f"'{name}' in project '{core.project}' is no feature group: client.list() shows them")
    return Group.of_json(promoted(groups))


def promoted(versions: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the versions that go by a name the one that the name means."""
    # A server from before promotion tells of none: there the greatest version counted.
    return max(versions, key=lambda described: (described.get("promoted", False), described["definition"]["version"]))
