"""Whole numbers as times: microseconds where they can be, else refused with the unit that is likely, or taken in the unit that is said."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw
from headwater._tables import convert
from headwater._times import microseconds

from .conftest import Server

SECONDS = 1_700_000_000
FACTORS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
MOMENT = pd.Timestamp(SECONDS, unit="s", tz="UTC")
MICROSECONDS = SECONDS * 1_000_000


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "number-times") as connected:
        features = {"x": "int64", "when": "timestamp", "whens": "array(timestamp)"}
        timed = hw.FeatureGroup("k", hw.Entity("moment", {"at": "timestamp"}), {"x": "int64"})
        connected.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), features, event_time="t"), timed])
        connected.write("g", {"id": [1], "t": [MOMENT], "x": [7]})
        connected.write("k", {"at": [MOMENT], "x": [7]})
        yield connected


_keys = itertools.count(10, 1000)


def refused(unit: str, number: int) -> str:
    if unit in ("s", "ms", "ns"):
        return rf"{number} lies outside the years 1971 to 2200 when read as microseconds .* say time_unit='{unit}', or 'us'"
    return "lies outside the years"


def csv(folder: Path, lines: list[str]) -> Path:
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return folder / "t.csv"


def ndjson(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "t.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "t.ndjson"


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_numbers_in_another_unit_are_refused_in_files_with_the_unit_that_is_likely(client, tmp_path, unit):
    number = SECONDS * FACTORS[unit]
    before = client.status().position
    for path in (
        csv(tmp_path, ["id,t", f"1,{number}"]),
        csv(tmp_path, ["id,t,when", f"1,2026-01-05,{number}"]),
        csv(tmp_path, ["id,t,whens", f'1,2026-01-05,"[{number}]"']),
        ndjson(tmp_path, [{"id": 1, "t": number}]),
        ndjson(tmp_path, [{"id": 1, "t": "2026-01-05", "when": number}]),
        ndjson(tmp_path, [{"id": 1, "t": "2026-01-05", "whens": [number, None]}]),
    ):
        with pytest.raises(hw.InvalidArgument, match=rf"{path.name}: row 1, column '(t|when|whens)': the time " + refused(unit, number)):
            client.write("g", path)
    with pytest.raises(hw.InvalidArgument, match=refused(unit, number)):
        client.delete("g", csv(tmp_path, ["id,t", f"1,{number}"]))
    with pytest.raises(hw.InvalidArgument, match=refused(unit, number)):
        client.write("k", csv(tmp_path, ["at,x", f"{number},1"]))
    with pytest.raises(hw.InvalidArgument, match=refused(unit, number)):
        client.get_historical_features(csv(tmp_path, ["id,event_time", f"1,{number}"]), "g:x").to_arrow()
    assert client.status().position == before


@pytest.mark.parametrize("unit", FACTORS)
def test_numbers_in_the_unit_that_is_said_are_those_times(client, tmp_path, unit):
    number = SECONDS * FACTORS[unit]
    for make in (
        lambda key: csv(tmp_path, ["id,t,when,whens", f'{key},{number},{number},"[{number},null]"']),
        lambda key: ndjson(tmp_path, [{"id": key, "t": number, "when": number, "whens": [number, None]}]),
        lambda key: {"id": [key], "t": [number], "when": [number], "whens": [[number, None]]},
        lambda key: pd.DataFrame({"id": [key], "t": [number], "when": [float(number)], "whens": [[number, None]]}),
        lambda key: [{"id": key, "t": np.int64(number), "when": number, "whens": [number, None]}],
        lambda key: pa.table({"id": [key], "t": pa.array([number], pa.uint64()), "when": [number], "whens": [[number, None]]}),
    ):
        key = next(_keys)
        position = client.write("g", make(key), time_unit=unit)
        got = client.get_online_features(["g:when", "g:whens"], {"id": [key]}, min_position=position, event_times=True)
        assert got.to_dict()["when"] == [MOMENT] and got.to_dict()["whens"] == [[MOMENT, None]]
        assert got.event_times["when"][0] == np.datetime64(MICROSECONDS, "us")
        gone = client.delete("g", {"id": [key], "t": [number]}, time_unit=unit)
        assert client.get_online_features("g:when", {"id": [key]}, min_position=gone).statuses["when"] == ["NOT_FOUND"]


@pytest.mark.parametrize("unit", FACTORS)
def test_reads_take_numbers_in_the_unit_that_is_said(client, tmp_path, unit):
    number = SECONDS * FACTORS[unit]
    assert client.get_online_features("k:x", {"at": [number]}, time_unit=unit).to_dict()["x"] == [7]
    assert client.get_online_features("g:x", {"id": [1]}, at=number, time_unit=unit).to_dict()["x"] == [7]
    for spine in ({"id": [1], "event_time": [number]}, csv(tmp_path, ["id,event_time", f"1,{number}"])):
        joined = client.get_historical_features(spine, "g:x", time_unit=unit)
        assert joined.to_dict()["x"] == [7]
    early = client.get_historical_features({"id": [1], "event_time": [number - FACTORS[unit]]}, "g:x", time_unit=unit)
    assert early.to_dict()["x"] == [None]
    assert client.scan("g", start=number, end=number + FACTORS[unit], keys={"id": [1]}, time_unit=unit).to_arrow().num_rows == 1
    assert client.latest("g", at=number, keys={"id": [1]}, time_unit=unit).to_dict()["x"] == [7]
    assert client.latest("k", keys={"at": [number]}, time_unit=unit).to_dict()["x"] == [7]


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_instants_of_calls_are_refused_in_another_unit(client, unit):
    for number in (SECONDS * FACTORS[unit], np.int64(SECONDS * FACTORS[unit]), str(SECONDS * FACTORS[unit])):
        for name, call in (
            ("at", lambda number=number: client.get_online_features("g:x", {"id": [1]}, at=number)),
            ("at", lambda number=number: client.latest("g", at=number)),
            ("start", lambda number=number: client.scan("g", start=number)),
            ("end", lambda number=number: client.scan("g", end=number)),
        ):
            with pytest.raises(hw.InvalidArgument, match=f"^{name}: the time " + refused(unit, int(number))):
                call()


def test_microseconds_zero_and_null_need_no_unit(client, tmp_path):
    first = next(_keys)
    path = csv(tmp_path, ["id,t,when", f"{first},0,", f"{first + 1},0,0", f"{first + 2},{MICROSECONDS},"])
    position = client.write("g", path)
    zero = pd.Timestamp(0, tz="UTC")
    keys = {"id": [first, first + 1, first + 2]}
    assert client.get_online_features("g:when", keys, min_position=position).to_dict()["when"] == [None, zero, None]
    assert client.write("g", ndjson(tmp_path, [{"id": first, "t": 0, "when": None}])).rows == 1
    assert client.scan("g", start=0, keys={"id": [first]}).to_arrow().num_rows == 2
    assert client.get_online_features("g:x", {"id": [1]}, at=MICROSECONDS).to_dict()["x"] == [7]


def test_one_number_that_can_be_microseconds_speaks_for_all(client, tmp_path):
    first = next(_keys)
    old, far = -1_000_000_000_000_000, 32_503_680_000_000_000
    path = csv(tmp_path, ["id,t,when"] + [f"{first + row},2026-01-05,{number}" for row, number in enumerate([old, MICROSECONDS, far])])
    position = client.write("g", path)
    got = client.get_online_features("g:when", {"id": [first, first + 1, first + 2]}, min_position=position).to_arrow()["when"]
    assert got.cast(pa.int64()).to_pylist() == [old, MICROSECONDS, far]
    with pytest.raises(
        hw.InvalidArgument, match=r"row 1, column 'when': the time -1000000000000000 .*\(1938-.*time_unit='s', 'ms' or 'ns'"
    ):
        client.write("g", csv(tmp_path, ["id,t,when", f"1,2026-01-05,{old}", f"2,2026-01-05,{far}"]))
    assert client.write("g", csv(tmp_path, ["id,t,when", f"{first},2026-01-05,{old}"]), time_unit="us").rows == 1


def test_a_table_of_several_pieces_is_judged_whole(client, tmp_path):
    first, old = next(_keys), -1_000_000_000_000_000
    count = 17_000
    rows = [{"id": first, "t": "2026-01-05", "when": old}] * count
    with pytest.raises(hw.InvalidArgument, match="t.ndjson: row 1, column 'when': the time -1000000000000000 "):
        client.write("g", ndjson(tmp_path, rows))
    assert client.write("g", ndjson(tmp_path, [*rows, {"id": first, "t": "2026-01-05", "when": MICROSECONDS}])).rows == count + 1
    spine = [{"id": 1, "event_time": old}] * count
    with pytest.raises(hw.InvalidArgument, match="row 1, column 'event_time': the time -1000000000000000 "):
        client.get_historical_features(ndjson(tmp_path, spine), "g:x").to_arrow()
    joined = client.get_historical_features(ndjson(tmp_path, [*spine, {"id": 1, "event_time": MICROSECONDS}]), "g:x").to_arrow()
    assert joined["x"].to_pylist() == [None] * count + [7]


def test_the_edges_of_the_years_are_taken(client):
    for text, is_taken in (
        ("1970-12-31T23:59:59.999999Z", False),
        ("1971-01-01", True),
        ("2200-12-31T23:59:59.999999Z", True),
        ("2201-01-01", False),
    ):
        number = int(pd.Timestamp(text).tz_localize(None).to_datetime64().astype("M8[us]").astype("int64"))
        if is_taken:
            assert client.scan("g", start=number, keys={"id": [1]}) is not None
        else:
            with pytest.raises(hw.InvalidArgument, match="lies outside the years"):
                client.scan("g", start=number, keys={"id": [1]})


def test_types_that_are_times_are_never_doubted(client):
    first = next(_keys)
    old, far = pd.Timestamp("1901-01-01", tz="UTC"), pd.Timestamp("2250-01-01", tz="UTC")
    for cell in (old, far, pd.Timestamp(1, unit="us", tz="UTC")):
        for column in ([cell], pd.Series([cell]), pa.array([cell]), [cell.isoformat()], pd.Series([cell]).dt.tz_localize(None)):
            position = client.write("g", {"id": [first], "t": ["2026-01-05"], "when": column}, time_unit=random.choice([None, "s", "ns"]))
            assert client.get_online_features("g:when", {"id": [first]}, min_position=position).to_dict()["when"] == [cell]
    assert client.scan("g", start=old, end="2250-01-01", keys={"id": [1]}, time_unit="ms").to_arrow().num_rows == 1


def test_numbers_in_tables_need_a_unit(client):
    for column in ([MICROSECONDS], np.array([SECONDS]), pd.Series([1.7e9]), pa.array([SECONDS], pa.int32()), [1.7e9]):
        with pytest.raises(
            hw.InvalidArgument, match="column 't': holds .* where the type is timestamp: times fit; of numbers say the unit with time_unit="
        ):
            client.write("g", {"id": [1], "t": column})
    with pytest.raises(hw.InvalidArgument, match="^at: 1700000000.5 is no time: say its unit with time_unit="):
        client.get_online_features("g:x", {"id": [1]}, at=1_700_000_000.5)


def test_floats_of_a_unit_are_the_nearest_microsecond(client):
    first = next(_keys)
    cells = [1_700_000_000.123456, float("nan"), 1_700_000_000.0]
    frame = pd.DataFrame({"id": [first, first + 1, first + 2], "t": ["2026-01-05"] * 3, "when": cells})
    position = client.write("g", frame, time_unit="s")
    got = client.get_online_features("g:when", {"id": frame["id"]}, min_position=position).to_arrow()["when"].cast(pa.int64())
    assert got.to_pylist() == [MICROSECONDS + 123_456, None, MICROSECONDS]
    assert client.latest("g", at=1_700_000_000.9, keys={"id": [1]}, time_unit="s").to_dict()["x"] == [7]
    with pytest.raises(hw.InvalidArgument, match=r"row 0, column 'when': .* do not fit a timestamp"):
        client.write("g", {"id": [first], "t": ["2026-01-05"], "when": [float("inf")]}, time_unit="s")


def test_numbers_beyond_64_bits_of_microseconds_are_refused(client, tmp_path):
    for unit, number in (("s", 10**13), ("ms", 10**16), ("s", -(10**13))):
        with pytest.raises(hw.InvalidArgument, match=rf"row 1, column 't': {number} (milli)?seconds since 1970 do not fit a timestamp"):
            client.write("g", csv(tmp_path, ["id,t", f"1,{number}"]), time_unit=unit)
        with pytest.raises(hw.InvalidArgument, match="^at: .* do not fit a timestamp"):
            client.get_online_features("g:x", {"id": [1]}, at=number, time_unit=unit)
    with pytest.raises(hw.InvalidArgument, match="^at: "):
        client.get_online_features("g:x", {"id": [1]}, at=2**70)


def test_nanoseconds_are_cut_to_their_microsecond(client):
    first = next(_keys)
    numbers = [SECONDS * 10**9 + 1_999, -1, None]
    position = client.write("g", {"id": [first, first + 1, first + 2], "t": ["2026-01-05"] * 3, "when": numbers}, time_unit="ns")
    got = client.get_online_features("g:when", {"id": [first, first + 1, first + 2]}, min_position=position).to_arrow()["when"]
    assert got.cast(pa.int64()).to_pylist() == [MICROSECONDS + 1, -1, None]


def test_a_unit_that_is_none_is_refused_before_anything_is_asked(client):
    for call in (
        lambda: client.write("g", {"id": [1], "t": [1]}, time_unit="seconds"),
        lambda: client.delete("g", {"id": [1]}, time_unit="m"),
        lambda: client.get_online_features("g:x", {"id": [1]}, time_unit=1),
        lambda: client.get_historical_features({"id": [1], "event_time": [1]}, "g:x", time_unit="h"),
        lambda: client.scan("g", time_unit="h"),
        lambda: client.latest("g", time_unit=""),
    ):
        with pytest.raises(hw.InvalidArgument, match=r"^time_unit: .* is no unit of time: 's', 'ms', 'us' or 'ns'"):
            call()


@pytest.mark.parametrize("is_delete", [False, True])
def test_tables_written_together_are_judged_whole(client, tmp_path, is_delete):
    rows = 17_000
    lines = ["id,t", *(f"900000,{5 if row < rows - 1 else MICROSECONDS}" for row in range(rows))]
    first = ndjson(tmp_path, [{"id": 900_000, "t": 5 if row < rows - 1 else MICROSECONDS} for row in range(rows)])
    work = client.delete if is_delete else client.write
    if not is_delete:
        assert work({"g": first}).rows == rows == work("g", first).rows
        assert work({"g": csv(tmp_path, lines)}).rows == rows
    else:
        assert work("g", first).rows == rows
    second = ndjson(tmp_path, [{"id": 900_000, "t": 5 if row < rows - 1 else 6} for row in range(rows)])
    for given in ([second], [{"g": second}])[: 1 if is_delete else 2]:
        with pytest.raises(hw.InvalidArgument, match=r"t\.ndjson: row 1, column 't': the time 5 lies outside"):
            work(*(given if isinstance(given[0], dict) else ["g", *given]))


@pytest.mark.parametrize("seed", range(3))
def test_random_numbers_of_every_unit_are_refused_or_read_rightly(client, tmp_path, seed):
    chance = random.Random(seed)
    for _ in range(20):
        unit = chance.choice(["s", "ms", "us", "ns"])
        seconds = [chance.randint(31_536_000, 7_289_654_399) for _ in range(3)]
        first = next(_keys)
        path = csv(tmp_path, ["id,t,when"] + [f"{first + row},2026-01-05,{second * FACTORS[unit]}" for row, second in enumerate(seconds)])
        if unit != "us":
            with pytest.raises(hw.InvalidArgument, match=f"time_unit='{unit}'"):
                client.write("g", path)
        position = client.write("g", path, time_unit=chance.choice([unit, None]) if unit == "us" else unit)
        got = client.get_online_features("g:when", {"id": [first, first + 1, first + 2]}, min_position=position).to_arrow()["when"]
        assert got.cast(pa.int64()).to_pylist() == [second * 1_000_000 for second in seconds], f"seed {seed}"


def test_asyncio_takes_the_same_units(server, client):
    async def work() -> None:
        async with await hw.aio.connect(server.address, "number-times") as other:
            key = next(_keys)
            position = await other.write("g", {"id": [key], "t": [SECONDS], "x": [9]}, time_unit="s")
            got = await other.get_online_features("g:x", {"id": [key]}, min_position=position, at=SECONDS, time_unit="s")
            assert got.to_dict()["x"] == [9]
            spine = {"id": [key], "event_time": [SECONDS]}
            joined = await other.get_historical_features(spine, "g:x", time_unit="s", min_position=position)
            assert (await joined.to_dict())["x"] == [9]
            scanned = await other.scan("g", start=SECONDS, keys={"id": [key]}, time_unit="s")
            assert (await scanned.to_arrow()).num_rows == 1
            assert (await (await other.latest("g", at=SECONDS, keys={"id": [key]}, time_unit="s")).to_dict())["x"] == [9]
            await other.delete("g", {"id": [key], "t": [SECONDS + 1]}, time_unit="s")
            for call in (
                other.get_online_features("g:x", {"id": [key]}, at=SECONDS), other.scan("g", start=SECONDS), other.latest("g", at=SECONDS),
            ):  # fmt: skip
                with pytest.raises(hw.InvalidArgument, match="time_unit='s'"):
                    await call

    asyncio.run(work())


@pytest.mark.parametrize("seed", range(3))
def test_an_instant_of_any_form_is_the_one_that_a_column_of_it_gives(seed):
    """One time is read on a path of its own, since a column of one costs a hundred times as much."""
    chance = random.Random(seed)
    for _ in range(300):
        time = pd.Timestamp(chance.randint(-62_135_596_800_000_000, 253_402_300_799_999_999), unit="us")
        day = time.strftime("%Y-%m-%d").rjust(10, "0")
        zone = chance.choice(["", "Z", "z", "+00:00", f"{chance.choice('+-')}{chance.randint(0, 23):02}:{chance.randint(0, 59):02}"])
        fraction = chance.choice(
            ["", f".{chance.randint(0, 9)}", f".{chance.randint(0, 10**6 - 1):06}", f".{chance.randint(0, 10**9 - 1):09}"]
        )
        text = chance.choice([day, f"{day}{chance.choice('Tt ')}{time:%H:%M:%S}{fraction}{zone}"])
        assert microseconds(text, "at") == convert.instants_of_text(pa.array([text]), None).cast(pa.int64())[0].as_py(), (
            f"seed {seed}: {text}"
        )
    for _ in range(100):
        time = pd.Timestamp(chance.randint(0, 2**50), unit="us", tz=chance.choice([None, "UTC", "Europe/Berlin", "America/St_Johns"]))
        wanted = time.tz_convert("UTC") if time.tzinfo else time.tz_localize("UTC")
        for form in (time, time.to_pydatetime(), wanted.tz_localize(None).to_datetime64(), wanted.isoformat()):
            assert microseconds(form, "at") == int(wanted.tz_localize(None).to_datetime64().astype("M8[us]").astype("int64")), (
                f"seed {seed}"
            )
    assert microseconds(pd.Timestamp("2024-01-01").date(), "at") == microseconds("2024-01-01", "at") == 1_704_067_200_000_000
    for wrong in ("2024-13-01", "2024-01-01T24:00:00Z", "soon", "", "２０２４-01-01", "2024-01-01T10:00:00+99:00", "2024-01-01\n"):
        with pytest.raises(hw.InvalidArgument, match="^at: "):
            microseconds(wrong, "at")


def test_further_columns_of_a_spine_that_become_times_follow_the_same_rule(client, tmp_path):
    many = 20_000
    rows = [{"id": 1, "event_time": "2026-01-05", "lab": "2024-01-01", "labs": None}] * many
    for unit in ("s", "ms", "ns"):
        number = SECONDS * FACTORS[unit]
        for name, cell in (("lab", number), ("labs", [number, None])):
            types = {"lab": "timestamp"} if name == "lab" else {"labs": "array(timestamp)"}
            spines = [ndjson(tmp_path, [{"id": 1, "event_time": "2026-01-05", name: cell}])]
            text = json.dumps(cell).replace('"', '""')
            spines.append(csv(tmp_path, [f"id,event_time,{name}", f'1,2026-01-05,"{text}"']))
            # Behind many rows that say nothing.
            spines.append(ndjson_at(tmp_path / "late.ndjson", [*rows, {"id": 1, "event_time": "2026-01-05", name: cell}]))
            for path in spines:
                with pytest.raises(hw.InvalidArgument, match=rf"{path.name}: row \d+, column '{name}': the time " + refused(unit, number)):
                    client.get_historical_features(path, "g:x", spine_types=types).to_arrow()
                made = client.get_historical_features(path, "g:x", spine_types=types, time_unit=unit).to_arrow()[name].to_pylist()
                assert made[-1] == ([MOMENT, None] if name == "labs" else MOMENT)
    # One that lies in our time speaks for all.
    path = ndjson(tmp_path, [{"id": 1, "event_time": "2026-01-05", "lab": lab} for lab in (5, MICROSECONDS)])
    assert client.get_historical_features(path, "g:x", spine_types={"lab": "timestamp"}).to_arrow()["lab"].to_pylist()[1] == MOMENT
    path = ndjson(tmp_path, [{"id": 1, "event_time": time} for time in (*["2026-01-05"] * many, SECONDS)])
    with pytest.raises(hw.InvalidArgument, match=f"row {many + 1}, column 'event_time': the time " + refused("s", SECONDS)):
        client.get_historical_features(path, "g:x").to_arrow()


def ndjson_at(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_bounds_of_times_in_another_unit_are_refused_and_shown_as_times(client):
    def group(name: str, **checks: Any) -> hw.FeatureGroup:
        return hw.FeatureGroup(name, hw.Entity("e", {"id": "int64"}), [hw.Feature("when", "timestamp", checks=checks)], event_time="t")

    for unit in ("s", "ms", "ns"):
        for bound in ("min", "max"):
            with pytest.raises(
                hw.InvalidArgument, match=f"the time {SECONDS * FACTORS[unit]} is .* it is 2023-11-14T22:13:20.000000Z: write"
            ):
                client.plan([group("bounded", **{bound: SECONDS * FACTORS[unit]})])
    text = str(client.plan([group("bounded", min=MICROSECONDS, max="2100-01-01")]))
    assert "min: 2023-11-14T22:13:20.000000Z, max: 2100-01-01T00:00:00.000000Z" in text
    for bound in (0, 5, "1900-01-01", -(2**62)):
        client.plan([group("bounded", min=bound)])
