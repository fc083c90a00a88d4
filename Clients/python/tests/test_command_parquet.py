"""Parquet on the command line: the same values, and the same refusals, as in Python."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater._tables.from_text import write_parquet

from .test_command_tables import command  # noqa: F401

TYPES = [
    "bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp", "array(int64)", "array(float64)", "array(timestamp)",
    "vector(2)",
]  # fmt: skip
DAY = 86_400_000_000
# A float64 half way between two float32s: as text it is nearer to the one above.
HALF_WAY = 1 + 2**-24
PERIOD = {b"ARROW:extension:name": b"geo.period", b"ARROW:extension:metadata": b"{}"}


def named(type: str) -> str:
    return type.replace("(", "_").rstrip(")")


@pytest.fixture
def group(client: hw.Client) -> hw.Client:
    features = {named(type): type for type in TYPES}
    client.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), features, event_time="t")])
    return client


def table(first: int, columns: dict[str, Any], fields: dict[str, pa.Field] | None = None) -> pa.Table:
    count = len(next(iter(columns.values())))
    made = {"id": pa.array(range(first, first + count)), "t": pa.array([dt.datetime(2024, 1, 1)] * count, pa.timestamp("us")), **columns}
    return pa.table(list(made.values()), schema=pa.schema([(fields or {}).get(name, pa.field(name, made[name].type)) for name in made]))


def scanned(client: hw.Client, name: str, first: int, count: int) -> list[Any]:
    got = client.scan("g", keys={"id": list(range(first, first + count))}, min_position=client.status().position).to_arrow()[name]
    if pa.types.is_timestamp(got.type):
        got = got.cast(pa.int64())
    elif pa.types.is_list(got.type) and pa.types.is_timestamp(got.type.value_type):
        got = got.cast(pa.list_(pa.int64()))
    cells: list[Any] = got.to_pylist()
    return cells


GOOD: list[tuple[str, Any, list[Any]]] = [
    ("float64", pa.array([0.1, None, float("nan")], pa.float32()), [0.10000000149011612, None, float("nan")]),
    ("float64", pa.array([Decimal("5.10"), None, Decimal("-0.10")]), [5.1, None, -0.1]),
    ("float64", pa.array([2**53, None, 2**60]), [2.0**53, None, 2.0**60]),
    ("float32", pa.array([HALF_WAY, 0.1, float("-inf")]), [1.0, float(np.float32(0.1)), float("-inf")]),
    ("float32", pa.array([Decimal("16777217"), None, Decimal("5.10")]), [16777216.0, None, float(np.float32(5.1))]),
    ("float32", pa.array([0.5, None, -0.0], pa.float16()), [0.5, None, -0.0]),
    ("int64", pa.array([1.0, None, -3.0]), [1, None, -3]),
    ("int64", pa.array([Decimal("5.00"), None, Decimal("7.00")]), [5, None, 7]),
    ("int64", pa.array([2**63 - 1, None, 0], pa.uint64()), [2**63 - 1, None, 0]),
    ("int32", pa.array([1, None, 3]), [1, None, 3]),
    ("string", pa.array([uuid.UUID(int=1).bytes, None, uuid.UUID(int=2).bytes], pa.uuid()), [
        str(uuid.UUID(int=1)), None, str(uuid.UUID(int=2))]),
    ("string", pa.array(['{"a":1}', None, "[]"], pa.json_()), ['{"a":1}', None, "[]"]),
    ("string", pa.array(["a", None, 'b"\n\u2028é'], pa.large_string()).dictionary_encode(), ["a", None, 'b"\n\u2028é']),
    ("bool", pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, None, 5], pa.int8())), [False, None, True]),
    ("bytes", pa.array([b"ab", None, b"\0\xff"], pa.binary(2)), [b"ab", None, b"\0\xff"]),
    ("timestamp", pa.array([dt.date(2024, 1, 1), None, dt.date(1970, 1, 2)]), [19_723 * DAY, None, DAY]),
    ("timestamp", pa.array([1_000, None, -2_000], pa.timestamp("ns", "Asia/Kolkata")), [1, None, -2]),
    ("timestamp", pa.array([253_402_300_800_000_000, -62_167_219_200_000_001, -(2**63)], pa.timestamp("us")), [
        253_402_300_800_000_000, -62_167_219_200_000_001, -(2**63)]),
    ("timestamp", pa.array(["2024-01-01T00:00:00.1234567+01:00", None, "1970-01-02"]), [19_723 * DAY - DAY // 24 + 123_456, None, DAY]),
    ("array(float64)", pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(6, dtype="float32").reshape(3, 2)), [
        [0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
    ("array(float64)", pa.array([[0.1, None], None, []], pa.list_(pa.float32())), [[0.10000000149011612, None], None, []]),
    ("array(int64)", pa.array([[1.0, None], None, []]), [[1, None], None, []]),
    ("array(timestamp)", pa.array([[5_000, None], None, [253_402_300_800_000]], pa.large_list(pa.timestamp("ms"))), [
        [5_000_000, None], None, [253_402_300_800_000_000]]),
    ("vector(2)", pa.array([[HALF_WAY, 2.0], None, [0.1, 3.0]], pa.list_(pa.float64())), [[1.0, 2.0], None, [float(np.float32(0.1)), 3.0]]),
]  # fmt: skip


def test_columns_of_parquet_become_the_groups_types_as_in_python(command, group, tmp_path):  # noqa: F811
    # As many files as a type comes twice.
    rounds: list[dict[str, tuple[Any, Any]]] = []
    for type, column, wanted in GOOD:
        place = next((made for made in rounds if named(type) not in made), None)
        if place is None:
            rounds.append(place := {})
        place[named(type)] = (column, wanted)
    for number, columns in enumerate(rounds):
        first = 100 * number
        for start in (first, first + 50):
            pq.write_table(table(start, {name: column for name, (column, _) in columns.items()}), tmp_path / f"{start}.parquet")
        command("write", "g", "--from", f"{first}.parquet")
        group.write("g", tmp_path / f"{first + 50}.parquet")
        for name, (column, wanted) in columns.items():
            there = scanned(group, name, first, len(column))
            assert repr(there) == repr(scanned(group, name, first + 50, len(column))), name
            assert wanted is None or repr(there) == repr(wanted), (name, column)


BAD: list[tuple[str, Any, str]] = [
    ("string", pa.array([b"ab"]), "holds binary where the type is string"),
    ("bytes", pa.array(["YWI="]), "holds string where the type is bytes"),
    ("float64", pa.array([1, 2**53 + 1]), "row 2, column 'float64': 9007199254740993 is not exact as float64"),
    ("float32", pa.array([1, 2**24 + 1]), "row 2, column 'float32': 16777217 is not exact as float32"),
    ("float64", pa.array([Decimal("12345678901234567890")]), "row 1, column 'float64': 12345678901234567890 has more digits"),
    ("float64", pa.array(["NaN"]), "holds string where the type is float64"),
    ("int64", pa.array(["5"]), "holds string where the type is int64"),
    ("int64", pa.array([1.0, 1.5]), "row 2, column 'int64': 1.5 does not fit int64"),
    ("int32", pa.array([2**31]), "row 1, column 'int32': 2147483648 does not fit int32"),
    ("timestamp", pa.array([1_704_067_200_000_000]), "holds int64 where the type is timestamp"),
    ("timestamp", pa.array([1], pa.timestamp("ns")), "row 1, column 'timestamp': 1970-01-01T00:00:00.000000001 is finer"),
    ("bool", pa.array([1]), "holds int64 where the type is bool"),
    ("vector(2)", pa.array([[1.0, 2.0], [1.0]]), "row 2, column 'vector_2': 1 elements"),
]  # fmt: skip


def test_columns_of_parquet_that_do_not_fit_are_refused_as_in_python(command, group, tmp_path):  # noqa: F811
    before = group.status().position
    period = pa.field("int64", pa.int64(), metadata=PERIOD)
    periods = {"array_int64": pa.field("array_int64", pa.list_(period.with_name("element")))}
    tables = [(table(1, {named(type): column}), reason) for type, column, reason in BAD]
    tables.append((table(1, {"int64": pa.array([648])}, {"int64": period}), "holds geo.period where the type is int64"))
    tables.append((table(1, {"array_int64": pa.array([[648]])}, periods), "holds geo.period where the type is array(int64)"))
    for content, reason in tables:
        pq.write_table(content, tmp_path / "bad.parquet")
        said = command("write", "g", "--from", "bad.parquet", code=1).stderr
        assert reason in said and said.count("bad.parquet") == 1, said
        with pytest.raises(hw.InvalidArgument) as raised:
            group.write("g", tmp_path / "bad.parquet")
        assert reason in str(raised.value)
    assert group.status().position == before


def test_whole_numbers_of_parquet_are_times_in_the_unit_that_is_said(command, group, tmp_path):  # noqa: F811
    seconds = [1_704_067_200, 253_402_300_800]
    for first in (1, 11):
        pq.write_table(table(first, {"timestamp": pa.array(seconds)}), tmp_path / f"{first}.parquet")
    assert "say the unit" in command("write", "g", "--from", "1.parquet", code=1).stderr
    command("write", "g", "--from", "1.parquet", "--time-unit", "s")
    group.write("g", tmp_path / "11.parquet", time_unit="s")
    wanted = [second * 1_000_000 for second in seconds]
    assert scanned(group, "timestamp", 1, 2) == scanned(group, "timestamp", 11, 2) == wanted
    spine = pa.table({"id": [1, 2], "event_time": [seconds[0] + 1] * 2})
    pq.write_table(spine, tmp_path / "spine.parquet")
    for out in ("out.parquet", "out.ndjson"):
        command("history", "--spine", "spine.parquet", "--time-unit", "s", "--features", "g:timestamp", "--out", out)
    out = pq.read_table(tmp_path / "out.parquet")
    assert out["event_time"].cast(pa.int64()).to_pylist() == [(seconds[0] + 1) * 1_000_000] * 2
    assert out["timestamp"].cast(pa.int64()).to_pylist() == wanted
    (tmp_path / "spine.ndjson").write_text("".join(json.dumps(row) + "\n" for row in spine.to_pylist()))
    command("history", "--spine", "spine.ndjson", "--time-unit", "s", "--features", "g:timestamp", "--out", "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").equals(out)


def test_columns_that_are_missing_or_unknown_are_refused_also_without_rows(command, group, tmp_path):  # noqa: F811
    none = table(1, {"float64": pa.array([1.5])}).slice(0, 0)
    odd = {"write": none.rename_columns(["id", "tt", "float64"]), "delete": none.drop_columns(["t"])}
    for verb, content in odd.items():
        pq.write_table(content, tmp_path / "none.parquet")
        said = command(verb, "g", "--from", "none.parquet", code=1).stderr
        assert ("missing column t; the file has id, tt, float64" if verb == "write" else "unknown column 'float64'") in said
    pq.write_table(none.append_column("xx", pa.array([], pa.int64())), tmp_path / "none.parquet")
    assert "unknown column 'xx'" in command("write", "g", "--from", "none.parquet", code=1).stderr
    pq.write_table(none, tmp_path / "none.parquet")
    assert "0 rows" in command("write", "g", "--from", "none.parquet").stdout


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_a_spine_without_its_key_column_is_refused(command, group, tmp_path, suffix):  # noqa: F811
    group.write("g", {"id": [1], "t": ["2024-01-01"], "float64": [1.5]})
    time = dt.datetime(2024, 2, 1, tzinfo=dt.timezone.utc)

    def join(rows: list[dict[str, Any]], code: int, *options: str) -> str:
        content = pa.Table.from_pylist(rows)
        if suffix == "parquet":
            pq.write_table(content, tmp_path / "s.parquet")
        else:
            lines = [{name: str(cell) if name != "id" else cell for name, cell in row.items()} for row in rows]
            header = ",".join(rows[0]) + "\n"
            cells = ["".join(",".join("" if cell is None else str(cell) for cell in row.values()) + "\n") for row in lines]
            text = "".join([header, *cells]) if suffix == "csv" else "".join(json.dumps(row) + "\n" for row in lines)
            (tmp_path / f"s.{suffix}").write_text(text)
        arguments = ("history", "--spine", f"s.{suffix}", "--features", "g:float64", "--out", f"out.{suffix}", *options)
        return str(command(*arguments, code=code).stderr)

    said = join([{"ID": 1, "event_time": time}], 1)
    assert "column id; " in said and "has ID, event_time" in said and "'ID' differs only in case" in said
    assert not (tmp_path / f"out.{suffix}").exists()
    assert "--spine-time" in join([{"id": 1, "when": time}], 1) or suffix == "ndjson"
    join([{"id": None, "event_time": time}, {"id": 1, "event_time": time}], 0)
    if suffix == "ndjson":
        # Rows may leave a null key out, also all rows of a batch.
        lines = ['{"event_time":"2024-02-01"}\n'] * 70_000 + ['{"event_time":"2024-02-01","id":1}\n']
        (tmp_path / "s.ndjson").write_text("".join(lines))
        command("history", "--spine", "s.ndjson", "--features", "g:float64", "--out", "out.csv", code=1)
        command("history", "--spine", "s.ndjson", "--features", "g:float64", "--out", "out.ndjson")
        assert json.loads((tmp_path / "out.ndjson").read_text().splitlines()[-1])["float64"] == 1.5


def test_parquet_that_is_written_holds_each_label_or_refuses_it(command, group, tmp_path):  # noqa: F811
    rows = [json.dumps({"id": 1, "event_time": "2024-02-01", "y": 1, "z": {"a": 1}, "l": [1]})] * 65_536
    odd = {"y": [1.5, "1", True, [1], 2**70], "z": [{"a": 1, "b": 2}, {"a": 1.5}, 1], "l": [[1.5], ["a"], 1]}
    for name, cells in odd.items():
        for cell in cells:
            lines = "\n".join([*rows, json.dumps({"id": 1, name: cell})]).encode()
            with pytest.raises(hw.InvalidArgument) as raised:
                write_parquet(str(tmp_path / "x.parquet"), io.BytesIO(lines), {"id": pa.int64()})
            said = str(raised.value)
            assert said.startswith(f"row 65537, column '{name}': {json.dumps(cell)} does not fit") and "--spine-type" in said
    (tmp_path / "s.ndjson").write_text("\n".join([*rows, json.dumps({"id": 1, "event_time": "2024-02-01", "y": 1.5})]))
    said = command("history", "--spine", "s.ndjson", "--features", "g:float64", "--out", "out.parquet", code=1).stderr
    assert "out.parquet: row 65537, column 'y': 1.5 does not fit int64" in said and not (tmp_path / "out.parquet").exists()
    last = json.dumps({"id": 1, "event_time": "2024-02-01t00:00:00z", "y": None, "l": [7, None]})
    (tmp_path / "s.ndjson").write_text("\n".join([*rows[:2], last]))
    command("history", "--spine", "s.ndjson", "--features", "g:float64", "--out", "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert out["y"].to_pylist() == [1, 1, None] and out["l"].to_pylist()[2] == [7, None] and out["z"].to_pylist()[0] == {"a": 1}


def test_times_of_a_spine_are_written_as_they_are_meant(command, group, tmp_path):  # noqa: F811
    texts = [
        "2024-02-01", "2024-02-01T00:00:00", "2024-02-01t00:00:00z", "2024-02-01 00:00:00.123456789", "0000-01-01", "9999-12-31T23:59:59Z",
        "2024-02-01T00:00:00+05:30",
    ]  # fmt: skip
    far = [253_402_300_800_000_000, -62_167_219_200_000_001]
    lines = [json.dumps({"id": 1, "event_time": time}) for time in [*texts, *far]]
    (tmp_path / "s.ndjson").write_text("\n".join(lines))
    command("history", "--spine", "s.ndjson", "--time-unit", "us", "--features", "g:float64", "--out", "out.parquet")
    there = pq.read_table(tmp_path / "out.parquet")["event_time"].cast(pa.int64()).to_pylist()
    spine = group.get_historical_features(tmp_path / "s.ndjson", "g:float64", time_unit="us").to_arrow()["event_time"]
    assert there == spine.cast(pa.int64()).to_pylist() and there[-2:] == far and there[0] == there[1] == there[2]
    # Columns of their own types, keys and labels alike.
    labels = pa.table({
        "id": pa.array([1, None], pa.int32()), "event_time": pa.array([dt.date(2024, 2, 1)] * 2),
        "day": pa.array([dt.date(2024, 2, 1), None]),
        "at": pa.array([1, None], pa.timestamp("ns")), "until": pa.array([10**17, -(10**17)], pa.timestamp("us", "Europe/Berlin")),
        "price": pa.array([Decimal("5.10"), None]), "f": pa.array([0.1, None], pa.float32()), "u": pa.array([2**64 - 1, None], pa.uint64()),
        "l": pa.array([[dt.date(2024, 2, 1)], None]), "k": pa.array(["a", None]).dictionary_encode(),
    })  # fmt: skip
    pq.write_table(labels, tmp_path / "s.parquet")
    command("history", "--spine", "s.parquet", "--features", "g:float64", "--out", "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    names = labels.column_names[2:]
    assert out.select(names).cast(labels.select(names).schema).equals(labels.select(names))
    assert out["id"].to_pylist() == [1, None] and out["event_time"].cast(pa.int64()).to_pylist() == [19_754 * DAY] * 2
    command("history", "--spine", "s.parquet", "--spine-type", "price=float64", "--features", "g:float64", "--out", "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["price"].to_pylist() == [5.1, None]
    pq.write_table(labels.append_column("span", pa.array([dt.timedelta(1)] * 2)), tmp_path / "s.parquet")
    assert "column 'span'" in command("history", "--spine", "s.parquet", "--features", "g:float64", "--out", "out.parquet", code=1).stderr


def test_a_nan_agrees_with_a_nan_in_the_path(command, group, tmp_path):  # noqa: F811
    folder = tmp_path / "float64=NaN"
    folder.mkdir()
    pq.write_table(table(1, {"float64": pa.array([float("nan")])}), folder / "r.parquet")
    (folder / "r.csv").write_text("id,t,float64\n2,2024-01-01,NaN\n")
    for name in ("r.parquet", "r.csv"):
        command("write", "g", "--from", f"float64=NaN/{name}")
    assert repr(scanned(group, "float64", 1, 2)) == "[nan, nan]"
    (folder / "r.csv").write_text("id,t,float64\n2,2024-01-01,1.5\n")
    assert "in the file's path: leave one out" in command("write", "g", "--from", "float64=NaN/r.csv", code=1).stderr
