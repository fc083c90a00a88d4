"""Streams: rows that come one by one, gathered, in order."""

from __future__ import annotations

import datetime as dt
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw
from headwater._calls import flow, line

USER = hw.Entity("user", {"id": "int64"})


GROUP = hw.FeatureGroup(
    "g", USER, [hw.Feature("x", "float64", checks={"max": 1e9}), hw.Feature("s", "string"), hw.Feature("tags", "array(string)")],
    event_time="t",
)  # fmt: skip


START = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)


def row(id: int, x: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"id": id, "t": START, "x": x, **more}


def table(ids: range, x: float = 0.0) -> pa.Table:
    return pa.table({"id": np.array(ids), "t": pa.array([START] * len(ids)), "x": np.full(len(ids), x)})


def values(client: hw.Client, position: int, ids: list[int]) -> list[float | None]:
    return client.get_online_features("g:x", {"id": ids}, min_position=position).to_dict()["x"]


@pytest.fixture
def store(client: hw.Client) -> hw.Client:
    client.apply([GROUP])
    return client


def test_rows_are_acknowledged_in_order_and_the_later_one_wins(store: hw.Client) -> None:
    with store.stream("g", batch=7, in_flight=5) as stream:
        for number in range(1_000):
            stream.add(row(number % 3, number))
        position = stream.flush()
        assert position.rows == 1_000
        assert values(store, position, [0, 1, 2]) == [999, 997, 998]
        stream.add(row(0, -1))
        assert stream.unacknowledged in ([row(0, -1)], [])
    assert stream.close().rows == 1_001 and stream.unacknowledged == []
    found = store.scan("g", min_position=stream.close()).to_arrow()
    ordered = found.sort_by([("position", "ascending"), ("row", "ascending")])
    assert ordered["x"].to_pylist() == [*range(1_000), -1]


def test_a_row_waits_for_no_other_longer_than_linger(store: hw.Client) -> None:
    with store.stream("g", linger=0.01) as stream:
        stream.add(row(1, 5))
        until = time.monotonic() + 20
        while stream.unacknowledged and time.monotonic() < until:
            time.sleep(0.005)
        assert stream.unacknowledged == []
    with store.stream("g", linger=60) as stream:
        stream.add(row(1, 6))
        time.sleep(0.1)
        assert stream.unacknowledged == [row(1, 6)]
        # Neither flush nor close waits for others.
        began = time.monotonic()
        assert values(store, stream.flush(), [1]) == [6]
        stream.add(row(1, 7))
    assert values(store, stream.close(), [1]) == [7] and time.monotonic() - began < 20


def test_rows_and_tables_keep_their_order(store: hw.Client) -> None:
    with store.stream("g", batch=10) as stream:
        for number in range(1, 40):
            for _ in range(number % 12):
                stream.add(row(1, -1))
            stream.write([table(range(3), number), table(range(2_000), number).to_pandas(), [row(0, number), row(1, number)]][number % 3])
            stream.add(row(0, number))
            if number % 10 == 0:
                assert values(store, stream.flush(), [0, 1]) == [number, number]
    assert values(store, stream.close(), [0, 1]) == [39, 39]


def test_a_table_that_is_refused_leaves_the_stream_as_it_was(store: hw.Client) -> None:
    with store.stream("g") as stream:
        stream.add(row(1, 1))
        with pytest.raises(hw.InvalidArgument, match=r"row 2, column 'x': 2000000000.0 is outside its max of"):
            stream.write([row(5), row(5), row(5, 2e9)])
        with pytest.raises(hw.InvalidArgument, match="'y': 'g@1' has no such column"):
            stream.write({"id": [1], "t": [START], "y": [2]})
        stream.add(row(1, 2))
    assert stream.close().rows == 2 and values(store, stream.close(), [1, 5]) == [2, None]


def test_a_table_may_be_changed_once_it_was_taken(store: hw.Client) -> None:
    for count in (3, 5_000):
        frame = pd.DataFrame({"id": np.arange(count), "t": [START] * count, "x": np.ones(count)})
        columns: dict[str, Any] = {"id": np.arange(count), "t": [START] * count, "x": np.ones(count)}
        with store.stream("g", linger=60) as stream:
            for data in (frame, columns):
                stream.write(data)
                if data is frame:
                    frame.loc[:, "x"], frame.loc[:, "id"] = 7.0, 99_999
                else:
                    columns["x"][:], columns["id"][:] = 7.0, 99_999
        assert values(store, stream.close(), [0, count - 1, 99_999]) == [1, 1, None]


def test_a_reader_is_checked_as_it_is_read(store: hw.Client) -> None:
    batches = [table(range(100), number).to_batches()[0] for number in range(5)]
    bad = pa.record_batch({"id": [1], "t": pa.array([START]), "x": ["text"]})
    with store.stream("g") as stream:
        stream.write(pa.RecordBatchReader.from_batches(batches[0].schema, batches))
        assert stream.flush().rows == 500
        # What was taken before the row that does not fit is said.
        with pytest.raises(hw.InvalidArgument, match="column 'x'"):
            stream.write(pa.RecordBatchReader.from_batches(bad.schema, [bad]))
    assert values(store, stream.close(), [1]) == [4]


def test_a_dict_may_be_changed_once_it_was_added(store: hw.Client) -> None:
    with store.stream("g", linger=60) as stream:
        same: dict[str, Any] = {}
        for number in range(100):
            same.update(row(number, number))
            stream.add(same)
            same.clear()
    assert values(store, stream.close(), list(range(100))) == list(range(100))


