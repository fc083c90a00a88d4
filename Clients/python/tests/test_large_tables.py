"""Tables of more than one request: checked whole before the first is sent, as the server checks one request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import headwater as hw
from headwater._calls import write
from headwater._calls.body import Body
from headwater._columns import batch
from headwater._columns.sizes import cuts, row_bytes
from headwater._columns.types import FeatureType

from .support import NAN, TYPES, array, edges

Refused = set[tuple[int, str]]


@pytest.fixture
def small_requests(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on each row is a request of its own."""
    return lambda: monkeypatch.setattr(write, "REQUEST_BYTES", 1)


def refused(work: Callable[[], Any]) -> Refused:
    """The rows and columns that a write is refused for; none where it is taken."""
    try:
        work()
    except hw.InvalidArgument as error:
        assert "nothing was written" in str(error) and " were written" not in str(error), str(error)
        found = re.findall(r"row (\d+), column '?([^':]+)'?: ", str(error))
        assert found, str(error)
        return {(int(row), column) for row, column in found}
    return set()


def group(name: str, type: str, checks: dict[str, Any], **more: Any) -> hw.FeatureGroup:
    feature = hw.Feature("value", type, checks=checks)
    return hw.FeatureGroup(name, hw.Entity("thing", {"id": "int64"}), [feature], event_time="time", **more)


def rows(type: str, cells: list[Any]) -> pa.Table:
    return pa.table({"id": range(len(cells)), "time": array([0] * len(cells), "timestamp"), "value": array(cells, type)})


FAR = 9_000_000_000_000_000_000
MIN_2013 = 1_356_998_400_000_000
TENTH = float(np.float32(0.1))
UP = float(np.nextafter(np.float32(0.1), np.float32(1)))

# Of each check, cells on both sides of it; and which rows are refused.
CHECKS: list[tuple[str, dict[str, Any], list[Any], list[int]]] = [
    ("int32", {"min": 0, "max": 10}, [-1, 0, None, 10, 11, 2**31 - 1, -(2**31)], [0, 4, 5, 6]),
    ("int32", {"min": 0.5, "max": 9.5}, [0, 1, 9, 10], [0, 3]),
    ("int64", {"max": 2**53}, [2**53, 2**53 + 1, 2**53 - 1, 2**63 - 1], [1, 3]),
    ("int64", {"min": -1e300, "max": 1e300}, [2**63 - 1, -(2**63), None], []),
    ("int64", {"min": 1.5, "max": 2.0**53}, [1, 2, 2**53, 2**53 + 1], [0, 3]),
    ("float32", {"max": 0.1}, [TENTH, UP, NAN, None, float("-inf"), float("inf")], [1, 2, 5]),
    ("float32", {"min": 0.1}, [TENTH, UP, 0.0, NAN, float("inf")], [2, 3]),
    ("float64", {"min": 0, "max": 0.1}, [0.1, np.nextafter(0.1, 1), -0.0, -5e-324, NAN, None], [1, 3, 4]),
    ("float64", {"min": 2**53 + 1}, [2.0**53, 2.0**53 + 2, 0.0], [2]),
    ("timestamp", {"min": "2013-01-01T00:00:00Z"}, [MIN_2013, MIN_2013 - 1, None, FAR, -FAR], [1, 4]),
    ("timestamp", {"max": "2013-01-01"}, [MIN_2013, MIN_2013 + 1, None, FAR, -FAR], [1, 3]),
    ("bool", {"not_null": True}, [True, None, False], [1]),
    ("array(string)", {"not_null": True}, [[], None, [None]], [1]),
    ("vector(2)", {"not_null": True}, [[1, 2], None], [1]),
    ("string", {"one_of": ["é", "", "a\0"]}, ["é", "e\u0301", "", "a", "a\0", None], [1, 3]),
    ("string", {"max_length": 2}, ["é😀", "e\u0301", "e\u0301x", "abc", None, ""], [2, 3]),
    ("bytes", {"max_length": 2}, [b"\0\0", b"\0\0\0", None, "é".encode()], [1]),
    ("array(int32)", {"max_length": 2}, [[None, None], [1, 2, 3], [], None], [1]),
    ("array(string)", {"max_length": 1, "not_null": True}, [["long enough"], ["a", "b"], None], [1, 2]),
    ("int64", {"min": 0, "max": 5, "not_null": True}, [None, -1, 6, 3], [0, 1, 2]),
]


