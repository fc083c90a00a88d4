"""Parquet and compressed tables on the command line, through the package's `headwater-tables`."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

from .conftest import BINARY, Server

UTC = dt.timezone.utc
ROWS = pa.table(
    {
        "id": pa.array([1, 2, 2**53 + 1]),
        "t": pa.array([dt.datetime(2026, 1, day, 9, tzinfo=UTC) for day in (5, 6, 7)], pa.timestamp("ms", tz="Europe/Berlin")),
        "f": pa.array([0.1, float("nan"), None], pa.float32()),
        "s": ['a,"b"\n', None, ""],
        "y": pa.array([b"\x00\xff", b"", None]),
        "l": pa.array([[1, None], [], None], pa.list_(pa.int64())),
        "v": pa.array([[0.5, 1.5], None, [2.0, 3.0]], pa.list_(pa.float32(), 2)),
        "b": [True, False, None],
    }
)


@pytest.fixture
def command(server: Server, client: hw.Client, tmp_path: Path):
    """Runs `headwater` in a folder of its own."""
    helper = tmp_path / "headwater-tables"
    source = Path(hw.__file__).parents[1]
    helper.write_text(f'#!/bin/sh\nPYTHONPATH="{source}" exec "{sys.executable}" -m headwater._tables.command "$@"\n')
    helper.chmod(0o755)

    def run(*arguments: str, helper: str = str(helper), code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {"HEADWATER_ADDRESS": server.address, "HEADWATER_PROJECT": client.project, "HEADWATER_TABLES": helper, "PATH": ""}
        done = subprocess.run([str(BINARY), *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture
def group(client: hw.Client) -> str:
    client.apply(
        {
            "entities": [{"name": "thing", "keys": [{"name": "id", "type": "int64"}]}],
            "feature_groups": [
                {
                    "name": "g",
                    "entity": "thing",
                    "event_time": "t",
                    "features": [
                        {"name": name, "type": kind}
                        for name, kind in {
                            "f": "float32", "s": "string", "y": "bytes", "l": "array(int64)", "v": "vector(2)", "b": "bool",
                        }.items()
                    ],
                }
            ],
        }
    )  # fmt: skip
    return "g"


def _values(table: pa.Table) -> str:
    """As text, in which a NaN equals a NaN."""
    return str(sorted(map(str, table.to_pylist())))


def test_every_type_goes_from_parquet_into_a_group_and_back(command, group: str, tmp_path: Path) -> None:
    pq.write_table(ROWS, tmp_path / "rows.parquet")
    command("write", group, "--from", "rows.parquet")
    command("scan", group, "--brief", "--out", "back.parquet")
    back = pq.read_table(tmp_path / "back.parquet").rename_columns(["id", "t", "f", "s", "y", "l", "v", "b"])
    assert back.schema.field("v").type == pa.list_(pa.float32(), 2)
    assert back.schema.field("t").type == pa.timestamp("us", tz="UTC")
    assert _values(back) == _values(ROWS.set_column(1, "t", ROWS["t"].cast(pa.timestamp("us", tz="UTC"))))


def test_a_spine_keeps_its_columns_and_their_types(command, group: str, tmp_path: Path) -> None:
    pq.write_table(ROWS, tmp_path / "rows.parquet")
    command("write", group, "--from", "rows.parquet")
    spine = pa.table(
        {
            "zip": ["00501", None],
            "label": pa.array([7, None], pa.int8()),
            "id": [1, 9],
            "event_time": pa.array([dt.datetime(2026, 2, 1)] * 2, pa.timestamp("us")),
        }
    )
    pq.write_table(spine, tmp_path / "spine.parquet")
    command("history", "--spine", "spine.parquet", "--features", "g:f,g:l", "--statuses", "--out", "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.column_names == ["zip", "label", "id", "event_time", "f", "f__status", "l", "l__status"]
    assert out.select(["zip", "label", "id"]).to_pylist() == spine.select(["zip", "label", "id"]).to_pylist()
    assert out.schema.field("label").type == pa.int8()
    assert out["f__status"].to_pylist() == ["PRESENT", "NOT_FOUND"]
    assert out["l"].to_pylist() == [[1, None], None]


def test_a_csv_spine_becomes_parquet_with_the_types_that_are_known(command, group: str, tmp_path: Path) -> None:
    (tmp_path / "spine.csv").write_text("zip,label,id,event_time\n00501,7,1,2026-02-01\n,,2,2026-02-01\n")
    command("history", "--spine", "spine.csv", "--spine-type", "label=int64", "--features", "g:f", "--out", "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert [str(kind) for kind in out.schema.types] == ["string", "int64", "int64", "timestamp[us, tz=UTC]", "float"]
    assert out["zip"].to_pylist() == ["00501", None]
    # No rows: the columns are there all the same.
    (tmp_path / "empty.csv").write_text("zip,label,id,event_time\n")
    command("history", "--spine", "empty.csv", "--features", "g:f", "--out", "empty.parquet")
    assert set(pq.read_table(tmp_path / "empty.parquet").column_names) == {"zip", "label", "id", "event_time", "f"}


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed_tables_are_read_and_written(command, group: str, tmp_path: Path, suffix: str) -> None:
    text = "id,t,s\n1,2026-01-05,tea\n2,2026-01-06,\n"
    packing = {"gz": "gzip", "zst": "zstd"}[suffix]
    with pa.OSFile(str(tmp_path / f"rows.csv.{suffix}"), "wb") as file, pa.CompressedOutputStream(file, packing) as stream:
        stream.write(text.encode())
    command("write", group, "--from", f"rows.csv.{suffix}")
    command("scan", group, "--columns", "s", "--brief", "--out", f"out.ndjson.{suffix}")
    with pa.OSFile(str(tmp_path / f"out.ndjson.{suffix}")) as file, pa.CompressedInputStream(file, packing) as stream:
        rows = [json.loads(line) for line in stream.read().splitlines()]
    assert [row["s"] for row in rows] == ["tea", None]
    if suffix == "gz":
        assert gzip.decompress((tmp_path / "out.ndjson.gz").read_bytes()).count(b"\n") == 2


def test_what_cannot_be_converted_is_refused_by_name(command, group: str, tmp_path: Path) -> None:
    pq.write_table(ROWS.append_column("took", pa.array([dt.timedelta(1)] * 3)), tmp_path / "odd.parquet")
    assert "took" in command("write", group, "--from", "odd.parquet", code=1).stderr
    (tmp_path / "none.parquet").write_text("no table")
    assert "none.parquet" in command("write", group, "--from", "none.parquet", code=1).stderr
    command("write", group, "--from", "missing.parquet", code=3)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_columns_that_stand_in_a_path_are_read_or_refused_by_name(command, group: str, client: hw.Client, tmp_path: Path) -> None:
    def put(path: str, content: str | pa.Table) -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(content, file) if isinstance(content, pa.Table) else file.write_text(content)
        return path

    day = pa.table({"t": pa.array([dt.datetime(2026, 1, 5, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))})
    good = {
        "id=1/s=a%20b%2Fc/r.csv": "t\n2026-01-05\n",
        "id=2/s=__HIVE_DEFAULT_PARTITION__/r.ndjson": '{"t":"2026-01-05"}\n',
        "id=3/s=x/r.ndjson": '{"t":"2026-01-05","s":"x"}\n',
        "id=4/b=true/l=[1,null]/r.csv": "t,s\n2026-01-05,in it\n",
        "id=5/t=2026-01-05/f=0.1/r.csv": "s\ny\n",
        "id=6/s=p/r.parquet": day,
    }
    for path, content in good.items():
        command("write", group, "--from", put(path, content))
    found = client.get_online_features(["g:s", "g:b", "g:l", "g:f"], {"id": [1, 2, 3, 4, 5, 6]}, at="2026-01-06").to_dict()
    assert found["s"] == ["a b/c", None, "x", "in it", "y", "p"]
    assert found["b"][3] is True and found["l"][3] == [1, None]
    assert found["f"][4] == pytest.approx(0.1, rel=1e-6)
    bad = {
        "id=x/r.csv": ("t\n2026-01-05\n", "id: 'x' is not an int64; it stands in the file's path"),
        "s=q/r.csv": ("id,t,s\n1,2026-01-05,q\n2,2026-01-05,r\n", "row 2, column s: is 'r', and 'q' in the file's path"),
        "s=q/r.ndjson": ('{"id":1,"t":"2026-01-05","s":null}\n', "in the file's path: leave one out"),
        "colour=red/r.csv": ("id,t\n1,2026-01-05\n", "'colour' in the file's path"),
        "s=a/s=b/r.csv": ("id,t\n1,2026-01-05\n", "column 's' comes twice in the path"),
        "s=%ff/r.csv": ("id,t\n1,2026-01-05\n", "is not UTF-8"),
        "id=__HIVE_DEFAULT_PARTITION__/r.csv": ("t\n2026-01-05\n", "every row needs a value"),
    }
    for path, (content, reason) in bad.items():
        said = command("write", group, "--from", put(path, content), code=1).stderr
        assert reason in said and path.split("/")[0] in said, said
    command("delete", group, "--from", put("id=6/k.csv", "t\n2026-01-07\n"))
    assert client.get_online_features("g:s", {"id": [6]}).to_dict()["s"] == [None]
    # Rows of a spine are kept as they stand, so they must have their columns themselves.
    for path, content in {"id=1/r.csv": "event_time\n2026-01-06\n", "label=1/r.ndjson": '{"id":1,"event_time":"2026-01-06"}\n'}.items():
        said = command("history", "--spine", put(path, content), "--features", "g:s", "--out", f"out{Path(path).suffix}", code=1).stderr
        assert "stands in the file's path alone" in said, said
    command("history", "--spine", put("id=9/s.csv", "id,event_time\n1,2026-01-06\n"), "--features", "g:s", "--out", "out.csv")


def test_parts_of_a_split_keep_both_endings(command, group: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,t,s\n" + "".join(f"{row},2026-01-05,v\n" for row in range(50)))
    command("write", group, "--from", "rows.csv")
    (tmp_path / "spine.csv").write_text("id,event_time\n" + "".join(f"{row},2026-01-06\n" for row in range(50)))
    command("history", "--spine", "spine.csv", "--features", "g:s", "--split", "train=0.5,test=0.5", "--out", "x.csv.gz")
    parts = [gzip.decompress((tmp_path / f"x.{part}.csv.gz").read_bytes()).decode().splitlines() for part in ("train", "test")]
    assert sum(map(len, parts)) == 52 and parts[0][0] == "id,event_time,s"


def test_without_the_package_it_says_how_to_get_it(command, group: str, tmp_path: Path) -> None:
    pq.write_table(ROWS, tmp_path / "rows.parquet")
    said = command("write", group, "--from", "rows.parquet", helper="", code=1).stderr
    assert "pip install headwater" in said and "rows.parquet" in said
