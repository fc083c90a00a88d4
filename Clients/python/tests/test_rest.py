"""The store's calls by HTTP: every type in every form, against the client's answers."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest

import headwater as hw

from .listeners import ARROW, JSON, NDJSON, Listener, Rest, orders
from .support import FEATURES, all_types, assert_same, edge_table, exact, read_back


@pytest.fixture
def client(listener: Listener, rest: Rest) -> Iterator[hw.Client]:
    with hw.connect(listener.address, rest.project) as connected:
        yield connected


def spelt(cell: Any, type: pa.DataType) -> Any:
    """A cell, as Arrow gives it, as JSON spells it."""
    if cell is None:
        return None
    if pa.types.is_list(type) or pa.types.is_fixed_size_list(type):
        return [spelt(element, type.value_type) for element in cell]
    if pa.types.is_float32(type) and math.isfinite(cell):
        return float(str(np.float32(cell)))
    if pa.types.is_floating(type):
        return cell if math.isfinite(cell) else "NaN" if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    if pa.types.is_binary(type):
        return base64.b64encode(cell).decode()
    return cell


def columns(table: pa.Table) -> dict[str, list[Any]]:
    """A table's columns as JSON cells; times as whole microseconds."""
    made = {}
    for name in table.schema.names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        elif pa.types.is_list(column.type) and pa.types.is_timestamp(column.type.value_type):
            column = column.cast(pa.list_(pa.int64()))
        made[name] = [spelt(cell, column.type) for cell in column.to_pylist()]
    return made


def rows(table: pa.Table) -> list[dict[str, Any]]:
    cells = columns(table)
    return [{name: cells[name][row] for name in cells} for row in range(table.num_rows)]


def arrow(body: bytes) -> pa.Table:
    table = pyarrow.ipc.open_stream(io.BytesIO(body)).read_all()
    table.validate(full=True)
    return table


@pytest.mark.parametrize("form", ["columns", "rows", "ndjson", "gzip"])
def test_every_type_is_written_and_read_as_by_a_client(rest: Rest, client: hw.Client, form: str) -> None:
    all_types(client)
    table = edge_table()
    # A time of another year than 1971 to 2200 says its unit.
    if form == "columns":
        written = rest.done("/groups/all/rows", {"columns": columns(table), "time_unit": "us"})
    elif form == "rows":
        written = rest.done("/groups/all/rows", {"rows": rows(table), "time_unit": "us"})
    else:
        body = "".join(json.dumps(row, ensure_ascii=form == "gzip") + "\n" for row in rows(table)).encode()
        headers = {"content-encoding": "gzip"} if form == "gzip" else {}
        path = f"/v1/projects/{rest.project}/groups/all/rows?time_unit=us"
        status, _, answer = rest.raw("POST", path, gzip.compress(body) if form == "gzip" else body, **NDJSON, **headers)
        assert status == 200, answer
        written = json.loads(answer)
    assert (written["rows"], written["group"]) == (table.num_rows, "all@1")
    wanted = read_back(client, table, written["position"])
    for path, found in wanted.items():
        assert_same(found, table.drop_columns(["time"]), payloads=False), path

    # Read: the same by HTTP as by the client.
    features = [f"all:{name}" for name in FEATURES]
    got = rest.done("/online:get", {"features": features, "entities": {"id": table["id"].to_pylist()}})
    assert got["rows"] == table.num_rows and got["position"] >= written["position"]
    online = columns(wanted["get"])
    for name, type in FEATURES.items():
        assert got["features"][name]["type"] == type
        times = "timestamp" in type
        assert got["features"][name]["values"] == (online[name] if not times else timed(wanted["get"][name])), name
    scanned = arrow(rest.get(f"/groups/all/scan?min_position={written['position']}", ARROW)[2])
    assert_same(scanned, client.scan("all").to_arrow(), payloads=False)
    spine = {"columns": {"id": table["id"].to_pylist(), "event_time": ["2026-01-01T00:00:00Z"] * table.num_rows}}
    status, body = rest.post("/history", {"features": features, "spine": spine}, accept=ARROW)
    assert status == 200
    assert_same(arrow(body), wanted["history"].drop_columns(["event_time"]), payloads=False)


