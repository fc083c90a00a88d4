"""What answers are read as: lists, NumPy, Arrow, pandas, polars, batches, Parquet, and what a notebook shows. Bits: test_types.py."""

from __future__ import annotations

import ctypes
import datetime as dt
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater import Status

from .conftest import Server
from .support import EVENT_TIME, FEATURES, NAN, all_types, array, assert_same, edge_table

MOMENT = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
FULL, EMPTY, NONE = 1, 2, 999
ROW: dict[str, Any] = {
    "bool": True, "int32": -3, "int64": 2**53 + 1, "float32": 0.5, "float64": NAN, "string": "é", "bytes": b"\0", "timestamp": MOMENT,
    "array_int32": [1, None], "array_string": ["a", None], "array_float64": [NAN, None], "vector_3": [1.0, 2.0, 3.0],
}  # fmt: skip


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    """A store with a full row, one of nulls, and the edges of all types from key 1000 on."""
    with hw.connect(server.address, "tables-out") as connected:
        all_types(connected)
        connected.write("all", edge_table(1000))
        position = connected.write("all", [{"id": FULL, "time": MOMENT, **ROW}, {"id": EMPTY, "time": MOMENT}])
        connected.scan("all", min_position=position).to_arrow()
        yield connected


def online(client: hw.Client, names: list[str], keys: list[int], **options: Any) -> hw.OnlineFeatures:
    return client.get_online_features([f"all:{name}" for name in names], {"id": pa.array(keys, pa.int64())}, **options)


def spine(keys: list[int], **more: Any) -> pa.Table:
    return pa.table({"id": pa.array(keys, pa.int64()), "event_time": array([EVENT_TIME] * len(keys), "timestamp"), **more})


def history(client: hw.Client, names: list[str], keys: list[int]) -> hw.HistoricalFeatures:
    return client.get_historical_features(spine(keys), [f"all:{name}" for name in names])


def test_to_dict_has_keys_and_features_and_none_for_what_is_missing(client):
    got = online(client, list(ROW), [FULL, EMPTY, NONE]).to_dict()
    assert list(got) == ["id", *ROW]
    assert {name: cells[0] for name, cells in got.items() if "float64" not in name} == {
        "id": FULL, **{name: cell for name, cell in ROW.items() if "float64" not in name},
    }  # fmt: skip
    assert got["float64"][0] != got["float64"][0] and got["array_float64"][0][0] != got["array_float64"][0][0]
    assert all(cells[1:] == [None, None] for name, cells in got.items() if name != "id")


def test_statuses_stand_beside_values_on_every_path(client):
    wanted = ["PRESENT", "NULL_VALUE", "NOT_FOUND"]
    got, joined = online(client, ["int32", "string"], [FULL, EMPTY, NONE]), history(client, ["int32", "string"], [FULL, EMPTY, NONE])
    for answer in (got, joined):
        assert answer.statuses == {name: [Status(status) for status in wanted] for name in ("int32", "string")}
        assert answer.to_dict(statuses=True)["int32__status"] == wanted
        table = answer.to_arrow(statuses=True)
        assert table["string__status"].to_pylist() == wanted
        assert table.schema.names[-4:] == ["int32", "int32__status", "string", "string__status"]
        assert answer.to_pandas(statuses=True)["int32__status"].tolist() == wanted
        assert answer.to_polars(statuses=True)["int32__status"].to_list() == wanted
    assert got.status_codes.tolist() == [[0, 0], [1, 1], [2, 2]]
    with pytest.raises(ValueError, match="the rows of a scan have no statuses"):
        client.scan("all").to_arrow(statuses=True)


def test_one_feature_is_an_array_with_numpys_own_for_what_is_missing(client):
    whole = online(client, list(FEATURES), [FULL])
    assert (whole["int64"].dtype, whole["int64"].tolist()) == (np.int64, [2**53 + 1])
    assert not whole["int64"].flags.writeable and not whole["vector_3"].flags.writeable
    assert whole["vector_3"].shape == (1, 3)
    got = online(client, list(FEATURES), [FULL, EMPTY, NONE])
    assert (got["float32"].dtype, np.isnan(got["float32"]).tolist()) == (np.float32, [False, True, True])
    assert (got["timestamp"].dtype, np.isnat(got["timestamp"]).tolist()) == (np.dtype("M8[us]"), [False, True, True])
    assert got["int32"].tolist() == [-3, None, None] and got["bool"].tolist() == [True, None, None]
    assert got["string"].tolist() == ["é", None, None] and got["bytes"].tolist() == [b"\0", None, None]
    assert np.isnan(got["vector_3"]).all(axis=1).tolist() == [False, True, True]
    with pytest.raises(KeyError, match="'temp': there are bool, int32"):
        got["temp"]


