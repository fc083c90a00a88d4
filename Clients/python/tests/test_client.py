"""Connections: many threads, restarts, kills, deadlines, forks."""

from __future__ import annotations

import gc
import os
import threading
import time
import traceback

import numpy as np
import pyarrow as pa
import pytest

import headwater as hw
from headwater._calls import write as writing
from headwater._calls.body import Body
from headwater._calls.request import Request
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
    transport = run_now(client._core.pool.transport("online", Deadline(10)))
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
        table = writing.Table(client._core, group, rows(range(size), number), options)
        assert table.source.whole is not None
        entry = table.entry(table.source.whole)
        assert entry is not None
        request = Request(client._core, Body([entry]), Deadline(60))
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
    transport = run_now(client._core.pool.transport("online", Deadline(10)))
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


def test_a_bad_row_behind_good_ones_of_a_reader_tells_what_was_written(client: hw.Client) -> None:
    client.apply([EVENTS])
    floats = rows(range(2_000), 1).set_column(2, "x", pa.array([1.0] * 1_000 + [0.5] * 1_000))
    reader = pa.RecordBatchReader.from_batches(floats.schema, floats.to_batches(1_000))
    with pytest.raises(hw.InvalidArgument, match=r"row 1000, column 'x': 0.5 does not fit int64.*rows 0 to 999 were written"):
        client.write("events", reader)
    assert client.scan("events").to_arrow().num_rows == 1_000


def test_a_table_that_is_changed_after_the_call_changes_no_answer(client: hw.Client) -> None:
    import pandas as pd

    client.apply([EVENTS])
    position = client.write("events", pa.concat_tables([rows(range(1, 2), 111), rows(range(2, 3), 222)]))
    frame = pd.DataFrame({"id": [2, 1], "event_time": pd.to_datetime([START, START])})
    ids = np.array([1, 2])
    history = client.get_historical_features(frame, "events:x", min_position=position)
    of_array = client.get_historical_features({"id": ids, "event_time": np.full(2, START)}, "events:x")
    got = client.get_online_features("events:x", {"id": ids}, min_position=position)
    frame["id"] = [1, 2]
    ids[:] = 9
    assert history.to_pandas()[["id", "x"]].to_numpy().tolist() == [[2, 222], [1, 111]]
    assert of_array.to_dict()["x"] == [111, 222]
    assert got.to_dict() == {"id": [1, 2], "x": [111, 222]}


def test_connections_are_few_however_many_threads_ask(server: Server) -> None:
    with hw.connect(server.address, "few") as client:
        client.apply([EVENTS])
        threads = [threading.Thread(target=client.get_online_features, args=("events:x", {"id": [1]})) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(len(some) for some in client._core.pool._open.values()) <= 4


def test_more_feature_lists_than_one_connection_may_have_are_no_obstacle(server: Server) -> None:
    # Without retries too: nothing was lost.
    with hw.connect(server.address, "many-lists", retries=0) as client:
        many = hw.FeatureGroup("many", USER, {f"f{number}": "bool" for number in range(70)})
        client.apply([many])
        pairs = [(one, other) for one in range(70) for other in range(70) if one != other]
        for one, other in pairs[:4_200]:
            client.get_online_features([f"many:f{one}", f"many:f{other}"], {"id": np.array([1])})


def test_a_position_is_a_number_in_texts(client: hw.Client) -> None:
    client.apply([EVENTS])
    position = client.write("events", rows(range(1), 1))
    assert f"{position} {position:05}" == f"{int(position)} {int(position):05}"
    assert str(position) == str(int(position))
    assert repr(position) == f"<position {int(position)}: 1 row>"


def test_a_client_is_not_taken_to_another_process_by_pickling(client: hw.Client) -> None:
    import pickle

    with pytest.raises(TypeError, match="connect in each worker"):
        pickle.dumps(client)
