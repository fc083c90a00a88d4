"""Writes that are broken off: what was written is told, by the numbers that its rows have where they come from."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater._calls import write
from headwater._calls.request import Request

START = np.datetime64("2024-01-01", "us")
ROWS = 10
GROUP = hw.FeatureGroup("g", hw.Entity("user", {"id": "int64"}), {"x": "float64"}, event_time="t")


def table(first: int = 0) -> pa.Table:
    return pa.table({"id": range(first, first + ROWS), "t": pa.array([START] * ROWS), "x": [1.0] * ROWS})


def csv(folder: Path, first: int = 0, name: str = "rows.csv") -> Path:
    pyarrow.csv.write_csv(table(first), folder / name)
    return folder / name


def parquet(folder: Path) -> Path:
    pq.write_table(table(), folder / "rows.parquet")
    return folder / "rows.parquet"


def ndjson(folder: Path) -> Path:
    (folder / "rows.ndjson").write_text("".join(f'{{"id": {n}, "t": "2024-01-01T00:00:00Z", "x": 1.0}}\n' for n in range(ROWS)))
    return folder / "rows.ndjson"


@pytest.fixture
def stop(client: hw.Client, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException, int], None]:
    """Ends the answer to a request, the first of which is 0; each row is a request of its own."""
    client.apply([GROUP])
    monkeypatch.setattr(write, "REQUEST_BYTES", 1)
    finish = Request.finish

    def at(error: BaseException, number: int) -> None:
        count = 0

        async def finished(request: Any) -> Any:
            nonlocal count
            count += 1
            if count == number + 1:
                raise error
            return await finish(request)

        monkeypatch.setattr(Request, "finish", finished)

    return at


notes = pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes; it is a warning there")

SOURCES: list[tuple[Callable[[Path], Any], int, str]] = [
    (lambda folder: table(), 0, ""),
    (lambda folder: table().to_reader(), 0, ""),
    (lambda folder: table().to_pylist(), 0, ""),
    (csv, 1, " of .*rows.csv"),
    (parquet, 1, " of .*rows.parquet"),
    (ndjson, 1, " of .*rows.ndjson"),
]


@pytest.mark.parametrize(("make", "first", "of"), SOURCES, ids=["table", "reader", "dicts", "csv", "parquet", "ndjson"])
def test_an_error_in_the_middle_counts_rows_as_their_source_does(client, stop, tmp_path, make, first, of) -> None:
    stop(hw.ResourceExhausted("full"), 4)
    with pytest.raises(hw.ResourceExhausted) as caught:
        client.write("g", make(tmp_path))
    assert re.search(rf"full; rows {first} to {first + 3}{of} were written, up to position \d+", str(caught.value))
    assert re.search(r"of the rows behind the refused ones 1 was written, up to position \d+", str(caught.value))
    assert str(caught.value).endswith("writing them again adds the same rows a second time")


def test_of_several_files_the_last_row_that_was_written_is_named(client, stop, tmp_path) -> None:
    files = [csv(tmp_path, 0, "a.csv"), csv(tmp_path, ROWS, "b.csv")]
    stop(hw.ResourceExhausted("full"), ROWS + 2)
    with pytest.raises(hw.ResourceExhausted, match=r"; 12 rows were written, the last of them row 2 of .*b\.csv, up to position"):
        client.write("g", files)


@notes
@pytest.mark.parametrize(("make", "first", "of"), SOURCES, ids=["table", "reader", "dicts", "csv", "parquet", "ndjson"])
def test_a_write_that_is_interrupted_says_what_was_written(client, stop, tmp_path, make, first, of) -> None:
    stop(KeyboardInterrupt(), 4)
    with pytest.raises(KeyboardInterrupt) as caught:
        client.write("g", make(tmp_path))
    (note,) = caught.value.__notes__
    assert re.fullmatch(
        rf"rows {first} to {first + 3}{of} were written, up to position \d+; whether rows behind them were written is not known; "
        "writing them again adds the same rows a second time", note,
    )  # fmt: skip


@notes
def test_a_delete_that_is_interrupted_says_what_was_deleted(client, stop) -> None:
    stop(KeyboardInterrupt(), 1)
    with pytest.raises(KeyboardInterrupt) as caught:
        client.delete("g", {"id": list(range(ROWS))})
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"row 0 was deleted, up to position \d+; whether rows behind them were deleted is not known", note)


@notes
def test_one_request_that_is_interrupted_is_not_known_to_be_written(client, stop) -> None:
    stop(KeyboardInterrupt(), 0)
    for work in (lambda: client.write({"g": [{"id": 1, "t": START, "x": 1.0}]}), lambda: client.write("g", table())):
        with pytest.raises(KeyboardInterrupt) as caught:
            work()
        assert caught.value.__notes__[-1].startswith("whether rows were written is not known: if they were,")
        stop(KeyboardInterrupt(), 0)


@notes
def test_a_task_that_is_cancelled_says_it_too(client, stop) -> None:
    stop(asyncio.CancelledError(), 3)

    async def work() -> None:
        async with await hw.aio.connect(client.address, client.project) as other:
            with pytest.raises(asyncio.CancelledError) as caught:
                await other.write("g", table())
            assert "rows 0 to 2 were written" in caught.value.__notes__[0]

    asyncio.run(work())


@notes
def test_a_task_that_waits_for_its_answer_says_it_when_it_is_cancelled(client, monkeypatch) -> None:
    client.apply([GROUP])
    monkeypatch.setattr(write, "REQUEST_BYTES", 1)
    began = asyncio.Event()
    finish = Request.finish
    count = 0

    async def slow(request: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            began.set()
            await asyncio.sleep(60)
        return await finish(request)

    monkeypatch.setattr(Request, "finish", slow)

    async def work() -> None:
        async with await hw.aio.connect(client.address, client.project) as other:
            task = asyncio.create_task(other.write("g", table()))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert "rows 0 to 1 were written" in caught.value.__notes__[0]

    asyncio.run(work())


WRITER = """
import sys, time
import pyarrow as pa
import headwater as hw

def batches():
    for number in range(10_000):
        if number == 20:
            print("under way", flush=True)
        time.sleep(0.005)
        yield pa.record_batch({"id": [number] * 50, "t": [number + 1] * 50, "x": [1.0] * 50})

schema = next(batches()).schema
client = hw.connect(sys.argv[1], sys.argv[2])
client.write("g", pa.RecordBatchReader.from_batches(schema, batches()), time_unit="us", progress=False)
"""


@notes
def test_ctrl_c_ends_a_program_with_what_was_written(client: hw.Client) -> None:
    client.apply([GROUP])
    environment = {"PYTHONPATH": str(Path(hw.__file__).parents[1])}
    command = [sys.executable, "-c", WRITER, client.address, client.project]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as program:
        assert program.stdout is not None and program.stdout.readline() == "under way\n"
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
    told = re.search(r"rows 0 to (\d+) were written, up to position (\d+)", said)
    assert told is not None and "adds the same rows a second time" in said, said
    kept = client.scan("g", min_position=int(told[2])).to_arrow().num_rows
    # One request may have been taken whose answer nobody waited for.
    assert kept - int(told[1]) - 1 in (0, 50, 100)