def _id(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, dict)) else ""


@pytest.mark.parametrize(("type", "checks", "cells", "bad"), CHECKS, ids=_id)
def test_declared_checks_refuse_the_same_rows_of_one_request_and_of_many(client, small_requests, type, checks, cells, bad):
    client.apply([group("checked", type, checks)])
    wanted = {(row, "value") for row in bad}
    assert refused(lambda: client.write("checked", rows(type, cells))) == wanted
    small_requests()
    assert refused(lambda: client.write("checked", rows(type, cells))) == wanted


FEATURES = {
    "small": hw.Feature("small", "int32", checks={"min": -1.5, "max": 3, "not_null": True}),
    "large": hw.Feature("large", "int64", checks={"min": -(2**53), "max": 2.0**53}),
    "narrow": hw.Feature("narrow", "float32", checks={"min": -0.1, "max": 0.1}),
    "wide": hw.Feature("wide", "float64", checks={"min": 0, "max": 0.1}),
    "moment": hw.Feature("moment", "timestamp", checks={"min": "2013-01-01T00:00:00Z", "max": "2026-01-01"}),
    "kind": hw.Feature("kind", "string", checks={"one_of": ["é", "", "a"], "max_length": 1}),
    "list": hw.Feature("list", "array(float32)", checks={"max_length": 1}),
}
near = {
    "small": st.integers(-3, 5) | st.sampled_from([2**31 - 1, -(2**31)]),
    "large": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53, 2**53 + 1, -(2**53), -(2**53) - 1]),
    "narrow": st.floats(width=32) | st.sampled_from([TENTH, UP, -TENTH, -UP, 0.0]),
    "wide": st.floats() | st.sampled_from([0.0, -0.0, 0.1, -5e-324, float(np.nextafter(0.1, 1))]),
    "moment": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([MIN_2013, MIN_2013 - 1, 1_767_225_600_000_000, 1_767_225_600_000_001]),
    "kind": st.sampled_from(["é", "e\u0301", "", "a", "b", "aa", "\0"]),
    "list": st.lists(st.none() | st.floats(width=32), max_size=2),
}


@pytest.fixture
def mixed(client: hw.Client) -> hw.Client:
    entity = hw.Entity("thing", {"id": "int64"})
    client.apply([hw.FeatureGroup("mixed", entity, list(FEATURES.values()), event_time="time")])
    return client


@given(st.lists(st.fixed_dictionaries({name: st.none() | cells for name, cells in near.items()}), min_size=1, max_size=2))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_are_taken_or_refused_alike_as_one_request_and_as_many(mixed, made):
    table = rows("int64", [0] * len(made)).drop_columns(["value"])
    for name, feature in FEATURES.items():
        table = table.append_column(name, array([row[name] for row in made], feature.type))
    at_once = refused(lambda: mixed.write("mixed", table))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(write, "REQUEST_BYTES", 1)
        assert refused(lambda: mixed.write("mixed", table)) == at_once


def test_a_column_that_is_left_out_breaks_not_null_in_any_size(client, small_requests):
    client.apply([group("checked", "int64", {"not_null": True})])
    table = rows("int64", [1, 2]).drop_columns(["value"])
    for _ in range(2):
        with pytest.raises(hw.InvalidArgument, match="nothing was written") as raised:
            client.write("checked", table)
        assert "value" in str(raised.value) and "not_null" in str(raised.value)
        small_requests()


