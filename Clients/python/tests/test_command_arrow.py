"""Arrow streams that the command line writes: read by Arrow itself, and equal to what the Python client returns for the same query."""

from __future__ import annotations

import io
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

from .conftest import BINARY, Server
from .support import EVENT_TIME, FEATURES, all_types, array, assert_same, edge_table, edges, table
from .test_command_tables import command  # noqa: F401

TIME = "2020-01-01T00:00:00Z"


def read(path: Path) -> pa.Table:
    """All of a stream, after Arrow's own checks of every offset and every text."""
    stream = pa.ipc.open_stream(path.read_bytes())
    batches = list(stream)
    for batch in batches:
        batch.validate(full=True)
    made = pa.Table.from_batches(batches, stream.schema)
    made.validate(full=True)
    return made


def assert_equal(found: pa.Table, wanted: pa.Table) -> None:
    """The same schema, down to whether fields may be null, and the same bits."""
    assert found.schema.equals(wanted.schema), (found.schema, wanted.schema)
    assert found.num_rows == wanted.num_rows
    assert_same(found, wanted)


def seeded(seed: int, rows: int, nulls: float) -> pa.Table:
    """Rows of every type, of cells at its edges."""
    made = random.Random(seed)
    columns = {
        name: [None if made.random() < nulls else made.choice(edges(type)[1:]) for _ in range(rows)] for name, type in FEATURES.items()
    }
    return table(columns, first_key=1000 * seed)


@pytest.fixture
def everything(client: hw.Client) -> Iterator[hw.Client]:
    """A group of every type, with rows at the edges, many and few nulls, and deletes."""
    all_types(client)
    position = client.write("all", edge_table())
    for seed, rows, nulls in ((1, 200, 0.3), (2, 65, 0.0), (3, 9, 1.0)):
        position = client.write("all", seeded(seed, rows, nulls))
    position = client.delete("all", pa.table({"id": [0, 1001], "time": array([EVENT_TIME + 1] * 2, "timestamp")}))
    client.status()
    client.scan("all", min_position=position).to_arrow()
    yield client


def test_a_scan_of_every_type_is_what_the_client_returns(command, everything: hw.Client, tmp_path: Path) -> None:  # noqa: F811
    command("scan", "all", "--out", "all.arrows")
    wanted = everything.scan("all").to_arrow()
    assert wanted.num_rows == 13 + 200 + 65 + 9
    assert_equal(read(tmp_path / "all.arrows"), wanted)

    command("scan", "all", "--deletes", "--columns", "string,vector_3,array_bool", "--out", "deletes.arrows")
    assert_equal(
        read(tmp_path / "deletes.arrows"), everything.scan("all", columns=["string", "vector_3", "array_bool"], deletes=True).to_arrow()
    )
    command("scan", "all", "--latest", "--out", "latest.arrows")
    assert_equal(read(tmp_path / "latest.arrows"), everything.latest("all").to_arrow())
    # No rows: the columns are there all the same.
    command("scan", "all", "--start", "2100-01-01", "--out", "none.arrows")
    assert_equal(read(tmp_path / "none.arrows"), everything.scan("all", start="2100-01-01").to_arrow())


def test_each_type_alone_is_what_the_client_returns(command, everything: hw.Client, tmp_path: Path) -> None:  # noqa: F811
    for name in FEATURES:
        command("scan", "all", "--columns", name, "--brief", "--out", f"{name}.arrows")
        found = read(tmp_path / f"{name}.arrows")
        assert_equal(found, everything.scan("all", columns=[name]).to_arrow().select(found.column_names))


def test_a_history_of_every_type_is_what_the_client_returns(command, everything: hw.Client, tmp_path: Path) -> None:  # noqa: F811
    keys: list[Any] = [0, 1, 2, 12, "", *range(1000, 1200), 5, *range(2000, 2065), *range(3000, 3009)]
    lines = [f'{key},{TIME},"{number}, é",{number % 7 or ""}' for number, key in enumerate(keys)]
    (tmp_path / "spine.csv").write_text("id,event_time,note,label\n" + "\n".join(lines) + "\n")
    features = [f"all:{name}" for name in FEATURES]
    asked = ("history", "--spine", "spine.csv", "--features", ",".join(features), "--spine-type", "label=int32")
    history = everything.get_historical_features(tmp_path / "spine.csv", features, spine_types={"label": "int32"})
    command(*asked, "--out", "plain.arrows")
    assert_equal(read(tmp_path / "plain.arrows"), history.to_arrow())
    command(*asked, "--statuses", "--out", "statuses.arrows")
    wanted = history.to_arrow(statuses=True)
    assert set(wanted["int64__status"].to_pylist()) == {"PRESENT", "NULL_VALUE", "NOT_FOUND"}
    assert_equal(read(tmp_path / "statuses.arrows"), wanted)
    # The parts of a split are together the whole.
    command(*asked, "--statuses", "--split", "train=0.7,test=0.3", "--out", "split.arrows")
    parts = pa.concat_tables([read(tmp_path / f"split.{name}.arrows") for name in ("train", "test")])
    assert 0 < read(tmp_path / "split.test.arrows").num_rows < parts.num_rows / 2
    assert parts.schema.equals(wanted.schema)
    by_note = [(name, "ascending") for name in ("note",)]
    assert_same(parts.combine_chunks().sort_by(by_note), wanted.combine_chunks().sort_by(by_note))


