"""Heads stand in Protos/headwater.proto alone: the C, the Swift and the Python of them are what `make protos` makes of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

SWIFT = "Sources/Wire/Heads/Generated"
MADE = ["Protos", "scripts", SWIFT, "Sources/CHeadwaterProto", "Clients/python/src/headwater/_wire"]


def protos(root: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of `scripts/protos`, and what it says."""
    done = subprocess.run([sys.executable, root / "scripts/protos", *arguments], capture_output=True, text=True)
    said = done.stdout + done.stderr
    if "not installed" in said:
        pytest.skip(said.strip())
    return done.returncode, said


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the script reads and writes."""
    for folder in MADE:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def change(tree: Path, old: str, new: str) -> None:
    proto = tree / "Protos/headwater.proto"
    text = proto.read_text()
    assert old in text
    proto.write_text(text.replace(old, new, 1))


def test_generating_the_heads_anew_changes_nothing() -> None:
    code, said = protos(ROOT, "--check")
    assert code == 0, said


@pytest.mark.parametrize(
    ("old", "new", "file"),
    [
        ("wall_time = 7", "wall_clock = 7", "Connections.swift"),
        ("bytes name = 3;\n  // Whether a version", "bytes name = 9;\n  // Whether a version", "Definitions.swift"),
        ("// Only rows of the keys", "// None but rows of the keys", "Rows.swift"),
        ("Absent: all groups.", "None for all groups.", "Operations.swift"),
        ("[default = 1]", "[default = 2]", "Connections.swift"),
    ],
)
def test_a_change_of_the_proto_file_alone_is_found(tree: Path, old: str, new: str, file: str) -> None:
    change(tree, old, new)
    code, said = protos(tree, "--check")
    assert code == 1
    assert f"{SWIFT}/{file} is not what Protos/headwater.proto gives" in said


def test_a_file_that_the_proto_file_does_not_give_is_found_and_goes(tree: Path) -> None:
    stale = tree / SWIFT / "Stale.swift"
    stale.write_text("")
    code, said = protos(tree, "--check")
    assert code == 1
    assert "Stale.swift" in said
    assert protos(tree)[0] == 0
    assert not stale.exists()
    assert protos(tree, "--check")[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("optional bytes address = 2;", "optional string address = 2;", "Peer.address has a type that heads do not have"),
        ("optional uint64 rows = 2;", "optional sint64 rows = 2;", "RowsEnd.rows has a type that heads do not have"),
        ("repeated uint32 row_counts", "repeated uint64 row_counts", "WriteReply.row_counts repeats"),
        ("What the client takes. Absent: the defaults.", "The defaults.", "HelloRequest.limits is a message"),
        ("// Whether tombstones are told too.", "// Bytes: told too.", "ScanRequest.deletes is no bytes field"),
        ("// Connections: ", "// ", "ErrorDetail stands before the first paragraph that names a file"),
        ("message Peer {", "message Peer", "headwater.proto"),
    ],
)
def test_a_field_that_heads_cannot_hold_is_refused_by_its_name(tree: Path, old: str, new: str, reason: str) -> None:
    before = (tree / SWIFT / "Connections.swift").read_bytes()
    change(tree, old, new)
    code, said = protos(tree)
    assert code == 1
    assert reason in said
    assert (tree / SWIFT / "Connections.swift").read_bytes() == before