MATRICES = [
    (["float32"], [FULL], np.float32, [[0.5]]),
    (["float32"], [FULL, NONE], np.float32, [[0.5], [NAN]]),
    (["int64"], [FULL], np.int64, [[2**53 + 1]]),
    (["int32"], [FULL, NONE], np.float64, [[-3], [NAN]]),
    (["int32", "float32"], [FULL, NONE], np.float64, [[-3, 0.5], [NAN, NAN]]),
    (["bool"], [FULL], np.bool_, [[True]]),
    (["bool", "int32"], [FULL], np.int32, [[1, -3]]),
    (["bool", "int32"], [FULL, NONE], np.float64, [[1, -3], [NAN, NAN]]),
    (["timestamp"], [FULL, NONE], "M8[us]", [["2020-01-01"], ["NaT"]]),
    (["vector_3", "float32"], [FULL, NONE], np.float32, [[1, 2, 3, 0.5], [NAN] * 4]),
    (["int32", "vector_3"], [FULL], np.float64, [[-3, 1, 2, 3]]),
    (["string", "int32"], [FULL, NONE], object, [["é", -3], [None, None]]),
    (["timestamp", "int32"], [FULL, NONE], object, [[MOMENT.replace(tzinfo=None), -3], [None, None]]),
    (["bytes"], [FULL, NONE], object, [[b"\0"], [None]]),
    (["vector_3", "string", "int32"], [], object, np.empty((0, 5))),
    (["float32"], [], np.float32, np.empty((0, 1))),
]


@pytest.mark.parametrize(("names", "keys", "dtype", "wanted"), MATRICES, ids=lambda value: str(value)[:30])
def test_all_features_are_one_matrix_of_their_common_type_online_and_in_history(client, names, keys, dtype, wanted):
    for answer in (online(client, names, keys), history(client, names, keys)):
        matrix = answer.to_numpy()
        assert matrix.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(matrix, np.array(wanted, dtype))


