"""The same calls as coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import headwater as hw

from .conftest import Server

USER = hw.Entity("user", {"id": "int64"})
EVENTS = hw.FeatureGroup("events", USER, {"x": "int64"}, event_time="t")
START = np.datetime64("2024-01-01", "us")


def table(count: int, factor: int = 1) -> pa.Table:
    return pa.table({"id": np.arange(count), "t": np.full(count, START), "x": np.arange(count) * factor})


def run(server: Server, project: str, work: Callable[[hw.aio.AsyncClient], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with await hw.aio.connect(server.address, project) as client:
            await client.apply([EVENTS])
            await work(client)

    asyncio.run(main())


def test_tasks_share_a_client(server: Server) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        position = await client.write("events", table(1_000, 3))

        async def get(number: int) -> list[int]:
            got = await client.get_online_features("events:x", {"id": [number, number + 1]}, min_position=position)
            return got.to_dict()["x"]

        assert await asyncio.gather(*[get(number) for number in range(500)]) == [[3 * n, 3 * n + 3] for n in range(500)]

    run(server, "aio1", work)


def test_the_calls_are_those_of_the_blocking_client(server: Server, tmp_path: Path) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        assert not (await client.plan([EVENTS])).changed
        position = await client.write({"events": table(10)})
        assert [entry["name"] for entry in (await client.list())["feature_groups"]] == ["events"]
        assert (await client.describe("events"))["feature_groups"][0]["definition"]["event_time"] == "t"
        assert (await client.search("event"))["feature_groups"]
        assert (await client.status())["roles"] == ["online", "offline"]
        spine = table(10).select(["id"]).append_column("event_time", pa.array(np.full(10, START)))
        history = await client.get_historical_features(spine, "events:x", min_position=position)
        whole = await history.to_arrow(statuses=True)
        assert whole["x"].to_pylist() == list(range(10))
        assert [batch async for batch in history.batches()][0].num_rows == 10
        assert (await history.to_pandas())["x"].tolist() == (await history.to_polars())["x"].to_list()
        assert history.position == position
        assert (await history.to_dict())["x"] == (await history.to_numpy())[:, 0].tolist()
        assert (await history.statuses())["x"] == ["PRESENT"] * 10
        assert await history.to_parquet(tmp_path / "history.parquet") == 10
        assert (await (await client.scan("events", start=START)).to_arrow()).num_rows == 10
        deleted = await client.delete("events", {"id": [3]})
        assert (await (await client.latest("events", min_position=deleted)).to_arrow()).num_rows == 9
        assert await client.audit()
        assert (await client.snapshot())["rows"] >= 10
        assert (await client.compact("events"))["position"] >= deleted
        with pytest.raises(hw.NotFound):
            await client.get_online_features("nothing:x", {"id": [1]})
        with pytest.raises(ValueError, match="no statuses"):
            await (await client.scan("events")).to_arrow(statuses=True)

    run(server, "aio2", work)


def test_a_cancelled_task_leaves_the_connection_to_others(server: Server) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        await client.write("events", table(10))
        waiting = [asyncio.create_task(client.get_online_features("events:x", {"id": [1]})) for _ in range(50)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, asyncio.CancelledError) for answer in done[::2])
        assert all(answer.to_dict()["x"] == [1] for answer in done[1::2] if not isinstance(answer, BaseException))
        assert (await client.get_online_features("events:x", {"id": [2]})).to_dict()["x"] == [2]

    run(server, "aio3", work)


def test_a_large_answer_and_a_large_spine_stream_past_each_other(server: Server) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        position = await client.write("events", table(1_000))
        spine = pa.table({"id": np.arange(400_000) % 1_000, "event_time": np.full(400_000, START)})
        history = await client.get_historical_features(spine, "events:x", min_position=position)
        rows = 0
        async for batch in history.batches(10_000):
            assert np.array_equal(batch["x"], batch["id"])
            rows += batch.num_rows
        assert rows == 400_000

    run(server, "aio4", work)


def test_a_client_survives_a_restart(start_server: Callable[..., Server]) -> None:
    server = start_server()

    async def work(client: hw.aio.AsyncClient) -> None:
        await client.write("events", table(10))
        server.kill()
        await asyncio.to_thread(server.start)
        assert (await client.get_online_features("events:x", {"id": [4]})).to_dict()["x"] == [4]
        assert await client.write("events", table(10)) > 0

    run(server, "p", work)


def test_nobody_there_is_unavailable() -> None:
    async def main() -> None:
        with pytest.raises(hw.Unavailable, match="no server answers at unix:/nowhere"):
            await hw.aio.connect("unix:/nowhere")

    asyncio.run(main())
