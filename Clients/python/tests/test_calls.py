"""Every call of both clients where the client is closed, the server is gone, or another one has taken its place."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import headwater as hw

from .conftest import BINARY, Server
from .test_embedded import servers

GROUP = hw.FeatureGroup("g", hw.Entity("user", {"id": "int64"}), {"x": "float64"}, event_time="t")
START = np.datetime64("2024-01-01", "us")
ROWS = {"id": [1, 2], "t": [START, START], "x": [1.0, 2.0]}
SPINE = {"id": [1], "event_time": [START]}

# Each reads its answer, where that is not asked for before.
CALLS: dict[str, Callable[[Any], Any]] = {
    "apply": lambda c: c.apply([GROUP]),
    "plan": lambda c: c.plan([GROUP]),
    "list": lambda c: c.list(),
    "describe": lambda c: c.describe("g"),
    "search": lambda c: c.search("g"),
    "write": lambda c: c.write("g", ROWS),
    "write together": lambda c: c.write({"g": ROWS}),
    "delete": lambda c: c.delete("g", {"id": [2]}),
    "get by features": lambda c: c.get_online_features("g:x", {"id": [1]}),
    "get by service": lambda c: c.get_online_features(service="s", entities={"id": [1]}),
    "get at a position": lambda c: c.get_online_features("g:x", {"id": [1]}, min_position=1),
    "history": lambda c: c.get_historical_features(SPINE, "g:x"),
    "history of a service": lambda c: c.get_historical_features(SPINE, service="s"),
    "scan": lambda c: c.scan("g"),
    "scan of keys": lambda c: c.scan("g", keys={"id": [1]}),
    "latest": lambda c: c.latest("g"),
    "status": lambda c: c.status(),
    "audit": lambda c: c.audit(),
    "snapshot": lambda c: c.snapshot(),
    "compact": lambda c: c.compact(),
}
SERVICE = hw.FeatureService("s", ["g:x"])


def read(answer: Any) -> Any:
    return answer.to_arrow() if isinstance(answer, hw.FeatureTable) else answer


async def read_async(coroutine: Coroutine[Any, Any, Any]) -> Any:
    answer = await coroutine
    return await answer.to_arrow() if hasattr(answer, "to_parquet") else answer


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    try:
        call()
    except hw.HeadwaterError as error:
        return type(error).__name__, str(error)
    return "an answer", ""


def blocking_outcomes(client: hw.Client) -> dict[str, tuple[str, str]]:
    return {name: outcome(lambda call=call: read(call(client))) for name, call in CALLS.items()}  # type: ignore[misc]


async def asyncio_outcomes(client: hw.aio.AsyncClient) -> dict[str, tuple[str, str]]:
    found = {}
    for name, call in CALLS.items():
        try:
            await read_async(call(client))
            found[name] = ("an answer", "")
        except hw.HeadwaterError as error:
            found[name] = (type(error).__name__, str(error))
    return found


def assert_all(found: dict[str, tuple[str, str]], kind: str, words: str) -> None:
    wrong = {name: was for name, was in found.items() if was[0] != kind or words not in was[1]}
    assert not wrong
    assert list(found) == list(CALLS)


def closed(connect: Callable[[], hw.Client]) -> dict[str, tuple[str, str]]:
    client = connect()
    client.close()
    client.close()
    assert "closed" in repr(client)
    return blocking_outcomes(client)


@contextmanager
def store(folder: Path, address: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that this test started by itself."""
    process = subprocess.Popen(
        [BINARY, "serve", "--data", folder, "--listen", address, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        while True:
            try:
                hw.connect(address, "p").close()
                break
            except hw.Unavailable:
                assert time.monotonic() < until and process.poll() is None
                time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="hw-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@asynccontextmanager
async def opened(client: hw.aio.AsyncClient) -> AsyncIterator[hw.aio.AsyncClient]:
    try:
        yield client
    finally:
        await client.close()


def test_every_call_answers_while_all_is_well(client: hw.Client, server: Server) -> None:
    client.apply([GROUP, SERVICE])
    client.write("g", ROWS)
    assert_all(blocking_outcomes(client), "an answer", "")

    async def main() -> None:
        async with await hw.aio.connect(server.address, client.project) as other:
            assert_all(await asyncio_outcomes(other), "an answer", "")

    asyncio.run(main())


def test_every_call_on_a_closed_client_is_a_failed_precondition(server: Server, client: hw.Client, folder: Path) -> None:
    client.apply([GROUP, SERVICE])
    words = "the client is closed: connect again"
    assert_all(closed(lambda: hw.connect(server.address, client.project)), "FailedPrecondition", words)
    assert_all(closed(lambda: hw.open(folder / "s")), "FailedPrecondition", words)

    async def main() -> None:
        for connecting in (hw.aio.connect(server.address, client.project), hw.aio.open(folder / "s")):
            other = await connecting
            await other.close()
            await other.close()
            assert_all(await asyncio_outcomes(other), "FailedPrecondition", words)

    asyncio.run(main())


def test_what_was_asked_before_a_close_is_refused_and_what_was_read_stays(server: Server, client: hw.Client) -> None:
    client.apply([GROUP, SERVICE])
    position = client.write("g", ROWS)
    with hw.connect(server.address, client.project) as other:
        unread, loaded = other.scan("g"), other.get_historical_features(SPINE, "g:x", min_position=position)
        got = other.get_online_features("g:x", {"id": [1]}, min_position=position)
        loaded.to_arrow()
    with pytest.raises(hw.FailedPrecondition, match="the client is closed"):
        unread.to_arrow()
    with pytest.raises(hw.FailedPrecondition, match="the client is closed"):
        next(iter(loaded.batches()))
    assert loaded.to_arrow()["x"].to_pylist() == got.to_dict()["x"] == [1.0]


def test_every_call_without_a_server_is_unavailable(start_server: Callable[..., Server], folder: Path) -> None:
    server = start_server()
    first = hw.connect(server.address, "p", retries=1)
    first.apply([GROUP, SERVICE])
    first.get_online_features("g:x", {"id": [1]})

    async def main() -> None:
        async with opened(await hw.aio.connect(server.address, "p", retries=1)) as other:
            await other.get_online_features("g:x", {"id": [1]})
            server.kill()
            assert_all(await asyncio_outcomes(other), "Unavailable", "no server answers at")

    asyncio.run(main())
    with first:
        assert_all(blocking_outcomes(first), "Unavailable", "no server answers at")


def test_every_call_to_a_server_of_another_store_is_a_failed_precondition(folder: Path) -> None:
    address = f"unix:{folder}/s.sock"
    with store(folder / "one", address):
        client = hw.connect(address, "p")
        client.apply([GROUP, SERVICE])
        client.write("g", ROWS)

        async def connect() -> hw.aio.AsyncClient:
            return await hw.aio.connect(address, "p")

        loop = asyncio.new_event_loop()
        other = loop.run_until_complete(connect())
    words = "another store answers now"
    with store(folder / "two", address):
        with client:
            assert_all(blocking_outcomes(client), "FailedPrecondition", words)
        assert_all(loop.run_until_complete(asyncio_outcomes(other)), "FailedPrecondition", words)
        # Whoever connects now means that one.
        with hw.connect(address, "p") as fresh:
            assert fresh.list()["feature_groups"] == []
    loop.run_until_complete(other.close())
    loop.close()


def test_a_restart_of_the_same_store_is_no_other_store(folder: Path) -> None:
    address = f"unix:{folder}/s.sock"
    with store(folder / "one", address):
        client = hw.connect(address, "p")
        client.apply([GROUP, SERVICE])
    with store(folder / "one", address), client:
        assert_all(blocking_outcomes(client), "an answer", "")


def kill_embedded(folder: Path) -> None:
    for process in servers(folder):
        os.kill(process, signal.SIGKILL)
    until = time.monotonic() + 10
    while servers(folder) and time.monotonic() < until:
        time.sleep(0.01)


def test_every_call_to_an_embedded_store_that_another_server_took_is_a_failed_precondition(folder: Path) -> None:
    client = hw.open(folder)
    client.apply([GROUP, SERVICE])
    client.get_online_features("g:x", {"id": [1]})

    async def main() -> None:
        async with opened(await hw.aio.open(folder)) as other:
            await other.get_online_features("g:x", {"id": [1]})
            kill_embedded(folder)
            with store(folder, f"unix:{folder}/o.sock") as process:
                words = f"is served by another server: use headwater.connect('unix:{folder}/o.sock'); it is process {process.pid}"
                assert_all(await asyncio_outcomes(other), "FailedPrecondition", words)
                assert_all(await asyncio.to_thread(blocking_outcomes, client), "FailedPrecondition", words)

    asyncio.run(main())
    client.close()


def test_every_call_to_an_embedded_store_whose_server_is_gone_starts_it_again(folder: Path) -> None:
    with hw.open(folder) as client:
        client.apply([GROUP, SERVICE])
        client.write("g", ROWS)
        for name in ("write", "get by features", "history", "status"):
            call = CALLS[name]
            kill_embedded(folder)
            assert outcome(lambda call=call: read(call(client))) == ("an answer", ""), name  # type: ignore[misc]


def test_an_embedded_store_whose_server_cannot_start_is_refused_without_further_tries(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hw.open(folder) as client:
        client.apply([GROUP, SERVICE])
        kill_embedded(folder)
        monkeypatch.setenv("HEADWATER_BINARY", "/bin/false")
        began = time.monotonic()
        assert_all(blocking_outcomes(client), "Unavailable", "the server did not start")
        assert time.monotonic() - began < 10


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_second_event_loop_gets_connections_of_its_own(server: Server, client: hw.Client) -> None:
    client.apply([GROUP, SERVICE])
    position = client.write("g", ROWS)

    async def connect() -> hw.aio.AsyncClient:
        made = await hw.aio.connect(server.address, client.project)
        await made.get_online_features("g:x", {"id": [1]}, min_position=position)
        return made

    async def use(other: hw.aio.AsyncClient) -> list[list[float]]:
        began = time.monotonic()
        assert_all(await asyncio_outcomes(other), "an answer", "")
        got = await asyncio.gather(*[other.get_online_features("g:x", {"id": [1]}) for _ in range(50)])
        assert time.monotonic() - began < 10
        return [answer.to_dict()["x"] for answer in got]

    other = asyncio.run(connect())
    for _ in range(3):
        assert asyncio.run(use(other)) == [[1.0]] * 50
    asyncio.run(other.close())
    with pytest.raises(hw.FailedPrecondition, match="the client is closed"):
        asyncio.run(read_async(other.list()))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_two_event_loops_of_two_threads_share_a_client(server: Server, client: hw.Client) -> None:
    client.apply([GROUP, SERVICE])
    position = client.write("g", ROWS)

    async def main() -> None:
        async with await hw.aio.connect(server.address, client.project) as other:

            async def work() -> int:
                got = [await other.get_online_features("g:x", {"id": [1]}, min_position=position) for _ in range(200)]
                return sum(answer.to_dict()["x"] == [1.0] for answer in got)

            assert await asyncio.gather(work(), asyncio.to_thread(lambda: asyncio.run(work()))) == [200, 200]

    asyncio.run(main())
    # Connections of a loop that has ended cannot be closed; they go here, and not amid another test.
    gc.collect()


async def open_store(folder: Path) -> hw.aio.AsyncClient:
    return await hw.aio.open(folder)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_client_can_be_closed_in_another_event_loop_and_in_none(server: Server, client: hw.Client, folder: Path) -> None:
    async def connect() -> hw.aio.AsyncClient:
        return await hw.aio.connect(server.address, client.project)

    # Its loop is closed.
    asyncio.run(asyncio.run(connect()).close())
    # Its loop stands still.
    loop = asyncio.new_event_loop()
    other = loop.run_until_complete(connect())
    asyncio.run(other.close())
    with pytest.raises(hw.FailedPrecondition, match="the client is closed"):
        loop.run_until_complete(read_async(other.list()))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    # Closing lets the embedded server go.
    asyncio.run(asyncio.run(open_store(folder)).close())
    assert servers(folder) == []
    gc.collect()


def test_an_answer_is_read_in_the_loop_that_asked_for_it(server: Server, client: hw.Client) -> None:
    client.apply([GROUP, SERVICE])
    count = 150_000
    client.write("g", pa.table({"id": np.arange(count), "t": np.full(count, START), "x": np.arange(count, dtype=float)}))

    async def begin() -> tuple[hw.aio.AsyncClient, Any, int]:
        other = await hw.aio.connect(server.address, client.project)
        batches = (await other.scan("g")).batches(10_000)
        return other, batches, (await batches.__anext__()).num_rows

    async def go_on(batches: Any) -> None:
        async for _ in batches:
            pass

    loop, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    other, batches, rows = loop.run_until_complete(begin())
    assert rows > 0
    with pytest.raises(hw.FailedPrecondition, match="in the event loop that it was asked in"):
        second.run_until_complete(go_on(batches))
    loop.run_until_complete(other.close())
    for used in (loop, second):
        used.run_until_complete(used.shutdown_asyncgens())
        used.close()


def test_snapshots_that_are_asked_for_together_all_come(client: hw.Client, server: Server) -> None:
    client.apply([GROUP, SERVICE])

    async def main() -> None:
        async with await hw.aio.connect(server.address, client.project) as other:

            async def take(number: int) -> bool:
                position = await other.write("g", {"id": [number], "t": [START], "x": [1.0]})
                jobs = (other.snapshot(), other.snapshot(), other.compact("g"), other.compact())
                reports = await asyncio.gather(*jobs)
                return all(report["position"] >= position for report in reports)

            assert all(await asyncio.gather(*[take(number) for number in range(12)]))
            assert all(await asyncio.gather(*[other.audit() for _ in range(3)]))

    asyncio.run(main())