def test_matrices_and_lists_need_no_pandas(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    position = client.write("all", [{"id": 4000, "time": MOMENT, **ROW}])
    names = ["int32", "string", "timestamp", "vector_3"]
    for answer in (online(client, names, [4000, NONE], min_position=position), history(client, names, [FULL, NONE])):
        assert answer.to_numpy().tolist()[0] == [-3, "é", MOMENT.replace(tzinfo=None), 1, 2, 3]
        assert answer.to_dict()["int32"] == [-3, None]
    with pytest.raises(hw.InvalidArgument, match="is finer than a microsecond"):
        client.write("all", {"id": [1], "time": np.array([1], "M8[ns]")})


def test_keys_come_from_any_container_and_may_be_null(client):
    keys = [FULL, None, NONE]
    table = pa.table({"id": pa.array(keys, pa.int64()), "more": ["a", "b", "c"]})
    for entities in (
        {"id": keys}, {"id": pa.array(keys)}, {"id": pl.Series(keys)}, {"id": pd.Series(keys, dtype="Int64")},
        [{"id": key} for key in keys], table, table.to_pandas(), pl.DataFrame(table), {"id": pd.Series(keys)}, table.to_batches()[0],
    ):  # fmt: skip
        got = client.get_online_features(["all:int32"], entities)
        assert (got.to_dict()["id"], got.to_dict()["int32"]) == (keys, [-3, None, None])
        assert got.statuses["int32"] == [Status.PRESENT, Status.NOT_FOUND, Status.NOT_FOUND]
    with pytest.raises(hw.InvalidArgument, match="row 1, column 'id': nan does not fit int64"):
        client.get_online_features(["all:int32"], {"id": [1.0, NAN]})


def test_an_answer_keeps_its_keys_when_the_callers_memory_changes(client):
    for entities, memory in (
        ((held := np.array([FULL, NONE]), {"id": held})[1], held),
        ((frame := pd.DataFrame({"id": [FULL, NONE], "more": ["a", "b"]})), frame["id"].to_numpy()),
        ({"id": (series := pd.Series([FULL, NONE]))}, series.to_numpy()),
        ({"id": (nullable := pd.Series([FULL, NONE], dtype="Int64"))}, nullable.array._data),
    ):
        got = client.get_online_features("all:int32", entities)
        memory = memory if memory.flags.writeable else np.ndarray(memory.shape, memory.dtype, _writable(memory))
        memory[:] = 77
        assert got.to_dict() == {"id": [FULL, NONE], "int32": [-3, None]}


def _writable(array: np.ndarray) -> Any:
    """The memory of an array that may only be read."""
    return (ctypes.c_char * array.nbytes).from_address(array.__array_interface__["data"][0])


def test_a_matrix_is_given_in_the_type_that_is_asked_for(client):
    for answer in (online(client, ["int32", "bool"], [FULL, NONE]), history(client, ["int32", "bool"], [FULL, NONE])):
        np.testing.assert_array_equal(answer.to_numpy("float32"), np.array([[-3, 1], [NAN, NAN]], np.float32))
    np.testing.assert_array_equal(np.asarray(online(client, ["int32"], [FULL]), np.float64), [[-3.0]])


def test_a_matrix_of_one_type_with_all_its_values_is_a_view(client):
    got = online(client, ["int32"], [FULL] * 2)
    assert got.to_numpy().base is not None and not got.to_numpy().flags.writeable
    assert np.array(got, copy=True).flags.writeable


def test_tensors_are_taken_over_dlpack(client):
    for answer in (online(client, ["int32", "float32"], [FULL, NONE]), history(client, ["int32", "float32"], [FULL, NONE])):
        np.testing.assert_array_equal(np.from_dlpack(answer), [[-3, 0.5], [NAN, NAN]])
    for answer in (online(client, ["float32"], [FULL]), history(client, ["float32"], [FULL])):
        tensor = np.from_dlpack(answer)
        assert (tensor.dtype, tensor.tolist()) == (np.float32, [[0.5]])
    with pytest.raises(BufferError):
        np.from_dlpack(online(client, ["string"], [FULL]))


def test_arrow_has_every_type_and_shares_it_with_others(client):
    wanted = edge_table(1000)
    keys = wanted["id"].to_pylist()
    got, joined = online(client, list(FEATURES), keys), history(client, list(FEATURES), keys)
    scanned = client.scan("all", keys={"id": keys})
    for answer in (got, joined, scanned):
        assert_same(answer.to_arrow(), wanted.drop_columns(["time"]))
        assert_same(pa.table(answer), wanted.drop_columns(["time"]))
        assert pl.DataFrame(answer).shape == answer.to_polars().shape
    assert joined.to_arrow().schema.names == ["id", "event_time", *FEATURES]
    assert scanned.to_arrow().schema.names == ["id", "event_time", "ingest_time", "position", "row", *FEATURES]


def test_pandas_has_numpys_types_or_arrows(client):
    wanted = edge_table(1000)
    keys = wanted["id"].to_pylist()
    for answer in (online(client, list(FEATURES), keys), history(client, list(FEATURES), keys), client.scan("all", keys={"id": keys})):
        frame = answer.to_pandas()
        assert frame["float64"].dtype == np.float64 and frame["timestamp"].dtype == "datetime64[us, UTC]"
        assert frame["int32"].isna().tolist() == wanted["int32"].is_null().to_pylist()
        kept = answer.to_pandas(dtypes="arrow")
        assert_same(pa.Table.from_pandas(kept, preserve_index=False).cast(answer.to_arrow().schema), wanted.drop_columns(["time"]))
        with pytest.raises(ValueError, match="dtypes='other': 'numpy' or 'arrow'"):
            answer.to_pandas(dtypes="other")


def test_polars_keeps_null_and_nan_apart(client):
    wanted = edge_table(1000)
    keys = wanted["id"].to_pylist()
    for answer in (online(client, list(FEATURES), keys), history(client, list(FEATURES), keys)):
        frame = answer.to_polars()
        assert frame["float64"].is_null().to_list() == wanted["float64"].is_null().to_pylist()
        assert frame["float64"].is_nan().sum() == 1
        assert frame["vector_3"].dtype == pl.Array(pl.Float32, 3) and frame["array_string"].dtype == pl.List(pl.String)
        assert frame["string"].to_list() == wanted["string"].to_pylist()


def test_a_frame_that_is_the_spine_keeps_its_index_types_and_order(client):
    frame = pd.DataFrame(
        {"label": pd.Categorical(["x", "y", "x"]), "id": [EMPTY, FULL, FULL], "event_time": [MOMENT] * 3}, index=["c", "a", "a"]
    )
    joined = client.get_historical_features(frame, ["all:int32", "all:string"]).to_pandas()
    assert joined.columns.tolist() == ["label", "id", "event_time", "int32", "string"]
    assert joined.index.tolist() == ["c", "a", "a"] and joined["label"].dtype == "category"
    assert joined["int32"].tolist()[1:] == [-3, -3] and np.isnan(joined["int32"].tolist()[0])
    pd.testing.assert_frame_equal(joined[frame.columns], frame)
    indexed = frame.set_index(["id", "event_time"])
    joined = client.get_historical_features(indexed, ["all:int32"]).to_pandas()
    assert joined.index.equals(indexed.index) and joined["int32"].tolist()[1:] == [-3, -3]


def test_no_rows_have_columns_and_types_in_every_form(client):
    for answer in (online(client, list(FEATURES), []), history(client, list(FEATURES), []), client.scan("all", keys={"id": [NONE]})):
        table = answer.to_arrow()
        assert table.num_rows == 0
        assert_same(table, edge_table(0, 1).slice(0, 0).drop_columns(["time"]))
        assert set(answer.to_dict()) == set(table.schema.names) == set(answer.to_pandas()) == set(answer.to_polars().columns)
        assert answer.to_numpy().shape[0] == 0
        assert repr(answer) and answer._repr_html_()
    got = online(client, ["int32"], [], event_times=True)
    assert got.statuses == {"int32": []} and got.event_times["int32"].tolist() == []


def test_event_times_stand_beside_values(client):
    got = online(client, ["int32", "string"], [FULL, EMPTY, NONE], event_times=True)
    for times in got.event_times.values():
        assert times.tolist() == [MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None), None]
    assert online(client, ["int32"], [FULL]).event_times is None


