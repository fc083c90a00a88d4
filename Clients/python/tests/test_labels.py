"""Labels of saved training sets: hashed as the answer has them, of the types of all files together, and compared cell by cell."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater._columns.types import FeatureType
from headwater._datasets.hashes import TableHash
from headwater._tables.lenient import lenient
from headwater._tables.ndjson import _ROWS
from headwater._tables.rows import Objects
from headwater._tables.rules import ColumnRules, Epochs

from .conftest import BINARY, Server

DAY = "2024-06-01"


@pytest.fixture
def shop(client: hw.Client) -> Iterator[hw.Client]:
    client.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), {"x": "float64", "n": "int64"}, event_time="t")])
    position = client.write("g", {"id": [1, 2, 3], "t": [DAY] * 3, "x": [0.5, 1.5, None], "n": [7, 8, 9]})
    # Histories here ask for no position of their own: what is written must have reached the history first.
    assert len(client.scan("g", min_position=position).to_dict()["id"]) == 3
    yield client


def labels(dataset: Any) -> dict[str, tuple[str, str]]:
    """Of each label its type and its hash."""
    return {column["name"]: (column["type"], column["hash"]) for column in dataset.definition["labels"]["columns"]}


def hashed(cells: list[Any], type: str) -> tuple[str, str]:
    from headwater._columns.types import Field

    made = TableHash([Field("", FeatureType.parse(type))])
    made.append([pa.array(cells, FeatureType.parse(type).arrow)])
    return type, made.finish()["columns"][0]["hash"]


def ndjson(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number % 3 + 1, "event_time": DAY, **more}


def command(client: hw.Client, *arguments: str, code: int = 0) -> str:
    made = [BINARY, *arguments, "--address", client.address, "--project", client.project]
    done = subprocess.run(made, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


# Of all files and pieces together


def test_a_label_that_comes_late_in_a_json_file_is_hashed(shop: hw.Client, tmp_path: Path) -> None:
    path = tmp_path / "spine.ndjson"
    late = _ROWS + 600
    ndjson(path, [row(n) | ({"label": n} if n >= _ROWS else {}) for n in range(late)])
    dataset = shop.get_historical_features(path, "g:x").save("late")
    assert labels(dataset) == {"label": hashed([None] * _ROWS + list(range(_ROWS, late)), "int64")}
    assert dataset.verify()
    ndjson(path, [row(n) | ({"label": n + 1} if n >= _ROWS else {}) for n in range(late)])
    report = dataset.verify()
    assert not report and "label: other cells" in str(report)


def test_a_label_that_is_null_in_a_whole_piece_is_of_the_type_of_the_others(shop: hw.Client, tmp_path: Path) -> None:
    cells = [None] * _ROWS + [1, None, 2**53 + 1]
    path = ndjson(tmp_path / "spine.ndjson", [row(n, label=cell) for n, cell in enumerate(cells)])
    history = shop.get_historical_features(path, "g:x")
    assert labels(history.save("null")) == {"label": hashed(cells, "int64")}
    assert history.to_arrow()["label"].type == pa.int64()
    with hw.connect(shop.address, shop.project) as other:
        assert other.dataset("null").verify()


@pytest.mark.parametrize("is_first", [True, False])
def test_a_label_that_one_file_lacks_is_null_there(server: Server, shop: hw.Client, tmp_path: Path, is_first: bool) -> None:
    with_label, without = tmp_path / "a1.csv", tmp_path / "a2.csv"
    with_label.write_text(f"id,event_time,label\n1,{DAY},7\n")
    without.write_text(f"id,event_time\n2,{DAY}\n")
    files = [str(with_label), str(without)] if is_first else [str(without), str(with_label)]
    wanted = {"label": hashed(["7", None] if is_first else [None, "7"], "string")}
    dataset = shop.get_historical_features(files, "g:x").save("two")
    assert labels(dataset) == wanted and dataset.verify(files)

    async def main() -> None:
        async with await hw.aio.connect(server.address, shop.project) as client:
            saved = await (await client.get_historical_features(files, "g:x")).save("aio")
            assert labels(saved) == wanted and await saved.verify(files)

    asyncio.run(main())
    with_label.write_text(f"id,event_time,label\n1,{DAY},8\n")
    assert not shop.dataset("two").verify(files)


@pytest.mark.parametrize(
    ("one", "other", "type"),
    [
        (pa.array([1, None], pa.int32()), pa.array([2**40, 3], pa.int64()), "int64"),
        (pa.array([1, None], pa.int32()), pa.array([2.5, None]), "float64"),
        (pa.array([2.5, None], pa.float32()), pa.array([1, 2], pa.int32()), "float64"),
        (pa.nulls(2), pa.array([True, None]), "bool"),
        (pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", None]), "string"),
        (pa.array([[1], None], pa.list_(pa.int32())), pa.array([[2**40], []], pa.list_(pa.int64())), "array(int64)"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_labels_of_several_files_are_hashed_as_the_type_that_the_answer_has(shop, tmp_path, one, other, type):
    for name, cells in (("a", one), ("b", other)):
        times = pa.array([np.datetime64(DAY, "us")] * 2)
        pq.write_table(pa.table({"id": [1, 2], "event_time": times, "label": cells}), tmp_path / f"{name}.parquet")
    for files in ([tmp_path / "a.parquet", tmp_path / "b.parquet"], [tmp_path / "b.parquet", tmp_path / "a.parquet"]):
        history = shop.get_historical_features(files, "g:x")
        dataset = history.save(files[0].stem)
        assert labels(dataset) == {"label": hashed(history.to_arrow()["label"].to_pylist(), type)}
        assert dataset.verify(files, against=history.to_arrow())


def test_a_key_that_a_piece_of_json_lacks_is_null_in_the_hash_too(shop: hw.Client, tmp_path: Path) -> None:
    rows = [{"event_time": DAY} if n < _ROWS else row(n) for n in range(_ROWS + 3)]
    dataset = shop.get_historical_features(ndjson(tmp_path / "spine.ndjson", rows), "g:x").save("keys")
    assert dataset.definition["rows"] == _ROWS + 3 and dataset.verify()


# Times


def test_labels_that_are_times_are_hashed_in_the_unit_that_is_said(server: Server, shop: hw.Client, tmp_path: Path) -> None:
    path, out = tmp_path / "spine.csv", tmp_path / "out.csv"
    path.write_text(f"id,event_time,label\n1,{DAY},1700000000\n2,{DAY},\n3,{DAY},2024-01-01\n")
    typed = ["--spine-type", "label=timestamp", "--time-unit", "s"]
    command(shop, "history", "--spine", str(path), "--features", "g:x", *typed, "--save", "cli", "--out", str(out))
    history = shop.get_historical_features(path, "g:x", spine_types={"label": "timestamp"}, time_unit="s")
    wanted = {"label": hashed([1_700_000_000_000_000, None, 1_704_067_200_000_000], "timestamp")}
    assert labels(history.save("python")) == wanted == labels(shop.dataset("cli"))
    for name in ("cli", "python"):
        report = shop.dataset(name).verify(time_unit="s", against=out)
        assert report and report["difference_count"] == 0, str(report)
        assert shop.dataset(name).verify(time_unit="s", against=history.to_arrow())
        assert not shop.dataset(name).verify(time_unit="ms")
    command(shop, "dataset", "verify", "python", "--time-unit", "s")

    async def main() -> None:
        async with await hw.aio.connect(server.address, shop.project) as client:
            asked = await client.get_historical_features(path, "g:x", spine_types={"label": "timestamp"}, time_unit="s")
            assert labels(await asked.save("aio")) == wanted
            assert await (await client.dataset("aio")).verify(time_unit="s", against=out)

    asyncio.run(main())


def test_a_spine_whose_later_pieces_say_their_unit_is_verified_as_it_is_asked(shop: hw.Client, tmp_path: Path) -> None:
    micros = 1_717_200_000_000_000
    rows = [{"id": 1, "event_time": 5 if n < _ROWS else micros, "label": n} for n in range(_ROWS + 2)]
    dataset = shop.get_historical_features(ndjson(tmp_path / "spine.ndjson", rows), "g:x").save("units")
    assert dataset.verify()


# Cells that are none of their type


def test_a_cell_that_does_not_parse_is_another_cell_and_marks_no_other(shop: hw.Client, tmp_path: Path) -> None:
    spine = {"id": [1, 2, 3], "event_time": [DAY] * 3, "label": pa.array([None, None, None], pa.int64())}
    history = shop.get_historical_features(spine, ["g:x", "g:n"])
    dataset = history.save("odd")
    out = tmp_path / "out.csv"
    for label, x, n, places in [
        (["", "", ""], ["0.5", "1.5", ""], ["7", "8", "9"], []),
        (["", "abc", ""], ["0.5", "1.5", ""], ["7", "8", "9"], [(2, "label", "abc", None)]),
        (["", "", ""], ["0.5", "1.5", "n/a"], ["7", "8", "9"], [(3, "x", "n/a", None)]),
        (["", "", ""], ["0.5", "1,5", ""], ["7.5", "8", "9"], [(2, "x", "1,5", 1.5), (1, "n", "7.5", 7)]),
        (["-", "-", "5"], ["a", "b", "c"], ["7", "8", "9"], [
            (1, "x", "a", 0.5), (2, "x", "b", 1.5), (3, "x", "c", None),
            (1, "label", "-", None), (2, "label", "-", None), (3, "label", 5, None),
        ]),
    ]:  # fmt: skip
        pd.DataFrame({"id": [1, 2, 3], "label": label, "x": x, "n": n}).to_csv(out, index=False)
        report = dataset.verify(spine, against=out)
        found = [(one["row"], one["column"], one["given"], one["history"]) for one in report["differences"]]
        assert found == places and report["difference_count"] == len(places) and bool(report) is not bool(places)
        ndjson(tmp_path / "out.ndjson", [
            {"id": i + 1, "label": label[i] or None, "x": float(x[i]) if x[i] in ("0.5", "1.5") else x[i] or None,
             "n": int(n[i]) if n[i].isdigit() else n[i]} for i in range(3)
        ])  # fmt: skip
        report = dataset.verify(spine, against=tmp_path / "out.ndjson")
        assert report["difference_count"] == len(places) and bool(report) is not bool(places)


def test_a_column_of_another_kind_shows_its_own_cells(shop: hw.Client) -> None:
    spine = {"id": [1, 2], "event_time": [DAY] * 2}
    dataset = shop.get_historical_features(spine, "g:n").save("kinds")
    for cells, shown in (([True, None], [True, None]), (["7", "x"], ["x"]), ([7.0, 8.5], [8.5]), ([[7], [8]], [[7], [8]])):
        report = dataset.verify(spine, against=pa.table({"id": [1, 2], "n": pa.array(cells)}))
        assert not report and [one["given"] for one in report["differences"]] == shown


def test_labels_of_a_file_that_no_longer_parse_are_other_labels(shop: hw.Client, tmp_path: Path) -> None:
    spine = {"id": [1, 2], "event_time": [DAY] * 2, "label": pa.array([None, None], pa.int64())}
    dataset = shop.get_historical_features(spine, "g:x").save("parsed")
    path = tmp_path / "spine.csv"
    path.write_text(f"id,event_time,label\n1,{DAY},\n2,{DAY},\n")
    assert dataset.verify(path)
    path.write_text(f"id,event_time,label\n1,{DAY},\n2,{DAY},abc\n")
    report = dataset.verify(path)
    assert not report and report["labels"]["verdict"] == "different"


@pytest.mark.parametrize("seed", range(4))
def test_odd_cells_are_those_that_do_not_parse_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    words = np.array(["1", "-2", "x", "1.5", "2024-01-01", "[1]", "", "true", None], object)
    for name in ("int64", "float64", "timestamp", "array(int64)", "bool"):
        type = FeatureType.parse(name)
        texts = pa.array(random.choice(words, int(random.integers(0, 60)), p=[0.4, *[0.075] * 8]), pa.string())
        for held in (texts, pa.chunked_array([texts.slice(0, 7), texts.slice(7)]), Objects(texts.to_pylist())):
            array, odd = lenient(held, type, ColumnRules(Epochs("us"), lossy=True))
            assert array.type == type.arrow and len(array) == len(texts)
            for place, text in enumerate(texts.to_pylist()):
                alone = type_alone(held, text, type)
                assert (place in odd) is (alone is None), (text, name)
                assert alone is None or array.slice(place, 1).equals(alone)
                assert place not in odd or (odd[place] == text and not array[place].is_valid)


def type_alone(held: Any, text: str | None, type: FeatureType) -> pa.Array | None:
    from headwater._tables.cells import of_json, of_text
    from headwater._tables.rules import Misfit

    rules = ColumnRules(Epochs("us"), lossy=True)
    try:
        return of_json([text], type, rules) if isinstance(held, Objects) else of_text(pa.array([text], pa.string()), type, rules)
    except Misfit:
        return None
