"""Connections: many threads, restarts, kills, deadlines, forks."""

from __future__ import annotations

import gc
import os
import threading
import time
import traceback
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

import headwater as hw
from headwater._calls import write as writing
from headwater._connections.transport import Deadline, run_now
from headwater._wire import headwater_pb2 as pb
from headwater._wire.frames import Method

from .conftest import Server

USER = hw.Entity("user", {"id": "int64"})
EVENTS = hw.FeatureGroup("events", USER, {"x": "int64", "y": "string"}, event_time="t")
START = np.datetime64("2024-01-01", "us")


def rows(ids: range, x: int, hour: int = 0) -> pa.Table:
    count = len(ids)
    times = np.full(count, START + np.timedelta64(hour, "h"))
    return pa.table({"id": np.array(ids), "t": times, "x": np.full(count, x), "y": [f"y{x}"] * count})


def test_a_read_with_the_position_of_a_write_sees_it(client: hw.Client) -> None:
    client.apply([EVENTS])
    for number in range(20):
        position = client.write("events", rows(range(3), number, hour=number))
        got = client.get_online_features("events:x", {"id": [0, 2]}, min_position=position)
        assert got.to_dict()["x"] == [number, number]
        assert got.position >= position
        history = client.get_historical_features(
            {"id": [1], "event_time": [START + np.timedelta64(1, "D")]}, "events:x", min_position=position
        )
        assert history.to_dict()["x"] == [number]
        assert history.position >= position