def test_batches_are_the_whole_answer_in_pieces(client, tmp_path):
    keys = [FULL, NONE, EMPTY, *range(1000, 1013)] * 2500
    labels = pa.array(range(len(keys)))
    for joined in (
        client.get_historical_features(spine(keys, label=labels), ["all:int32", "all:array_string"]),
        client.get_historical_features(spine(keys, label=labels).to_batches(max_chunksize=999)[0], ["all:int32"]),
    ):
        batches = list(joined.batches(10_000, statuses=True))
        assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
        whole = joined.to_arrow(statuses=True)
        assert pa.Table.from_batches(batches).equals(whole)
        assert whole["label"].combine_chunks().equals(labels.slice(0, whole.num_rows))
        assert joined.to_parquet(tmp_path / "joined.parquet", statuses=True, compression="zstd") == whole.num_rows
        assert pq.read_table(tmp_path / "joined.parquet").equals(whole)
    assert len(list(client.get_historical_features(spine(keys), ["all:int32"]).batches(10_000))) > 1


def test_parquet_has_every_type_bit_for_bit_and_also_no_rows(client, tmp_path):
    wanted = edge_table(1000)
    keys = wanted["id"].to_pylist()
    scanned = client.scan("all", keys={"id": keys})
    assert scanned.to_parquet(tmp_path / "scan.parquet") == len(keys)
    assert_same(pq.read_table(tmp_path / "scan.parquet"), scanned.to_arrow())
    assert_same(pq.read_table(tmp_path / "scan.parquet"), wanted.drop_columns(["time"]))
    assert history(client, list(FEATURES), []).to_parquet(tmp_path / "none.parquet") == 0
    assert pq.read_schema(tmp_path / "none.parquet").names == ["id", "event_time", *FEATURES]


def test_a_parquet_file_that_was_not_written_whole_is_removed(client, tmp_path, monkeypatch):
    joined = history(client, ["int32"], [FULL])

    first = joined.to_arrow().to_batches()[0]

    async def cut(rows: int, statuses: bool) -> AsyncIterator[pa.RecordBatch]:
        yield first
        assert (tmp_path / "joined.parquet").exists()
        raise hw.Unavailable("the connection was lost")

    monkeypatch.setattr(joined, "_batches", cut)
    with pytest.raises(hw.Unavailable):
        joined.to_parquet(tmp_path / "joined.parquet")
    assert list(tmp_path.iterdir()) == []