def test_many_rows_come_in_many_batches(command, client: hw.Client, tmp_path: Path) -> None:  # noqa: F811
    rows = 150_000
    client.apply(
        [hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), {"x": "float64", "s": "string", "l": "array(string)"}, event_time="t")]
    )
    position = client.write(
        "g",
        pa.table(
            {
                "id": pa.array(range(rows)),
                "t": pa.array([EVENT_TIME] * rows).cast(pa.timestamp("us", "UTC")),
                "x": [None if row % 11 == 0 else row / 7 for row in range(rows)],
                "s": [f"text {row}" * (row % 3) for row in range(rows)],
                "l": [[str(row), None][: row % 3] for row in range(rows)],
            }
        ),
    )
    wanted = client.scan("g", min_position=position).to_arrow()
    command("scan", "g", "--out", "g.arrows")
    assert_equal(read(tmp_path / "g.arrows"), wanted)
    assert len(list(pa.ipc.open_stream((tmp_path / "g.arrows").read_bytes()))) > 1

    # A spine is read in batches of its own, which end elsewhere than those of the answer.
    lines = "".join(f"{row * 7 % rows},{TIME},label {row}\n" for row in range(rows))
    (tmp_path / "spine.csv").write_text("id,event_time,label\n" + lines)
    command("history", "--spine", "spine.csv", "--features", "g:x,g:s,g:l", "--out", "h.arrows")
    assert_equal(read(tmp_path / "h.arrows"), client.get_historical_features(tmp_path / "spine.csv", ["g:x", "g:s", "g:l"]).to_arrow())


@pytest.fixture
def small(client: hw.Client) -> hw.Client:
    client.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), {"x": "float64", "s": "string"}, event_time="t")])
    times = array([EVENT_TIME] * 3, "timestamp")
    position = client.write("g", pa.table({"id": [1, 2, 3], "t": times, "x": [0.5, None, 1.5], "s": ["é", "", None]}))
    client.scan("g", min_position=position).to_arrow()
    return client


def test_spines_of_other_formats_go_on_with_the_types_that_are_given(command, small: hw.Client, tmp_path: Path) -> None:  # noqa: F811
    spine = pa.table({"id": [3, 1, None], "event_time": array([EVENT_TIME] * 3, "timestamp"), "label": [7, None, 9]})
    wanted = small.get_historical_features(spine, ["g:x", "g:s"]).to_arrow()
    (tmp_path / "spine.ndjson").write_text(
        "".join(f'{{"event_time":"{TIME}","id":{key},"label":{label}}}\n' for key, label in ((3, 7), (1, "null"), ("null", 9)))
    )
    pq.write_table(spine, tmp_path / "spine.parquet")
    for name in ("spine.ndjson", "spine.parquet"):
        asked = ("history", "--spine", name, "--features", "g:x,g:s", "--out", f"{name}.arrows")
        said = command(*asked, code=1).stderr
        assert "say that of label with --spine-type COLUMN=TYPE" in said and name in said, said
        assert not (tmp_path / f"{name}.arrows").exists()
        command(*asked, "--spine-type", "label=int64")
        assert_equal(read(tmp_path / f"{name}.arrows"), wanted)
    # A column that only a later row has, and a type for a column that none has.
    (tmp_path / "late.ndjson").write_text(f'{{"id":1,"event_time":"{TIME}"}}\n{{"id":2,"event_time":"{TIME}","more":1}}\n')
    asked = ("history", "--spine", "late.ndjson", "--features", "g:x", "--out", "late.arrows")
    said = command(*asked, code=1).stderr
    assert "late.ndjson: row 2" in said and "unknown column 'more'" in said and "--spine-type" in said, said
    said = command(*asked, "--spine-type", "more=int64", "--spine-type", "none=int64", code=1).stderr
    assert "a type is given for none, which no row has" in said, said


def test_a_stream_goes_to_a_pipe(command, small: hw.Client, server: Server, tmp_path: Path) -> None:  # noqa: F811
    asked = [BINARY, "scan", "g", "--format", "arrows", "--out", "-", "--address", server.address, "--project", small.project]
    done = subprocess.run(asked, capture_output=True, timeout=240)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    with pa.ipc.open_stream(io.BytesIO(done.stdout)) as stream:
        assert_equal(stream.read_all(), small.scan("g").to_arrow())


def test_polars_reads_the_same(command, everything: hw.Client, tmp_path: Path) -> None:  # noqa: F811
    command("scan", "all", "--out", "all.arrows")
    found = pl.read_ipc_stream(tmp_path / "all.arrows")
    assert found.equals(everything.scan("all").to_polars())


def test_names_that_are_no_stream_are_refused(command, small: hw.Client, tmp_path: Path) -> None:  # noqa: F811
    for name in ("x.arrow", "x.feather"):
        said = command("scan", "g", "--out", name, code=1).stderr
        assert name in said and "end the name in .arrows" in said, said
    said = command("scan", "g", "--format", "arrows", "--out", "x.parquet", code=1).stderr
    assert "x.parquet: names no Arrow stream" in said, said
    (tmp_path / "s.csv").write_text(f"id,event_time\n1,{TIME}\n")
    said = command("history", "--spine", "s.csv", "--features", "g:x", "--spine-type", "y=int64", "--out", "y.arrows", code=1).stderr
    assert "a type is given for y, which is no column here" in said, said
    assert not list(tmp_path.glob("*.arrows")) and not list(tmp_path.glob(".*.part"))