def timed(column: pa.ChunkedArray) -> list[Any]:
    """Times as texts."""

    def text(microseconds: int | None) -> str | None:
        if microseconds is None:
            return None
        seconds, rest = divmod(microseconds, 1_000_000)
        days, second = divmod(seconds, 86_400)
        # A calendar of its own: Python's ends before 10000.
        era, day = divmod(days + 719_468, 146_097)
        year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
        day -= 365 * year + year // 4 - year // 100
        month = (5 * day + 2) // 153
        date = (year + era * 400 + (month >= 10), month + 3 if month < 10 else month - 9, day - (153 * month + 2) // 5 + 1)
        return f"{date[0]:04}-{date[1]:02}-{date[2]:02}T{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}.{rest:06}Z"

    cells = exact(column)
    if pa.types.is_list(column.type):
        cells = [None if cell is None else cell.cast(pa.int64()).to_pylist() if hasattr(cell, "cast") else cell for cell in cells]
        return [None if cell is None else [text(element) for element in cell] for cell in cells]
    return [text(cell) for cell in cells]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/csv"])
def test_rows_as_text_are_those_of_the_command(rest: Rest, client: hw.Client, accept: str) -> None:
    orders(client)
    client.write("orders", {"id": [2, 1], "at": ["2026-01-01T00:00:00Z"] * 2, "total": [1.5, None], "name": ['a,"b"', None]})
    position = int(client.write("orders", {"id": [1], "at": ["2026-01-02T00:00:00Z"], "n": [2**53 + 1]}))
    path = f"/groups/orders/scan?columns=total,n,name&brief=true&min_position={position}"
    status, headers, body = rest.get(path, accept)
    assert status == 200 and headers["content-type"] == accept and headers["trailer"] == "headwater-position"
    if accept == "text/csv":
        assert body.decode() == (
            "id,at,total,n,name\n1,2026-01-01T00:00:00.000000Z,,,\n1,2026-01-02T00:00:00.000000Z,,9007199254740993,\n"
            '2,2026-01-01T00:00:00.000000Z,1.5,,"a,""b"""\n'
        ).replace("at,total", "event_time,total")
    else:
        found = [json.loads(line) for line in body.splitlines()]
        assert [row["id"] for row in found] == [1, 1, 2] and found[1]["n"] == 2**53 + 1 and found[2]["name"] == 'a,"b"'
    latest = rest.get("/groups/orders/latest?brief=true", "application/x-ndjson")[2]
    assert [json.loads(line)["n"] for line in latest.splitlines()] == [2**53 + 1, None]
    ranged = rest.get("/groups/orders/scan?start=2026-01-02T00:00:00Z&end=2026-01-03T00:00:00Z", "application/x-ndjson")[2]
    assert len(ranged.splitlines()) == 1
    assert rest.get("/groups/orders/scan", "application/xml")[0] == 406


def test_numbers_that_not_every_language_has(rest: Rest, client: hw.Client) -> None:
    orders(client)
    rows = [
        {"id": "9223372036854775807", "at": 1_767_225_600_000_000, "n": "-9223372036854775808", "total": "-Infinity"},
        {"id": 1, "at": "2026-01-01T00:00:00.000001+01:00", "n": 9007199254740993, "total": 1e308},
    ]
    rest.done("/groups/orders/rows", {"rows": rows})
    entities = {"id": ["9223372036854775807", 1]}
    found = rest.done("/online:get", {"features": ["orders:n", "orders:total"], "entities": entities})["features"]
    assert found["n"]["values"] == [-(2**63), 2**53 + 1] and found["total"]["values"] == ["-Infinity", 1e308]
    found = rest.done("/online:get", {"features": ["orders:n"], "entities": entities, "int64": "string", "event_times": True})
    assert found["features"]["n"]["values"] == ["-9223372036854775808", "9007199254740993"]
    assert found["features"]["n"]["event_times"] == ["2026-01-01T00:00:00.000000Z", "2025-12-31T23:00:00.000001Z"]
    path = f"/v1/projects/{rest.project}/groups/orders/rows"
    line = b'{"id":"9223372036854775806","at":"2026-01-01T00:00:00Z","n":"9007199254740993"}\n'
    assert rest.raw("POST", path, line, **NDJSON)[0] == 200
    found = rest.done("/online:get", {"features": ["orders:n"], "entities": {"id": ["9223372036854775806"]}})
    assert found["features"]["n"]["values"] == [2**53 + 1]


def test_statuses_positions_and_max_age(rest: Rest, client: hw.Client) -> None:
    group = hw.FeatureGroup("seen", hw.Entity("customer", {"id": "int64"}), {"x": "int64"}, event_time="at", max_age="1h")
    client.apply([group])
    position = client.write("seen", {"id": [1, 2], "at": ["2026-01-01T00:00:00Z"] * 2, "x": [5, None]})
    body = {"features": ["seen:x"], "entities": {"id": [1, 2, 3, None]}, "min_position": str(int(position))}
    found = rest.done("/online:get", {**body, "at": "2026-01-01T01:00:00Z"})
    assert found["features"]["x"]["statuses"] == ["PRESENT", "NULL_VALUE", "NOT_FOUND", "NOT_FOUND"]
    assert found["features"]["x"]["values"] == [5, None, None, None] and found["position"] >= position
    found = rest.done("/online:get", {**body, "at": "2026-01-01T01:00:01Z", "statuses": False})
    assert found["features"]["x"] == {"type": "int64", "values": [None] * 4}


def test_history_is_row_for_row(rest: Rest, client: hw.Client) -> None:
    orders(client)
    times = ["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"]
    position = client.write("orders", {"id": [1, 1], "at": times, "total": [1.0, 3.0]})
    spine = [
        {"id": 1, "when": "2026-01-02T00:00:00Z"}, {"id": 1, "when": "2026-01-04T00:00:00Z"}, {"id": 9, "when": times[0]},
        {"id": None, "when": times[0]}, {"id": 1, "when": "2025-01-01T00:00:00Z"},
    ]  # fmt: skip
    body = {"features": ["orders:total"], "spine": {"rows": spine}, "spine_time": "when", "statuses": True}
    status, answer = rest.post("/history", {**body, "min_position": int(position)}, accept="application/x-ndjson")
    assert status == 200, answer
    found = [json.loads(line) for line in answer.splitlines()]
    assert [row["total"] for row in found] == [1.0, 3.0, None, None, None]
    assert [row["total__status"] for row in found] == ["PRESENT", "PRESENT", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]
    assert [row["id"] for row in found] == [1, 1, 9, None, 1] and found[0]["when"] == "2026-01-02T00:00:00.000000Z"
    client.write("orders", {"id": [1], "at": ["2026-01-02T00:00:00Z"], "total": [2.0]})
    status, answer = rest.post("/history", {**body, "as_of": int(position)}, accept="application/x-ndjson")
    assert json.loads(answer.splitlines()[0])["total"] == 1.0
    big = {"columns": {"id": [1] * 150_000, "event_time": ["2026-01-05T00:00:00Z"] * 150_000}}
    status, answer = rest.post("/history", {"features": ["orders:total"], "spine": big}, accept=ARROW)
    assert status == 200 and arrow(answer)["total"].to_pylist() == [3.0] * 150_000
    assert rest.refused("/history", {"features": ["orders:total"], "spine": {"rows": [{"id": 1}]}})[0] == 400


def test_definitions(rest: Rest, client: hw.Client) -> None:
    group = {"name": "g", "entity": "e", "event_time": "at", "features": [{"name": "x", "type": "int64"}]}
    definitions = {"entities": [{"name": "e", "keys": [{"name": "k", "type": "string"}]}], "feature_groups": [group]}
    assert [item["action"] for item in rest.done("/plan", definitions)["items"]] == ["created", "created"]
    assert client.list()["feature_groups"] == []
    rest.done("/apply", definitions)
    assert json.loads(rest.get("")[2])["feature_groups"][0]["name"] == "g"
    assert json.loads(rest.get("/definitions/g")[2])["feature_groups"][0]["columns"][0]["name"] == "k"
    assert json.loads(rest.get("/search?q=G")[2])["feature_groups"]
    assert rest.project in json.loads(rest.raw("GET", "/v1/projects")[2])["projects"]
    assert rest.get("/definitions/nothing")[0] == 404
    assert rest.refused("/apply", {"feature_groups": [{**group, "entity": "none"}]})[0] in (400, 412)


def test_deletes(rest: Rest, client: hw.Client) -> None:
    orders(client)
    client.write("orders", {"id": [1], "at": ["2026-01-01T00:00:00Z"], "total": [1.0]})
    assert rest.done("/groups/orders/rows:delete", {"rows": [{"id": 1, "at": "2026-01-02T00:00:00Z"}]})["rows"] == 1
    found = rest.done("/online:get", {"features": ["orders:total"], "entities": {"id": [1]}})
    assert found["features"]["total"]["statuses"] == ["NOT_FOUND"]
    older = rest.done("/groups/orders/rows", {"rows": [{"id": 1, "at": "2026-01-01T12:00:00Z"}]})
    assert older["rows_behind_tombstone"] == 1


def test_a_large_answer_comes_whole_where_the_connection_closes(rest: Rest, client: hw.Client) -> None:
    orders(client)
    rows = 60_000
    cells = {"id": range(rows), "at": ["2026-01-01T00:00:00Z"] * rows, "name": ["n" * 100] * rows}
    position = int(client.write("orders", {name: list(column) for name, column in cells.items()}))
    for path, least in [(f"/groups/orders/scan?min_position={position}", 8 << 20), ("/groups/orders/latest", 8 << 20)]:
        status, _, body = rest.raw("GET", f"/v1/projects/{rest.project}{path}", connection="close", accept="text/csv")
        assert status == 200 and len(body) > least and body.count(b"\n") == rows + 1
    wanted = json.dumps({"features": ["orders:name"], "entities": {"id": list(range(rows))}}).encode()
    for _ in range(3):
        path = f"/v1/projects/{rest.project}/online:get"
        status, headers, body = rest.raw("POST", path, wanted, **JSON, connection="close")
        assert status == 200 and len(json.loads(body)["features"]["name"]["values"]) == rows
        assert headers["connection"] == "close"


def test_old_names_are_taken_and_removed_ones_are_not(rest: Rest, client: hw.Client) -> None:
    customer = hw.Entity("customer", {"id": "int64"})
    client.apply([hw.FeatureGroup("orders", customer, {"total": "float64", "gone": "int64"}, event_time="at")])
    client.remove("feature", "orders:gone")
    renamed = [hw.Feature("amount", "float64", renamed_from=["total"])]
    client.apply([hw.FeatureGroup("orders", customer, renamed, event_time="at")])
    row = {"id": 1, "at": "2026-01-01T00:00:00Z"}
    rest.done("/groups/orders/rows", {"rows": [{**row, "total": 1.5}]})
    path = f"/v1/projects/{rest.project}/groups/orders/rows"
    line = json.dumps({**row, "id": 2, "total": 2.5}).encode()
    assert rest.raw("POST", path, line, **NDJSON)[0] == 200
    found = rest.done("/online:get", {"features": ["orders:amount"], "entities": {"id": [1, 2]}})
    assert found["features"]["amount"]["values"] == [1.5, 2.5]
    status, text = rest.refused("/groups/orders/rows", {"rows": [{**row, "gone": 1}]})
    assert status == 400 and "unknown column 'gone'; there are id, at, amount" in text


def test_the_examples_of_the_page_run_in_their_order_and_answer_as_printed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/rest.md").read_text()
    blocks = [re.sub("(?m)^    ", "", block) for block in re.findall(r"(?:^    .*\n)+", page, re.MULTILINE)]
    listener = Listener(tmp_path, "--http-writes")
    try:
        said = [
            subprocess.run(
                ["bash", "-ec", block.replace("127.0.0.1:7072", f"127.0.0.1:{listener.port}")], capture_output=True, check=True
            ).stdout.decode()
            for block in blocks
            if "curl" in block
        ]
    finally:
        listener.stop()
    made, got, history = said
    assert '"action":"created"' in made and '"rows":1' in made
    printed = next(block for block in blocks if block.startswith('{"position"'))
    assert json.loads(got) == json.loads(printed)
    assert history.splitlines()[1:] == ["7,2026-01-01T00:00:00.000000Z,12.5", "7,2025-01-01T00:00:00.000000Z,"]
