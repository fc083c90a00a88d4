"""Columns that an answer adds never take the place of the user's: refused before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

from .conftest import Server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "answer-names") as connected:
        owner = hw.Entity("owner", {"id": "int64"})
        other = hw.Entity("other", {"number": "int64"})
        connected.apply(
            [
                hw.FeatureGroup("g", owner, {"x": "int64", "x__event_time": "int64"}, event_time="t"),
                hw.FeatureGroup("h", other, {"id": "int64", "z": "int64"}, event_time="t"),
                hw.FeatureService("renamed", [hw.Reference("g:x", "x", {"id": "x__status"})]),
                hw.FeatureGroup("d", hw.Entity("gone", {"deleted": "int64"}), {"x": "int64"}, event_time="t"),
                hw.FeatureGroup("e", owner, {"deleted": "int64", "y": "int64"}, event_time="t"),
            ]
        )
        connected.write("g", {"id": [1], "t": ["2026-01-05"], "x": [7], "x__event_time": [8]})
        connected.write("h", {"number": [2], "t": ["2026-01-05"], "id": [9]})
        yield connected


def forms(answer: Any, **options: Any) -> list[Any]:
    return [
        lambda: answer.to_arrow(**options),
        lambda: answer.to_pandas(**options),
        lambda: answer.to_polars(**options),
        lambda: answer.to_dict(**options),
    ]


def test_a_feature_called_as_a_request_key_is_refused_by_a_get(client):
    for full in (["g:x", "h:id"], ["h:id", "g:x"]):
        with pytest.raises(hw.InvalidArgument, match="'id', as a key of the request|'id' is a request key and a feature"):
            client.get_online_features(full, {"id": [1], "number": [2]})
        got = client.get_online_features(full, {"id": [1], "number": [2]}, full_feature_names=True)
        assert got.to_dict() == {"id": [1], "number": [2], "g__x": [7], "h__id": [9]}


def test_statuses_and_event_times_that_would_overwrite_are_refused_online(client):
    got = client.get_online_features(service="renamed", entities={"x__status": [1]})
    assert got.to_dict() == {"x__status": [1], "x": [7]}
    for form in forms(got, statuses=True):
        with pytest.raises(hw.InvalidArgument, match="^'x__status' would be the status of 'x' and is a request key"):
            form()
    assert client.get_online_features(["g:x", "g:x__event_time"], {"id": [1]}).to_dict()["x__event_time"] == [8]
    with pytest.raises(hw.InvalidArgument, match="^'x__event_time' would be the event time of 'x' and is a feature"):
        client.get_online_features(["g:x", "g:x__event_time"], {"id": [1]}, event_times=True)


def spine(**more: Any) -> dict[str, Any]:
    return {"id": [1], "event_time": ["2026-02-01"], **more}


@pytest.mark.parametrize("into", [lambda made: made, pd.DataFrame, pa.table, lambda made: pd.DataFrame(made).set_index("id")])
def test_a_spine_is_refused_before_anything_is_asked(client, into):
    with pytest.raises(hw.InvalidArgument, match="^'x' is a column of the spine and a feature: rename the spine's, or ask with full"):
        client.get_historical_features(into(spine(x=[1])), "g:x")
    with pytest.raises(hw.InvalidArgument, match="^'x__event_time' would be the event time of 'x' and is a column of the spine"):
        client.get_historical_features(into(spine(x__event_time=[1])), "g:x", event_times=True)
    joined = client.get_historical_features(into(spine(x__status=["mine"])), "g:x")
    for form in [
        *forms(joined, statuses=True),
        lambda: next(joined.batches(statuses=True)),
        lambda: joined.to_parquet("never", statuses=True),
    ]:
        with pytest.raises(hw.InvalidArgument, match="^'x__status' would be the status of 'x' and is a column of the spine: rename"):
            form()
    assert joined._query.loaded is None
    assert joined.to_dict()["x__status"] == ["mine"] and joined.to_dict()["x"] == [7]
    for form in forms(joined, statuses=True):
        with pytest.raises(hw.InvalidArgument, match="^'x__status'"):
            form()
    with pytest.raises(hw.InvalidArgument, match="^'x__event_time' would be the event time of 'x' and is a feature"):
        client.get_historical_features(spine(), ["g:x", "g:x__event_time"], event_times=True)
    full = client.get_historical_features(into(spine(x=[1], x__status=["mine"])), "g:x", full_feature_names=True)
    assert full.to_dict(statuses=True)["g__x__status"] == ["PRESENT"]


def test_a_spine_of_files_or_of_a_reader_is_refused_when_it_is_read(client, tmp_path):
    table = pa.table(spine(x__status=["mine"]))
    pq.write_table(table, tmp_path / "s.parquet")
    pq.write_table(table.rename_columns(["id", "event_time", "x"]), tmp_path / "x.parquet")
    for data in (tmp_path / "s.parquet", table.to_reader()):
        with pytest.raises(hw.InvalidArgument, match="'x__status' would be the status of 'x' and is a column of the spine"):
            client.get_historical_features(data, "g:x").to_arrow(statuses=True)
    loaded = client.get_historical_features(tmp_path / "s.parquet", "g:x")
    assert loaded.to_dict()["x__status"] == ["mine"]
    with pytest.raises(hw.InvalidArgument, match="'x__status'"):
        loaded.to_dict(statuses=True)
    with pytest.raises(hw.InvalidArgument, match="'x' is a column of the spine and a feature"):
        client.get_historical_features(tmp_path / "x.parquet", "g:x").to_arrow()


def test_a_scan_of_tombstones_refuses_a_column_called_as_their_flag(client):
    for read in (client.scan, client.latest):
        for group, columns in (("d", None), ("d", ["x"]), ("e", None), ("e", ["deleted"])):
            with pytest.raises(hw.InvalidArgument, match=f"^'deleted' is a column of '{group}@1' and the one that deletes=True adds"):
                read(group, columns, deletes=True)
        assert "deleted" in read("e", ["y"], deletes=True).to_dict()
        assert "deleted" in read("d").to_dict()


def test_asyncio_refuses_the_same(server, client):
    async def work() -> None:
        async with await hw.aio.connect(server.address, "answer-names") as other:
            for call in (
                other.get_online_features(["g:x", "h:id"], {"id": [1], "number": [2]}),
                other.get_online_features(["g:x", "g:x__event_time"], {"id": [1]}, event_times=True),
                other.get_historical_features(spine(x=[1]), "g:x"),
                other.scan("d", deletes=True),
            ):
                with pytest.raises(hw.InvalidArgument, match="'(id|x|x__event_time|deleted)'"):
                    await call
            joined = await other.get_historical_features(spine(x__status=["mine"]), "g:x")
            for form in (joined.to_arrow, joined.to_pandas, joined.to_polars, joined.to_dict):
                with pytest.raises(hw.InvalidArgument, match="^'x__status'"):
                    await form(statuses=True)
            with pytest.raises(hw.InvalidArgument, match="^'x__status'"):
                await joined.batches(statuses=True).__anext__()
            assert (await joined.to_dict())["x"] == [7]

    asyncio.run(work())
