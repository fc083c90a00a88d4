"""What a caller may hand over by mistake: paths of stores, answers to other processes, columns that a file has no type for."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import gc
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import headwater as hw

from .conftest import Server

USER = hw.Entity("user", {"id": "int64"})
GROUP = hw.FeatureGroup("g", USER, {"x": "float64"}, event_time="t")
NOON = dt.datetime(2024, 1, 1, 12)


@pytest.fixture
def shop(client: hw.Client) -> hw.Client:
    client.apply([USER, GROUP])
    client.write("g", {"id": [1], "t": [NOON], "x": [1.0]})
    return client


def spine(**columns: Any) -> pa.Table:
    return pa.table({"id": [1, 2], "event_time": [NOON] * 2, **columns})


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (5, "5 is no path of a directory"),
        (None, "None is no path"),
        (["a"], "is no path"),
        ("", "'.' is the one that this process works in"),
        (b"", "is empty"),
        ("a\0b", "zero character"),
        ("s3://bucket/store", "a store is a directory of this machine"),
        ("file:///store", "give the path, without file://"),
        ("127.0.0.1:7070", "headwater.connect"),
        ("[::1]:7070", "headwater.connect"),
        ("unix:store.sock", "headwater.connect"),
        ("~nobody-of-this-name/store", "no home directory is known for '~nobody-of-this-name'"),
    ],
)
def test_what_is_no_directory_of_a_store_is_refused_and_makes_nothing(
    path: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hw.InvalidArgument) as caught:
        hw.open(path)
    assert words in str(caught.value) and "give the table" not in str(caught.value)

    async def work() -> None:
        with pytest.raises(hw.InvalidArgument):
            await hw.aio.open(path)

    asyncio.run(work())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [Path("store"), "store:1", b"bytes", "./~odd"])
def test_a_directory_of_any_other_name_is_taken(path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store:1").mkdir()
    with hw.open(path) as opened:
        assert opened.status()["roles"]


@pytest.mark.parametrize(
    "call",
    [
        lambda client: hw.connect(project=5),
        lambda client: hw.connect(5),
        lambda client: hw.connect(b"127.0.0.1:7070"),
        lambda client: hw.connect(client.address, project="\ud800"),
        lambda client: client.describe(5),
        lambda client: client.describe("\ud800"),
        lambda client: client.search(None),
        lambda client: client.compact(5),
        lambda client: client.dataset(5),
        lambda client: client.scan(5),
        lambda client: client.latest(None),
        lambda client: client.write(5, []),
        lambda client: client.write({5: [{"id": 1}]}),
        lambda client: client.delete(None, [{"id": 1}]),
        lambda client: client.promote("group", 5),
        lambda client: client.remove(5, "g"),
        lambda client: client.get_online_features(["g:\ud800"], {"id": [1]}),
        lambda client: client.get_online_features(service="\ud800", entities={"id": [1]}),
        lambda client: client.get_historical_features([], "g:x").save(5),
    ],
)
def test_what_is_no_text_where_a_name_goes_is_refused(shop: hw.Client, call: Callable[[hw.Client], Any]) -> None:
    with pytest.raises(hw.InvalidArgument):
        call(shop)


def test_a_dataset_stays_in_its_process_and_says_how_to_have_it_there(shop: hw.Client) -> None:
    saved = shop.get_historical_features(spine(), "g:x").save("june")
    for work in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"a Dataset stays in its process: call client\.dataset\('june'\) there"):
            work(saved)

    async def work_async() -> None:
        async with await hw.aio.connect(shop.address, shop.project) as client:
            with pytest.raises(TypeError, match="an? AsyncDataset stays in its process"):
                pickle.dumps(await client.dataset("june"))

    asyncio.run(work_async())


def test_reports_go_to_other_processes(shop: hw.Client) -> None:
    shop.get_historical_features(spine(), "g:x").save("june")
    reports = [shop.status(), shop.list(), shop.describe("g"), shop.plan([USER, GROUP]), shop.audit(), shop.datasets()]
    reports += [shop.dataset("june").show(), shop.dataset("june").verify(spine()), shop.compact()]
    for report in reports:
        copied = pickle.loads(pickle.dumps(report))
        assert type(copied) is type(report) and copied == report and str(copied) == str(report)


LISTS = pa.array([[1, 2], [3]], pa.list_view(pa.int64()))
RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array(["a", "b"]))
INTERVALS = pa.array([pa.MonthDayNano([1, 2, 3])] * 2)
UNION = pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])])


def inside(array: pa.Array) -> list[pa.Array]:
    """In a list, and in a struct."""
    return [pa.ListArray.from_arrays(pa.array([0, 1, 2]), array), pa.StructArray.from_arrays([array], ["part"])]


@pytest.mark.parametrize(
    "column", [*inside(LISTS), INTERVALS, *inside(INTERVALS), pa.array([1, 2], pa.decimal256(50))], ids=lambda a: str(a.type)
)
def test_a_column_that_polars_has_no_type_for_is_named(shop: hw.Client, column: pa.Array) -> None:
    training = shop.get_historical_features(spine(odd=column), "g:x")
    with pytest.raises(hw.InvalidArgument, match=r"^column 'odd': is of type .*, which polars has no type for"):
        training.to_polars()
    assert training.to_arrow()["odd"].to_pylist() == column.to_pylist()


@pytest.mark.parametrize("column", [INTERVALS, *inside(INTERVALS), pa.array([{}, {}], pa.struct([]))], ids=lambda a: str(a.type))
def test_a_column_that_parquet_has_no_type_for_is_named_and_no_file_is_touched(shop: hw.Client, column: pa.Array, tmp_path: Path) -> None:
    training = shop.get_historical_features(spine(odd=column), "g:x")
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    old.write_bytes(b"before")
    for file in (old, new):
        with pytest.raises(hw.InvalidArgument, match=r"^column 'odd': is of type .*, which a Parquet file has no type for"):
            training.to_parquet(file)
    assert old.read_bytes() == b"before" and not new.exists()


@pytest.mark.parametrize("column", [*inside(RUNS), UNION, *inside(UNION)], ids=lambda a: str(a.type))
def test_a_column_that_cannot_stand_beside_features_is_named_at_once(shop: hw.Client, column: pa.Array) -> None:
    table = spine(odd=column)
    for given in (table, table.to_batches()[0], table.to_reader(), {**{name: table[name] for name in table.schema.names}}):
        with pytest.raises(hw.InvalidArgument, match=r"^column 'odd': is of type .*no feature needs this column: leave it out"):
            shop.get_historical_features(given, "g:x")
    kept = shop.get_historical_features(spine(odd=RUNS, lists=LISTS), "g:x")
    assert kept.to_polars()["odd"].to_list() == ["a", "b"] and kept.to_dict()["lists"] == [[1, 2], [3]]


def test_importing_the_package_imports_neither_pandas_nor_polars() -> None:
    code = "import sys, headwater; print([name for name in ('pandas', 'polars') if name in sys.modules]); print(headwater.infer_group)"
    environment = {"PYTHONPATH": str(Path(hw.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.startswith("[]\n<function infer_group"), done.stderr


def test_a_dataset_of_times_in_seconds_is_made_again_in_seconds(shop: hw.Client) -> None:
    seconds = {"id": [1, 2], "event_time": [1_704_200_000, 1_704_300_000]}
    saved = shop.get_historical_features(seconds, "g:x", time_unit="s").save("june", split={"train": 0.5, "test": 0.5})
    assert saved.verify(seconds).is_equal and saved.verify(seconds, time_unit="s").is_equal
    assert sum(len(part) for part in saved.split(spine=seconds).values()) == 2
    with pytest.raises(hw.InvalidArgument, match="time_unit='s'"):
        shop.dataset("june").verify(seconds)
    assert shop.dataset("june").verify(seconds, time_unit="s").is_equal
    milliseconds = {"id": [1, 2], "event_time": [1_704_200_000_000_000, 1_704_300_000_000_000]}
    shop.get_historical_features(milliseconds, "g:x", time_unit="ns").save("july")
    with pytest.raises((hw.InvalidArgument, hw.FailedPrecondition), match="time_unit="):
        shop.dataset("july").verify(milliseconds)

    async def work() -> None:
        async with await hw.aio.connect(shop.address, shop.project) as client:
            asked = await client.get_historical_features(seconds, "g:x", time_unit="s")
            again = await asked.save("august")
            assert (await again.verify(seconds)).is_equal

    asyncio.run(work())


def test_a_client_in_one_loop_behind_the_other_leaves_no_socket_open(server: Server) -> None:
    async def connected() -> hw.aio.AsyncClient:
        return await hw.aio.connect(server.address, "loops")

    async def used(client: hw.aio.AsyncClient) -> None:
        await asyncio.gather(*[client.status() for _ in range(8)])

    def sockets() -> int:
        return sum(Path(f"/proc/self/fd/{name.name}").is_socket() for name in Path("/proc/self/fd").iterdir())

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
        before = sockets()
        client = asyncio.run(connected())
        for _ in range(5):
            asyncio.run(used(client))
            assert sockets() <= before + 4
        asyncio.run(client.close())
        gc.collect()
        assert sockets() <= before
    assert [str(warning.message) for warning in told if issubclass(warning.category, ResourceWarning)] == []
