"""Definitions as users hand them in: YAML files with the place of each part, objects, dicts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

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


class _Loader(yaml.SafeLoader):
    pass


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


class Document:
    """Definitions of one project, and where each part of them stands."""

    def __init__(self, content: dict[str, Any], places: Mapping[str, str] | None = None) -> None:
        self.content = content
        self._places = places or {}

    def placed(self, error: HeadwaterError) -> HeadwaterError:
        """The server's error, with file, line and column before each path that it names."""
        if self._places:
            error.message = "\n".join(self._placed_line(line) for line in error.message.split("\n"))
            error.args = (error.message,)
        return error

    def _placed_line(self, line: str) -> str:
        path = line.split(": ", 1)[0]
        while path:
            if path in self._places:
                return f"{self._places[path]}: {line}"
            # What is missing has no place: that of what lacks it is told.
            path = path.rpartition(".")[0]
        return line


def read(definitions: Any, project: str) -> Document:
    """Reads what `apply` and `plan` are given.

    Raises:
        NotFound: for a file that is not there.
        InvalidArgument: for what is no definitions file, with its line.
    """
    if isinstance(definitions, (str, os.PathLike)):
        return _read_files([definitions])
    if isinstance(definitions, Mapping):
        return Document(dict(definitions))
    if isinstance(definitions, Sequence):
        if definitions and all(isinstance(item, (str, os.PathLike)) for item in definitions):
            return _read_files(definitions)
        return Document(to_document(definitions, project))
    return Document(to_document([definitions], project))


def _read_files(paths: Sequence[Any]) -> Document:
    content: dict[str, Any] = {}
    places: dict[str, str] = {}
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


def _read_file(file: str, places: dict[str, str]) -> dict[str, Any]:
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
    made = _Builder(loader, file, places).build(node, "") if node is not None else {}
    if not isinstance(made, dict):
        raise InvalidArgument("is no definitions file: it has fields such as project, entities, feature_groups", file)
    return made


class _Builder:
    """Makes plain values of YAML's nodes."""

    def __init__(self, loader: _Loader, file: str, places: dict[str, str]) -> None:
        self._loader, self._file, self._places = loader, file, places

    def build(self, node: yaml.Node, path: str) -> Any:
        place = f"{self._file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        self._places.setdefault(path, place)
        if node.tag not in _TAGS:
            raise InvalidArgument(f"tags such as {node.tag} are not known here", place)
        if isinstance(node, yaml.MappingNode):
            made: dict[str, Any] = {}
            for key, value in node.value:
                name = str(self._loader.construct_object(key)) if isinstance(key, yaml.ScalarNode) else "?"
                if name == "<<" or name in made:
                    reason = "merge keys are not known here" if name == "<<" else f"'{name}' is given twice"
                    raise InvalidArgument(reason, f"{self._file}:{key.start_mark.line + 1}:{key.start_mark.column + 1}")
                made[name] = self.build(value, f"{path}.{name}" if path else name)
            return made
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, f"{path}[{_name(item, number)}]") for number, item in enumerate(node.value)]
        return self._loader.construct_object(node)


def _name(node: yaml.Node, number: int) -> str:
    """What a path calls an item: by its name, where it has one."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "name" and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return str(number)
