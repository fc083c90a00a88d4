"""Point in time: the same rules as everywhere, held against a join in pandas; spines of all kinds, streams, positions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

START = pd.Timestamp("2024-01-01", tz="UTC")
HOUR = pd.Timedelta(hours=1)
USER = hw.Entity("user", {"id": "int64", "place": "string"})


def oracle(spine: pd.DataFrame, rows: pd.DataFrame, max_age: pd.Timedelta | None) -> pd.DataFrame:
    """For each row of the spine value, status and event time, by looking at every row that was written.

    `rows` has id, place, t, x (object, None for null), deleted, and stands in the order of positions.
    """
    values: list[Any] = []
    statuses: list[str] = []
    times: list[pd.Timestamp | None] = []
    for wanted in spine.itertuples():
        known = rows[(rows["id"] == wanted.id) & (rows["place"] == wanted.place) & (rows["t"] <= wanted.event_time)]
        if pd.isna(wanted.id) or wanted.place is None or known.empty:
            values.append(None)
            statuses.append("NOT_FOUND")
            times.append(None)
            continue
        # The greatest (event_time, position, row): of equal times the one that was written last.
        newest = known[known["t"] == known["t"].max()].iloc[-1]
        if newest["deleted"]:
            status = "NOT_FOUND"
        elif max_age is not None and newest["t"] < wanted.event_time - max_age:
            status = "OUTSIDE_MAX_AGE"
        else:
            status = "NULL_VALUE" if newest["x"] is None else "PRESENT"
        values.append(newest["x"] if status == "PRESENT" else None)
        statuses.append(status)
        times.append(newest["t"] if status in ("PRESENT", "NULL_VALUE") else None)
    return pd.DataFrame({"x": pd.Series(values, dtype=object), "x__status": statuses, "x__event_time": pd.Series(times, dtype=object)})


@pytest.mark.parametrize("seed", range(6))
def test_a_history_is_what_pandas_finds(client: hw.Client, seed: int) -> None:
    random = np.random.default_rng(seed)
    max_age = [None, 3 * HOUR][seed % 2]
    client.apply([hw.FeatureGroup("g", USER, {"x": "int64"}, event_time="t", max_age=max_age)])
    written: list[pd.DataFrame] = []
    position = 0
    for _ in range(8):
        count = int(random.integers(1, 40))
        part = pd.DataFrame(
            {
                "id": random.integers(0, 4, count), "place": random.choice(["a", "b"], count),
                # Few instants, so that many rows share one.
                "t": START + random.integers(0, 12, count) * HOUR,
            }
        )  # fmt: skip
        if random.random() < 0.3:
            part = part.drop_duplicates(["id", "place", "t"])
            position = client.delete("g", part)
            part["x"], part["deleted"] = None, True
        else:
            part["x"] = pd.array(random.integers(0, 1_000, count), dtype="Int64")
            part.loc[random.random(count) < 0.2, "x"] = pd.NA
            position = client.write("g", part)
            part["x"] = [None if value is pd.NA else int(value) for value in part["x"]]
            part["x"] = part["x"].astype(object).where(part["x"].notna(), None)
            part["deleted"] = False
        written.append(part)
        if random.random() < 0.3:
            client.compact("g")
    rows = pd.concat([part.astype({"x": object}) for part in written], ignore_index=True)
    count = 150
    spine = pd.DataFrame(
        {
            "id": pd.array(random.integers(0, 5, count), dtype="Int64"), "place": random.choice(["a", "b"], count).astype(object),
            "event_time": START + random.integers(-1, 20, count) * HOUR, "label": random.random(count),
        },
        index=random.permutation(count),
    )  # fmt: skip
    spine.iloc[3, 0] = pd.NA
    spine.iloc[4, 1] = None
    history = client.get_historical_features(spine, "g:x", min_position=position, event_times=True)
    got = history.to_pandas(statuses=True, dtypes="arrow")
    expected = oracle(spine.astype({"id": object}).fillna({"id": -1}), rows, max_age)
    assert got["x__status"].astype(str).tolist() == expected["x__status"].tolist()
    assert [None if value is pd.NA else value for value in got["x"]] == expected["x"].tolist()
    assert [None if pd.isna(time) else time for time in got["x__event_time"]] == expected["x__event_time"].tolist()
    # The spine is as it was: order, number, types, index, further columns.
    pd.testing.assert_frame_equal(got[spine.columns.tolist()], spine)
    latest = client.get_online_features(
        "g:x", spine[["id", "place"]], min_position=position, at=START + 11 * HOUR, event_times=True
    )  # fmt: skip
    moment = spine.assign(event_time=START + 11 * HOUR)
    same = client.get_historical_features(moment, "g:x", as_of=latest.position, event_times=True)
    assert same.to_dict()["x"] == latest.to_dict()["x"]
    assert same.to_dict()["x__event_time"] == latest.to_dict()["x__event_time"]
    assert same.statuses == latest.statuses


@pytest.fixture
def group(client: hw.Client) -> hw.Client:
    client.apply(
        [
            hw.FeatureGroup("g", hw.Entity("one", {"id": "int64"}), {"x": "int64", "name": "string"}, event_time="t"),
            hw.FeatureService("s", ["g:x", hw.Reference("g:name", "called")]),
        ]
    )
    count = 5_000
    times = np.full(count, START.to_datetime64())
    client.write("g", {"id": np.arange(count), "t": times, "x": np.arange(count) * 2, "name": [f"n{n}" for n in range(count)]})
    return client


def spine_of(count: int) -> pa.Table:
    times = np.full(count, (START + HOUR).to_datetime64().astype("M8[us]"))
    return pa.table({"id": np.arange(count) % 6_000, "event_time": times, "label": [f"l{n}" for n in range(count)]})


def test_batches_are_the_table_piece_by_piece(group: hw.Client) -> None:
    history = group.get_historical_features(spine_of(30_000), service="s")
    whole = history.to_arrow(statuses=True)
    pieces = list(history.batches(4_000, statuses=True))
    assert len(pieces) > 1
    assert pa.Table.from_batches(pieces).equals(whole.cast(pieces[0].schema))
    assert whole["label"].to_pylist() == [f"l{n}" for n in range(30_000)]
    assert whole["x"].to_pylist()[4_999:5_001] == [9_998, None]


def test_a_stream_that_is_left_early_frees_the_connection(group: hw.Client) -> None:
    for _ in range(30):
        # More streams than a connection may have open at once.
        next(iter(group.get_historical_features(spine_of(20_000), service="s").batches(100)))
    assert group.get_historical_features(spine_of(10), service="s").to_numpy().shape == (10, 2)


def test_a_slow_reader_holds_the_server_up_and_loses_nothing(group: hw.Client) -> None:
    rows = 0
    for batch in group.get_historical_features(spine_of(60_000), service="s").batches(10_000):
        time.sleep(0.02)
        # Another request meanwhile, over the same client.
        assert group.get_online_features("g:x", {"id": [1]}).to_dict()["x"] == [2]
        rows += batch.num_rows
    assert rows == 60_000


def test_a_history_goes_to_parquet_from_files(group: hw.Client, tmp_path: Path) -> None:
    spine = spine_of(50_000)
    for number in range(5):
        pq.write_table(spine.slice(number * 10_000, 10_000), tmp_path / f"spine-{number}.parquet")
    history = group.get_historical_features(str(tmp_path / "spine-*.parquet"), service="s")
    assert history.to_parquet(tmp_path / "out.parquet", statuses=True, compression="zstd") == 50_000
    read = pq.read_table(tmp_path / "out.parquet")
    assert read["label"].to_pylist() == spine["label"].to_pylist()
    assert read["called"].to_pylist()[:3] == ["n0", "n1", "n2"]
    assert read["x__status"].cast(pa.string()).to_pylist()[5_999] == "NOT_FOUND"


def test_a_spine_of_text_files_is_joined_too(group: hw.Client, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(
        "id,event_time,label,weight\n1,2024-01-02T00:00:00Z,a,0.5\n,2024-01-02,b,1\n9999,2024-01-02 00:00:00+01:00,,2\n"
    )
    (tmp_path / "s.ndjson").write_text(
        '{"id": 1, "event_time": "2024-01-02T00:00:00Z", "label": "a"}\n{"id": 2, "event_time": 1704153600000000}\n'
    )
    table = group.get_historical_features(tmp_path / "s.csv", service="s").to_arrow()
    assert table.column_names == ["id", "event_time", "label", "weight", "x", "called"]
    assert table["x"].to_pylist() == [2, None, None]
    assert table["weight"].to_pylist() == ["0.5", "1", "2"]
    assert table["event_time"].to_pylist()[2] == pd.Timestamp("2024-01-01 23:00", tz="UTC")
    assert group.get_historical_features(tmp_path / "s.ndjson", service="s").to_dict()["x"] == [2, 4]


def test_a_reader_is_a_spine_that_is_read_once(group: hw.Client) -> None:
    reader = pa.RecordBatchReader.from_batches(spine_of(0).schema, spine_of(9_000).to_batches(1_000))
    history = group.get_historical_features(reader, service="s")
    assert history.to_arrow().num_rows == 9_000
    assert history.to_pandas().shape == (9_000, 5)
    with pytest.raises(hw.FailedPrecondition, match="can be read once"):
        next(history.batches())


def test_the_same_question_as_of_a_position_has_the_same_answer(group: hw.Client) -> None:
    spine = spine_of(100)
    before = group.get_historical_features(spine, service="s")
    first = before.to_arrow()
    position = group.write("g", {"id": [5], "t": [START.to_pydatetime()], "x": [-1]})
    assert position > before.position
    assert group.get_historical_features(spine, service="s", as_of=before.position).to_arrow().equals(first)
    # Streamed again it answers as it did.
    assert pa.Table.from_batches(list(before.batches())).equals(first)
    assert group.get_historical_features(spine, service="s", min_position=position).to_dict()["x"][5] == -1
    with pytest.raises(hw.OutOfRange):
        group.get_historical_features(spine, service="s", as_of=position + 100).to_arrow()


def test_availability_ingest_sees_only_what_had_been_written(group: hw.Client) -> None:
    spine = {"id": [1], "event_time": [(START + HOUR).to_pydatetime()]}
    assert group.get_historical_features(spine, service="s").to_dict()["x"] == [2]
    assert group.get_historical_features(spine, service="s", availability="ingest").statuses["x"] == ["NOT_FOUND"]
    now = {"id": [1], "event_time": [pd.Timestamp.now(tz="UTC") + HOUR]}
    assert group.get_historical_features(now, service="s", availability="ingest").to_dict()["x"] == [2]
    with pytest.raises(hw.InvalidArgument, match="'event' or 'ingest'"):
        group.get_historical_features(now, service="s", availability="sometimes")


def test_a_spine_says_what_is_wrong_with_it(group: hw.Client) -> None:
    with pytest.raises(hw.InvalidArgument, match=r"spine: has no column 'id': it needs id \(int64\), event_time \(timestamp\)"):
        group.get_historical_features({"event_time": [START]}, service="s")
    with pytest.raises(hw.InvalidArgument, match="has no column 'at'"):
        group.get_historical_features(spine_of(1), service="s", spine_time="at")
    with pytest.raises(hw.InvalidArgument, match="row 1, column 'id'"):
        group.get_historical_features({"id": [1, 1.5], "event_time": [START, START]}, service="s").to_arrow()
    with pytest.raises(hw.InvalidArgument, match="'x' is a column of the spine and a feature"):
        group.get_historical_features({"id": [1], "event_time": [START], "x": [1]}, service="s").to_arrow()
    full = group.get_historical_features({"id": [1], "event_time": [START], "x": [1]}, "g:x", full_feature_names=True)
    assert full.to_dict()["g__x"] == [2]
    with pytest.raises(hw.NotFound):
        group.get_historical_features(spine_of(1), service="nothing")
    with pytest.raises(hw.InvalidArgument, match="give either service= or features="):
        group.get_historical_features(spine_of(1))


def test_an_empty_spine_has_an_empty_answer_with_its_types(group: hw.Client) -> None:
    history = group.get_historical_features(spine_of(0), service="s")
    table = history.to_arrow(statuses=True)
    assert table.num_rows == 0
    assert table.schema.field("x").type == pa.int64()
    assert [batch.num_rows for batch in history.batches()] == [0]


def test_scans_give_rows_as_they_were_written(group: hw.Client) -> None:
    position = group.write("g", {"id": [1, 1], "t": [(START + HOUR).to_pydatetime()] * 2, "x": [7, 8], "name": [None, "b"]})
    deleted = group.delete("g", {"id": [1], "t": [(START + 2 * HOUR).to_pydatetime()]})
    scan = group.scan("g", ["x"], keys={"id": [1]}, min_position=deleted)
    assert scan.to_arrow().column_names == ["id", "event_time", "ingest_time", "position", "row", "x"]
    assert scan.to_dict()["x"] == [2, 7, 8]
    assert scan.to_dict()["position"][1:] == [position, position]
    assert scan.to_dict()["row"] == [1, 0, 1]
    with_deletes = group.scan("g", ["x"], keys={"id": [1]}, deletes=True).to_dict()
    assert with_deletes["deleted"] == [False, False, False, True]
    assert group.scan("g", keys={"id": [1]}, start=START + HOUR, end=START + 2 * HOUR).to_dict()["x"] == [7, 8]
    assert group.scan("g", keys={"id": [1]}, as_of=position - 1).to_dict()["x"] == [2]
    assert group.latest("g", ["x"], keys={"id": [0, 1]}).to_dict()["x"] == [0]
    assert group.latest("g", ["x"], keys={"id": [1]}, at=START + HOUR).to_dict()["x"] == [8]
    with pytest.raises(hw.NotFound):
        group.scan("nothing")
    with pytest.raises(hw.HeadwaterError, match="nothing"):
        group.scan("g", ["nothing"]).to_arrow()


def test_deletes_tell_which_keys_a_newer_row_wins_for(group: hw.Client) -> None:
    deleted = group.delete("g", {"id": [1, 2, 9_999], "t": [(START - HOUR).to_pydatetime()] * 3})
    assert (deleted.rows, deleted.keys_with_newer_rows, deleted.rows_with_newer_rows) == (3, 2, [0, 1])
    assert "2 keys have newer rows" in repr(deleted)
    now = group.delete("g", {"id": [1, 2]})
    assert group.get_online_features("g:x", {"id": [1, 2, 3]}, min_position=now).to_dict()["x"] == [None, None, 6]
