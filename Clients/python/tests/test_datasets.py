"""Saved training sets: the same hashes and splits from the command line and from Python, made again and proved equal."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw
from headwater._columns.types import FeatureType, Field
from headwater._datasets.cells import cells, each
from headwater._datasets.hashes import TableHash
from headwater._datasets.splits import SplitRule, key_bytes

from .conftest import BINARY, Server
from .support import FEATURES, TYPES, all_types, array, edge_table, edges

START = np.datetime64("2024-01-01", "us")
ORDERS = hw.FeatureGroup(
    "orders", hw.Entity("customer", {"id": "int64"}), {"amount": "float64", "items": "array(string)"}, event_time="t", max_age="30d"
)
COUNT = 1_000


def command(client: hw.Client, *arguments: str, code: int = 0) -> str:
    made = [BINARY, *arguments, "--address", client.address, "--project", client.project]
    done = subprocess.run(made, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def shown(client: hw.Client, name: str) -> dict[str, Any]:
    """What the command line says of a set."""
    found: dict[str, Any] = json.loads(command(client, "dataset", "show", name, "--json"))
    return found


@pytest.fixture
def shop(client: hw.Client) -> hw.Client:
    client.apply([ORDERS, hw.FeatureService("churn", ["orders:amount", "orders:items"])])
    ids = np.arange(200)
    items = [None if number % 5 == 0 else ["a", None, "é"][: number % 4] for number in ids]
    table = {"id": ids, "t": np.full(200, START), "amount": np.where(ids % 7 == 0, np.nan, ids / 3), "items": items}
    client.write("orders", table)
    return client


def spine(count: int = COUNT) -> pd.DataFrame:
    numbers = np.arange(count)
    return pd.DataFrame(
        {"label": numbers % 3, "id": numbers % 250, "event_time": START + numbers.astype("m8[h]"), "note": [f"n{n % 7}" for n in numbers]}
    )


def as_csv(frame: pd.DataFrame, path: Path) -> Path:
    frame.assign(event_time=[f"{time.isoformat()}Z" for time in frame["event_time"]]).to_csv(path, index=False)
    return path


# Hashes and splits

# By hashlib over the bytes that docs/formats/dataset.md tells; the Swift client's tests have the same.
GOLDEN = [
    ("k", "int64", [1, -2, None], "cbeeb8fbad9e99efab7c8c4e2757d1ffc2b71f0cb3183369792b7a4bf530227c"),
    ("x", "float64", [1.5, float("nan"), None], "759223b7f4d56421784b164499f5b61951d8605dfc44d68f5341821cd0f2220f"),
    ("s", "string", ["é", None, ""], "1968b6f0649c554832339f5589b9e4bce429d9e856b666dc8af58eb758a77a43"),
    ("a", "array(int32)", [[7, None], [], None], "5d37d37ef55f84c4a82042f8cf440377c402fb66c028e38effae639936d66ef2"),
]


def test_a_tables_hash_is_the_one_of_the_format() -> None:
    hash = TableHash([Field(name, FeatureType.parse(type)) for name, type, _, _ in GOLDEN])
    hash.append([array(values, type) for _, type, values, _ in GOLDEN])
    made = hash.finish()
    assert [column["hash"] for column in made["columns"]] == [digest for *_, digest in GOLDEN]
    assert made["hash"] == "a08deb02e371777835434d9daa489e670732d6219519881e4a4499bf1dde9926"


# By hashlib too; the last row has a null in its key.
SPLIT_KEYS = [(1, "a"), (-2, "é"), (7, ""), (2**63 - 1, "x\0y"), (1, "a"), (0, "b"), (1, "b"), (None, "b")]
SPLITS = [(0, [1, 1, 1, 2, 1, 1, 0, 1]), (7, [1, 1, 1, 1, 1, 0, 0, 1]), (2**63 - 1, [0, 2, 0, 2, 0, 0, 0, 0])]


@pytest.mark.parametrize(("seed", "parts"), SPLITS)
def test_a_key_is_in_the_part_of_the_format(seed: int, parts: list[int]) -> None:
    numbers, texts = zip(*SPLIT_KEYS, strict=True)
    columns = [array(list(numbers), "int64"), array(list(texts), "string")]
    fields = [Field("k", FeatureType.parse("int64")), Field("s", FeatureType.parse("string"))]
    rule = SplitRule.of({"train": 0.6, "valid": 0.3, "test": 0.1}, "key", seed)
    assert rule.deal(columns, fields, 2, 2).tolist() == parts


@pytest.mark.parametrize("name", TYPES)
def test_parts_and_slices_do_not_matter(name: str) -> None:
    type = FeatureType.parse(name)
    whole = array(edges(name) * 9, name)

    def hashed(parts: list[pa.Array]) -> str:
        hash = TableHash([Field("x", type)])
        for part in parts:
            hash.append([part])
        return str(hash.finish()["hash"])

    wanted = hashed([whole])
    assert hashed([whole.slice(start, 5) for start in range(0, len(whole), 5)]) == wanted
    joined = array(edges(name)[:3] + edges(name) * 9 + edges(name)[:2], name)
    assert hashed([joined.slice(3, len(whole))]) == wanted
    assert len({hashed([whole.slice(0, row)]) for row in range(1, 20)} | {hashed([whole.slice(1, 19)])}) == 20
    present = whole.drop_null()
    assert b"".join(cell.as_py() for cell in each(present, type)) == bytes(memoryview(cells(present, type)))


def test_every_type_has_the_hash_of_the_command_line(client: hw.Client, tmp_path: Path) -> None:
    all_types(client)
    position = client.write("all", edge_table())
    features = [f"all:{name}" for name in FEATURES]
    keys = pa.table({"id": pa.array([*range(15), None], pa.int64()), "event_time": pa.array([START] * 16)})
    client.get_historical_features(keys, features, min_position=position).save("python")
    path = tmp_path / "spine.csv"
    path.write_text("id,event_time\n" + "".join(f"{n},2024-01-01T00:00:00Z\n" for n in range(15)) + ",2024-01-01T00:00:00Z\n")
    command(client, "history", "--spine", str(path), "--features", ",".join(features), "--save", "cli", "--out", str(tmp_path / "out.csv"))
    mine, its = shown(client, "python"), shown(client, "cli")
    assert mine["features"] == its["features"] and mine["spine"] == its["spine"] and mine["labels"] == its["labels"]
    assert len(mine["features"]["columns"]) == len(TYPES) and mine["labels"]["columns"] == []
    assert client.dataset("cli").verify(keys)
    command(client, "dataset", "verify", "python", "--spine", str(path), "--against", str(tmp_path / "out.csv"))


@pytest.mark.parametrize("by", ["key", "time"])
def test_hashes_and_splits_are_those_of_the_command_line(shop: hw.Client, tmp_path: Path, by: str) -> None:
    path, out = as_csv(spine(), tmp_path / "spine.csv"), tmp_path / "out.csv"
    seed = ["--seed", "7"] if by == "key" else []
    shares = "train=0.7,test=0.2,rest=0.1"
    options = ["--service", "churn", "--save", "cli", "--split", shares, "--split-by", by, *seed, "--out", str(out)]
    command(shop, "history", "--spine", str(path), *options)
    history = shop.get_historical_features(str(path), service="churn")
    history.save("python", split=shares, split_by=by, seed=7 if by == "key" else 0, description="the same", tags={"a": "b"})
    mine, its = shown(shop, "python"), shown(shop, "cli")
    for part in ("spine", "features", "split", "rows", "source"):
        assert mine[part] == its[part], part
    assert [column["name"] for column in its["labels"]["columns"]] == ["label", "note"]
    assert mine["description"] == "the same" and mine["tags"] == {"a": "b"}
    # Which rows are in which part, too.
    parts = shop.dataset("cli").split()
    assert list(parts) == ["train", "test", "rest"]
    for name, part in parts.items():
        with open(tmp_path / f"out.{name}.csv") as file:
            written = pd.read_csv(file)
        assert written["id"].tolist() == part.to_dict()["id"] and len(part) == len(written)
        assert written["note"].tolist() == part.to_pandas()["note"].tolist()
    for name in ("cli", "python"):
        report = shop.dataset(name).verify()
        assert report and report["split"]["is_equal"] and "split by" in str(report)
        assert "split by" in command(shop, "dataset", "verify", name)
    against = {name: str(tmp_path / f"out.{name}.csv") for name in parts}
    report = shop.dataset("cli").verify(against=against)
    assert report and report["difference_count"] == 0
    assert history.split(shares, by=by, seed=7 if by == "key" else 0)["test"].rows.tolist() == parts["test"].rows.tolist()


def test_keys_of_each_type_are_dealt_out_as_the_format_says() -> None:
    import hashlib
    import struct

    columns = [
        ("int64", [1, -2, None, 2**63 - 1], [struct.pack(">Q", value ^ 2**63) for value in (1, 2**64 - 2, 0, 2**63 - 1)]),
        ("int32", [0, -2, 5, 7], [struct.pack(">I", (value & 0xFFFFFFFF) ^ 2**31) for value in (0, -2, 5, 7)]),
        ("string", ["a\0b", "", "é", "x"], [b"a\0\xffb\0\1", b"\0\1", "é".encode() + b"\0\1", b"x\0\1"]),
        ("bytes", [b"\0", b"\xff", b"", b"y"], [b"\0\xff\0\1", b"\xff\0\1", b"\0\1", b"y\0\1"]),
        ("timestamp", [0, -1, 1, 5], [struct.pack(">Q", (value & (2**64 - 1)) ^ 2**63) for value in (0, -1, 1, 5)]),
    ]
    arrays = [array(values, type) for type, values, _ in columns]
    types = [FeatureType.parse(type) for type, _, _ in columns]
    wanted = [b"".join(encoded[row] for _, _, encoded in columns) for row in range(4)]
    wanted[2] = b""
    assert key_bytes(arrays, types).to_pylist() == wanted
    rule = SplitRule.of({"a": 0.5, "b": 0.5}, "key", 3)
    numbers = [int.from_bytes(hashlib.sha256(struct.pack("<Q", 3) + key).digest()[:8], "big") >> 11 for key in wanted]
    fields = [Field(type, FeatureType.parse(type)) for type, _, _ in columns]
    assert rule.deal(arrays, fields, 5, 4).tolist() == [int(number / 2**53 >= 0.5) for number in numbers]


def test_what_is_no_split_is_refused() -> None:
    for given, reason in [
        ({"a": 1.0}, "2 to 64 parts"), ({"a": 0.5, "b": 0.6}, "1.1 together"), ({"a b": 0.5, "c": 0.5}, "cannot name a part"),
        ({"a": 0, "b": 1}, "no share"), ("a=0.5,a=0.5", "one name"), ("a=x,b=0.5", "no part of a split"),
    ]:  # fmt: skip
        with pytest.raises(hw.InvalidArgument, match=reason):
            SplitRule.of(given, "key", 0)  # type: ignore[arg-type]
    for by, seed in (("row", 0), ("time", 1), ("key", -1)):
        with pytest.raises(hw.InvalidArgument):
            SplitRule.of({"a": 0.5, "b": 0.5}, by, seed)


# Saving, showing, verifying


def test_a_set_of_a_frame_is_saved_shown_verified_split_and_released(shop: hw.Client) -> None:
    frame = spine()
    assert str(shop.datasets()) == "no datasets: hist.save(name) makes one"
    history = shop.get_historical_features(frame, service="churn", save="june")
    assert history.to_pandas().shape == (COUNT, 6)
    assert [entry["name"] for entry in shop.datasets()] == ["june"] and "june" in str(shop.datasets())
    dataset = shop.dataset("june")
    assert dataset.definition["rows"] == COUNT and "source" not in dataset.definition
    text = str(dataset.show())
    for word in ("dataset: june", "service: churn", "rows: 1,000", "label", "int64", "array(string)"):
        assert word in text
    assert "<pre>" in dataset._repr_html_() and "june" in repr(dataset)
    report = dataset.verify(frame, against=history.to_pandas())
    assert report and report.is_equal and report["labels"]["verdict"] == "equal" and "every cell equal" in str(report)
    with pytest.raises(hw.InvalidArgument, match="made of a spine in memory: give it with spine="):
        dataset.verify()
    parts = dataset.split({"train": 0.8, "test": 0.2}, spine=frame)
    assert len(parts["train"]) + len(parts["test"]) == COUNT
    assert not set(parts["train"].to_pandas()["id"]) & set(parts["test"].to_pandas()["id"])
    assert parts["test"].to_numpy(dtype=object).shape == (len(parts["test"]), 2)
    assert parts["test"].to_pandas().index.tolist() == parts["test"].rows.tolist()
    with pytest.raises(hw.InvalidArgument, match="was saved without a split"):
        dataset.split(spine=frame)
    assert dataset.release() is dataset and "released" in str(shop.dataset("june").show()) and "released" in str(shop.datasets())
    with pytest.raises(hw.NotFound, match="no dataset 'july' in project .*: june"):
        shop.dataset("july")


def test_whatever_comes_later_the_same_set_comes_again(shop: hw.Client) -> None:
    frame = spine()
    history = shop.get_historical_features(frame, service="churn")
    saved = history.save("june", split={"train": 0.5, "test": 0.5}, split_by="time")
    before = history.to_arrow()
    shop.write("orders", {"id": [3], "t": [START], "amount": [99.0]})
    shop.delete("orders", {"id": [5]})
    shop.apply([hw.FeatureService("churn", ["orders:amount"], version=2)])
    shop.compact()
    assert saved.verify(frame, against=before)
    assert not saved.verify(frame, against=shop.get_historical_features(frame, ["orders:amount", "orders:items"]).to_arrow())


def test_another_spine_other_labels_and_other_cells_are_told(shop: hw.Client, tmp_path: Path) -> None:
    frame = spine(100)
    history = shop.get_historical_features(frame, service="churn")
    dataset = history.save("june")
    with pytest.raises(hw.FailedPrecondition, match="not the spine that dataset 'june' was made with.*other cells in id"):
        dataset.verify(frame.assign(id=frame["id"] + 1))
    with pytest.raises(hw.FailedPrecondition, match="it has 99 rows, that one 100"):
        dataset.verify(frame.iloc[:99])
    changed = frame.assign(label=frame["label"].where(frame.index != 7, 9))
    report = dataset.verify(changed)
    assert not report and report["labels"]["verdict"] == "different" and "label: other cells" in str(report)
    assert "is missing" in str(dataset.verify(frame.drop(columns=["note"])))
    assert "not there when saved" in str(dataset.verify(frame.assign(more=1)))
    assert "was saved as int64, and is float64 here" in str(dataset.verify(frame.assign(label=frame["label"] * 1.0)))
    # An export whose labels changed, though its features did not.
    export = history.to_pandas()
    report = dataset.verify(frame, against=export.assign(label=export["label"].where(export.index != 7, 9)))
    assert not report and report["difference_count"] == 1
    assert report["differences"] == [{"row": 7, "column": "label", "given": 9, "history": 1}]
    report = dataset.verify(frame, against=export.assign(amount=export["amount"].fillna(-1)))
    assert not report and "'amount': -1.0 was given, nan is read" in str(report)
    for other, reason in ((export.iloc[:50], "has 50 rows"), (pd.concat([export, export]), "more than the 100 rows")):
        with pytest.raises(hw.FailedPrecondition, match=reason):
            dataset.verify(frame, against=other)
    with pytest.raises(hw.InvalidArgument, match="has no column 'amount'"):
        dataset.verify(frame, against=export.drop(columns=["amount"]))


def test_labels_of_a_csv_file_are_text_and_a_message_says_so_where_numbers_meet_it(shop: hw.Client, tmp_path: Path) -> None:
    frame = spine(50)
    path = as_csv(frame, tmp_path / "spine.csv")
    command(shop, "history", "--spine", str(path), "--service", "churn", "--save", "cli", "--out", str(tmp_path / "out.csv"))
    assert [column["type"] for column in shown(shop, "cli")["labels"]["columns"]] == ["string", "string"]
    report = shop.dataset("cli").verify(frame)
    assert not report and "label: was saved as string, and is int64 here: the type is part of the hash" in str(report)
    # The other way round: text is read as the type that the labels were saved with.
    shop.get_historical_features(frame, service="churn").save("python")
    assert "label: text read as int64" in command(shop, "dataset", "verify", "python", "--spine", str(path))
    text = pd.DataFrame({"label": frame["label"].astype(str), "id": frame["id"], "event_time": frame["event_time"], "note": frame["note"]})
    assert shop.dataset("python").verify(text)
    assert shop.dataset("cli").verify(text)


def test_an_export_whose_labels_changed_is_noticed_by_the_command(shop: hw.Client, tmp_path: Path) -> None:
    path, out = as_csv(spine(50), tmp_path / "spine.csv"), tmp_path / "out.csv"
    command(shop, "history", "--spine", str(path), "--service", "churn", "--save", "june", "--out", str(out))
    assert "labels: equal" in command(shop, "dataset", "verify", "june", "--against", str(out))
    lines = out.read_text().splitlines()
    lines[3] = "9" + lines[3][1:]
    out.write_text("\n".join(lines) + "\n")
    said = command(shop, "dataset", "verify", "june", "--against", str(out), code=1)
    assert "the file has other labels than were saved: label" in said and "has other cells than dataset 'june'" in said
    lines = path.read_text().splitlines()
    lines[3] = "9" + lines[3][1:]
    path.write_text("\n".join(lines) + "\n")
    said = command(shop, "dataset", "verify", "june", code=1)
    assert "label: other cells" in said and "other labels than dataset 'june' was saved with" in said
    assert not shop.dataset("june").verify()


def test_a_set_without_hashes_of_labels_verifies_and_is_given_them_by_saving_again(shop: hw.Client) -> None:
    frame = spine(50)
    history = shop.get_historical_features(frame, service="churn")
    saved = history.save("june").definition
    # As it was saved before labels were hashed.
    old = {name: value for name, value in saved.items() if name != "labels"} | {"name": "old"}
    shop.apply({"project": shop.project, "datasets": [old]})
    dataset = shop.dataset("old")
    assert "labels" not in dataset.definition and "labels: not hashed when saved" in str(dataset.show())
    report = dataset.verify(frame.assign(label=5))
    assert report and "labels: not hashed when saved" in str(report)
    plan = shop.plan({"project": shop.project, "datasets": [{**old, "labels": saved["labels"]}]})
    assert "+ labels: label int64, note string" in str(plan)
    assert history.save("old").definition["labels"] == saved["labels"]
    assert not dataset.verify(frame.assign(label=5)) and dataset.verify(frame)
    # Without labels it is still the same set; with others it is another one.
    assert not shop.apply({"project": shop.project, "datasets": [old]}).changed
    assert "labels" in shop.dataset("old").definition
    with pytest.raises(hw.FailedPrecondition, match="dataset 'old' is there.*and other labels"):
        shop.get_historical_features(frame.assign(label=5), service="churn", as_of=saved["query"]["as_of"]).save("old")
    with pytest.raises(hw.FailedPrecondition, match="labels label int64, note string; these are label string"):
        other = frame.assign(label=frame["label"].astype(str))
        shop.get_historical_features(other, service="churn", as_of=saved["query"]["as_of"]).save("old")


def test_saving_again_changes_nothing_and_something_else_is_refused(shop: hw.Client) -> None:
    frame = spine(50)
    history = shop.get_historical_features(frame, service="churn")
    first = history.save("june", description="first")
    assert history.save("june").definition == first.definition
    with pytest.raises(hw.FailedPrecondition, match="dataset 'june' is there"):
        shop.get_historical_features(frame.iloc[:10], service="churn").save("june")


def test_labels_of_every_kind_of_column_are_hashed_or_refused_by_name(shop: hw.Client) -> None:
    base = {"id": [1, 2, None], "event_time": [START] * 3}
    labels = {
        "a_bool": pa.array([True, None, False]), "an_int": pa.array([1, None, 3], pa.int8()),
        "a_float": pa.array([0.5, None, float("nan")]),
        "text": pa.array(["a", None, ""]), "large": pa.array(["a", None, ""], pa.large_string()),
        "raw": pa.array([b"\0", None, b""]),
        "day": pa.array([START, None, START]).cast(pa.date32()), "list": pa.array([[1.5, None], [], None]),
        "category": pa.array(["x", None, "y"]).dictionary_encode(), "nothing": pa.nulls(3),
    }  # fmt: skip
    table = pa.table({**base, **labels})
    dataset = shop.get_historical_features(table, service="churn").save("june")
    types = {column["name"]: column["type"] for column in dataset.definition["labels"]["columns"]}
    assert types == {
        "a_bool": "bool", "an_int": "int32", "a_float": "float64", "text": "string", "large": "string", "raw": "bytes", "day": "timestamp",
        "list": "array(float64)", "category": "string", "nothing": "string",
    }  # fmt: skip
    assert dataset.verify(table)
    with pytest.raises(hw.InvalidArgument, match=r"spine: column 's': struct<.*> has no hash: leave the column out"):
        shop.get_historical_features(pa.table({**base, "s": [{"a": 1}] * 3}), service="churn").save("july")


def test_empty_sets_and_global_features_can_be_saved(shop: hw.Client) -> None:
    everyone = hw.FeatureGroup("rates", hw.Entity("world", {}), {"rate": "float64"}, event_time="t")
    shop.apply([everyone])
    shop.write("rates", {"t": [START], "rate": [1.5]})
    times = {"event_time": [START, START + 1]}
    dataset = shop.get_historical_features(times, "rates:rate").save("world", split="a=0.5,b=0.5", split_by="time")
    assert dataset.verify(times)
    with pytest.raises(hw.InvalidArgument, match="no keys to split by"):
        dataset.split("a=0.5,b=0.5", spine=times)


def test_asyncio_has_the_same(server: Server, shop: hw.Client) -> None:
    frame = spine(100)

    async def main() -> None:
        async with await hw.aio.connect(server.address, shop.project) as client:
            history = await client.get_historical_features(frame, service="churn", save="june")
            dataset = await client.dataset("june")
            assert [entry["name"] for entry in await client.datasets()] == ["june"]
            assert await dataset.verify(frame, against=await history.to_pandas())
            again = await history.save("july", split="a=0.5,b=0.5")
            parts = await again.split(spine=frame)
            mine = await history.split({"a": 0.5, "b": 0.5})
            assert {name: len(part) for name, part in parts.items()} == {name: len(part) for name, part in mine.items()}
            assert "released" in str((await dataset.release()).show())
            scan = await client.scan("orders")
            with pytest.raises(ValueError, match="a training set can"):
                await scan.save("august")

    asyncio.run(main())
    assert shop.dataset("june").definition["spine"] == shop.dataset("july").definition["spine"]
