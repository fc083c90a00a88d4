"""Servers that stop, are killed, stand still, or are none."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

import headwater as hw

from .conftest import Server
from .test_client import EVENTS, START, rows


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


def test_a_stream_of_rows_goes_on_after_the_server_was_killed(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p") as client:
        client.apply([EVENTS])
        position = client.write("events", rows(range(5_000), 1))
        # Larger than what a server sends ahead.
        ids = np.arange(600_000) % 6_000
        spine = {"id": ids, "event_time": np.full(len(ids), START), "label": np.arange(len(ids))}
        history = client.get_historical_features(spine, ["events:x", "events:y"], min_position=position)
        read = []
        for number, batch in enumerate(history.batches(50_000)):
            read.append(batch)
            if number == 1:
                client.write("events", rows(range(5_000), 2))
                server.kill()
                server.start()
        table = pa.Table.from_batches(read)
        assert np.array_equal(table["label"], np.arange(len(ids)))
        assert table["x"].to_pylist() == [1 if number < 5_000 else None for number in ids.tolist()]
        assert history.position == position


def test_a_server_that_stands_still_is_waited_for_as_long_as_was_said(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p") as client:
        client.apply([EVENTS])
        client.write("events", rows(range(10), 1))
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        try:
            for ask in (
                lambda: client.write("events", rows(range(100_000), 1), timeout=0.5),
                lambda: client.get_online_features("events:x", {"id": [1]}, timeout=0.5),
                lambda: client.scan("events", timeout=0.5).to_arrow(),
            ):
                began = time.monotonic()
                with pytest.raises(hw.DeadlineExceeded):
                    ask()
                assert time.monotonic() - began < 5
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert client.get_online_features("events:x", {"id": [1]}).to_dict()["x"] == [1]
