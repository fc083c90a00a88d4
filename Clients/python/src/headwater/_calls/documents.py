"""Definitions as users hand them in: YAML files with the place of each part, objects, dicts."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .._given import is_path
from .._paths import local
from ..definitions import to_document
from ..errors import HeadwaterError, InvalidArgument, NotFound

# Of a plain scalar, as YAML 1.2's core schema has it: `no` and `1:30` are texts.
_RESOLVERS = [
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
]
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null")}
_LISTS = ("entities", "feature_groups", "feature_services", "datasets")


# As many as the server's own reader of files takes: an alias of aliases can stand for more than memory holds.
_VALUES_MAX = 1_000_000
# Definitions are six levels deep.
_DEPTH_MAX = 100


class _Loader(yaml.SafeLoader):
    """A document whose aliases stand for what is whole before them, and that is not deeper than any that is meant."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        # Of the nodes that are being read.
        self._anchors: list[str | None] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) and event.anchor in self._anchors:
            raise yaml.composer.ComposerError(None, None, "found undefined alias: it stands in what it stands for", event.start_mark)
        if len(self._anchors) > _DEPTH_MAX:
            raise yaml.composer.ComposerError(None, None, f"more than {_DEPTH_MAX} levels deep", event.start_mark)
        self._anchors.append(None if isinstance(event, yaml.AliasEvent) else event.anchor)
        try:
            made: yaml.Node | None = super().compose_node(parent, index)
        finally:
            self._anchors.pop()
        return made


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


class Document:
    """Definitions of one project, and where each part of them stands."""

    def __init__(self, content: dict[str, Any], places: _Places | None = None) -> None:
        self.content = content
        self._places = places or _Places()

    def placed(self, error: HeadwaterError) -> HeadwaterError:
        """The server's error, with file, line and column before each path that it names."""
        if self._places.values:
            error.message = "\n".join(self._placed_line(line) for line in error.message.split("\n"))
            error.args = (error.message,)
        return error

    def _placed_line(self, line: str) -> str:
        unknown = re.match(r"(?:(\S.*?): )?unknown field '(.*?)'", line)
        if unknown is not None:
            place = self._places.names.get(f"{unknown[1]}.{unknown[2]}" if unknown[1] else unknown[2])
            if place is not None:
                return f"{place}: {line}"
        path = line.split(": ", 1)[0]
        while path:
            if path in self._places.values:
                return f"{self._places.values[path]}: {line}"
            # What is missing has no place: that of what lacks it is told.
            path = path.rpartition(".")[0]
        return line


