"""Every get goes by a list that was prepared on its connection; a list that the server does not know any more is prepared again."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headwater as hw
from headwater._calls import online
from headwater._connections.transport import Deadline, run_now
from headwater._wire import session
from headwater._wire.frames import Kind, Method

from .conftest import Server

USER, SHOP = hw.Entity("user", {"id": "int64"}), hw.Entity("shop", {"code": "string"})
START = np.datetime64("2024-01-01", "us")
GROUPS = [
    hw.FeatureGroup("g", USER, {"x": "int32", "y": "string"}, event_time="t", max_age="1h"),
    hw.FeatureGroup("h", SHOP, {"z": "float64"}),
    hw.FeatureGroup("everywhere", hw.Entity("all", {}), {"rate": "float64"}),
    hw.FeatureService("s", ["g:x", hw.Reference("h:z", "size", {"code": "place"})]),
]


def written(client: hw.Client) -> int:
    client.apply(GROUPS)
    return client.write(
        {
            "g": {"id": [1, 2], "t": [START, START], "x": [10, 20], "y": ["a", None]},
            "h": {"code": ["p"], "z": [0.5]},
            "everywhere": {"rate": [3.5]},
        }
    )


# All that a get may ask for, and what it gives.
ID = {"id": [1, 2, 3, None]}
GETS: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "a list": ({"features": ["g:x", "g:y"], "entities": ID, "at": START}, {**ID, "x": [10, 20, None, None], "y": ["a", None, None, None]}),
    "one feature": ({"features": "g:x", "entities": {"id": [2]}, "at": START}, {"id": [2], "x": [20]}),
    "full names": ({"features": "g:x", "entities": {"id": [2]}, "at": START, "full_feature_names": True}, {"id": [2], "g__x": [20]}),
    "a service with a renamed key": (
        {"service": "s", "entities": {"id": [1], "place": ["p"]}, "at": START}, {"id": [1], "place": ["p"], "x": [10], "size": [0.5]},
    ),
    "a clock": ({"features": "g:x", "entities": {"id": [1]}, "at": START + np.timedelta64(2, "h")}, {"id": [1], "x": [None]}),
    "event times": (
        {"features": "h:z", "entities": {"code": ["p", "q"]}, "event_times": True},
        {"code": ["p", "q"], "z": [0.5, None], "z__event_time": [None, None]},
    ),
    "no keys": ({"features": "everywhere:rate"}, {"rate": [3.5]}),
    "no rows": ({"features": "g:x", "entities": {"id": []}}, {"id": [], "x": []}),
}  # fmt: skip


def answers(position: int) -> Iterator[tuple[dict[str, Any], Callable[[hw.OnlineFeatures], None]]]:
    """Each get, with a check of its answer."""
    for options, wanted in GETS.values():

        def check(got: hw.OnlineFeatures, wanted: dict[str, list[Any]] = wanted) -> None:
            assert got.to_dict() == wanted
            assert got.position >= position

        yield {**options, "min_position": position}, check


def check_blocking(client: hw.Client, position: int) -> None:
    for options, check in answers(position):
        check(client.get_online_features(**options))


async def check_asyncio(client: hw.aio.AsyncClient, position: int) -> None:
    asked = list(answers(position))
    # All at once.
    for (_, check), got in zip(asked, await asyncio.gather(*[client.get_online_features(**options) for options, _ in asked]), strict=True):
        check(got)


def run(address: str, project: str, work: Callable[[hw.aio.AsyncClient], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with await hw.aio.connect(address, project) as client:
            await work(client)

    asyncio.run(main())


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The methods of all frames that leave this process, in order."""
    methods: list[int] = []
    encode = session.encode

    def noted(kind: int, method: int = 0, *arguments: Any, **options: Any) -> Any:
        if kind == Kind.REQUEST:
            methods.append(method)
        return encode(kind, method, *arguments, **options)

    monkeypatch.setattr(session, "encode", noted)
    return methods


