"""Keys of requests in whichever holder they come, and the time of a get in whichever form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw
from headwater._times import microseconds

from .conftest import Server


class Stamped(dt.datetime):
    """A time with a value of its own, which is none of pandas'."""

    value = 5


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "request-keys") as connected:
        item, pair = hw.Entity("item", {"id": "int64"}), hw.Entity("pair", {"id": "int64", "code": "string"})
        connected.apply([hw.FeatureGroup("g", item, {"x": "float64"}), hw.FeatureGroup("p", pair, {"y": "int64"})])
        connected.write("g", {"id": [1, 2, 3], "x": [1.5, 2.5, 3.5]})
        connected.write("p", {"id": [1, 2, 3], "code": ["a", "b", "c"], "y": [10, 20, 30]})
        yield connected


FRAMES = {
    "one column": pd.DataFrame({"id": [3, 1]}),
    "others beside it": pd.DataFrame({"s": ["u", "v"], "id": [3, 1], "z": [0.5, None]}),
    "columns of one block": pd.DataFrame(np.array([[9, 3], [9, 1]]), columns=["z", "id"]),
    "a slice": pd.DataFrame({"id": [0, 3, 0, 1]})[1::2],
    "backwards": pd.DataFrame({"id": [1, 3]}).iloc[::-1],
    "int32": pd.DataFrame({"id": np.array([3, 1], np.int32)}),
    "Int64": pd.DataFrame({"id": pd.array([3, 1], "Int64")}),
    "Arrow": pd.DataFrame({"id": pd.array([3, 1], pd.ArrowDtype(pa.int64()))}),
    "objects": pd.DataFrame({"id": pd.Series([3, 1], dtype=object)}),
    "big-endian": pd.DataFrame({"id": pd.Series(np.array([3, 1], ">i8"))}),
    "in the index": pd.DataFrame({"z": [0, 0]}, index=pd.Index([3, 1], name="id")),
    "names of two levels": pd.DataFrame(
        [[3, 0, 0], [1, 0, 0]], columns=pd.MultiIndex.from_tuples([("id", ""), ("x", "sum"), ("x", "mean")])
    ),
    "a name twice beside it": pd.DataFrame([[3, 0, 0], [1, 0, 0]], columns=["id", "z", "z"]),
}


@pytest.mark.parametrize("form", FRAMES)
def test_keys_of_frames_are_what_the_frame_shows(client, form):
    try:
        got = client.get_online_features("g:x", FRAMES[form])
    except hw.InvalidArgument as error:
        assert form == "a name twice beside it" and "'z'" in str(error)
        return
    assert got.to_dict() == {"id": [3, 1], "x": [3.5, 1.5]}


def test_an_answer_keeps_its_keys_whatever_becomes_of_the_frame(client):
    frame = pd.DataFrame({"id": [3, 1]})
    got = client.get_online_features("g:x", frame)
    frame.loc[:, "id"] = 7
    assert got.to_dict()["id"] == [3, 1]


def test_several_keys_of_frames_and_dicts(client):
    frame = pd.DataFrame({"code": ["c", "a", "b"], "id": [3, 1, 1]})
    wanted = {"id": [3, 1, 1], "code": ["c", "a", "b"], "y": [30, 10, None]}
    assert client.get_online_features("p:y", frame).to_dict() == wanted
    assert client.get_online_features("p:y", frame.to_dict("records")).to_dict() == wanted


def test_dicts_may_hold_more_than_keys_and_lack_one(client):
    rows = [{"id": 3, "note": object()}, {"id": 1}, {"id": None}, {"note": 5}]
    assert client.get_online_features("g:x", rows).to_dict() == {"id": [3, 1, None, None], "x": [3.5, 1.5, None, None]}
    assert client.get_online_features("g:x", [{"id": 3, "ID": 1}]).to_dict()["x"] == [3.5]
    with pytest.raises(hw.InvalidArgument, match="'ID' and 'id' differ only in case|'id' and 'ID' differ only in case"):
        client.get_online_features("g:x", [{"id": 3}, {"ID": 1}])
    with pytest.raises(hw.InvalidArgument, match=r"row 1: str is no dict"):
        client.get_online_features("g:x", [{"id": 3}, "id"])
    with pytest.raises(hw.InvalidArgument, match="'id'.*missing|is missing"):
        client.get_online_features("g:x", [{"other": 3}])


@pytest.mark.parametrize(
    ("time", "wanted"),
    [
        (pd.Timestamp("2024-01-01T00:00:00.123456789"), 1_704_067_200_123_456),
        (pd.Timestamp("2024-01-01T02:00", tz="Europe/Berlin"), 1_704_070_800_000_000),
        (pd.Timestamp("5000-01-01").as_unit("s"), 95_617_584_000_000_000),
        (pd.Timestamp("1969-12-31T23:59:59.9999995"), -1),
        (Stamped(1970, 1, 1, 0, 0, 1), 1_000_000),
        (np.datetime64("2024-01-01"), 1_704_067_200_000_000),
        (np.datetime64("2024-01-01T00:00:00.123456789"), 1_704_067_200_123_456),
        (np.datetime64("5000-01-01"), 95_617_584_000_000_000),
        (np.datetime64(-1, "us"), -1),
        (np.datetime64("1969-12"), -2_678_400_000_000),
        (dt.datetime(2024, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))), 1_704_067_200_000_000),
        ("2024-01-01T02:00:00+02:00", 1_704_067_200_000_000),
    ],
)
def test_a_time_is_the_same_in_every_form(time, wanted):
    assert microseconds(time, "at") == wanted
    # Once more, where the first time was remembered.
    assert microseconds(time, "at") == wanted


@pytest.mark.parametrize("none", [pd.NaT, np.datetime64("NaT"), np.datetime64("NaT", "ns"), np.datetime64("NaT", "us"), float("nan")])
def test_what_is_no_time_is_refused(client, none):
    with pytest.raises(hw.InvalidArgument, match="is no time"):
        client.get_online_features("g:x", {"id": [1]}, at=none)