def test_checks_of_the_newest_definition_count(client, small_requests):
    client.apply([group("checked", "int64", {"max": 1})])
    client.apply([group("checked", "int64", {"max": 5})])
    for _ in range(2):
        assert refused(lambda: client.write("checked", rows("int64", [5, 6]))) == {(1, "value")}
        small_requests()


def test_event_times_may_be_as_far_ahead_in_any_size(client, small_requests):
    client.apply([group("near", "int64", {}), group("day", "int64", {}, ahead="1d")])
    now = time.time_ns() // 1000
    minute = 60_000_000
    times = [now, now + 4 * minute, now + 10 * minute, now + 23 * 60 * minute, now + 25 * 60 * minute, FAR, -FAR, None, -(2**63)]
    table = rows("int64", [0] * len(times)).set_column(1, "time", array(times, "timestamp"))
    keys = table.drop_columns(["value"])
    for _ in range(2):
        assert refused(lambda: client.write("near", table)) == {(row, "time") for row in (2, 3, 4, 5, 7, 8)}
        assert refused(lambda: client.write("day", table)) == {(row, "time") for row in (4, 5, 7, 8)}
        assert refused(lambda: client.delete("near", keys)) == {(row, "time") for row in (2, 3, 4, 5, 7, 8)}
        small_requests()


def test_keys_are_never_null_nor_too_long_in_any_size(client, small_requests):
    entity = hw.Entity("pair", {"s": "string", "b": "bytes", "n": "int64"})
    client.apply([hw.FeatureGroup("paired", entity, {"value": "int64"})])
    keys = {
        # Both ends take two bytes, a zero byte takes two, and a number eight: 4,096 in all.
        "s": ["", None, "a" * 4084, "a" * 4085, "é" * 2042, "\0" * 2042, "\0" * 2043, "a" * 2000, "a" * 2000],
        "b": [b"", b"", b"", b"", b"", b"", b"", b"a" * 2084, b"a" * 2085],
        "n": [None, *range(8)],
    }
    table = pa.table({**keys, "value": range(9)})
    bad = {(0, "n"), (1, "s"), (3, "s"), (6, "s"), (8, "s")}
    for _ in range(2):
        assert refused(lambda: client.write("paired", table)) == bad
        assert refused(lambda: client.delete("paired", table.drop_columns(["value"]))) == bad
        small_requests()