def test_no_get_by_names_leaves_the_client(client: hw.Client, sent: list[int]) -> None:
    position = written(client)
    check_blocking(client, position)
    check_blocking(client, position)
    lists = {(str(options.get("features")), options.get("service"), options.get("full_feature_names")) for options, _ in GETS.values()}
    assert sent.count(Method.PREPARE) == len(lists) == 6
    assert sent.count(Method.GET_PREPARED) == 2 * len(GETS)
    run(client.address, client.project, lambda other: check_asyncio(other, position))
    assert 7 not in sent
    assert 7 not in list(Method)
    source = Path(hw.__file__).parent
    named = [file.name for file in source.rglob("*.py") if "_pb2" not in file.name and "GetRequest" in file.read_text(encoding="utf-8")]
    assert not named


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_lists_are_prepared_again_after_a_restart(start_server: Callable[..., Server], stop: str) -> None:
    server = start_server()
    with hw.connect(server.address, "p") as client:
        position = written(client)
        check_blocking(client, position)

        async def work(other: hw.aio.AsyncClient) -> None:
            await check_asyncio(other, position)
            for _ in range(2):
                await asyncio.to_thread(getattr(server, stop))
                await asyncio.to_thread(server.start)
                await check_asyncio(other, position)
                await asyncio.to_thread(check_blocking, client, position)

        run(server.address, "p", work)


def forget(core: Any) -> None:
    """Makes all lists of a client's connections ones that the server does not know."""
    for transport in [transport for some in core.pool._open.values() for transport in some]:
        for key, known in transport.prepared.items():
            transport.prepared[key] = online.Prepared(4_000, known.outputs, known.output_types, known.keys, known.request, known.names)


def test_a_handle_that_the_server_does_not_know_is_prepared_again(client: hw.Client, sent: list[int]) -> None:
    position = written(client)
    check_blocking(client, position)
    forget(client._core)
    sent.clear()
    check_blocking(client, position)
    assert Method.HELLO not in sent and Method.PREPARE in sent

    async def work(other: hw.aio.AsyncClient) -> None:
        await check_asyncio(other, position)
        forget(other._core)
        await check_asyncio(other, position)

    run(client.address, client.project, work)


def test_a_server_that_never_knows_its_handles_is_told(client: hw.Client, monkeypatch: pytest.MonkeyPatch, sent: list[int]) -> None:
    position = written(client)
    prepare = online.prepare

    async def forgotten(core: Any, transport: Any, *arguments: Any) -> online.Prepared:
        known = await prepare(core, transport, *arguments)
        forget(core)
        return next(iter(transport.prepared.values()), known)

    monkeypatch.setattr(online, "prepare", forgotten)
    with pytest.raises(hw.NotFound, match="handle 4000 was not prepared on this connection"):
        client.get_online_features("g:x", {"id": [1]}, min_position=position)
    assert 1 < sent.count(Method.PREPARE) < 50


def test_a_get_follows_what_its_list_means_by_now(client: hw.Client) -> None:
    written(client)
    other = hw.connect(client.address, client.project)

    def check(wanted: dict[str, list[Any]], **options: Any) -> None:
        assert other.get_online_features(**options).to_dict() == wanted

    with other:
        asked = {"features": ["h:z"], "entities": {"code": ["p"]}}
        check({"code": ["p"], "z": [0.5]}, **asked)
        # A schema with one feature more: the list means the same.
        client.apply([hw.FeatureGroup("h", SHOP, {"z": "float64", "w": "bool"})])
        check({"code": ["p"], "z": [0.5]}, **asked)
        # Another type, and other keys.
        client.apply([hw.FeatureGroup("h", USER, {"z": "string"}, version=2)])
        position = client.write("h@2", {"id": [1], "z": ["half"]})
        check({"code": ["p"], "z": [0.5]}, **asked, min_position=position)
        client.promote("group", "h@2")
        with pytest.raises(hw.InvalidArgument, match=r"entity key 'id': is missing: the keys of these features are id \(int64\)"):
            other.get_online_features(**asked)
        check({"id": [1], "z": ["half"]}, features=["h:z"], entities={"id": [1]}, min_position=position)
        # A service whose new version has another name for a key.
        check({"place": ["p"], "size": [0.5], "id": [1], "x": [10]}, service="s", entities={"id": [1], "place": ["p"]}, at=START)
        client.apply([hw.FeatureService("s", [hw.Reference("h@1:z", "size", {"code": "shop"})], version=2)])
        client.promote("service", "s@2")
        check({"shop": ["p"], "size": [0.5]}, service="s", entities={"shop": ["p"]})
        # What is gone is named.
        client.remove("group", "g", force=True)
        with pytest.raises(hw.NotFound, match="g"):
            other.get_online_features("g:x", {"id": [1]})