def test_threads_share_a_client(client: hw.Client) -> None:
    client.apply([EVENTS])
    position = client.write("events", {"id": np.arange(2_000), "t": np.full(2_000, START), "x": np.arange(2_000) * 7})
    wrong: list[str] = []

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        try:
            for _ in range(60):
                ids = random.integers(0, 2_000, random.integers(1, 50))
                got = client.get_online_features("events:x", {"id": ids}, min_position=position).to_numpy()[:, 0]
                if not np.array_equal(got, ids * 7):
                    wrong.append(f"{ids}: {got}")
                if seed % 4 == 0:
                    client.write("events", rows(range(10_000 + seed, 10_001 + seed), 1))
        except Exception:
            wrong.append(traceback.format_exc())

    threads = [threading.Thread(target=work, args=[seed]) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


def test_requests_run_side_by_side_on_one_connection(client: hw.Client) -> None:
    client.apply([EVENTS])
    transport = run_now(client._core.transport("online", Deadline(10)))
    head = pb.DescribeRequest(project=client.project.encode(), name=b"events").SerializeToString()
    exchanges = [run_now(transport.begin(Method.DESCRIBE, head, (), Deadline(10))) for _ in range(300)]
    answers = {bytes(run_now(transport.finish(exchange, Deadline(10))).body) for exchange in reversed(exchanges)}
    assert len(answers) == 1


def test_writes_of_one_connection_keep_their_order(client: hw.Client) -> None:
    # Large ones are checked on other threads than small ones, and all are of the same key and time.
    client.apply([EVENTS])
    options = writing.Options(None, None, False)
    group = run_now(writing.group(client._core, "events"))
    requests = []
    for number in range(24):
        size = [1, 8_000, 1_500][number % 3]
        table = writing._Table(client._core, group, rows(range(size), number), options)
        assert table.source.whole is not None
        request = writing._Request(client._core, [table.encode(table.source.whole)], Deadline(60))
        run_now(request.begin(requests[-1] if requests else None))
        requests.append(request)
    positions = [int(run_now(request.finish())) for request in requests]
    assert positions == sorted(positions)
    assert client.get_online_features("events:x", {"id": [0]}, min_position=positions[-1]).to_dict()["x"] == [23]


def test_a_large_table_goes_in_parts_and_the_later_row_wins(client: hw.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "REQUEST_BYTES", 100_000)
    client.apply([EVENTS])
    written = client.write("events", pa.concat_tables([rows(range(6_000), 1), rows(range(6_000), 2)]))
    assert written.rows == 12_000
    got = client.get_online_features("events:x", {"id": np.arange(6_000)}, min_position=written).to_numpy()
    assert (got == 2).all()
    assert client.scan("events").to_arrow().num_rows == 12_000


def test_a_client_survives_a_restart(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p") as client:
        client.apply([EVENTS])
        position = client.write("events", rows(range(10), 1))
        client.get_online_features("events:x", {"id": [1]})
        for stop in (server.stop, server.kill):
            stop()
            server.start()
            got = client.get_online_features("events:x", {"id": [1]}, min_position=position)
            assert got.to_dict()["x"] == [1]
            assert client.latest("events", min_position=position).to_arrow().num_rows == 10
            position = client.write("events", rows(range(10), 1))
            assert client.status()["roles"] == ["online", "offline"]
            assert client.audit(min_position=position)


def test_writes_go_on_while_the_server_is_killed_and_each_is_there_once(start_server: Callable[..., Server]) -> None:
    server = start_server()
    acknowledged: dict[int, int] = {}
    wrong: list[str] = []
    stopping = threading.Event()
    with hw.connect(server.address, "p", timeout=60, retries=60) as client:
        client.apply([EVENTS])

        def work(thread: int) -> None:
            number = 0
            try:
                while not stopping.is_set():
                    key = thread * 1_000_000 + number
                    acknowledged[key] = int(client.write("events", rows(range(key, key + 1), number)))
                    got = client.get_online_features("events:x", {"id": [key]}, min_position=acknowledged[key])
                    if got.to_dict()["x"] != [number]:
                        wrong.append(f"{key}: {got}")
                    number += 1
            except Exception:
                wrong.append(traceback.format_exc())

        threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.3)
            server.kill()
            server.start()
        time.sleep(0.3)
        stopping.set()
        for thread in threads:
            thread.join()
        assert not wrong, wrong[0]
        table = client.scan("events", min_position=max(acknowledged.values())).to_arrow()
        ids = table["id"].to_pylist()
        # Once, although their answers were lost and they were sent again.
        assert sorted(ids) == sorted(acknowledged)
        assert dict(zip(ids, table["position"].to_pylist(), strict=True)) == acknowledged
        assert client.audit()


def test_a_history_begins_again_after_a_restart(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p") as client:
        client.apply([EVENTS])
        client.write("events", rows(range(100), 1))
        history = client.get_historical_features({"id": np.arange(100), "event_time": np.full(100, START)}, "events:x")
        server.kill()
        server.start()
        assert history.to_numpy()[:, 0].tolist() == [1] * 100


def test_nobody_there_is_unavailable_and_says_what_to_do(tmp_path: object) -> None:
    with pytest.raises(hw.Unavailable, match=r"no server answers at unix:/nowhere/s.sock .*headwater serve --data DIR"):
        hw.connect("unix:/nowhere/s.sock")
    with pytest.raises(hw.Unavailable, match="127.0.0.1:1"):
        hw.connect("127.0.0.1:1")
    with pytest.raises(hw.InvalidArgument, match="HOST:PORT"):
        hw.connect("127.0.0.1")


def test_what_is_no_server_is_told(tmp_path: object) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"

        def answer() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(100)
                accepted.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(hw.InvalidArgument, match="does not speak Headwater's protocol"):
            hw.connect(address)
        thread.join()


def test_a_silent_server_runs_into_the_deadline() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        with pytest.raises(hw.DeadlineExceeded, match="no answer within 0.3 s"):
            hw.connect(f"127.0.0.1:{listener.getsockname()[1]}", timeout=0.3)
        assert time.monotonic() - began < 3


def test_a_position_that_does_not_come_runs_into_the_deadline(client: hw.Client) -> None:
    client.apply([EVENTS])
    position = client.write("events", rows(range(1), 1))
    with pytest.raises(hw.OutOfRange):
        client.get_online_features("events:x", {"id": [1]}, min_position=position + 1_000)


def test_a_closed_client_says_so(server: Server) -> None:
    client = hw.connect(server.address)
    client.close()
    with pytest.raises(hw.FailedPrecondition, match="the client is closed"):
        client.list()
    assert "closed" in repr(client)
    client.close()


def test_closing_wakes_a_thread_that_waits(client: hw.Client) -> None:
    client.apply([EVENTS])
    position = client.write("events", rows(range(1), 1))
    transport = run_now(client._core.transport("online", Deadline(10)))
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            # Nothing will come for an exchange that was never sent.
            exchange, _ = transport._session.begin(Method.LIST, b"", (), budget_ms=0, end=True)  # type: ignore[attr-defined]
            run_now(transport.finish(exchange, Deadline(30)))
        except hw.HeadwaterError as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    client.close()
    thread.join(10)
    assert [type(error) for error in caught] == [hw.Cancelled]
    assert position > 0


def test_a_child_process_gets_connections_and_a_session_of_its_own(client: hw.Client) -> None:
    client.apply([EVENTS])
    client.write("events", rows(range(1), 1))
    child = os.fork()
    if child == 0:
        try:
            for number in range(5):
                client.write("events", rows(range(100, 101), number, hour=number))
            os._exit(0 if client.get_online_features("events:x", {"id": [0]}).to_dict()["x"] == [1] else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    for number in range(5):
        client.write("events", rows(range(200, 201), number, hour=number))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert client.scan("events").to_arrow().num_rows == 11


def test_memory_does_not_grow_over_ten_thousand_gets(client: hw.Client) -> None:
    client.apply([EVENTS])
    position = client.write("events", rows(range(1_000), 1))
    ids = np.arange(50)

    def resident() -> int:
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def gets(count: int) -> None:
        for _ in range(count):
            client.get_online_features(["events:x", "events:y"], {"id": ids}, min_position=position).to_numpy()

    gets(1_000)
    before = resident()
    gets(10_000)
    assert resident() - before < 4 << 20


def test_errors_are_of_python_too(client: hw.Client) -> None:
    import pickle

    with pytest.raises(LookupError) as caught:
        client.describe("nothing")
    assert isinstance(caught.value, hw.NotFound)
    assert caught.value.code == "NOT_FOUND"
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (type(copied), str(copied)) == (hw.NotFound, str(caught.value))
    assert issubclass(hw.InvalidArgument, ValueError)
    assert issubclass(hw.DeadlineExceeded, TimeoutError)
    assert issubclass(hw.Unavailable, ConnectionError)