class _Places:
    """Where the values of a document and the names of its fields stand, by their paths."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.names: dict[str, str] = {}


def encoded(content: dict[str, Any]) -> bytes:
    """A document as the server takes it.

    Raises:
        InvalidArgument: for a value that JSON has no word for, behind its path.
    """
    budget = [_VALUES_MAX]
    _check(content, "", budget, 0)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{text[max(0, error.start - 20) : error.end]!r} has half a character", "definitions") from None


def _check(value: Any, path: str, budget: list[int], depth: int) -> None:
    budget[0] -= 1
    if budget[0] < 0:
        raise InvalidArgument(f"{path or 'definitions'}: more than {_VALUES_MAX:,} values: apply them in several parts")
    if depth > _DEPTH_MAX:
        raise InvalidArgument(f"{path[:200]}: more than {_DEPTH_MAX} levels deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgument(f"{path}: expected a number, not {value}, which is none that can be compared with")
    if isinstance(value, dict):
        for name, part in value.items():
            _check(part, f"{path}.{name}" if path else str(name), budget, depth + 1)
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            name = part.get("name") if isinstance(part, dict) else None
            _check(part, f"{path}[{name if isinstance(name, str) else number}]", budget, depth + 1)
    elif value is not None and not isinstance(value, (str, int, float)):
        raise InvalidArgument(f"{path}: {value!r:.60} is of type {type(value).__name__}, which definitions do not have")


def read(definitions: Any, project: str) -> Document:
    """Reads what `apply` and `plan` are given.

    Raises:
        NotFound: for a file that is not there.
        InvalidArgument: for what is no definitions file, with its line.
    """
    if is_path(definitions):
        return _read_files([definitions])
    if isinstance(definitions, Mapping):
        return Document(dict(definitions))
    if isinstance(definitions, Sequence):
        if definitions and all(map(is_path, definitions)):
            return _read_files(definitions)
        return Document(to_document(definitions, project))
    return Document(to_document([definitions], project))


def _read_files(paths: Sequence[Any]) -> Document:
    content: dict[str, Any] = {}
    places = _Places()
    for path in paths:
        file = local(path) if "\n" not in os.fspath(path) else os.fspath(path)
        part = _read_file(file, places)
        for name, value in part.items():
            if name in _LISTS and isinstance(value, list) and isinstance(content.get(name, []), list):
                content.setdefault(name, []).extend(value)
            elif name in content and content[name] != value:
                raise InvalidArgument(f"'{value}' here, '{content[name]}' before: apply one project at a time", f"{file}: {name}")
            else:
                content[name] = value
    return Document(content, places)


def _read_file(file: str, places: _Places) -> dict[str, Any]:
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if "\n" in file:
            raise InvalidArgument("a definitions file is given by its path, not by its text") from None
        raise NotFound("there is no such file", file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"cannot be read: {error}", file) from None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise InvalidArgument(f"is no YAML: {getattr(error, 'problem', None) or error}", place) from None
    builder = _Builder(loader, file, places)
    made: Any = {}
    if node is not None:
        builder.measure(node)
        made = builder.build(node, "")
    if not isinstance(made, dict):
        raise InvalidArgument("is no definitions file: it has fields such as project, entities, feature_groups", file)
    return made


class _Builder:
    """Makes plain values of YAML's nodes."""

    def __init__(self, loader: _Loader, file: str, places: _Places) -> None:
        self._loader, self._file, self._places = loader, file, places
        # Of each node, with what its aliases stand for.
        self._sizes: dict[int, int] = {}

    def _place(self, node: yaml.Node) -> str:
        return f"{self._file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"

    def measure(self, node: yaml.Node) -> int:
        """How many values a node stands for, without making them.

        Raises:
            InvalidArgument: for more than there may be.
        """
        if id(node) not in self._sizes:
            size = 1
            if isinstance(node, yaml.MappingNode):
                size += sum(1 + self.measure(value) for _, value in node.value)
            elif isinstance(node, yaml.SequenceNode):
                size += sum(self.measure(item) for item in node.value)
            if size > _VALUES_MAX:
                raise InvalidArgument(f"more than {_VALUES_MAX:,} values: use fewer aliases, or split the file", self._place(node))
            self._sizes[id(node)] = size
        return self._sizes[id(node)]

    def build(self, node: yaml.Node, path: str) -> Any:
        place = self._place(node)
        self._places.values.setdefault(path, place)
        if node.tag not in _TAGS:
            raise InvalidArgument(f"tags such as {node.tag} are not known here", place)
        if isinstance(node, yaml.MappingNode):
            made: dict[str, Any] = {}
            for key, value in node.value:
                name = str(self._loader.construct_object(key)) if isinstance(key, yaml.ScalarNode) else "?"
                if name == "<<" or name in made:
                    reason = "merge keys are not known here" if name == "<<" else f"'{name}' is given twice"
                    raise InvalidArgument(reason, self._place(key))
                below = f"{path}.{name}" if path else name
                self._places.names.setdefault(below, self._place(key))
                made[name] = self.build(value, below)
            return made
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, f"{path}[{_name(item, number)}]") for number, item in enumerate(node.value)]
        made = self._loader.construct_object(node)
        # A number that is too great for one is what it was written as, for the server to refuse where it wants one.
        return str(node.value) if isinstance(made, float) and math.isinf(made) else made


def _name(node: yaml.Node, number: int) -> str:
    """What a path calls an item: by its name, where it has one."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "name" and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return str(number)