def test_a_history_follows_what_its_list_means_by_now(client: hw.Client) -> None:
    position = written(client)
    with hw.connect(client.address, client.project) as other:
        time = {"event_time": [START + np.timedelta64(1, "m")]}
        before = other.get_historical_features({"code": ["p"], **time}, "h:z", min_position=position)
        assert before.to_dict()["z"] == [0.5]
        client.apply([hw.FeatureGroup("h", USER, {"z": "string"}, version=2)])
        client.write("h@2", {"id": [1], "z": ["half"]})
        position = client.promote("group", "h@2").position
        # History follows a moment behind, with the definitions too.
        joined = other.get_historical_features({"id": [1], **time}, "h:z", min_position=position)
        assert joined.to_dict()["z"] == ["half"]


def flip(client: hw.Client, times: int) -> None:
    """Makes `h` mean another version, again and again."""
    for number in range(times):
        client.promote("group", f"h@{2 - number % 2}")


def two_types(client: hw.Client) -> None:
    written(client)
    client.apply([hw.FeatureGroup("h", SHOP, {"z": "string"}, version=2)])
    client.write("h@2", {"code": ["p"], "z": ["half"]})


def test_threads_get_whole_answers_while_versions_change(client: hw.Client) -> None:
    two_types(client)
    wrong: list[str] = []
    stopping = threading.Event()

    def work() -> None:
        try:
            while not stopping.is_set():
                got = client.get_online_features(["h:z", "g:x"], {"code": ["p"], "id": [1]}, at=START).to_dict()
                if got["z"] not in ([0.5], ["half"]) or got["x"] != [10]:
                    wrong.append(str(got))
        except Exception:
            wrong.append(traceback.format_exc())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    with hw.connect(client.address, client.project) as other:
        flip(other, 40)
    stopping.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


def test_tasks_get_whole_answers_while_versions_change(client: hw.Client) -> None:
    two_types(client)

    async def work(other: hw.aio.AsyncClient) -> None:
        flipping = asyncio.create_task(asyncio.to_thread(flip, client, 40))

        async def get() -> None:
            while not flipping.done():
                got = (await other.get_online_features(["h:z", "g:x"], {"code": ["p"], "id": [1]}, at=START)).to_dict()
                assert got["z"] in ([0.5], ["half"]) and got["x"] == [10]

        await asyncio.gather(*[get() for _ in range(6)])
        await flipping

    run(client.address, client.project, work)


def test_many_lists_stay_prepared_side_by_side(client: hw.Client, sent: list[int]) -> None:
    many = hw.FeatureGroup("many", USER, {f"f{number}": "int64" for number in range(40)})
    client.apply([many])
    client.write("many", {"id": [7], **{f"f{number}": [number] for number in range(40)}})
    lists = [(one, other) for one in range(40) for other in range(40) if one != other][:400]
    for _ in range(2):
        for one, other in lists:
            got = client.get_online_features([f"many:f{one}", f"many:f{other}"], {"id": [7]})
            assert got.to_dict() == {"id": [7], f"f{one}": [one], f"f{other}": [other]}
    assert sent.count(Method.PREPARE) == len(lists)


def test_a_get_made_again_ends_at_its_deadline(client: hw.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    written(client)
    client.get_online_features("g:x", {"id": [1]})
    forget(client._core)
    transport = run_now(client._core.pool.transport("online", Deadline(5)))
    begin = type(transport).begin

    async def late(self: Any, method: int, head: bytes, body: Any, deadline: Deadline, *, end: bool = True) -> Any:
        if method == Method.PREPARE:
            deadline.until = 0.0
        return await begin(self, method, head, body, deadline, end=end)

    monkeypatch.setattr(type(transport), "begin", late)
    with pytest.raises(hw.DeadlineExceeded, match="no answer within 5 s"):
        client.get_online_features("g:x", {"id": [1]}, timeout=5)
