"""Streams as coroutines."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import headwater as hw

from .conftest import Server
from .test_streams import GROUP, row, table


def run(server: Server, project: str, work: Callable[[hw.aio.AsyncClient], Any]) -> None:
    async def main() -> None:
        async with await hw.aio.connect(server.address, project, timeout=60, retries=60) as client:
            await client.apply([GROUP])
            await work(client)

    asyncio.run(main())


async def values_of(client: hw.aio.AsyncClient, position: int, ids: list[int]) -> list[float | None]:
    return (await client.get_online_features("g:x", {"id": ids}, min_position=position)).to_dict()["x"]


def test_coroutines_do_the_same(server: Server) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        async with await client.stream("g", batch=7, in_flight=5) as stream:
            for number in range(1_000):
                await stream.add(row(number % 3, number))
            assert await values_of(client, await stream.flush(), [0, 1, 2]) == [999, 997, 998]
            await stream.write(table(range(3), 5))
            await stream.add(row(0, 6))
        assert (await stream.close()).rows == 1_004 and await values_of(client, await stream.close(), [0, 1]) == [6, 5]
        with pytest.raises(hw.FailedPrecondition, match="the stream is closed"):
            await stream.add(row(1))
        async with await client.stream("g", linger=0.01) as stream:
            await stream.add(row(1, 7))
            until = time.monotonic() + 20
            while stream.unacknowledged and time.monotonic() < until:
                await asyncio.sleep(0.005)
            assert stream.unacknowledged == []

    run(server, "streams1", work)


def test_tasks_share_a_stream(server: Server) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        async with await client.stream("g", batch=20, in_flight=2) as stream:

            async def add(task: int) -> None:
                for number in range(300):
                    await stream.add(row(task, number))
                    if number % 100 == 99:
                        assert await values_of(client, await stream.flush(), [task]) == [number]

            await asyncio.gather(*[add(task) for task in range(5)])
        assert (await stream.close()).rows == 1_500

    run(server, "streams2", work)


def test_a_bad_row_and_an_exception_in_a_coroutine(server: Server) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        with pytest.raises(hw.InvalidArgument, match=r"row 3, column 'x': holds string.*rows 0 to 4 were not written"):
            async with await client.stream("g", linger=60) as stream:
                for number in range(5):
                    await stream.add(row(number, "text" if number == 3 else 1.0))  # type: ignore[arg-type]
        assert len(stream.unacknowledged) == 5
        with pytest.raises(ZeroDivisionError):
            async with await client.stream("g", linger=60) as stream:
                await stream.add(row(1, 9))
                _ = 1 / 0
        assert await values_of(client, await stream.close(), [1]) == [9]
        with pytest.raises(hw.InvalidArgument, match="row 0, column 'x'"):
            async with await client.stream("g") as stream:
                await stream.add(row(1, 2e9))
                await stream.flush()

    run(server, "streams3", work)


def test_a_task_that_is_cancelled_writes_what_it_has(server: Server) -> None:
    async def work(client: hw.aio.AsyncClient) -> None:
        streams = []

        async def add() -> None:
            async with await client.stream("g", linger=60) as stream:
                streams.append(stream)
                await stream.add(row(1, 4))
                await asyncio.sleep(60)

        task = asyncio.create_task(add())
        while not streams:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await values_of(client, await streams[0].close(), [1]) == [4]

    run(server, "streams4", work)


def test_a_flush_that_is_cancelled_says_what_is_written(start_server: Callable[..., Server]) -> None:
    server = start_server()

    async def work(client: hw.aio.AsyncClient) -> None:
        stream = await client.stream("g")
        await stream.add(row(1))
        await stream.flush()
        server.stand_still()
        await stream.add(row(2))
        task = asyncio.create_task(stream.close())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        server.go_on()
        if sys.version_info >= (3, 11):
            assert "row 0 was written, up to position" in caught.value.__notes__[0]
        assert stream.unacknowledged == [row(2)]

    run(server, "streams5", work)


def test_coroutines_write_once_while_the_server_is_killed(start_server: Callable[..., Server]) -> None:
    server = start_server()

    async def work(client: hw.aio.AsyncClient) -> None:
        count = 0
        async with await client.stream("g", batch=20, in_flight=16) as stream:

            async def stop_and_start() -> None:
                for stop in (server.kill, server.stop, server.kill):
                    await asyncio.sleep(0.3)
                    await asyncio.to_thread(stop)
                    await asyncio.to_thread(server.start)

            stopping = asyncio.create_task(stop_and_start())
            while not stopping.done():
                await stream.add(row(count % 50, count))
                count += 1
                if count % 100 == 0:
                    await asyncio.sleep(0.001)
            await stopping
            position = await stream.flush()
        rows = await (await client.scan("g", min_position=position)).to_arrow()
        assert rows.num_rows == position.rows == count
        ordered = rows.sort_by([("position", "ascending"), ("row", "ascending")])["x"].to_pylist()
        assert ordered == list(range(count))
        assert await client.audit(min_position=position)

    run(server, "streams6", work)
