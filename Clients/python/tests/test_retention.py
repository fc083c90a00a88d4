"""Rows that are taken and never served: what a write tells of them, and retention in stores that are open for a moment only."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pandas as pd

import headwater as hw

HOUR = pd.Timedelta(hours=1)


def group(retention: str | None = "1h") -> hw.FeatureGroup:
    return hw.FeatureGroup("g", hw.Entity("user", {"id": "int64"}), {"x": "float64"}, event_time="t", retention=retention)


def rows(now: pd.Timestamp, *ages: float) -> list[dict[str, object]]:
    return [{"id": number, "t": now - age * HOUR, "x": float(number)} for number, age in enumerate(ages)]


def test_a_write_counts_rows_below_the_cutoff(tmp_path: Path) -> None:
    now = pd.Timestamp.now(tz="UTC")
    with hw.open(tmp_path / "s", project="p") as client:
        client.apply([group()])
        written = client.write("g", rows(now, 3, 2, 0.5))
        assert (written.rows, written.rows_below_cutoff, written.rows_behind_tombstone) == (3, 2, 0)
        assert "2 below the retention cutoff" in repr(written)
        assert client.get_online_features("g:x", {"id": [0, 1, 2]}, min_position=written).to_dict()["x"] == [None, None, 2.0]
        assert client.scan("g").to_arrow().num_rows == 1


def test_a_write_counts_rows_behind_their_keys_tombstone(tmp_path: Path) -> None:
    now = pd.Timestamp.now(tz="UTC")
    with hw.open(tmp_path / "s", project="p") as client:
        client.apply([group()])
        client.delete("g", {"id": [1], "t": [now]})
        written = client.write("g", rows(now, 0.1, 0.2))
        assert (written.rows, written.rows_below_cutoff, written.rows_behind_tombstone) == (2, 0, 1)
        assert "1 older than their key's delete" in repr(written)
        assert client.get_online_features("g:x", {"id": [0, 1]}, min_position=written).to_dict()["x"] == [0.0, None]


def test_a_store_that_is_open_for_a_moment_keeps_its_retention(tmp_path: Path) -> None:
    now = pd.Timestamp.now(tz="UTC")
    with hw.open(tmp_path / "s", project="p") as client:
        client.apply([group(retention=None)])
        written = client.write("g", rows(now, 3, 0.5))
        assert written.rows_below_cutoff == 0
        client.apply([group()])
        # The cutoff is a record of its own, right behind the definitions.
        until = time.monotonic() + 30
        while client.get_online_features("g:x", {"id": [0, 1]}).to_dict()["x"] != [None, 1.0]:
            assert time.monotonic() < until
            time.sleep(0.05)
    with hw.open(tmp_path / "s", project="p") as client:
        assert client.get_online_features("g:x", {"id": [0, 1]}).to_dict()["x"] == [None, 1.0]
        assert client.get_historical_features({"id": [0, 1], "event_time": [now, now]}, ["g:x"]).to_arrow()["x"].to_pylist() == [None, 1.0]


def test_the_wall_clock_can_be_accepted(tmp_path: Path) -> None:
    with hw.open(tmp_path / "s", project="p") as client:
        assert "clock_ahead" not in client.status()["online"]
        report = client.accept_clock()
        assert abs(report["ahead"]) < 300_000_000 and report["now"] > 1_600_000_000_000_000


def test_the_wall_clock_can_be_accepted_in_asyncio(tmp_path: Path) -> None:
    async def accept() -> None:
        async with await hw.aio.open(tmp_path / "s", project="p") as client:
            assert (await client.accept_clock())["now"] > 1_600_000_000_000_000

    asyncio.run(accept())
