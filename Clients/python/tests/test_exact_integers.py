"""Whole numbers beside missing ones keep all their digits, in every form of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import headwater as hw
from headwater._columns.types import FeatureType
from headwater._tables import convert
from headwater._tables.rules import Rules

from .conftest import Server

BIG = 2**53 + 1
KEYS = [1, 2, 3]
TIMES = ["2026-01-05"] * 3
FEATURES = {
    "big": "int64",
    "small": "int32",
    "when": "timestamp",
    "x": "float64",
    "flag": "bool",
    "list": "array(int64)",
    "single": "float32",
}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "exact") as connected:
        connected.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), FEATURES, event_time="t")])
        connected.apply([hw.FeatureGroup("texts", hw.Entity("e", {"id": "int64"}), {"s": "string"}, event_time="t")])
        connected.write(
            "g",
            {
                "id": KEYS, "t": TIMES, "big": [BIG, None, 5], "small": [2**31 - 1, None, 5], "when": [1_700_000_000_123_457, None, None],
                "x": [0.5, None, 1.5], "flag": [True, None, False], "list": [[BIG, None], None, [BIG]], "single": [0.5, None, 0.25],
            }, time_unit="us",
        )  # fmt: skip
        yield connected


def answers(client: hw.Client, names: list[str], keys: list[int]):
    features = [f"g:{name}" for name in names]
    position = client.status().position
    yield client.get_online_features(features, {"id": keys}, min_position=position)
    yield client.get_historical_features({"id": keys, "event_time": ["2026-02-01"] * len(keys)}, features, min_position=position)


def test_pandas_keeps_whole_numbers_beside_missing_ones(client):
    for answer in [*answers(client, list(FEATURES), [1, 2, 9]), client.scan("g"), client.latest("g")]:
        frame = answer.to_pandas()
        assert frame["big"].dtype == "Int64" and frame["big"].tolist()[0] == BIG and frame["big"].isna()[1]
        assert frame["small"].tolist()[0] == 2**31 - 1 and frame["small"].isna()[1]
        assert frame["when"].tolist()[0] == pd.Timestamp(1_700_000_000_123_457, unit="us", tz="UTC") and frame["when"].isna()[1]
        assert list(frame["list"][0]) == [BIG, None] and frame["list"].isna()[1]
    assert client.scan("g", keys={"id": [1]}).to_pandas()["big"].dtype == np.int64


def test_request_keys_beside_null_are_given_back_exactly(client):
    for keys in ([BIG, None], pd.Series([BIG, None], dtype="Int64"), pd.Series([BIG, None], dtype=object), pa.array([BIG, None])):
        got = client.get_online_features("g:big", {"id": keys})
        assert got.to_pandas()["id"].tolist()[0] == BIG and got.to_dict()["id"] == [BIG, None]
    frame = pd.DataFrame({"id": pd.array([BIG, None], dtype="Int64"), "event_time": pd.to_datetime(["2026-02-01"] * 2)})
    joined = client.get_historical_features(frame, "g:big").to_pandas()
    assert joined["id"].tolist()[0] == BIG
    table = pa.table({"id": pa.array([BIG, None]), "event_time": frame["event_time"]})
    assert client.get_historical_features(table, "g:big").to_pandas()["id"].tolist()[0] == BIG


@pytest.mark.parametrize(
    ("floats", "shown"),
    [
        (pd.Series([BIG, None]), "9007199254740992"),
        ([float(2**60)], str(2**60)),
        (np.array([2.0**24], "float32"), str(2**24)),
        (np.array([2.0**11], "float16"), str(2**11)),
        (pl.Series([-(2.0**53)]), f"-{2**53}"),
    ],
)
def test_floats_that_whole_numbers_may_have_been_rounded_to_are_no_keys_and_no_integers(client, floats, shown):
    for call in (
        lambda: client.get_online_features("g:big", {"id": floats}),
        lambda: client.write("g", {"id": KEYS[: len(floats)], "t": TIMES[: len(floats)], "big": floats}),
        lambda: client.scan("g", keys={"id": floats}),
    ):
        with pytest.raises(hw.InvalidArgument, match=f"row 0, column '(id|big)': {shown} is a float, which several whole numbers"):
            call()
    fine = np.array([2.0**24 - 1], "float32")
    assert client.get_online_features("g:big", {"id": fine}).to_dict()["id"] == [2**24 - 1]


def test_a_matrix_refuses_a_whole_number_that_a_float_does_not_hold_beside_a_missing_one(client):
    for answer in answers(client, ["big", "small"], [1, 2]):
        with pytest.raises(
            hw.InvalidArgument, match=f"column 'big': {BIG} is not exact as a float64, which it is beside a missing value: give dtype="
        ):
            answer.to_numpy()
        assert answer.to_numpy(dtype=object).tolist() == [[BIG, 2**31 - 1], [None, None]]
        rounded = answer.to_numpy(dtype="float64")
        assert rounded.dtype == np.float64 and rounded[0].tolist() == [2**53, 2**31 - 1] and np.isnan(rounded[1]).all()


def test_a_matrix_refuses_a_whole_number_that_is_rounded_beside_floats(client):
    for answer in answers(client, ["big", "x"], [1]):
        with pytest.raises(hw.InvalidArgument, match="column 'big': .* which it is beside a column of floats"):
            answer.to_numpy()
    for answer in answers(client, ["big", "single"], [1]):
        with pytest.raises(hw.InvalidArgument, match="column 'big'"):
            answer.to_numpy()
        assert answer.to_numpy(dtype=object).tolist() == [[BIG, 0.5]]
    for answer in answers(client, ["big", "small"], [1]):
        assert answer.to_numpy().tolist() == [[BIG, 2**31 - 1]] and answer.to_numpy().dtype == np.int64
        assert answer.to_numpy(dtype=np.int64).tolist() == [[BIG, 2**31 - 1]]
    for answer in answers(client, ["big", "x"], [3]):
        assert answer.to_numpy().tolist() == [[5, 1.5]] and answer.to_numpy().dtype == np.float64


def test_the_type_of_a_matrix_follows_the_types_and_not_the_values(client):
    wanted = {("big",): np.float64, ("small", "flag"): np.float64, ("flag",): np.float64, ("big", "when"): object, ("single",): np.float32}
    for names, dtype in wanted.items():
        for keys in ([3, 9], [9], [9, 9]):
            for answer in answers(client, list(names), keys):
                assert answer.to_numpy().dtype == np.dtype(dtype), (names, keys)


def test_a_missing_value_has_no_place_in_a_matrix_of_whole_numbers(client):
    for names in (["small"], ["x", "small"]):
        for answer in answers(client, names, [3, 9]):
            with pytest.raises(hw.InvalidArgument, match=f"column '{names[0]}': is missing in row 1, and int64 has nothing for that"):
                answer.to_numpy(dtype=np.int64)
    for answer in answers(client, ["list"], [1, 2]):
        assert [None if cell is None else list(cell) for cell in answer.to_numpy()[:, 0]] == [[BIG, None], None]


def test_a_matrix_of_a_given_type_holds_each_value_or_refuses_it(client):
    for answer in answers(client, ["big"], [1, 3]):
        assert answer.to_numpy(dtype="str")[:, 0].tolist() == [str(BIG), "5"]
        assert answer.to_numpy(dtype="float32")[0, 0] == np.float32(BIG)
        for dtype in ("int32", "uint8", "int16", "bool", "U3"):
            with pytest.raises(hw.InvalidArgument, match=f"column 'big': {BIG} in row 0 is none of"):
                answer.to_numpy(dtype=dtype)
    for answer in answers(client, ["big"], [1, 2]):
        assert np.isnan(answer.to_numpy(dtype="float64")[1, 0])
        for dtype in ("str", "bool", "datetime64[us]"):
            with pytest.raises(hw.InvalidArgument, match="column 'big': is missing in row 1, and .* has nothing for that"):
                answer.to_numpy(dtype=dtype)
    for answer in answers(client, ["x", "single", "small"], [1, 3]):
        for dtype in ("int64", "bool", "uint64"):
            with pytest.raises(hw.InvalidArgument, match="column 'x': 0.5 in row 0 is none of"):
                answer.to_numpy(dtype=dtype)
    # Beyond its range there is no nearest.
    client.write("g", {"id": [50], "t": ["2026-01-05"], "x": [1e300]})
    for answer in answers(client, ["x"], [50]):
        with pytest.raises(hw.InvalidArgument, match=r"column 'x': 1e\+300 in row 0 is none of float32"):
            answer.to_numpy(dtype="float32")
    for answer in answers(client, ["small"], [1, 3]):
        for dtype in ("nope", object(), "S0x"):
            with pytest.raises(hw.InvalidArgument, match="is no type of NumPy's"):
                answer.to_numpy(dtype=dtype)
    client.write("texts", {"id": [1], "t": ["2026-01-05"], "s": ["abc"]})
    with pytest.raises(hw.InvalidArgument, match="column 's': is of no type that float64 holds"):
        client.get_online_features("texts:s", {"id": [1]}).to_numpy(dtype="float64")


@pytest.mark.parametrize("seed", range(3))
def test_random_whole_numbers_with_gaps_come_back_in_every_form(client, seed):
    chance = np.random.default_rng(seed)
    keys = (1_000 * (seed + 1) + np.arange(200)).tolist()
    cells = [
        None if gap else int(cell) for cell, gap in zip(chance.integers(-(2**63), 2**63 - 1, 200), chance.random(200) < 0.3, strict=True)
    ]
    client.write("g", {"id": keys, "t": ["2026-01-05"] * 200, "big": cells})
    for answer in answers(client, ["big"], keys):
        frame = answer.to_pandas()
        assert [None if cell is pd.NA else cell for cell in frame["big"].tolist()] == cells, f"seed {seed}"
        assert answer.to_numpy(dtype=object)[:, 0].tolist() == cells, f"seed {seed}"
        assert answer.to_dict()["big"] == answer.to_arrow()["big"].to_pylist() == answer.to_polars()["big"].to_list() == cells


def test_asyncio_answers_keep_whole_numbers_too(server):
    async def work() -> None:
        async with await hw.aio.connect(server.address, "exact") as client:
            got = await client.get_online_features("g:big", {"id": [1, 9]})
            assert got.to_pandas()["big"].tolist()[0] == BIG
            joined = await client.get_historical_features({"id": [1, 9], "event_time": ["2026-02-01"] * 2}, "g:big")
            assert (await joined.to_pandas())["big"].tolist()[0] == BIG
            with pytest.raises(hw.InvalidArgument, match="column 'big'"):
                await joined.to_numpy()
            assert (await joined.to_numpy(object))[0, 0] == BIG

    asyncio.run(work())


@pytest.mark.parametrize("number", [0, 2**53, -(2**53), 2**53 + 2, 2**60, -(2**62), 2**63 - 1024, -(2**63), 2**63, 2**64 - 2048])
def test_a_whole_number_that_a_float_holds_becomes_it(number):
    type = pa.int64() if number < 2**63 else pa.uint64()
    column = pa.array([1, None, number], type)
    assert convert.column(column, FeatureType.parse("float64"), "x").to_pylist() == [1.0, None, float(number)]
    assert convert.column(pa.array([[number, None]], pa.list_(type)), FeatureType.parse("array(float64)"), "x").to_pylist() == [
        [number, None]
    ]


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**60 + 1, 2**63 - 1, 2**63 - 513, -(2**63) + 1, 2**63 + 1, 2**64 - 1])
def test_a_whole_number_that_a_float_rounds_is_refused_unless_lossy(number):
    column = pa.array([1, None, number], pa.int64() if number < 2**63 else pa.uint64())
    with pytest.raises(hw.InvalidArgument, match=f"row 2, column 'x': {number} is not exact as float64: use int64, or lossy=True"):
        convert.column(column, FeatureType.parse("float64"), "x")
    assert convert.column(column, FeatureType.parse("float64"), "x", rules=Rules(lossy=True)).to_pylist()[2] == float(number)


def test_asyncio_and_blocking_write_whole_numbers_as_floats_exactly(server, client):
    client.apply([hw.FeatureGroup("floats", hw.Entity("f", {"id": "int64"}), {"x": "float64"}, event_time="t")])
    table = {"id": [1], "t": ["2026-01-05"], "x": [2**60]}

    async def main() -> None:
        async with await hw.aio.connect(server.address, client.project) as other:
            await other.write("floats", table)
            with pytest.raises(hw.InvalidArgument, match="is not exact as float64"):
                await other.write("floats", {**table, "x": [2**60 + 1]})

    asyncio.run(main())
    position = client.write("floats", table)
    assert client.get_online_features("floats:x", {"id": [1]}, min_position=position).to_dict()["x"] == [2.0**60]
