"""Columns in paths, types of a spine's further columns, spines without rows, and files whose types differ."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

TIME = "2024-01-01T00:00:00Z"


@pytest.fixture
def group(client: hw.Client) -> hw.Client:
    features = {"x": "float64", "region": "string", "shard": "int32", "day": "timestamp"}
    client.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), features, event_time="t")])
    return client


def put(path: Path, content: str | pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    else:
        pq.write_table(content, path)
    return path


def rows(client: hw.Client, position: int) -> dict[str, list[Any]]:
    return client.scan("g", min_position=position).to_dict()


@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson", "csv.gz"])
def test_columns_that_stand_in_a_path_are_written_as_the_groups_types(group, tmp_path, suffix):
    paths = [
        "region=eu%2Fwest/shard=7/day=2024-01-05",
        "region=__HIVE_DEFAULT_PARTITION__/shard=__HIVE_DEFAULT_PARTITION__",
        "region=/shard=-1",
    ]
    for number, path in enumerate(paths):
        file = tmp_path / path / f"p.{suffix}"
        if suffix == "parquet":
            put(file, pa.table({"id": [number], "t": [dt.datetime(2024, 1, 1)], "x": [0.5]}))
            continue
        text = f"id,t,x\n{number},{TIME},0.5\n" if "csv" in suffix else f'{{"id":{number},"t":"{TIME}","x":0.5}}\n'
        file.parent.mkdir(parents=True)
        with pa.output_stream(file, compression="gzip" if suffix.endswith("gz") else None) as stream:
            stream.write(text.encode())
    written = group.write("g", str(tmp_path / "**" / f"*.{suffix}"))
    got = rows(group, written)
    by_key = dict(zip(got["id"], zip(got["region"], got["shard"], got["day"]), strict=True))
    assert by_key[0] == ("eu/west", 7, dt.datetime(2024, 1, 5, tzinfo=dt.timezone.utc))
    assert by_key[1] == (None, None, None)
    assert by_key[2] == ("", -1, None)


def test_a_key_that_stands_in_a_path_is_written_and_deleted(group, tmp_path):
    file = put(tmp_path / "id=42" / "p.csv", f"t,x\n{TIME},1\n")
    assert rows(group, group.write("g", file))["id"] == [42]
    gone = group.delete("g", put(tmp_path / "id=42" / "gone.csv", "t\n2024-01-02\n"))
    assert group.get_online_features("g:x", {"id": [42]}, min_position=gone).to_dict()["x"] == [None]


def test_a_column_in_a_path_that_does_not_fit_is_refused_by_name(group, tmp_path):
    cells = f"id,t,shard\n1,{TIME},7\n2,{TIME},8\n"
    refusals = {
        "shard=x/p.csv": (f"id,t\n1,{TIME}\n", "column 'shard': 'x' is not an int32; it stands in the file's path"),
        "other=1/p.csv": (f"id,t\n1,{TIME}\n", "column 'other': 'g@1' has no such column"),
        "region=%ff/p.csv": (f"id,t\n1,{TIME}\n", "is not UTF-8"),
        "region=a/region=b/p.csv": (f"id,t\n1,{TIME}\n", "column 'region' comes twice in the path"),
        "shard=7/p.csv": (cells, "row 2, column 'shard': is 8, and '7' in the file's path"),
        "shard=7/p.parquet": (
            pa.table({"id": [1, 2], "t": [dt.datetime(2024, 1, 1)] * 2, "shard": [7, 8]}),
            "row 2, column 'shard': is 8, and '7' in the file's path",
        ),
    }  # fmt: skip
    for name, (content, reason) in refusals.items():
        with pytest.raises(hw.InvalidArgument) as raised:
            group.write("g", put(tmp_path / name, content))
        assert reason in str(raised.value) and str(tmp_path) in str(raised.value)
    said = "column 'other': 'g@1' has no such column; there are .*; it stands in the file's path"
    with pytest.raises(hw.InvalidArgument, match=said):
        group.write("g", tmp_path / "other=1" / "p.csv")
    # A NaN is a NaN, whatever it is compared with elsewhere.
    nan = pa.table({"id": [2], "t": [dt.datetime(2024, 1, 1)], "x": [float("nan")]})
    for name, content in (("p.parquet", nan), ("p.csv", f"id,t,x\n2,{TIME},NaN\n"), ("p.ndjson", f'{{"id":2,"t":"{TIME}","x":"NaN"}}')):
        assert str(rows(group, group.write("g", put(tmp_path / "x=NaN" / name, content)))["x"][0]) == "nan"
        with pytest.raises(hw.InvalidArgument, match="'NaN' in the file's path: leave one out|'NaN' is not"):
            other = nan.set_column(2, "x", [[1.0]]) if isinstance(content, pa.Table) else content.replace("NaN", "1").replace('"1"', "1")
            group.write("g", put(tmp_path / "x=NaN" / name, other))
    same = put(tmp_path / "shard=07" / "p.parquet", pa.table({"id": [1], "t": [dt.datetime(2024, 1, 1)], "shard": [7]}))
    assert rows(group, group.write("g", same))["shard"][0] == 7


def test_a_dataset_that_arrow_partitioned_is_written_whole(group, tmp_path):
    table = pa.table({"id": [1, 2, 3], "t": [dt.datetime(2024, 1, 1)] * 3, "region": ["eu", "us", None], "x": [1.0, 2.0, 3.0]})
    pq.write_to_dataset(table, tmp_path, partition_cols=["region"])
    written = group.write("g", str(tmp_path / "**" / "*.parquet"))
    got = rows(group, written)
    assert (got["id"], got["region"], got["x"]) == ([1, 2, 3], ["eu", "us", None], [1, 2, 3])
    inferred = hw.infer_group(str(tmp_path / "**" / "*.parquet"), name="h", keys="id", event_time="t")
    assert {feature.name: feature.type for feature in inferred.features} == {"x": "float64", "region": "string"}


def test_a_spines_columns_in_paths_are_kept_as_text_or_typed(group, tmp_path):
    for zip_code in ("00501", "10115"):
        put(tmp_path / f"zip={zip_code}" / "id=1" / "s.csv", "event_time\n2024-01-02\n")
    spine = str(tmp_path / "**" / "*.csv")
    table = group.get_historical_features(spine, "g:x").to_arrow()
    assert table["zip"].to_pylist() == ["00501", "10115"] and table["id"].to_pylist() == [1, 1]
    assert group.get_historical_features(spine, "g:x", spine_types={"zip": "int64"}).to_dict()["zip"] == [501, 10115]


CELLS = {
    "bool": ("true", True), "int32": ("7", 7), "int64": ("-7", -7), "float32": ("0.5", 0.5), "float64": ("1E5", 100000.0),
    "string": ("00501", "00501"),
    "bytes": ("AAE=", b"\0\1"), "timestamp": ("2024-01-05", dt.datetime(2024, 1, 5, tzinfo=dt.timezone.utc)),
    "array(int64)": ('"[1,null]"', [1, None]),
    "vector(2)": ('"[1,2]"', [1, 2]),
}  # fmt: skip


def test_further_columns_of_a_csv_spine_stay_text_and_spine_types_types_them(group, tmp_path):
    names = [f"c{number}" for number in range(len(CELLS))]
    text = (
        ",".join(["id,event_time", *names])
        + "\n1,2024-01-02,"
        + ",".join(cell for cell, _ in CELLS.values())
        + "\n2,2024-01-02"
        + "," * len(CELLS)
    )
    spine = put(tmp_path / "s.csv", text)
    table = group.get_historical_features(spine, "g:x").to_arrow()
    for name, (cell, _) in zip(names, CELLS.values(), strict=True):
        assert table[name].to_pylist() == [cell.strip('"'), None]
    types = dict(zip(names, CELLS, strict=True))
    made = group.get_historical_features(spine, "g:x", spine_types=types).to_dict()
    assert [made[name] for name in names] == [[value, None] for _, value in CELLS.values()]


def test_spine_types_that_do_not_fit_are_refused_by_name(group, tmp_path):
    spine = put(tmp_path / "s.csv", "id,event_time,label\n1,2024-01-02,5\n1,2024-01-02,x\n")
    refusals = [
        ({"label": "int64"}, r"s\.csv: row 2, column 'label': 'x' is not an int64"),
        ({"other": "int64"}, r"spine_types: the spine has no column 'other'; it has id, event_time, label"),
        ({"label": "number"}, r"spine_types: column 'label': unknown type 'number'"),
        ({"id": "string"}, r"column 'id': is int64 by the definitions; spine_types= says string"),
    ]
    for types, reason in refusals:
        with pytest.raises(hw.InvalidArgument, match=reason):
            group.get_historical_features(spine, "g:x", spine_types=types).to_arrow()
    frame = pytest.importorskip("pandas").DataFrame({"id": [1], "event_time": [TIME], "label": [5]}, index=[9])
    made = group.get_historical_features(frame, "g:x", spine_types={"label": "float32"}).to_pandas()
    assert (str(made["label"].dtype), made.index.tolist()) == ("float32", [9])


def test_inference_keeps_texts_that_would_not_come_back_the_same(tmp_path):
    columns = {
        "zip": ["00501", "10115"], "code": ["1E5", "2"], "plus": ["+5", "5"], "phone": ["+49 30 1", "555"], "version": ["1.10", "1.9"],
        "long": ["0.1234567890123456789", "1"], "big": ["9223372036854775808", "1"], "minus": ["-0", "1"], "none": ["", ""],
        "hex": ["0x1F", "1"], "inf": ["inf", "1.5"], "nan": ["nan", "1.5"],
        "n": ["-7", "12"], "price": ["2.50", "19.90"], "padded": ["1.10", "1"], "ratio": ["1e-05", "0.1"], "ok": ["true", "False"],
        "day": ["2024-01-01", "2024-01-02T00:00:00Z"],
        "fine": ["2024-01-01T00:00:00.1234567Z", "2024-01-01"], "point": ["1.", "2"],
    }  # fmt: skip
    lines = [",".join(["id", *columns]), *(",".join([str(row), *(cells[row] for cells in columns.values())]) for row in range(2))]
    inferred = hw.infer_group(put(tmp_path / "t.csv", "\n".join(lines)), name="g", keys="id")
    types = {feature.name: feature.type for feature in inferred.features}
    texts = dict.fromkeys(
        ["zip", "code", "plus", "phone", "version", "long", "big", "minus", "none", "hex", "inf", "nan", "fine", "point", "padded"],
        "string",
    )
    assert types == texts | {"n": "int64", "price": "float64", "ratio": "float64", "ok": "bool", "day": "timestamp"}


@pytest.mark.parametrize("kind", ["csv", "parquet", "table", "reader", "ndjson", "pandas"])
def test_a_spine_without_rows_has_its_columns_and_types_and_then_the_features(group, tmp_path, kind):
    schema = pa.schema([("id", pa.int64()), ("event_time", pa.timestamp("us", "UTC")), ("label", pa.int32())])
    wanted = ["id", "event_time", "label", "x"]
    spine: Any = schema.empty_table()
    if kind == "csv":
        spine = put(tmp_path / "s.csv", "id,event_time,label\n")
    elif kind == "parquet":
        spine = put(tmp_path / "s.parquet", schema.empty_table())
    elif kind == "reader":
        spine = pa.RecordBatchReader.from_batches(schema, [])
    elif kind == "ndjson":
        spine, wanted = put(tmp_path / "s.ndjson", ""), ["id", "event_time", "x"]
    elif kind == "pandas":
        spine = schema.empty_table().to_pandas()
    history = group.get_historical_features(spine, "g:x")
    table = history.to_arrow()
    assert (table.column_names, table.num_rows) == (wanted, 0)
    assert table["x"].type == pa.float64()
    if kind != "pandas":
        assert table["id"].type == pa.int64() and pa.types.is_timestamp(table["event_time"].type)
    assert list(history.to_pandas().columns) == wanted
    if kind != "reader":
        assert history.to_parquet(tmp_path / "out.parquet") == 0
        assert pq.read_schema(tmp_path / "out.parquet").names == wanted


@pytest.mark.parametrize("kind", ["csv", "parquet", "table", "reader"])
def test_a_spine_without_rows_is_checked_for_its_keys(group, tmp_path, kind):
    schema = pa.schema([("event_time", pa.timestamp("us", "UTC"))])
    spine: Any = schema.empty_table()
    if kind == "csv":
        spine = put(tmp_path / "s.csv", "event_time\n")
    elif kind == "parquet":
        spine = put(tmp_path / "s.parquet", schema.empty_table())
    elif kind == "reader":
        spine = pa.RecordBatchReader.from_batches(schema, [])
    with pytest.raises(hw.InvalidArgument, match=r"spine: has no column 'id': it needs id \(int64\), event_time \(timestamp\)"):
        group.get_historical_features(spine, "g:x")


def spines(folder: Path, *columns: pa.Array, name: str = "label") -> str:
    for number, column in enumerate(columns):
        time = pa.array([dt.datetime(2024, 1, 2)] * len(column), pa.timestamp("us"))
        put(folder / f"{number}.parquet", pa.table({"id": [1] * len(column), "event_time": time, name: column}))
    return str(folder / "*.parquet")


def test_zones_units_and_widths_of_several_files_are_joined(group, tmp_path):
    when = dt.datetime(2024, 1, 5)
    pairs = [
        (pa.array([when], pa.timestamp("s", "UTC")), pa.array([when], pa.timestamp("us", "Europe/Berlin")), pa.timestamp("us", "UTC")),
        (pa.array([when], pa.timestamp("ms")), pa.array([when], pa.timestamp("ns", "UTC")), pa.timestamp("ns", "UTC")),
        (pa.array([1], pa.int8()), pa.array([2**40], pa.int64()), pa.int64()),
        (pa.array([-1], pa.int16()), pa.array([2**16 - 1], pa.uint16()), pa.int32()),
        (pa.array([1], pa.int32()), pa.array([0.5], pa.float32()), pa.float64()),
        (pa.array([None], pa.null()), pa.array(["a"]), pa.string()),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b"]), pa.string()),
        (pa.array(["a"], pa.large_string()), pa.array(["b"]), pa.large_string()),
        (pa.array([[1]], pa.list_(pa.int32())), pa.array([[2**40]], pa.list_(pa.int64())), pa.list_(pa.int64())),
    ]
    for number, (one, other, wanted) in enumerate(pairs):
        history = group.get_historical_features(spines(tmp_path / str(number), one, other), "g:x")
        table = history.to_arrow()
        assert table["label"].type == wanted
        assert len({batch.schema for batch in history.batches(1)}) == 1
        assert table["label"].to_pylist()[1] is not None


def test_types_that_have_nothing_in_common_are_refused_before_the_work(group, tmp_path):
    pairs = [
        (pa.array([1]), pa.array(["a"])), (pa.array([1]), pa.array([0.5])), (pa.array([2**63], pa.uint64()), pa.array([-1])),
        (pa.array([True]), pa.array([1])), (pa.array([dt.date(2024, 1, 1)]), pa.array(["2024"])), (pa.array([[1]]), pa.array([1])),
    ]  # fmt: skip
    for number, pair in enumerate(pairs):
        with pytest.raises(hw.InvalidArgument, match=r"1\.parquet: column 'label': is .*, and .*0\.parquet has .*spine_types"):
            group.get_historical_features(spines(tmp_path / str(number), *pair), "g:x")
    made = group.get_historical_features(
        spines(tmp_path / "typed", pa.array([1]), pa.array([0.5])), "g:x", spine_types={"label": "float64"}
    )
    assert made.to_dict()["label"] == [1.0, 0.5]


def test_objects_whose_columns_change_their_type_are_refused_before_the_work(group, tmp_path, monkeypatch):
    from headwater._tables import ndjson

    monkeypatch.setattr(ndjson, "_ROWS", 2)
    line = '{{"id":1,"event_time":"2024-01-02","label":{}}}\n'
    spine = put(tmp_path / "s.ndjson", "".join(line.format(cell) for cell in ("1", "2", '"a"')))
    with pytest.raises(hw.InvalidArgument, match=r"s\.ndjson: column 'label': is string, and those before are int64"):
        group.get_historical_features(spine, "g:x").to_arrow()
    spine = put(tmp_path / "t.ndjson", "".join(line.format(cell) for cell in ("null", "null", "1", "2", "3")))
    assert group.get_historical_features(spine, "g:x").to_dict()["label"] == [None, None, 1, 2, 3]


def test_files_of_several_types_are_written_in_one_request(group, tmp_path):
    time = [dt.datetime(2024, 1, 1)]
    put(
        tmp_path / "0.parquet",
        pa.table({"id": pa.array([1], pa.int32()), "t": pa.array(time, pa.timestamp("s")), "shard": pa.array([1], pa.int8())}),
    )
    put(tmp_path / "1.parquet", pa.table({"id": [2], "t": pa.array(time, pa.timestamp("ns", "Europe/Berlin")), "x": [0.5]}))
    got = rows(group, group.write({"g": str(tmp_path / "*.parquet")}))
    assert (got["id"], got["shard"], got["x"]) == ([1, 2], [1, None], [None, 0.5])
