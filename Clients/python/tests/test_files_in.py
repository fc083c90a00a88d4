"""Files that are written: Parquet, CSV, NDJSON; globs and lists of them; what in them is refused. Bits: test_types.py."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater._tables import csv, files, ndjson
from headwater._tables.sources import open_source

FEATURES = {"number": "int64", "ratio": "float32", "flag": "bool", "name": "string", "raw": "bytes", "at": "timestamp"}
MORE = {"list": "array(float64)", "point": "vector(2)"}


@pytest.fixture
def weather(client: hw.Client) -> hw.Client:
    """A client of a project with one group."""
    applied = client.apply([hw.FeatureGroup("weather", hw.Entity("place", {"id": "int64"}), FEATURES | MORE, event_time="time")])
    assert numbers(client, applied.position) == {}
    return client


def numbers(client: hw.Client, position: int) -> dict[int, Any]:
    rows = client.scan("weather", ["number"], min_position=position).to_dict()
    return dict(zip(rows["id"], rows["number"], strict=True))


def parquet(path: Path, first: int, rows: int = 2) -> None:
    time = pa.array([0] * rows, pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"id": range(first, first + rows), "time": time, "number": range(first, first + rows)}), path)


def test_globs_and_lists_of_paths_are_read_in_the_order_of_their_names(weather, tmp_path):
    for name, first in (("b", 10), ("a", 0), ("c", 20)):
        parquet(tmp_path / f"{name}.parquet", first)
    (tmp_path / "d.csv").write_text("id,time,number\n30,0,30\n")
    wanted = {0: 0, 1: 1, 10: 10, 11: 11, 20: 20, 21: 21}
    written = weather.write("weather", str(tmp_path / "*.parquet"))
    assert written.rows == 6
    assert numbers(weather, written) == wanted
    written = weather.write("weather", [tmp_path / "a.parquet", str(tmp_path / "[d].csv")])
    assert (written.rows, numbers(weather, written)) == (3, wanted | {30: 30})


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.bz2", ".csv.zst", ".ndjson.gz", ".jsonl", ".pq"])
def test_compressed_files_and_other_suffixes_are_read(weather, tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    if suffix == ".pq":
        parquet(path, 1, 1)
    else:
        text = "id,time,number\n1,0,1\n" if "csv" in suffix else '{"id":1,"time":0,"number":1}\n'
        compression = {"gz": "gzip", "bz2": "bz2", "zst": "zstd"}.get(suffix.rpartition(".")[2])
        with pa.output_stream(path, compression=compression) as stream:
            stream.write(text.encode())
    assert numbers(weather, weather.write("weather", path)) == {1: 1}


def test_csv_is_read_by_the_rules_of_its_format(weather, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b"\xef\xbb\xbfname,id,time,number,ratio,flag,raw,at,list,point\r\n"
        b'"",1,2026-01-05T10:00:00Z,-7,NaN,TRUE,AAE=,0,"[1,null,""NaN""]","[1,2.5]"\r\n'
        b'"a ""b""\n,c",2,2026-01-05 11:00:00+01:00,,-Infinity,0,,2026-01-05,[],\r\n'
        b",3,1767607200000000,9223372036854775807,1e-3,1,,,,\r\n"
    )
    position = weather.write("weather", path)
    rows = weather.scan("weather", min_position=position).to_dict()
    assert rows["name"] == ["", 'a "b"\n,c', None]
    assert {time.isoformat() for time in rows["event_time"]} == {"2026-01-05T10:00:00+00:00"}
    assert rows["number"] == [-7, None, 2**63 - 1]
    assert str(rows["ratio"][:2]) == "[nan, -inf]" and rows["ratio"][2] == pytest.approx(1e-3)
    assert (rows["flag"], rows["raw"]) == ([True, False, True], [b"\0\1", None, None])
    assert [time and time.isoformat() for time in rows["at"]] == ["1970-01-01T00:00:00+00:00", "2026-01-05T00:00:00+00:00", None]
    assert str(rows["list"]) == "[[1.0, None, nan], [], None]"
    assert rows["point"] == [[1, 2.5], None, None]


def test_records_of_several_mebibytes_are_read(weather, tmp_path):
    path = tmp_path / "rows.csv"
    long = "x" * (9 << 20)
    path.write_text("id,time,name,number\n" + "1,0,a,1\n" * 400_000 + f"2,0,{long},2\n3,0,b,3\n")
    with pytest.raises(hw.InvalidArgument, match=r"rows\.csv: row 400003, column 'number': 'x' is not an int64"):
        weather.write("weather", with_end(path, "4,0,c,x\n"))
    path.write_text(f"id,time,name,number\n1,0,a,1\n2,0,{long},2\n3,0,b,3\n")
    position = weather.write("weather", path)
    assert numbers(weather, position) == {1: 1, 2: 2, 3: 3}
    assert weather.get_online_features("weather:name", {"id": [2]}, min_position=position).to_dict()["name"] == [long]


def with_end(path: Path, text: str) -> Path:
    with open(path, "a") as file:
        file.write(text)
    return path


def test_ndjson_is_read_by_the_rules_of_its_format(weather, tmp_path):
    path = tmp_path / "rows.ndjson"
    path.write_bytes(
        b'{"id":1,"time":"2026-01-05T10:00:00Z","number":-7,"ratio":"NaN","flag":true,"name":"","raw":"AAE=","list":[1,null,"NaN"]}\r\n'
        b'\n{"id":2,"time":1767607200000000,"name":"\\u00e9\\ud83d\\ude00","point":[1,2.5],"list":null}'
    )
    rows = weather.scan("weather", min_position=weather.write("weather", path)).to_dict()
    assert (rows["number"], rows["flag"], rows["name"]) == ([-7, None], [True, None], ["", "é😀"])
    assert (rows["raw"], rows["point"]) == ([b"\0\1", None], [None, [1, 2.5]])
    assert str((rows["ratio"], rows["list"])) == "([nan, None], [[1.0, None, nan], None])"


HEADER, ROW = "id,time,{}\n", "1,0,{}\n"


@pytest.mark.parametrize(
    ("name", "cell", "reason"),
    [
        ("number", "abc", "'abc' is not an int64"),
        ("number", "1.5", "'1.5' is not an int64"),
        ("number", "0x1F", "'0x1F' is not an int64"),
        ("number", "9223372036854775808", "'9223372036854775808' is beyond the range of int64"),
        ("number", '""', "'' is not an int64"),
        ("ratio", "1e39", "'1e39' is beyond the range of float32"),
        ("ratio", "x", "'x' is not a float32"),
        ("flag", "yes", "'yes' is not a bool"),
        ("raw", "AAE", "'AAE' is no base64"),
        ("at", "soon", "'soon' is no time"),
        ("at", "2026-02-30", "'2026-02-30' is no time that there is"),
        ("at", "99999999999999999999", "'99999999999999999999' is no time that there is"),
        ("list", "[1,NaN]", r"'\[1,NaN\]' is no JSON array"),
        ("list", "5", r"'5' is not an array\(float64\): write it as JSON"),
        ("list", '"[1,""x""]"', '"x" is not a float64'),
        ("point", "[1]", r"1 elements where vector\(2\) has 2"),
        ("point", '"[1,null]"', "a vector has no null elements"),
        ("time", "", "an event time is never null"),
    ],
)
def test_a_bad_cell_of_a_csv_file_names_file_row_and_column(weather, tmp_path, name, cell, reason):
    path = tmp_path / "rows.csv"
    good = "0" if name == "time" else ""
    cell = cell if cell.startswith('"') or "," not in cell else f'"{cell}"'
    header, row = ("id,time,name\n", "1,{},\n") if name == "time" else (HEADER.format(name), ROW)
    path.write_text(header + row.format(good) * 2 + row.format(cell))
    with pytest.raises(hw.InvalidArgument, match=f"rows.csv: row 3, column '{name}': {reason}"):
        weather.write("weather", path)
    assert numbers(weather, 0) == {}


@pytest.mark.parametrize(
    ("name", "cell", "reason"),
    [
        ("number", '"7"', '"7" is not an int64'),
        ("number", "7.0", "7.0 is not an int64"),
        ("number", "9223372036854775808", "9223372036854775808 does not fit int64"),
        ("number", "true", "true is not an int64"),
        ("ratio", "1e39", "1e[+]39 is beyond the range of float32"),
        ("ratio", "1" + "0" * 400, "10000.* is beyond the range of float32"),
        ("flag", "1", "1 is not a bool"),
        ("name", "5", "5 is not a string"),
        ("raw", '"AAE"', "'AAE' is no base64"),
        ("at", '"soon"', "'soon' is no time"),
        ("list", '["x"]', '"x" is not a float64'),
        ("list", "{}", r"{} is not an array\(float64\)"),
        ("point", "[1,2,3]", r"3 elements where vector\(2\) has 2"),
        ("time", "null", "an event time is never null"),
    ],
)
def test_a_bad_cell_of_an_ndjson_file_names_file_row_and_column(weather, tmp_path, name, cell, reason):
    path = tmp_path / "rows.ndjson"
    row = {"id": 1, "time": 0}
    bad = json.dumps({key: value for key, value in row.items() if key != name})[:-1] + f', "{name}": {cell}}}\n'
    path.write_text((json.dumps(row) + "\n") * 2 + bad)
    with pytest.raises(hw.InvalidArgument, match=f"rows.ndjson: row 3, column '{name}': {reason}"):
        weather.write("weather", path)
    assert numbers(weather, 0) == {}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        "5",
        '{"id":1,"id":2}',
        '{"id":NaN}',
        '{"id":1,}',
        "{'id':1}",
        '{"id":1,"name":"\\ud800"}',
        '{"id":' + "[" * 100_000,
        '{"name":"\x01"}',
    ],
)
def test_a_bad_line_of_an_ndjson_file_names_its_number(weather, tmp_path, line):
    path = tmp_path / "rows.ndjson"
    path.write_text('{"id":1,"time":0}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(hw.InvalidArgument, match=r"rows.ndjson: row 2 \(line 3\): is no JSON object"):
        weather.write("weather", path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1: the file is empty: its first line names the columns"),
        (b"id,time\n1,0\n1,0,5\n", r"row 2 \(line 3\): 3 cells where the header has 2"),
        (b"id,time,id\n1,0,1\n", "line 1: column 'id' stands in the header twice"),
        (b"id,time,name\n1,0,\xff\n", r"row 1 \(line 2\), column 'name': .* is not UTF-8"),
        (b"id,time,temp\n1,0,5\n", "column 'temp': 'weather@1' has no .*column"),
        (b"id\n1\n", "column 'time': is missing"),
    ],
)
def test_a_bad_csv_file_is_refused_by_name(weather, tmp_path, content, reason):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(hw.InvalidArgument, match=reason) as raised:
        weather.write("weather", path)
    assert "rows.csv" in str(raised.value) or "no rows" in reason


def test_paths_that_lead_nowhere_are_refused(weather, tmp_path):
    for path in (tmp_path / "none.csv", tmp_path / "*.parquet", [tmp_path / "none.csv"]):
        with pytest.raises(hw.NotFound, match="there is no such file"):
            weather.write("weather", path)
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path, tmp_path / "*.csv"):
        with pytest.raises(hw.InvalidArgument, match="is a directory"):
            weather.write("weather", str(path))
    for name in ("rows.txt", "rows", "rows.gz"):
        (tmp_path / name).write_text("")
        with pytest.raises(hw.InvalidArgument, match=r"the name tells no format: .parquet, .csv"):
            weather.write("weather", tmp_path / name)


def test_damaged_files_are_refused_by_name(weather, tmp_path):
    parquet(tmp_path / "whole.parquet", 0, 1000)
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    (tmp_path / "wrong.parquet").write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    packed = gzip.compress(b'{"id":1,"time":0}\n' * 100_000)
    (tmp_path / "cut.ndjson.gz").write_bytes(packed[:-20])
    (tmp_path / "none.ndjson.gz").write_bytes(b"no gzip at all")
    (tmp_path / "none.csv.gz").write_bytes(b"no gzip at all")
    for name in ("cut.parquet", "wrong.parquet", "cut.ndjson.gz", "none.ndjson.gz", "none.csv.gz"):
        with pytest.raises(hw.InvalidArgument, match=f"{name}: cannot be read"):
            weather.write("weather", tmp_path / name)
    with pytest.raises(hw.InvalidArgument, match="column 'id' comes twice"):
        pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["id", "id"]), tmp_path / "twice.parquet")
        weather.write("weather", tmp_path / "twice.parquet")


def test_a_bad_row_behind_a_good_file_is_found_before_anything_is_sent(weather, tmp_path):
    parquet(tmp_path / "a.parquet", 0)
    (tmp_path / "b.csv").write_text("id,time,number\n5,0,5\n6,0,x\n")
    with pytest.raises(hw.InvalidArgument, match=r"b.csv: row 2, column 'number': 'x' is not an int64"):
        weather.write("weather", [tmp_path / "a.parquet", tmp_path / "b.csv"])
    assert numbers(weather, 0) == {}


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz", "ndjson"])
def test_files_are_read_in_pieces_whose_rows_are_numbered_through(weather, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(files, "ROWS_MAX", 400)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 1 << 10)
    monkeypatch.setattr(ndjson, "_ROWS", 100)
    path = tmp_path / f"rows.{suffix}"
    for last in (5, 7.5):
        table = pa.table({"id": range(1000), "time": ["2026-01-05T10:00:00Z"] * 1000, "number": [1.0] * 999 + [last]})
        if suffix == "parquet":
            pq.write_table(table, path)
        elif "csv" in suffix:
            text = "id,time,number\n" + "".join(f"{row['id']},{row['time']},{row['number']:g}\n" for row in table.to_pylist())
            path.write_bytes(gzip.compress(text.encode()) if suffix == "csv.gz" else text.encode())
        else:
            lines = [json.dumps(row | {"number": int(row["number"]) if row["number"] != 7.5 else 7.5}) for row in table.to_pylist()]
            path.write_text("\n".join(lines))
        if last == 5:
            assert len(list(open_source(path, ["id", "time", "number"]).read())) >= 10
            written = weather.write("weather", path)
            assert (written.rows, sum(numbers(weather, written).values())) == (1000, 1004)
        else:
            with pytest.raises(hw.InvalidArgument, match=rf"rows\.{suffix}: row 1000, column 'number': '?7\.5'? "):
                weather.write("weather", path)


def test_files_are_keys_of_a_delete_and_a_spine(weather, tmp_path):
    parquet(tmp_path / "rows.parquet", 0)
    weather.write("weather", tmp_path / "rows.parquet")
    (tmp_path / "spine.csv").write_text("id,event_time,label\n1,2026-01-05,yes\n0,2026-01-05T00:00:00Z,no\n7,2026-01-05,\n")
    joined = weather.get_historical_features(tmp_path / "spine.csv", ["weather:number"]).to_dict()
    assert (joined["number"], joined["label"]) == ([1, 0, None], ["yes", "no", None])
    (tmp_path / "gone.ndjson").write_text('{"id":0}\n')
    position = weather.delete("weather", tmp_path / "gone.ndjson")
    assert weather.get_online_features("weather:number", {"id": [0, 1]}, min_position=position).to_dict()["number"] == [None, 1]


def test_the_bar_is_silent_where_there_is_no_terminal(weather, tmp_path, monkeypatch):
    parquet(tmp_path / "rows.parquet", 0)
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    position = weather.write("weather", tmp_path / "rows.parquet")
    weather.scan("weather", min_position=position).to_parquet(tmp_path / "out.parquet")
    weather.audit()
    assert (out.getvalue(), err.getvalue()) == ("", "")
