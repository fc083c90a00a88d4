"""Lists of times in Python's objects: each element is the time that a cell of it would be, or is refused by its row."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import headwater as hw
from headwater._columns.lists import pylist
from headwater._columns.types import FeatureType
from headwater._tables import convert
from headwater._tables.values import values_to_arrow

from .conftest import Server

SECONDS = 1_700_000_000


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "times-in-lists") as connected:
        features = {"when": "timestamp", "whens": "array(timestamp)"}
        connected.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), features, event_time="t")])
        yield connected


TIMES = {
    "date": (dt.date(2024, 1, 1), "2024-01-01"), "noon": (dt.datetime(2024, 1, 1, 12), "2024-01-01T12"),
    "stamp": (pd.Timestamp("2024-01-01T13", tz="UTC"), "2024-01-01T13"), "none": (None, None), "nat": (pd.NaT, None), "na": (pd.NA, None),
}  # fmt: skip


def moment(text: str | None) -> pd.Timestamp | None:
    return None if text is None else pd.Timestamp(text, tz="UTC")


def instants(column: Any, type: str) -> list[Any]:
    return pylist(convert.column(values_to_arrow(column, "c"), FeatureType.parse(type), "c"))


@pytest.mark.parametrize(
    "names", [("date", "noon"), ("date", "stamp", "none"), ("noon", "nat", "date"), ("stamp", "na", "noon", "date")], ids="-".join
)
def test_elements_of_lists_are_the_times_that_cells_would_be(names):
    for order in itertools.permutations(names):
        cells, moments = [TIMES[name][0] for name in order], [moment(TIMES[name][1]) for name in order]
        assert instants(cells, "timestamp") == moments
        for lists, expected in (
            ([cells], [moments]),
            ([[cell] for cell in cells], [[moment] for moment in moments]),
            ([None, tuple(cells), [], cells[:1], cells[1:]], [None, moments, [], moments[:1], moments[1:]]),
            ([np.array(cells, object)], [moments]),
        ):
            assert instants(lists, "array(timestamp)") == expected, lists
            assert instants(pd.Series(lists, dtype=object), "array(timestamp)") == expected, lists


def test_lists_of_times_are_written_and_read_by_both_clients(server, client):
    lists = [[TIMES["date"][0], TIMES["noon"][0]], [TIMES["date"][0]], [TIMES["noon"][0], TIMES["date"][0]], None]
    wanted = [None if cells is None else [pd.Timestamp(cell, tz="UTC") for cell in cells] for cells in lists]
    rows = [{"id": key, "t": "2026-01-05", "whens": cells} for key, cells in enumerate(lists)]
    position = client.write("g", rows)
    assert client.get_online_features("g:whens", {"id": range(4)}, min_position=position).to_dict()["whens"] == wanted

    async def main() -> None:
        async with await hw.aio.connect(server.address, client.project) as other:
            position = await other.write("g", [{**row, "id": row["id"] + 10} for row in rows])
            answer = await other.get_online_features("g:whens", {"id": range(10, 14)}, min_position=position)
            assert answer.to_dict()["whens"] == wanted

    asyncio.run(main())


NOON, DAY = TIMES["noon"][0], TIMES["date"][0]


@pytest.mark.parametrize(
    ("lists", "row", "message"),
    [
        ([[NOON, SECONDS]], 0, "is of int, and those before it are of datetime"),
        ([[DAY], [SECONDS]], 1, "is of int, and those before it are of date"),
        ([[SECONDS, NOON]], 0, ""), ([[SECONDS], [NOON]], 1, ""), ([[NOON], ["x"]], 1, ""), ([["x", NOON]], 0, ""),
        ([[NOON], 5], 1, "is of int"), ([[NOON], "2024-01-01"], 1, "is of str"),
        ([[NOON], [pd.Timestamp(1, unit="ns")]], 1, "is finer than a microsecond"),
        ([None, [pd.Timestamp(1, unit="ns")]], 1, "is finer than a microsecond"),
        ([[np.datetime64(1, "ns")]], 0, "is finer than a microsecond"), ([[np.datetime64("2024-01-01"), NOON]], 0, ""),
    ],
)  # fmt: skip
def test_what_is_no_time_in_a_list_of_times_names_its_row(client, lists, row, message):
    for given in (lists, pd.Series(lists, dtype=object)):
        with pytest.raises(hw.InvalidArgument, match=rf"row {row}, column 'whens': .*{message}"):
            client.write("g", {"id": [1] * len(lists), "t": ["2026-01-05"] * len(lists), "whens": given})


def test_lists_of_numpys_times_of_any_units_are_those_times():
    lists = [[np.datetime64("2024-01-01")], [np.datetime64("2024-01-01T12", "h"), None], np.array(["2024-01-02T01"], "M8[s]")]
    assert instants(lists, "array(timestamp)") == [[moment("2024-01-01")], [moment("2024-01-01T12"), None], [moment("2024-01-02T01")]]