def test_a_cell_is_not_larger_than_its_limit(client):
    """16 MiB: more than is sent as one request, so this side always looks."""
    client.apply([group("raw", "bytes", {}), group("numbers", "array(int64)", {}), group("texts", "array(bytes)", {})])
    most = 16 << 20
    limits = {
        "raw": (pa.array([b"", bytes(most)]), pa.array([b"", bytes(most + 1)])),
        "numbers": tuple(pa.ListArray.from_arrays([0, 0, size], pa.array(np.zeros(size, np.int64))) for size in (most // 8, most // 8 + 1)),
        "texts": tuple(pa.array([[], [bytes(most // 2), None, bytes(size)]]) for size in (most // 2, most // 2 + 1)),
    }
    for name, (good, bad) in limits.items():
        table = rows("int64", [0, 0]).drop_columns(["value"])
        assert client.write(name, table.append_column("value", good)).rows == 2
        assert refused(lambda name=name, table=table, bad=bad: client.write(name, table.append_column("value", bad))) == {(1, "value")}


def test_good_tables_are_taken_in_any_size(client, small_requests):
    client.apply([group("checked", "float64", {"min": 0})])
    table = rows("float64", [0.0, 1.5, None, float("inf")])
    for _ in range(2):
        written = client.write("checked", table)
        assert written.rows == 4
        found = client.get_online_features("checked:value", {"id": range(4)}, min_position=written)
        assert found.to_dict()["value"] == [0.0, 1.5, None, float("inf")]
        small_requests()


@pytest.mark.parametrize("kind", ["arrow", "pandas", "parquet", "csv"])
def test_a_bad_row_in_the_middle_of_a_large_table_is_named_and_nothing_is_written(client, monkeypatch, tmp_path, kind):
    monkeypatch.setattr(write, "REQUEST_BYTES", 4096)
    applied = client.apply([group("checked", "int64", {"max": 10})])
    table = rows("int64", [1] * 3000 + [11] + [1] * 3000 + [12])
    data: Any = table
    if kind == "pandas":
        data = table.to_pandas()
    elif kind == "parquet":
        data = tmp_path / "rows.parquet"
        pq.write_table(table, data, row_group_size=500)
    elif kind == "csv":
        data = tmp_path / "rows.csv"
        data.write_text("id,time,value\n" + "".join(f"{row['id']},0,{row['value']}\n" for row in table.to_pylist()))
    with pytest.raises(hw.InvalidArgument, match="2 bad cells, nothing was written") as raised:
        client.write("checked", data)
    # Rows of a file are numbered from 1.
    first = 1 if kind in ("parquet", "csv") else 0
    for row, value in ((3000, 11), (6001, 12)):
        assert f"row {first + row}, column 'value': {value} is" in str(raised.value)
    assert client.status().position == applied.position
    good = table.filter(pa.compute.less(table["value"], 11))
    assert client.write("checked", good).rows == 6000


def test_only_the_first_bad_rows_are_listed_and_all_are_counted(client, small_requests):
    client.apply([group("checked", "int64", {"max": 10})])
    table = rows("int64", [11] * 50)
    for _ in range(2):
        with pytest.raises(hw.InvalidArgument, match=r"50 bad (values|cells)(.|\n)*row 19,(.|\n)*and 30 more$"):
            client.write("checked", table)
        small_requests()


def test_a_cell_of_no_fitting_type_behind_the_first_request_is_found_before_it(client, monkeypatch):
    monkeypatch.setattr(write, "REQUEST_BYTES", 4096)
    applied = client.apply([group("checked", "int64", {})])
    table = rows("float64", [1.0] * 5000 + [1.5])
    with pytest.raises(hw.InvalidArgument, match=r"^row 5000, column 'value': 1\.5 does not fit int64"):
        client.write("checked", table)
    assert client.status().position == applied.position


def test_a_reader_is_written_up_to_its_bad_rows_and_says_so(client, monkeypatch):
    """It can be read once only, so that nothing is known of its end when its first rows are sent."""
    monkeypatch.setattr(write, "REQUEST_BYTES", 4096)
    client.apply([group("checked", "int64", {"max": 10})])
    table = rows("int64", [1] * 3000 + [11] + [1] * 10)
    with pytest.raises(hw.InvalidArgument, match=r"row \d+, column value: 11 is above max 10") as raised:
        client.write("checked", table.to_reader(max_chunksize=500))
    told = re.search(r"rows 0 to (\d+) were written, up to position (\d+)", str(raised.value))
    assert told is not None
    kept = client.scan("checked", min_position=int(told[2])).to_arrow()["id"].to_pylist()
    assert kept[: int(told[1]) + 1] == list(range(int(told[1]) + 1)) and 3000 not in kept


def test_tables_written_together_are_one_request_or_none(client):
    client.apply([group("a", "int64", {"max": 10}), group("b", "int64", {})])
    client.write("b", rows("int64", [0]))
    before = client.status().position
    with pytest.raises(hw.InvalidArgument, match=r"nothing was written(.|\n)*a@1 row 1, column value"):
        client.write({"b": rows("int64", [1]), "a": rows("int64", [1, 11])})
    assert client.status().position == before
    written = client.write({"a": rows("int64", [1]), "b": rows("int64", [1, 2])})
    assert (written.rows, int(written)) == (3, before + 1)


def test_the_order_of_rows_is_kept_over_requests(client, small_requests):
    client.apply([group("checked", "int64", {})])
    small_requests()
    count = 50
    table = pa.table({"id": [7] * count, "time": array([0] * count, "timestamp"), "value": range(count)})
    position = client.write("checked", table)
    found = client.scan("checked", min_position=position).to_dict()
    assert found["value"] == list(range(count)) and found["position"] == sorted(found["position"])
    assert client.get_online_features("checked:value", {"id": [7]}, min_position=position).to_dict()["value"] == [count - 1]


def test_a_table_whose_last_rows_are_large_is_cut_by_its_bytes(client, monkeypatch):
    client.apply(
        [
            group("skewed", "string", {}),
            hw.FeatureGroup("lists", hw.Entity("thing", {"id": "int64"}), {"value": "array(string)"}, event_time="time"),
        ]
    )
    cells = ["x"] * 3_000 + ["y" * 50_000] * 7 + [None, "z" * 200_000, "x"]
    monkeypatch.setattr(write, "REQUEST_BYTES", 100_000)
    sizes: list[int] = []
    encode = Body.encode

    def measured(self: Body, transport: Any) -> Any:
        made = encode(self, transport)
        sizes.append(self.size)
        return made

    monkeypatch.setattr(Body, "encode", measured)
    for name, column in (
        ("skewed", array(cells, "string")),
        ("lists", array([None if cell is None else [cell, None] for cell in cells], "array(string)")),
    ):
        table = pa.table({"id": range(len(cells)), "time": array([0] * len(cells), "timestamp"), "value": column})
        for data in (table, pa.concat_tables([table.slice(0, 2_999), table.slice(2_999)])):
            sizes.clear()
            done = client.write(name, data)
            assert done.rows == len(cells)
            # One row alone has more.
            assert sorted(sizes)[-2] < 120_000 < 200_000 < max(sizes) < 220_000 and len(sizes) < 12, sizes
        found = client.scan(name, min_position=done).to_arrow().select(["id", "value"])
        assert {row["id"]: row["value"] for row in found.to_pylist()} == dict(enumerate(column.to_pylist()))


@pytest.mark.parametrize("type", TYPES)
def test_the_size_of_a_row_is_about_what_a_batch_has(type):
    cells = array(edges(type) * 50, type)
    for column in (cells, cells.slice(3, 20), cells.slice(7, 0)):
        sizes = row_bytes(column)
        assert len(sizes) == len(column) and (sizes > 0).all()
        whole = len(batch.encode(len(column), [(0, FeatureType.parse(type), column)]))
        assert whole / 4 - 200 < sizes.sum() < 8 * whole + 64


def test_rows_are_cut_where_their_bytes_are_and_none_is_lost():
    random = np.random.default_rng(5)
    for _ in range(100):
        sizes = random.choice([0, 3, 40, 120, 500], int(random.integers(1, 60)))
        column = array(["x" * size for size in sizes], "string")
        parts = list(cuts(len(column), [column], 100, 7))
        assert [start for start, _ in parts] == [0, *(stop for _, stop in parts[:-1])] and parts[-1][1] == len(column)
        assert all(stop - start == 1 or (stop - start <= 7 and (sizes[start:stop] + 4).sum() <= 100) for start, stop in parts)


@pytest.mark.parametrize(("bytes_max", "rows_max"), [(100, 7), (16, 100), (1, 3), (10_000, 13)])
def test_rows_of_one_width_are_cut_as_those_whose_sizes_are_looked_at(bytes_max, rows_max):
    columns = [array([7] * 100, "int64"), array([True] * 100, "bool"), array([[1.0, 2.0, 3.0]] * 100, "vector(3)")]
    found = list(cuts(100, columns, bytes_max, rows_max))
    step = max(1, min(rows_max, bytes_max // (8 + 1 + 12)))
    assert found == [(start, min(start + step, 100)) for start in range(0, 100, step)]
