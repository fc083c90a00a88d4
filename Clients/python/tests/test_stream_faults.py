"""Streams whose rows are refused, whose server goes away, or that are broken off: what is written, once, and what is told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import headwater as hw
from headwater._calls import line

from .conftest import Server
from .test_streams import GROUP, START, row, store, table, values

__all__ = ["store"]


def test_a_row_that_does_not_fit_is_named_and_all_before_it_is_written(store: hw.Client) -> None:
    for wrong, reason in (
        (row(7, "text"), r"row 25, column 'x': holds string"),  # type: ignore[arg-type]
        ({"id": 7, "t": START, "y": 1}, r"row 25, column 'y': 'g@1' has no such column"),
        ({"id": 7, "x": 1.0}, r"row 25, column 't': is missing"),
        (row(7, 2e9), r"1 bad cell\nrow 25, column 'x': 2000000000.0 is outside its max"),
        ({**row(7), "id": None}, r"1 bad cell\nrow 25, column 'id': a key is never null"),
    ):
        stream = store.stream("g", batch=10, linger=60)
        given = [row(number, number) for number in range(25)] + [wrong] + [row(number, -2) for number in range(3)]
        for one in given:
            stream.add(one)
        with pytest.raises(hw.InvalidArgument) as caught:
            stream.flush()
        said = str(caught.value)
        assert re.search(reason, said), said
        assert re.search(r"rows 20 to 2[78] were not written; rows 0 to 19 were, up to position \d+", said), said
        assert stream.unacknowledged == given[20:]
        for again in (lambda stream=stream: stream.add(row(1)), stream.flush):
            with pytest.raises(hw.InvalidArgument, match="row 25"):
                again()
        # It was raised before.
        position = stream.close()
        assert position.rows == 20 and values(store, position, [19, 0]) == [19, 0]


def test_a_failure_that_no_call_has_raised_is_raised_at_the_end(store: hw.Client) -> None:
    with pytest.raises(hw.InvalidArgument, match="row 0, column 'x'"), store.stream("g", linger=60) as stream:
        stream.add(row(1, "text"))  # type: ignore[arg-type]
    assert "failed" in repr(stream)


def test_rows_behind_a_refused_request_that_were_written_are_told(store: hw.Client) -> None:
    stream = store.stream("g", batch=1, in_flight=200)
    stream.add(row(1, 1))
    stream.flush()
    with pytest.raises(hw.InvalidArgument) as caught:
        for number in range(2_000):
            stream.add(row(number, 2e9 if number == 5 else number))
        stream.flush()
    told = re.search(r"row 6 was not written; rows 0 to 5 were, up to position \d+(; of those behind rows (.*) were)?", str(caught.value))
    assert told, caught.value
    left = [one["x"] for one in stream.unacknowledged]
    assert left[0] == 2e9 and left[1:] == sorted(left[1:])
    position = stream.close()
    written = store.scan("g", min_position=store.write("g", [row(9_999, -9)])).to_arrow()["x"].to_pylist()
    assert set(written).isdisjoint(left) and position.rows == 6
    # Each row that the stream has taken is in one of the two.
    taken = sorted([*left, *written])
    assert taken == sorted([-9.0, 1.0, 2e9, *[number for number in range(len(taken) - 2) if number != 5]])


def test_an_exception_in_the_body_closes_and_is_not_hidden(store: hw.Client) -> None:
    with pytest.raises(ZeroDivisionError), store.stream("g", linger=60) as stream:
        stream.add(row(1, 8))
        _ = 1 / 0
    assert values(store, stream.close(), [1]) == [8]
    with pytest.raises(ZeroDivisionError) as caught, store.stream("g", linger=60) as stream:
        stream.add(row(1, "text"))  # type: ignore[arg-type]
        _ = 1 / 0
    if sys.version_info >= (3, 11):
        assert "row 0, column 'x': holds string" in caught.value.__notes__[0]


def test_while_the_server_stands_still_adding_waits(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p") as client:
        client.apply([GROUP])
        with client.stream("g", batch=10, in_flight=3) as stream:
            stream.add(row(0))
            stream.flush()
            server.stand_still()
            added = 0

            def work() -> None:
                nonlocal added
                for number in range(1_000):
                    stream.add(row(number, number))
                    added = number + 1

            thread = threading.Thread(target=work)
            thread.start()
            time.sleep(0.5)
            # Three requests, and rows of two more.
            assert 30 < added <= 60, added
            assert len(stream.unacknowledged) == added
            server.go_on()
            thread.join(30)
        assert stream.close().rows == 1_001


def test_rows_are_written_once_while_the_server_is_killed(start_server: Callable[..., Server]) -> None:
    server = start_server()
    count = 0
    stopping = threading.Event()
    wrong: list[BaseException] = []
    with hw.connect(server.address, "p", timeout=60, retries=60) as client:
        client.apply([GROUP])
        stream = client.stream("g", batch=20, in_flight=16)

        def work() -> None:
            nonlocal count
            try:
                while not stopping.is_set():
                    # The later row of a key has to win, at one event time.
                    stream.add(row(count % 50, count))
                    count += 1
                    if count % 100 == 0:
                        time.sleep(0.001)
                    if count % 5_000 == 0:
                        stream.write(table(range(50), count - 1))
            except BaseException as error:
                wrong.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        for stop in (server.kill, server.stop, server.kill, server.stop):
            time.sleep(0.4)
            stop()
            server.start()
        time.sleep(0.4)
        stopping.set()
        thread.join()
        assert not wrong, wrong
        for number in range(50):
            stream.add(row(number, number))
        position = stream.close()
        rows = client.scan("g", min_position=position).to_arrow()
        assert rows.num_rows == position.rows == count + count // 5_000 * 50 + 50
        ordered = rows.sort_by([("position", "ascending"), ("row", "ascending")])["x"].to_numpy()
        assert (np.diff(ordered[:-50]) >= 0).all()
        assert sorted(set(ordered[:-50].tolist()) | set(range(50))) == list(range(count))
        assert values(client, position, list(range(50))) == list(range(50))
        assert client.audit(min_position=position)


def test_a_server_that_stays_away_fails_the_stream_with_what_is_not_known(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p", timeout=2, retries=2) as client:
        client.apply([GROUP])
        stream = client.stream("g", batch=5)
        for number in range(10):
            stream.add(row(number))
        stream.flush()
        server.kill()
        with pytest.raises(hw.Unavailable) as caught:
            for number in range(10, 1_000):
                stream.add(row(number))
        said = str(caught.value)
        # The request that was under way, or one that could not be sent any more.
        assert re.search(r"(whether rows 10 to 14 were written is not known|rows 10 to 14 were not written)", said), said
        assert "rows 0 to 9 were, up to position" in said
        left = [one["id"] for one in stream.unacknowledged]
        assert left == list(range(10, 10 + len(left)))
        stream.close()


def test_a_session_that_the_server_let_go_is_followed_by_another(store: hw.Client) -> None:
    with store.stream("g", batch=5) as stream:
        stream.add(row(1, 1))
        stream.flush()
        # One that no log has.
        stream._flow._line._producer._session = (2**40, 1)
        for number in range(200):
            stream.add(row(number % 7, number))
    assert stream.close().rows == 201 and values(store, stream.close(), [3]) == [199]


def test_a_client_that_is_closed_ends_its_streams(store: hw.Client) -> None:
    with hw.connect(store.address, store.project) as other:
        stream = other.stream("g", linger=60)
        stream.add(row(1))
    with pytest.raises((hw.FailedPrecondition, hw.Cancelled)):
        stream.flush()
    assert stream.unacknowledged == [row(1)]
    stream.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_process_does_not_use_its_parents_stream(store: hw.Client) -> None:
    with store.stream("g") as stream:
        stream.add(row(1))
        stream.flush()
        child = os.fork()
        if child == 0:
            try:
                stream.flush()
            except hw.FailedPrecondition as error:
                os._exit(0 if "belongs to the parent process" in str(error) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        stream.add(row(2, 2))
    assert values(store, stream.close(), [2]) == [2]


STREAMER = """
import datetime as dt, sys
import headwater as hw

