"""A type is known everywhere, or `scripts/types` says where it is not: what a contributor who adds one works through."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headwater._columns.types import _CODES, ARRAY, VECTOR, FeatureType

from .conftest import ROOT
from .support import TYPES

ENUM = "Sources/FeatureModel/Schema/FeatureType.swift"


def types(*arguments: str | Path) -> tuple[int, str]:
    """The exit code of `scripts/types`, and what it says."""
    done = subprocess.run([sys.executable, ROOT / "scripts/types", *arguments], capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the script looks at."""
    root = tmp_path_factory.mktemp("tree")
    for folder in ("Sources", "docs/formats", "Clients/python/src", "Clients/python/tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    return root


def edit(tree: Path, path: str, old: str, new: str) -> None:
    text = (tree / path).read_text(encoding="utf-8")
    assert old in text, (path, old)
    (tree / path).write_text(text.replace(old, new), encoding="utf-8")


def test_every_type_stands_in_every_table_that_names_all_types() -> None:
    code, said = types()
    assert code == 0, said
    assert re.search(r"types: 10 types in \d\d tables, 0 lacking", said)


def test_codes_are_the_same_in_swift_in_python_and_on_the_format_page() -> None:
    swift = (ROOT / ENUM).read_text(encoding="utf-8")
    codes = {name: int(code) for name, code in re.findall(r'\("(\w+)", (\d+), \.\w+\)', swift)}
    codes |= {name: int(code) for name, code in re.findall(r"static let (array|vector)Code: UInt8 = (\d+)", swift)}
    assert codes == {**_CODES, "array": ARRAY, "vector": VECTOR}
    page = (ROOT / "docs/formats/batch.md").read_text(encoding="utf-8")
    told = re.search(r"^Codes are permanent: (.*?)\n\n", page, re.MULTILINE | re.DOTALL)
    assert told and {name: int(code) for code, name in re.findall(r"(?:^|, |,\n)(\d+) ([a-z]+\d*)\b", told[1])} == codes


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_the_same_behind_its_text_its_descriptor_and_arrow(name: str) -> None:
    type = FeatureType.parse(name)
    assert str(type) == name
    code, element, length = type.descriptor[0], type.descriptor[1], int.from_bytes(type.descriptor[4:], "little")
    assert FeatureType.of_descriptor(code, element, length) == type
    assert FeatureType.of_arrow(type.arrow) == type


def test_a_new_type_is_reported_with_each_place_that_lacks_it(tree: Path) -> None:
    root = tree.with_name("new-type")
    shutil.copytree(tree, root)
    edit(root, ENUM, "    case timestamp\n", "    case timestamp\n    case uuid\n")
    code, said = types("--root", root)
    assert code == 1
    assert int(re.findall(r"and lack uuid: (\d+)", said)[0]) >= 16
    # Formats, clients and tests; switches that the compiler reports and those that it does not; Python's own.
    for path, what in (
        (ENUM, "the scalar types and their permanent codes"),
        ("docs/formats/tables.md", "how cells are spelt"),
        ("Clients/python/src/headwater/_columns/types.py", "Python's codes"),
        ("Clients/python/tests/support.py", "the types that"),
        ("Sources/FeatureModel/Columns/Column.swift", "the compiler asks for it in a switch over bool, int32"),
        ("Sources/FeatureModel/Rows/RowCodec.swift", "the compiler asks"),
        ("Sources/Client/Datasets/CanonicalCells.swift", "the compiler asks"),
        ("Sources/Tables/Cells/CellWriter.swift", "the compiler asks"),
        ("Sources/FeatureModel/Keys/KeyCodec.swift", "falls to the default"),
        ("Sources/OfflineStore/Pages/BufferCodec.swift", "falls to the default"),
        ("Sources/Catalog/Writing/ColumnCheck.swift", "falls to the default"),
        ("Clients/python/src/headwater/_columns/batch.py", "buffers tells"),
        ("Clients/python/src/headwater/_columns/packed.py", "arrow_column tells"),
    ):
        assert re.search(rf"{re.escape(path)}:\d+: {re.escape(what)}", said), (path, what)


def test_a_type_that_does_not_exist_is_told_to_begin_in_the_enum() -> None:
    code, said = types("decimal")
    assert code == 1
    assert f"{ENUM} has no case decimal yet: begin there" in said


# In each, one type is taken away: it is missed there and nowhere else.
@pytest.mark.parametrize(
    ("path", "old", "new", "missing", "what"),
    [
        ("docs/formats/tables.md", "| float32, float64 |", "| float64 |", "float32", "how cells are spelt in CSV and NDJSON"),
        ("docs/formats/row.md", "| vector(n) |", "| |", "vector", "the slot of a packed row"),
        ("docs/formats/key.md", "| int64, timestamp |", "| int64 |", "timestamp", "the bytes of a key"),
        ("docs/formats/dataset.md", "| bool | 1 byte", "| | 1 byte", "bool", "the bytes of a cell that are hashed"),
        ("Clients/python/src/headwater/_columns/types.py", '"bytes": 7, ', "", "bytes", "Python's codes"),
        ("Clients/python/src/headwater/_columns/types.py", "7: pa.binary(),", "", "bytes", "Python's types of Arrow"),
        ("Clients/python/tests/support.py", '"int32", "int64"', '"int64"', "int32", "the types that Python's tests go through"),
    ],
)
def test_a_table_that_forgets_a_type_is_named(tree: Path, tmp_path: Path, path: str, old: str, new: str, missing: str, what: str) -> None:
    root = tmp_path / "tree"
    shutil.copytree(tree, root)
    edit(root, path, old, new)
    code, said = types("--root", root)
    assert code == 1
    assert f"tables that have to name every type and lack {missing}: 1\n" in said
    assert re.search(rf"^  {re.escape(path)}:\d+: {re.escape(what)}$", said, re.MULTILINE)
    assert said.rstrip().endswith(", 1 lacking")


def test_a_table_that_has_moved_is_asked_for(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(tree, root)
    edit(root, "docs/formats/row.md", "| type | slot |", "| kind | slot |")
    code, said = types("--root", root)
    assert code == 1
    assert "docs/formats/row.md:1: the slot of a packed row: not found: say in scripts/types where it stands now" in said
