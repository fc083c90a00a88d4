"""What is handed in wrongly, oddly or empty: the answer is the right one, or the error says what to do."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

from .conftest import Server

FEATURES = {"x": "float64", "n": "int64", "s": "string", "when": "timestamp", "v": "vector(2)", "list": "array(int64)"}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "odd") as connected:
        owner = hw.Entity("owner", {"id": "int64", "place": "string"})
        connected.apply([hw.FeatureGroup("g", owner, FEATURES, event_time="t")])
        connected.write("g", [{"id": 1, "place": "a", "t": "2026-01-05", "x": 1.5, "n": 7}])
        yield connected


NAN = float("nan")


@pytest.mark.parametrize(
    "ids", [[1.0, NAN], np.array([1.0, NAN]), pa.array([1.0, NAN]), pl.Series([1.0, NAN]), np.array([1, NAN], "float32")]
)
def test_nan_in_a_key_or_an_integer_says_what_a_missing_one_is(client, ids):
    message = "nan does not fit int64: NaN is no number; what is missing is None, in pandas a nullable column such as Int64"
    for call in (
        lambda: client.get_online_features("g:x", {"id": ids, "place": ["a", "b"]}),
        lambda: client.write("g", {"id": ids, "place": ["a", "b"], "t": ["2026-01-05"] * 2}),
        lambda: client.write("g", {"id": [1, 2], "place": ["a", "b"], "t": ["2026-01-05"] * 2, "n": ids}),
        lambda: client.delete("g", {"id": ids, "place": ["a", "b"]}),
        lambda: client.scan("g", keys={"id": ids, "place": ["a", "b"]}),
        lambda: client.get_historical_features({"id": ids, "place": ["a", "b"], "event_time": ["2026-01-05"] * 2}, "g:x").to_arrow(),
    ):
        with pytest.raises(hw.InvalidArgument, match=f"row 1, column '(id|n)': {message}"):
            call()
    for cell in (float("inf"), float("-inf")):
        with pytest.raises(hw.InvalidArgument, match="row 0, column 'id': -?inf does not fit int64: it is no whole number"):
            client.get_online_features("g:x", {"id": [cell], "place": ["a"]})


@pytest.mark.parametrize(
    "none", [[], (), iter([]), pd.DataFrame({"id": [], "place": []}), pa.table({"id": pa.nulls(0), "place": pa.nulls(0)})]
)
def test_no_entities_are_an_empty_answer_with_its_columns_and_types(client, none):
    got = client.get_online_features([f"g:{name}" for name in FEATURES], none)
    assert len(got) == 0
    table = got.to_arrow(statuses=True)
    types = {"id": pa.int64(), "place": pa.string(), "x": pa.float64(), "n": pa.int64(), "when": pa.timestamp("us", "UTC")}
    assert {name: table.schema.field(name).type for name in types} == types
    assert table.schema.field("v").type == pa.list_(pa.float32(), 2) and table.schema.field("list").type == pa.list_(pa.int64())
    assert (
        got.to_dict()["x"] == [] and got.to_pandas().shape == (0, 8) and got.to_numpy().shape == (0, 7) and got.to_polars().shape == (0, 8)
    )
    assert (
        client.get_online_features("g:x", none if not isinstance(none, Iterator) else [], event_times=True).event_times["x"].tolist() == []
    )


def test_no_spine_rows_are_an_empty_answer_too(client):
    for spine in ([], pd.DataFrame({"id": [], "place": [], "event_time": []}), {"id": [], "place": [], "event_time": []}):
        joined = client.get_historical_features(spine, ["g:x", "g:when"], event_times=True)
        names = ["id", "place", "event_time", "x", "x__status", "x__event_time", "when", "when__status", "when__event_time"]
        table = joined.to_arrow(statuses=True)
        assert (table.num_rows, table.schema.names) == (0, names)
        assert table.schema.field("x__event_time").type == table.schema.field("when").type == pa.timestamp("us", "UTC")
        assert joined.to_pandas().shape[0] == 0
    assert client.scan("g", keys=[]).to_arrow().num_rows == 0


def test_a_missing_key_is_named_whatever_stands_beside_it(client):
    with pytest.raises(hw.InvalidArgument, match=r"entity key 'place': is missing: the keys of these features are id \(int64\), place"):
        client.get_online_features("g:x", {"id": [1]})
    with pytest.raises(hw.InvalidArgument, match="entity key 'id': is missing"):
        client.get_online_features("g:x", {})
    odd = pd.DataFrame({"id": [1], "place": ["a"], "more": [object()]})
    for entities in (odd, odd.to_dict("records"), {"id": [1], "place": ["a"], "more": [object()]}):
        assert client.get_online_features("g:x", entities).to_dict()["x"] == [1.5]


def test_a_spine_whose_time_has_another_name_is_told_how_to_say_so(client):
    row = {"id": [1], "place": ["a"]}
    for name, times in (("event_timestamp", ["2026-02-01"]), ("seen", pd.to_datetime(["2026-02-01"])), ("ts", ["2026-02-01"])):
        message = f"has no column 'event_time': it needs .*; if its time is '{name}', say spine_time='{name}'"
        with pytest.raises(hw.InvalidArgument, match=message):
            client.get_historical_features({**row, name: times}, "g:x")
        assert client.get_historical_features({**row, name: times}, "g:x", spine_time=name).to_dict()["x"] == [1.5]
    with pytest.raises(hw.InvalidArgument, match="has no column 'event_time': it needs .*; it has 'Event_Time', in another case"):
        client.get_historical_features({**row, "Event_Time": ["2026-02-01"]}, "g:x")


def test_a_spine_column_without_a_type_is_said_not_to_be_needed(client):
    spine = pd.DataFrame({"id": [1, 1], "place": ["a", "a"], "event_time": pd.to_datetime(["2026-02-01"] * 2), "note": [1, "two"]})
    for data in (spine, spine.to_dict("records"), spine.to_dict("list")):
        with pytest.raises(
            hw.InvalidArgument, match=r"column 'note': .*; no feature needs this column: leave it out of the spine, or make it text"
        ):
            client.get_historical_features(data, "g:x")
    with pytest.raises(hw.InvalidArgument, match=r"row 1, column 'id': 'two' is of str, and those before it are of int: [^;]*$"):
        client.get_historical_features({**spine.to_dict("list"), "id": [1, "two"]}, "g:x")
    assert client.get_historical_features(spine.drop(columns="note"), "g:x").to_dict()["x"] == [1.5, 1.5]


def test_dicts_whose_keys_differ_in_case_are_refused(client):
    row = {"id": 1, "place": "a", "t": "2026-01-05"}
    other = {"ID": 2, "place": "a", "t": "2026-01-05"}
    for call in (
        lambda: client.write("g", [row, other]),
        lambda: client.get_online_features("g:x", [row, other]),
        lambda: client.get_historical_features([{**row, "event_time": "2026-02-01"}, {**other, "event_time": "2026-02-01"}], "g:x"),
        lambda: client.scan("g", keys=[row, other]),
    ):
        with pytest.raises(hw.InvalidArgument, match="row 1: 'ID' and 'id' differ only in case: call a column the same in every row"):
            call()
    with pytest.raises(hw.InvalidArgument, match="column 'X': 'g@1' has no such column; there are .*; 'x' differs only in case"):
        client.write("g", [{**row, "X": 1.0}])
    both = [{**row, "event_time": "2026-02-01", "Label": 1, "label": 2}]
    assert client.get_historical_features(both, "g:x").to_dict()["Label"] == [1]


@pytest.mark.parametrize(
    "address", ["s3://bucket/rows.parquet", "gs://bucket/*.csv", "abfss://a@b/rows.csv", "https://example.com/rows.csv", "S3://B/k.csv"]
)
def test_an_address_in_place_of_a_path_says_what_to_do(client, tmp_path, address):
    for call in (
        lambda: client.write("g", address), lambda: client.write("g", [address]), lambda: client.delete("g", address),
        lambda: client.get_historical_features(address, "g:x"), lambda: hw.infer_group(address, name="g", keys="id"),
    ):  # fmt: skip
        with pytest.raises(
            hw.InvalidArgument, match=r": is an address, and files are read from this machine: read it with pyarrow.dataset"
        ):
            call()
    with pytest.raises(hw.InvalidArgument, match="is an address, and files are written on this machine: give filesystem="):
        client.scan("g").to_parquet(address)
    for call in (lambda: client.apply(address), lambda: hw.open(address)):
        with pytest.raises(hw.InvalidArgument, match="is an address"):
            call()


def test_a_file_address_says_to_give_the_path(client):
    with pytest.raises(hw.InvalidArgument, match="file:///rows.csv: is an address: give the path, without file://"):
        client.write("g", "file:///rows.csv")


def test_a_tilde_is_the_home_directory(client, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rows.csv").write_text("id,place,t,n\n5,home,2026-01-05,9\n")
    assert client.write("g", "~/rows.csv").rows == 1
    assert client.write("g", ["~/rows.csv", "~/*.csv"]).rows == 2
    (tmp_path / "g.yaml").write_text("project: odd\nentities:\n- {name: tilde, keys: [{name: k, type: int64}]}\n")
    assert client.apply("~/g.yaml") is not None
    assert client.scan("g", keys={"id": [5], "place": ["home"]}).to_parquet("~/scan.parquet") == 3
    assert (tmp_path / "scan.parquet").is_file()
    with pytest.raises(hw.NotFound, match="nothing.csv: there is no such file"):
        client.write("g", "~/nothing.csv")


def test_what_stays_in_its_process_says_what_to_pickle(client, server):
    joined = client.get_historical_features({"id": [1], "place": ["a"], "event_time": ["2026-02-01"]}, "g:x")
    for table, name in ((joined, "HistoricalFeatures"), (client.scan("g"), "Scan")):
        with pytest.raises(TypeError, match=rf"a {name} stays in its process: call to_arrow\(\) first"):
            pickle.dumps(table)
    assert pickle.loads(pickle.dumps(joined.to_arrow()))["x"].to_pylist() == [1.5]
    got = pickle.loads(pickle.dumps(client.get_online_features("g:x", {"id": [1], "place": ["a"]})))
    assert got.to_dict(statuses=True)["x__status"] == ["PRESENT"]

    async def work() -> None:
        async with await hw.aio.connect(server.address, "odd") as other:
            with pytest.raises(TypeError, match=r"await to_arrow\(\) first"):
                pickle.dumps(await other.scan("g"))

    asyncio.run(work())


def test_an_entity_of_names_is_told_what_says_the_types():
    for keys in (["uid"], "uid", ("a", "b")):
        with pytest.raises(
            hw.InvalidArgument, match=r"^entity 'u': keys: .* does not say the types: give a dict of name: type, or a list of hw\.Key$"
        ):
            hw.Entity("u", keys)
    with pytest.raises(hw.InvalidArgument, match=r"feature group 'g': features: .* a list of hw\.Feature$"):
        hw.FeatureGroup("g", "u", ["x"])


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (float, "say 'float64'"), (int, "say 'int64'"), (str, "say 'string'"), (bytes, "say 'bytes'"), (bool, "say 'bool'"),
        (dt.datetime, "say 'timestamp'"), (np.float32, "say 'float32'"), (np.dtype("int32"), "say 'int32'"), (pa.string(), "say 'string'"),
        (pa.list_(pa.int64()), r"say 'array\(int64\)'"), ([float], r"say 'array\(float64\)'"),
        (pa.timestamp("us", "UTC"), "say 'timestamp'"),
        (np.datetime64, "say 'timestamp'"), (Decimal, "say such as 'float64'"), (None, "say such as 'float64'"), (3, "say such as"),
        ({}, "say such as"),
        (pl.Float64, "say such as"), (pa.decimal128(5, 2), "say such as"),
    ],
)  # fmt: skip
def test_a_type_that_is_no_text_is_refused_by_the_name_of_its_column(given, advice):
    for make, what in (
        (lambda: hw.Feature("a", given), "feature"), (lambda: hw.Key("a", given), "key"), (lambda: hw.Entity("u", {"a": given}), "key"),
        (lambda: hw.FeatureGroup("g", "u", {"a": given}), "feature"),
    ):  # fmt: skip
        with pytest.raises(hw.InvalidArgument, match=f"^{what} 'a': the type is given as text, and not as .*: {advice}"):
            make()


def test_what_a_definition_cannot_hold_is_refused_by_its_place(client):
    for group, place in (
        (hw.FeatureGroup("h", "owner", [hw.Feature("a", "float64", checks={"min": Decimal("1")})]), r"feature 'a': checks\[min\]"),
        (hw.FeatureGroup("h", "owner", [hw.Feature("a", "float64", tags={"team": object})]), r"feature 'a': tags\[team\]"),
        (hw.FeatureGroup("h", "owner", {"a": "float64"}, description=b"x"), "feature group 'h': description"),
        (hw.FeatureService("s", ["g:x"], owner=object()), "feature service 's': owner"),
    ):
        with pytest.raises(hw.InvalidArgument, match=f"{place}: .* is of .*, which no definition has"):
            client.plan([group])
    with pytest.raises(hw.InvalidArgument, match="feature: 5 is no name: it is text"):
        hw.Feature(5, "int64")
    checked = hw.Feature("a", "float64", checks={"min": np.float32(0.5), "max": np.int64(3)})
    assert hw.FeatureGroup("h", "owner", [checked]).to_dict()["features"][0]["checks"] == {"min": 0.5, "max": 3}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_of_no_rows_are_no_write_and_are_checked_all_the_same(client, tmp_path, suffix):
    def file(names: list[str]) -> Path:
        path = tmp_path / f"{'-'.join(names)}.{suffix}"
        if suffix == "csv":
            path.write_text(",".join(names) + "\n")
        else:
            pq.write_table(pa.table({name: pa.nulls(0, pa.int64() if name == "id" else pa.string()) for name in names}), path)
        return path

    before = client.status()["online"]["last_position"]
    written = client.write("g", file(["id", "place", "t"]))
    assert (written, written.rows) == (before, 0)
    assert client.delete("g", file(["id", "place"])) == before
    with pytest.raises(hw.InvalidArgument, match="column 'temp': 'g@1' has no such column"):
        client.write("g", file(["id", "place", "t", "temp"]))
    with pytest.raises(hw.InvalidArgument, match="column 't': is missing"):
        client.write("g", file(["id", "place"]))
