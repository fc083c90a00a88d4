"""NumPy's times in units that Arrow does not have: multiples, and years, weeks, hours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw
from headwater._times import microseconds

from .conftest import Server

MICROSECONDS = 1_700_000_000_000_000
_keys = itertools.count(10, 1000)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "numpy-times") as connected:
        features = {"x": "int64", "when": "timestamp", "whens": "array(timestamp)"}
        timed = hw.FeatureGroup("k", hw.Entity("moment", {"at": "timestamp"}), {"x": "int64"})
        connected.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), features, event_time="t"), timed])
        yield connected


MULTIPLES = {
    "10s": 10_000_000, "7D": 604_800_000_000, "5ms": 5_000, "3us": 3, "2000ns": 2, "15m": 900_000_000, "2h": 7_200_000_000,
    "2W": 1_209_600_000_000,
}  # fmt: skip


@pytest.mark.parametrize("unit", MULTIPLES)
def test_times_of_numpy_count_their_multiples(client, unit):
    counts = [MICROSECONDS // MULTIPLES[unit] + step for step in (0, 3)]
    times = np.array(counts, f"M8[{unit}]")
    right = [count * MULTIPLES[unit] for count in counts]
    first = next(_keys)
    forms = [times, list(times), pd.Series(list(times), dtype=object), np.ma.array(times, mask=[False, False])]
    for number, form in enumerate(forms):
        ids = [first + 10 * number, first + 10 * number + 1]
        position = client.write("g", {"id": ids, "t": form, "x": [7, 8], "when": form, "whens": [[time, None] for time in times]})
        got = client.scan("g", keys={"id": ids}, min_position=position).to_arrow()
        assert got["when"].cast(pa.int64()).to_pylist() == got["event_time"].cast(pa.int64()).to_pylist() == right
        assert [cell[0].value for cell in got["whens"]] == right
    assert client.get_historical_features({"id": [ids[0]], "event_time": times[:1]}, "g:x").to_dict()["x"] == [7]
    assert client.get_online_features("g:x", {"id": [ids[0]]}, at=times[0]).to_dict()["x"] == [7]
    client.write("k", {"at": times, "x": [1, 2]})
    assert client.get_online_features("k:x", {"at": times}, min_position=client.status().position).to_dict()["x"] == [1, 2]
    assert microseconds(times[0], "at") == right[0]


def test_times_of_numpy_beyond_64_bits_of_microseconds_are_refused(client):
    before = client.status().position
    for far in (
        np.array([0, 300_000], "M8[Y]"), np.array([0, -(10**7)], "M8[M]"), np.array([0, 10**15], "M8[D]"), np.array([0, 2**40], "M8[D]"),
        np.array([0, 10**18], "M8[h]"), np.array([0, 10**18], "M8[10s]"), np.array([0, 2**62], "M8[4ns]"), np.array([0, 10**17], "M8[s]"),
        [np.datetime64(1, "ns"), np.datetime64("2500-01-01", "D")],
    ):  # fmt: skip
        for data in ({"id": [1, 2], "t": far}, {"id": [1, 2], "t": ["2026-01-05"] * 2, "whens": [[time] for time in far]}):
            if far[0] != np.datetime64(0, "D") and "whens" in data:
                continue
            with pytest.raises(hw.InvalidArgument, match="row 1, column '(t|whens)': .* (fit|beside)|row 1, column 't'"):
                client.write("g", data)
        if isinstance(far, np.ndarray):
            with pytest.raises(hw.InvalidArgument):
                client.get_online_features("g:x", {"id": [1]}, at=far[1])
    assert client.status().position == before