client = hw.connect(sys.argv[1], sys.argv[2])
with client.stream("g", batch=20) as stream:
    number = 0
    while True:
        stream.add({"id": number, "t": dt.datetime(2024, 1, 1), "x": number})
        number += 1
        if number == 2_000:
            print("under way", flush=True)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_a_program_with_all_rows_written(store: hw.Client, times: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(hw.__file__).parents[1])}
    command = [sys.executable, "-c", STREAMER, store.address, store.project]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as program:
        assert program.stdout is not None and program.stdout.readline() == "under way\n"
        for _ in range(times):
            program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
    assert "KeyboardInterrupt" in said and program.returncode == -signal.SIGINT, said
    ids = sorted(store.scan("g").to_arrow()["id"].to_pylist())
    assert ids == list(range(len(ids))) and len(ids) >= 1_000


def test_an_interrupt_while_it_is_waited_says_what_is_written(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p") as client:
        client.apply([GROUP])
        stream = client.stream("g", batch=10)
        stream.add(row(1))
        stream.flush()
        server.stand_still()
        stream.add(row(2))
        timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        for call in (stream.flush, stream.close):
            timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt) as caught:
                call()
            if sys.version_info >= (3, 11):
                assert "of the stream into 'g@1' row 0 was written, up to position" in caught.value.__notes__[0]
                assert "whether rows behind them were written is not known" in caught.value.__notes__[0]
        assert stream.unacknowledged == [row(2)]
        with pytest.raises(hw.Cancelled, match="given up"):
            stream.flush()
        server.go_on()


@pytest.mark.parametrize(
    ("tries", "error", "may_be"),
    [
        (0, hw.Unavailable("nobody"), False),
        (1, hw.Unavailable("lost"), True),
        (1, hw.DeadlineExceeded("late"), True),
        (1, None, True),
        (1, hw.ResourceExhausted("full"), False),
        # The first attempt may have been taken before the server was full, or forgot the session.
        (2, hw.ResourceExhausted("full"), True),
        (2, hw.FailedPrecondition("ended"), True),
        (2, hw.InvalidArgument("bad"), False),
    ],
)
def test_what_may_be_written_is_told_from_what_is_not(tries: int, error: hw.HeadwaterError | None, may_be: bool) -> None:
    entry: Any = SimpleNamespace(row_count=1)
    part = line.Part(entry, 0)
    part.tries = tries
    assert part.may_be_written(error) == may_be
