"""Imports between the package's modules have no circle.

Every import counts, wherever it stands. One inside a function runs as one at the top does, only later; one for types alone does not run,
but who reads a signature has to know both modules all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import headwater as hw

PACKAGE = Path(hw.__file__).parent


def sources() -> dict[str, str]:
    """The text of each module by its full name; a package is named for its folder."""
    files = {file.relative_to(PACKAGE.parent).with_suffix(""): file for file in PACKAGE.rglob("*.py")}
    return {".".join(path.parts).removesuffix(".__init__"): file.read_text(encoding="utf-8") for path, file in files.items()}


def imported(module: str, text: str, modules: Mapping[str, str]) -> Iterator[str]:
    """The modules of `modules` that one of them imports."""
    folder = module if any(name.startswith(f"{module}.") for name in modules) else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folder.split(".")[: len(folder.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            # What is imported of a package may be a module of it.
            named = [f"{source}.{alias.name}" if f"{source}.{alias.name}" in modules else source for alias in node.names]
        else:
            continue
        yield from (name for name in named if name in modules)


def circle(modules: Mapping[str, str]) -> list[str]:
    """Modules of which each imports the next, the last one being the first; none where there is no such circle."""
    graph = {module: set(imported(module, text, modules)) for module, text in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = sources()
    assert len(modules) > 80
    assert "headwater._tables.rows" in set(imported("headwater._tables.files", modules["headwater._tables.files"], modules))
    assert not circle(modules)


BACK = [
    "from .a import x", "from . import a", "import p.a", "from p import a", "from p.a import x", "def later():\n    from .a import x",
    "if TYPE_CHECKING:\n    from .a import x", "from .sub import c", "from .sub.c import x",
]  # fmt: skip


@pytest.mark.parametrize("back", BACK)
def test_a_circle_is_found_wherever_its_imports_stand(back: str) -> None:
    modules = {"p": "from . import a", "p.a": "from .b import y", "p.b": back, "p.sub": "import json", "p.sub.c": "from ..a import x"}
    found = circle(modules)
    assert found and found[0] == found[-1] and {"p.a", "p.b"} <= set(found)
    assert not circle({**modules, "p.b": "import json\nfrom os import path"})