def test_the_spine_may_come_from_any_container(client, tmp_path):
    table = spine([EMPTY, FULL, FULL, NONE], label=["a", "b", None, "d"])
    pq.write_table(table, tmp_path / "spine.parquet")
    wanted = {"label": ["a", "b", None, "d"], "int32": [None, -3, -3, None]}
    for data in (
        table, table.to_batches()[0], table.to_reader(1), pa.concat_tables([table.slice(0, 1), table.slice(1)]), table.to_pandas(),
        pl.DataFrame(table), pl.DataFrame(table).lazy(), table.to_pylist(), table.to_pydict(), tmp_path / "spine.parquet",
    ):  # fmt: skip
        joined = client.get_historical_features(data, ["all:int32"]).to_arrow()
        assert {name: joined[name].to_pylist() for name in wanted} == wanted


def test_a_spine_without_its_columns_or_with_a_features_name_is_refused(client):
    with pytest.raises(hw.InvalidArgument, match=r"spine: has no column 'id': it needs id \(int64\), event_time \(timestamp\)"):
        client.get_historical_features(spine([1]).drop_columns(["id"]), ["all:int32"])
    with pytest.raises(hw.InvalidArgument, match="'int32' is a column of the spine and a feature: rename"):
        client.get_historical_features(spine([1], int32=[1]), ["all:int32"]).to_arrow()
    with pytest.raises(hw.InvalidArgument, match="column 'event_time': holds int64 where the type is timestamp"):
        client.get_historical_features({"id": [1], "event_time": [5]}, ["all:int32"]).to_arrow()


def test_times_beyond_the_years_of_a_datetime_are_numpys_in_lists_and_shown(client):
    far = [2**62, -(2**62), 0, None]
    keys = [5000, 5001, 5002, 5003]
    table = pa.table({"id": keys, "time": array([EVENT_TIME] * 4, "timestamp"), "timestamp": array(far, "timestamp")})
    table = table.append_column("array_timestamp", array([far, None, [], [0]], "array(timestamp)"))
    position = client.write("all", table)
    names = ["timestamp", "array_timestamp"]
    for answer in (
        online(client, names, keys, min_position=position),
        client.scan("all", names, keys={"id": keys}, min_position=position),
        client.get_historical_features(spine(keys), [f"all:{name}" for name in names], min_position=position),
    ):
        cells = answer.to_dict()
        assert cells["timestamp"] == [None if cell is None else np.datetime64(cell, "us") for cell in far]
        assert cells["array_timestamp"][0] == cells["timestamp"] and cells["array_timestamp"][1:3] == [None, []]
        assert "148108" in repr(answer) and "148108" in answer._repr_html_()


def test_what_a_notebook_shows_is_short_and_safe(client):
    position = client.write("all", {"id": [6000], "time": [MOMENT], "string": ["<b>\n\x1b[31m" + "x" * 100]})
    got = online(client, ["string", "int32"], [6000, NONE], min_position=position)
    assert repr(got).startswith(f"<OnlineFeatures: 2 entities × 2 features at position {int(position)}, 3 of 4 values missing>\n")
    assert len(repr(got).split("\n")) == 4 and "\x1b" not in repr(got) and "x" * 30 not in repr(got)
    assert "<b>" not in got._repr_html_() and "&lt;b&gt;" in got._repr_html_()
    joined = history(client, ["int32"], [FULL] * 20)
    assert repr(joined) == "<HistoricalFeatures: not read yet: to_arrow(), to_pandas(), to_parquet(path), batches()>"
    joined.to_arrow()
    assert repr(joined).startswith("<HistoricalFeatures: 20 rows × 3 columns at position ") and repr(joined).endswith("\n…")
    wide = client.scan("all")
    wide.to_arrow()
    assert "…" in repr(wide).split("\n")[1] and repr(wide).startswith("<Scan: ")


def test_the_bar_of_a_parquet_file_is_silent_where_there_is_no_terminal(client, tmp_path, capfd):
    client.scan("all").to_parquet(tmp_path / "scan.parquet")
    assert capfd.readouterr() == ("", "")