def test_rows_of_any_names_and_classes(store: hw.Client) -> None:
    rows: list[Any] = [
        row(0, 1),
        {"x": 2, "t": "2024-01-01", "id": 1},
        {"id": np.int64(2), "t": pd.Timestamp(START), "x": None, "s": "é", "tags": ["a", None]},
        {"id": 3, "t": np.datetime64("2024-01-01"), "s": None},
        {"id": 4, "t": dt.datetime(2024, 1, 1), "x": -0.0, "tags": []},
    ]
    with store.stream("g", linger=60) as stream:
        for one in rows * 3:
            stream.add(one)
    found = store.get_online_features(["g:x", "g:s", "g:tags"], {"id": [0, 1, 2, 3, 4]}, min_position=stream.close()).to_dict()
    assert found["x"] == [1, 2, None, None, 0]
    assert found["s"] == [None, None, "é", None, None] and found["tags"] == [None, None, ["a", None], None, []]


def test_times_that_are_numbers_and_nan_that_is_null(store: hw.Client) -> None:
    for unit, factor in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        with store.stream("g", time_unit=unit, nan_is_null=True) as stream:
            for number in range(20):
                stream.add({"id": number, "t": 1_704_067_200 * factor, "x": float("nan")})
        got = store.get_online_features("g:x", {"id": [0, 19]}, min_position=stream.close(), event_times=True)
        assert got.to_dict()["x"] == [None, None]
        found = store.scan("g", min_position=stream.close()).to_arrow()["event_time"]
        assert set(found.to_pylist()) == {START}


def test_what_is_no_row_is_refused_at_once(store: hw.Client) -> None:
    with store.stream("g") as stream:
        for wrong in ((1, 2), "text", None, [row(1)]):
            with pytest.raises(hw.InvalidArgument, match=r"is no dict: stream.add\(\{column: value\}\)"):
                stream.add(wrong)
        stream.add(row(1, 3))
    assert values(store, stream.close(), [1]) == [3]


def test_a_closed_stream_and_limits(store: hw.Client) -> None:
    stream = store.stream("g")
    stream.add(row(1))
    assert stream.close() == stream.close()
    for call in (lambda: stream.add(row(1)), lambda: stream.write([row(1)]), stream.flush):
        with pytest.raises(hw.FailedPrecondition, match=r"the stream is closed: open another one with client.stream\(group\)"):
            call()
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(stream)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"linger": -1}, "linger: -1 is no number of seconds from 0 to 60"),
        ({"linger": "1"}, "linger"),
        ({"batch": 0}, "batch: 0 is no whole number from 1 to 262,144"),
        ({"batch": 1.5}, "batch"),
        ({"in_flight": 257}, "in_flight: 257 is no whole number from 1 to 256"),
        ({"in_flight": True}, "in_flight"),
        ({"time_unit": "weeks"}, "time_unit"),
        ({"timeout": -1}, "timeout"),
    ]
    for options, said in wrong:
        with pytest.raises(hw.InvalidArgument, match=said):
            store.stream("g", **options)
    with pytest.raises(hw.NotFound):
        store.stream("nothing")
    with pytest.raises(hw.InvalidArgument, match="is no name of a group"):
        store.stream(7)  # type: ignore[arg-type]


def test_a_stream_without_rows_says_where_the_log_stands(store: hw.Client) -> None:
    position = store.write("g", [row(1)])
    with store.stream("g") as stream:
        assert stream.flush() == position and stream.flush().rows == 0
        stream.write(table(range(0)))
    assert stream.close().rows == 0


def test_a_stream_that_is_not_closed_warns(store: hw.Client) -> None:
    with pytest.warns(ResourceWarning, match="was not closed: rows that it has may be lost"):
        store.stream("g").add(row(1))


@pytest.mark.parametrize("linger", [0, 0.001, 60])
def test_threads_share_a_stream_and_each_keeps_its_order(store: hw.Client, linger: float) -> None:
    with store.stream("g", batch=50, in_flight=3, linger=linger) as stream:

        def work(thread: int) -> None:
            for number in range(500):
                stream.add(row(thread, number))
                if number % 100 == 99:
                    assert values(store, stream.flush(), [thread]) == [number]

        threads = [threading.Thread(target=work, args=[thread]) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert stream.close().rows == 2_000 and values(store, stream.close(), [0, 1, 2, 3]) == [499] * 4


def test_rows_too_large_for_a_request_go_as_several(store: hw.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "REQUEST_BYTES", 100_000)
    with store.stream("g", linger=60) as stream:
        for number in range(64):
            stream.add(row(number, number, s="x" * (200_000 if number == 40 else 9_000)))
        assert stream.flush().rows == 64
        stream.add(row(1, -1))
    found = store.scan("g", min_position=stream.close()).to_arrow()
    assert found.num_rows == 65 and len(set(found["position"].to_pylist())) > 8
    assert values(store, stream.close(), [0, 1, 63]) == [0, -1, 63]


def test_the_next_stream_goes_on_with_the_session(store: hw.Client) -> None:
    sessions = set()
    for _ in range(3):
        with store.stream("g") as stream:
            stream.add(row(1))
            stream.flush()
            sessions.add(stream._flow._line._producer._session)
    assert len(sessions) == 1


def test_an_embedded_store_takes_streams(tmp_path: Path) -> None:
    with hw.open(tmp_path / "s", project="p") as client:
        client.apply([GROUP])
        with client.stream("g") as stream:
            for number in range(3_000):
                stream.add(row(number, number))
        assert values(client, stream.close(), [0, 2_999]) == [0, 2_999]


def test_rows_under_way_are_few_enough_for_a_server() -> None:
    # More than 1,024 requests of a connection are refused, and a session keeps the answers of so many.
    assert flow._IN_FLIGHT_MAX < 1_024
