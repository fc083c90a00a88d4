"""Compact bodies, against a decoder that is written after their specification: docs/formats/batch.md."""

from __future__ import annotations

import os
import random
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import headwater as hw
from headwater._calls.body import DELETE, WRITE, ArrowEntry, Body
from headwater._calls.groups import Column, Group
from headwater._columns import batch, compact
from headwater._columns.types import FeatureType

from . import support
from .support import TYPES, array, exact

SEEDS = range(int(os.environ.get("HEADWATER_SEEDS", "60")))
NEW = SimpleNamespace(capabilities=frozenset([b"other", b"compact-rows"]), frame_bytes_max=64 << 20)
OLD = SimpleNamespace(capabilities=frozenset(), frame_bytes_max=64 << 20)


class Reader:
    """The specification, read word for word."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.body), "cut short"
        self.at += count
        return self.body[self.at - count : self.at]

    def varint(self) -> int:
        number = 0
        for place in range(5):
            (byte,) = self.take(1)
            number |= (byte & 127) << 7 * place
            if byte < 128:
                assert byte or place == 0, "a last byte of 0"
                assert number < 2**32
                return number
        raise AssertionError("a varint of more than five bytes")

    def bits(self, count: int) -> list[bool]:
        run = self.take((count + 7) // 8)
        return [bool(run[place // 8] >> place % 8 & 1) for place in range(count)]

    def entries(self) -> list[tuple[int, int, int, int, dict[int, tuple[str, list[Any]]]]]:
        assert self.take(4) == b"HWB2"
        found = []
        while self.at < len(self.body):
            group, version, (operation,), rows = self.varint(), self.varint(), self.take(1), self.varint()
            assert 1 <= rows <= 1_024
            bitmap = self.take(self.varint())
            assert bitmap and bitmap[-1]
            ordinals = [place for place in range(8 * len(bitmap)) if bitmap[place // 8] >> place % 8 & 1]
            described = [self.type() for _ in ordinals]
            found.append((group, version, operation, rows, {o: (t, self.column(t, n, rows)) for o, (t, n) in zip(ordinals, described)}))
        return found

    def type(self) -> tuple[str, int]:
        (byte,) = self.take(1)
        assert byte < 128
        code, nulls = byte & 31, byte >> 5
        assert nulls < 2
        if code == 16:
            return f"array({SCALARS[self.take(1)[0]]})", nulls
        return (f"vector({self.varint()})" if code == 17 else SCALARS[code]), nulls

    def column(self, type: str, nulls: int, rows: int) -> list[Any]:
        present = self.bits(rows) if nulls == 1 else [True] * rows
        assert nulls == 0 or not all(present)
        return [cell if is_there else None for cell, is_there in zip(self.cells(type, rows), present)]

    def cells(self, type: str, count: int) -> list[Any]:
        """As `support.exact` has them: floats as their bits."""
        if type == "bool":
            return list(self.bits(count))
        if type in ("string", "bytes"):
            texts = [self.take(length) for length in [self.varint() for _ in range(count)]]
            return [text.decode() for text in texts] if type == "string" else texts
        if type.startswith("vector"):
            length = int(type[7:-1])
            return [list(struct.unpack(f"<{length}I", self.take(4 * length))) for _ in range(count)]
        if type.startswith("array"):
            counts = [self.varint() for _ in range(count)]
            (has_nulls,) = self.take(1)
            assert has_nulls in (0, 1)
            present = self.bits(sum(counts)) if has_nulls else [True] * sum(counts)
            cells = self.cells(type[6:-1], sum(counts))
            elements = iter([cell if is_there else None for cell, is_there in zip(cells, present)])
            return [[next(elements) for _ in range(count)] for count in counts]
        word = {"int32": "i", "int64": "q", "float32": "I", "float64": "Q", "timestamp": "q"}[type]
        return list(struct.unpack(f"<{count}{word}", self.take(count * struct.calcsize("<" + word))))


SCALARS = dict(enumerate(["bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp"], 1))


def entry_of(columns: dict[int, tuple[str, pa.Array]], operation: int = WRITE, group_id: int = 1, version: int = 1) -> ArrowEntry:
    group = Group("g", 1, group_id, version, (), {})
    typed = [(Column(ordinal, f"c{ordinal}", FeatureType.parse(type), "feature"), cells) for ordinal, (type, cells) in columns.items()]
    return ArrowEntry(group, operation, len(next(iter(columns.values()))[1]), typed)


def encoded(entries: list[ArrowEntry], server: Any = NEW) -> bytes:
    return b"".join(bytes(piece) for piece in Body(entries).encode(server))


def wanted(entry: ArrowEntry) -> tuple[int, int, int, int, dict[int, tuple[str, list[Any]]]]:
    cells = {column.ordinal: (str(column.type), exact(given)) for column, given in entry.columns}
    return entry.group.id, entry.group.schema_version, entry.operation, entry.row_count, cells


def some_cells(chance: random.Random, type: str, rows: int) -> pa.Array:
    """Edges of a type with no null, some or nothing else; a slice of an array with others around it."""
    given = [cell for cell in support.edges(type) if cell is not None]
    mode = chance.choice(["none", "some", "all", "long"])
    cells = [None if mode == "all" or (mode == "some" and chance.random() < 0.4) else chance.choice(given) for _ in range(rows)]
    if mode == "long" and type in ("string", "bytes"):
        sizes = [chance.choice([0, 1, 127, 128, 16_383, 16_384, 70_000 if rows < 20 else 3]) for _ in cells]
        cells = ["é" * (size // 2) + "x" * (size % 2) if type == "string" else b"z" * size for size in sizes]
    elif mode == "long" and type.startswith("array"):
        cells = [(cell or []) * chance.choice([1, 1, 50, 200 if rows < 20 else 1]) for cell in cells]
    before, behind = chance.randrange(10), chance.randrange(10)
    filled = [chance.choice(given) for _ in range(before)] + cells + [None] * behind
    return array(filled, type).slice(before, rows)


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 64, 1_024])
def test_every_type_with_no_null_some_and_nothing_else(type: str, rows: int) -> None:
    given = [cell for cell in support.edges(type) if cell is not None]
    full = [given[row % len(given)] for row in range(rows)]
    some = [None if row % 3 == 1 else cell for row, cell in enumerate(full)]
    entry = entry_of({2: (type, array(full, type)), 9: (type, array(some, type)), 31: (type, array([None] * rows, type))})
    assert Reader(encoded([entry])).entries() == [wanted(entry)]


@pytest.mark.parametrize("seed", SEEDS)
def test_any_entries_come_back_as_the_specification_reads_them(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    entries = []
    for _ in range(chance.choice([1, 1, 2, 5])):
        rows = chance.choice([1, 1, 2, 8, 100, 1_023, 1_024]) if len(entries) < 2 else 3
        ordinals = sorted(chance.sample(range(chance.choice([12, 12, 40, 400])), chance.randint(1, 8)))
        types = [chance.choice([*TYPES, "vector(1)", "vector(129)"]) for _ in ordinals]
        columns = {
            o: (type, vectors(type, rows) if "vector" in type else some_cells(chance, type, rows)) for o, type in zip(ordinals, types)
        }
        numbers = [chance.choice([1, 127, 128, 16_384, 2**32 - 1]) for _ in range(2)]
        entries.append(entry_of(columns, chance.choice([WRITE, DELETE]), *numbers))
    assert Reader(encoded(entries)).entries() == [wanted(entry) for entry in entries]


def vectors(type: str, rows: int) -> pa.Array:
    length = int(type[7:-1])
    cells = [None if row % 5 == 1 else [float(row + place) for place in range(length)] for row in range(rows)]
    return array(cells, type)


def test_the_bytes_of_an_example() -> None:
    entry = entry_of({
        0: ("int64", array([7, 8], "int64")),
        1: ("timestamp", array([1_700_000_000_000_000, 1_700_000_000_000_001], "timestamp")),
        2: ("float64", array([12.5, None], "float64")),
        3: ("string", array(["new", ""], "string")),
    })  # fmt: skip
    assert encoded([entry]) == bytes.fromhex(
        "48 57 42 32"  # magic
        "01 01 01 02 01 0F"  # group 1, schema version 1, write, 2 rows, a bitmap of 1 byte: columns 0 to 3
        "03 08 25 06"  # int64, timestamp, float64 of which some are null, string
        "07 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00"
        "00 40 1E 18 24 0A 06 00 01 40 1E 18 24 0A 06 00"
        "01 00 00 00 00 00 00 29 40 00 00 00 00 00 00 00 00"
        "03 00 6E 65 77"
    )


def test_a_row_of_ten_floats_is_small() -> None:
    columns = {0: ("int64", array([7], "int64")), 1: ("timestamp", array([1], "timestamp"))}
    entry = entry_of({**columns, **{number: ("float64", array([0.5], "float64")) for number in range(2, 12)}})
    assert len(encoded([entry])) == 4 + 7 + 12 + 12 * 8
    assert len(encoded([entry], OLD)) > 1_600


def test_what_stands_behind_a_null_is_not_told() -> None:
    hidden = pa.Array.from_buffers(pa.float64(), 2, [pa.py_buffer(b"\1"), pa.py_buffer(struct.pack("<dd", 1.0, 2.0))])
    assert encoded([entry_of({0: ("float64", hidden)})]) == encoded([entry_of({0: ("float64", array([1.0, None], "float64"))})])


@pytest.mark.parametrize("rows", [0, 1_025])
def test_entries_of_no_rows_or_of_many_are_batches(rows: int) -> None:
    few, other = entry_of({0: ("int64", array([1], "int64"))}), entry_of({0: ("int64", array([1] * rows, "int64"))})
    # One such entry is enough: a body is of one form.
    for entries in ([other], [few, other]):
        assert encoded(entries) == encoded(entries, OLD)
        assert encoded(entries)[64:68] == batch.MAGIC or rows == 0


def test_a_body_of_very_many_columns_is_of_batches() -> None:
    cells = ("bool", array([True], "bool"))
    half = entry_of(dict.fromkeys(range(32_768), cells))
    assert encoded([half, half])[:4] == compact.MAGIC
    assert encoded([half, half, entry_of({0: cells})])[64:68] == batch.MAGIC


def test_a_server_that_does_not_announce_it_gets_batches() -> None:
    entry = entry_of({0: ("int64", array([1], "int64"))})
    assert encoded([entry], OLD)[64:68] == batch.MAGIC
    assert encoded([entry])[:4] == compact.MAGIC


@pytest.mark.parametrize(("first", "then"), [(NEW, OLD), (OLD, NEW)])
def test_a_retry_sends_the_bytes_of_the_first_attempt(first: Any, then: Any) -> None:
    body = Body([entry_of({0: ("int64", array([1, 2], "int64"))})])
    sent = b"".join(map(bytes, body.encode(first)))
    assert sent.startswith(compact.MAGIC) == (first is NEW)
    assert b"".join(map(bytes, body.encode(then))) == sent


def test_many_rows_are_made_ready_ahead_and_few_wait_for_their_server() -> None:
    many = Body([entry_of({0: ("int64", array([1] * 2_000, "int64"))})])
    many.prepare()
    few = Body([entry_of({0: ("int64", array([1], "int64"))})])
    few.prepare()
    assert many.size > 16_000 and few.size == 0
    assert bytes(few.encode(NEW)[0]) == compact.MAGIC


def test_more_than_a_frame_is_refused_before_it_is_sent() -> None:
    server = SimpleNamespace(capabilities=NEW.capabilities, frame_bytes_max=100_000)
    entry = entry_of({0: ("string", array(["x" * 99_000], "string"))})
    with pytest.raises(hw.InvalidArgument, match=r"99,\d+ bytes in one atomic request; the server takes 34,464: write fewer rows at once"):
        Body([entry]).encode(server)
    with pytest.raises(hw.InvalidArgument, match="write the groups one by one"):
        Body([entry, entry]).encode(server)


@pytest.mark.parametrize("numbers", [[], [0], [127, 0, 127], [128], [0, 16_383, 16_384, 2**21, 2**28, 2**31 - 1, 1]])
def test_varints_of_many_are_those_of_each(numbers: list[int]) -> None:
    assert compact.varints(np.array(numbers, "<i4")) == b"".join(map(compact.varint, numbers))


def test_a_written_row_comes_back_in_every_type(client: hw.Client) -> None:
    support.all_types(client)
    table = support.edge_table()
    support.assert_written(client, table, client.write("all", table))
    for row in range(table.num_rows):
        one = support.edge_table(first_key=100)
        keyed = one.slice(row, 1)
        support.assert_written(client, keyed, client.write("all", keyed))


def test_writes_and_deletes_of_several_groups_in_one_request(client: hw.Client) -> None:
    user = hw.Entity("user", {"id": "int64"})
    client.apply([hw.FeatureGroup(name, user, {"x": "float64"}, event_time="t") for name in ("a", "b")])
    rows = [{"id": number, "t": "2024-01-01", "x": number / 2} for number in range(3)]
    position = client.write({"a": rows, "b": rows[:1]})
    got = client.get_online_features(["a:x", "b:x"], {"id": [0, 2]}, min_position=position, full_feature_names=True).to_dict()
    assert got["a__x"] == [0, 1] and got["b__x"] == [0, None]
    gone = client.delete("a", {"id": [2]})
    assert client.get_online_features("a:x", {"id": [2]}, min_position=gone).to_dict()["x"] == [None]
