"""The store's calls by HTTP: what is refused and how, retries, other services, made-up requests."""

from __future__ import annotations

import functools
import gzip
import json
import resource
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw

from .listeners import JSON, NDJSON, Listener, Rest, orders


@pytest.fixture
def client(listener: Listener, rest: Rest) -> Iterator[hw.Client]:
    with hw.connect(listener.address, rest.project) as connected:
        yield connected


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"rows": [{"id": 1, "at": "2026-01-01T00:00:00Z"}, {"id": 2, "at": "soon"}]}, "rows[1].at: 'soon' is not a time"),
        ({"rows": [{"id": 1, "at": 1_767_225_600}]}, "time_unit"),
        ({"rows": [{"at": "2026-01-01T00:00:00Z"}]}, "rows[0]: 'id' is missing"),
        ({"rows": [{"id": None, "at": "2026-01-01T00:00:00Z"}]}, "rows[0].id: null"),
        ({"rows": [{"id": 2**63, "at": "2026-01-01T00:00:00Z"}]}, "rows[0].id: '9223372036854775808' is beyond the range"),
        ({"rows": [{"id": 1.5, "at": "2026-01-01T00:00:00Z"}]}, "rows[0].id: '1.5' is not an int64"),
        ({"rows": [{"id": 1, "at": "2026-01-01T00:00:00Z", "totl": 1}]}, "rows[0]: unknown column 'totl'"),
        ({"rows": [1]}, "rows[0]: '1' where a row is an object"),
        ({"rows": {}}, "rows: an object is not a list"),
        ({"columns": {"id": [1, 2], "at": ["2026-01-01T00:00:00Z"]}}, "1 cell"),
        ({"columns": {"id": [1], "at": ["2026-01-01T00:00:00Z"], "x": [1]}}, "unknown member 'x'"),
        ({"columns": {"id": 1, "at": []}}, "columns.id: '1' is not a list"),
        ({"columns": {"at": []}}, "'id' is missing"),
        ({"rows": [], "columns": {}}, "give either"),
        ({}, "give either"),
        ({"rows": []}, "no rows"),
        ({"row": []}, "unknown member 'row'"),
        ({"rows": [{"id": 1, "at": "2036-01-01T00:00:00Z"}]}, "in the future"),
    ],
)
def test_bad_rows_are_named_and_nothing_is_written(rest: Rest, client: hw.Client, body: Any, says: str) -> None:
    orders(client)
    status, text = rest.refused("/groups/orders/rows", body)
    assert status == 400 and says in text, text
    assert client.scan("orders").to_arrow().num_rows == 0


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"features": ["orders:nope"], "entities": {"id": [1]}}, 404, "no feature 'nope'"),
        ({"features": ["nope:total"], "entities": {"id": [1]}}, 404, "nope"),
        ({"features": ["orders:total"], "entities": {"id": ["x"]}}, 400, "entities.id[0]"),
        ({"features": ["orders:total"], "entities": {"id": 1}}, 400, "entities.id"),
        ({"features": ["orders:total"], "entities": {}}, 400, "'id' (int64) is missing"),
        ({"features": ["orders:total"]}, 400, "give 'entities'"),
        ({"features": []}, 400, "name either"),
        ({"features": ["orders:total"], "service": "s"}, 400, "name either"),
        ({"features": "orders:total"}, 400, "features: the string"),
        ({"features": ["orders:total"], "entities": {"id": [1]}, "min_position": -1}, 400, "min_position"),
        ({"features": ["orders:total"], "entities": {"id": [1]}, "min_position": 10**12}, 400, "10"),
    ],
)
def test_bad_gets(rest: Rest, client: hw.Client, body: Any, status: int, says: str) -> None:
    orders(client)
    found, text = rest.refused("/online:get", body)
    assert says in text, text
    assert found == status or (found, body.get("min_position")) in {(504, 10**12), (400, 10**12)}


def test_a_name_that_is_listed_twice(rest: Rest, client: hw.Client) -> None:
    orders(client)
    twice = ["orders:total", "orders:n", "orders:total"]
    spine = {"columns": {"id": [1], "event_time": ["2026-01-01T00:00:00Z"]}}
    for path, body in [("/online:get", {"entities": {"id": [1]}}), ("/history", {"spine": spine})]:
        status, text = rest.refused(path, {"features": twice, **body})
        assert status == 400 and "it is listed twice" in text
    for path in ("scan", "latest"):
        status, _, answer = rest.get(f"/groups/orders/{path}?columns=total,n,total")
        assert status == 400 and "'total' is listed twice" in json.loads(answer)["detail"]
    with pytest.raises(hw.InvalidArgument, match="'n' is listed twice"):
        client.scan("orders", ["n", "n"]).to_arrow()


def test_definitions_that_name_a_member_twice(rest: Rest, client: hw.Client) -> None:
    body = b'{"entities": [{"name": "e", "keys": [], "name": "f"}]}'
    status, _, answer = rest.raw("POST", f"/v1/projects/{rest.project}/apply", body, **JSON)
    assert status == 400 and "'entities[0].name' is given twice" in json.loads(answer)["detail"]


def test_bodies_that_are_no_requests(rest: Rest, client: hw.Client) -> None:
    orders(client)
    path = f"/v1/projects/{rest.project}/groups/orders/rows"
    for body, status in [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"rows":[],"rows":[]}', 400), (b"\xff", 400), (b'{"a":1e}', 400)]:
        assert rest.raw("POST", path, body, **JSON)[0] == status, body
    assert rest.raw("POST", path, b"{}")[0] == 415
    assert rest.raw("POST", path, b"{}", content_type="text/plain")[0] == 415
    assert rest.raw("POST", path, b"x", **JSON, content_encoding="gzip")[0] == 400
    assert rest.raw("POST", path, gzip.compress(b'{"rows":[]}')[:-6], **JSON, content_encoding="gzip")[0] == 400
    assert rest.raw("POST", path, b"x", **JSON, content_encoding="br")[0] == 415
    assert rest.raw("DELETE", path)[0] == 405
    # A little that unpacks to more than is taken.
    assert rest.raw("POST", path, gzip.compress(b" " * (80 << 20)), **JSON, content_encoding="gzip")[0] == 413
    assert rest.raw("GET", f"/v1/projects/{rest.project}/groups/orders/scan?as_of=x")[0] == 400
    assert rest.raw("GET", f"/v1/projects/{rest.project}/groups/orders/scan?nope=1")[0] == 400
    assert rest.raw("GET", f"/v1/projects/{'a' * 200}")[0] == 400
    assert rest.raw("GET", "/v1/projects/%00")[0] == 400


def test_ndjson_goes_in_batches_and_says_how_far_it_came(rest: Rest, client: hw.Client) -> None:
    orders(client)
    path = f"/v1/projects/{rest.project}/groups/orders/rows"

    def lines(count: int, bad: int | None = None) -> Iterator[bytes]:
        for first in range(0, count, 1_000):
            numbers = range(first, min(count, first + 1_000))
            yield "".join(
                json.dumps({"id": number, "at": "x" if number == bad else "2026-01-01T00:00:00Z", "name": "n" * 100}) + "\n"
                for number in numbers
            ).encode()

    status, _, answer = rest.raw("POST", path, lines(100_000), **NDJSON)
    assert status == 200 and json.loads(answer)["rows"] == 100_000 and json.loads(answer)["writes"] > 1
    position = json.loads(answer)["position"]
    assert client.scan("orders", ["n"], min_position=position).to_arrow().num_rows == 100_000
    status, headers, answer = rest.raw("POST", path, lines(100_000, bad=99_000), **NDJSON)
    assert status == 400 and "were written" in json.loads(answer)["detail"]
    assert "row 99001 (line 99001)" in json.loads(answer)["location"]
    position = client.status()["online"]["durable_position"]
    found = client.scan("orders", ["n"], min_position=position).to_arrow().num_rows
    assert found == 100_000 + int(headers["headwater-rows-written"])
    assert rest.raw("POST", path, b"\n\n", **NDJSON)[0] == 400


def test_unfinished_lines_hold_memory_that_others_are_refused(rest: Rest, client: hw.Client) -> None:
    orders(client)
    path = f"/v1/projects/{rest.project}/groups/orders/rows"
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: 50000000\r\n\r\n"
    refused = 0
    crowd: list[socket.socket] = []
    try:
        for _ in range(12):
            crowd.append(socket.create_connection(("127.0.0.1", rest.listener.port), timeout=60))
            crowd[-1].sendall(head.encode() + b'{"id":' + b" " * (15 << 20))
        until = time.monotonic() + 30
        while refused == 0 and time.monotonic() < until:
            for one in crowd:
                one.setblocking(False)
                try:
                    refused += one.recv(65536).startswith(b"HTTP/1.1 503 ")
                except BlockingIOError:
                    pass
    finally:
        for one in crowd:
            one.close()
    assert refused > 0
    until = time.monotonic() + 30
    row = b'{"id":5,"at":"2026-01-01T00:00:00Z"}\n'
    while (status := rest.raw("POST", path, row, **NDJSON)[0]) == 503:
        assert time.monotonic() < until
    assert status == 200


def test_a_key_is_free_after_a_refusal_before_anything_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Who starts it ignores the signal of a file's limit, which then is an error of the log.
    monkeypatch.setattr(subprocess, "Popen", functools.partial(subprocess.Popen, restore_signals=False))
    listener = Listener(tmp_path, "--http-writes")
    rest = Rest(listener, "shop")
    body = {"rows": [{"id": 1, "at": "2026-01-01T00:00:00Z"}]}
    with hw.connect(listener.address, "shop") as client:
        orders(client)
    rest.done("/groups/orders/rows", body, idempotency_key="written")
    resource.prlimit(listener.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    # Whether this one stands in the log nobody knows: its key stays taken.
    assert rest.refused("/groups/orders/rows", body, idempotency_key="lost")[0] == 503
    assert rest.refused("/groups/orders/rows", body, idempotency_key="lost")[0] == 409
    began = time.monotonic()
    for _ in range(2):
        status, text = rest.refused("/groups/orders/rows", body, idempotency_key="refused")
        assert status == 503 and "no write is taken" in text
    assert time.monotonic() - began < 5
    assert rest.post("/groups/orders/rows", body, idempotency_key="written")[0] == 200
    listener.stop()


def test_a_retry_with_its_key_writes_once(rest: Rest, client: hw.Client) -> None:
    orders(client)
    body = {"rows": [{"id": 1, "at": "2026-01-01T00:00:00Z"}]}
    first = rest.done("/groups/orders/rows", body, idempotency_key="a")
    found: list[Any] = []

    def again() -> None:
        status, answer = rest.post("/groups/orders/rows", body, idempotency_key="a")
        found.append((status, json.loads(answer)))

    threads = [threading.Thread(target=again) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(200, first)] * 8
    assert client.scan("orders", min_position=first["position"]).to_arrow().num_rows == 1
    assert rest.refused("/groups/orders/rows", {"rows": body["rows"] * 2}, idempotency_key="a")[0] == 409
    # What was refused wrote nothing: its key is free.
    assert rest.refused("/groups/orders/rows", {"rows": [{"id": "x"}]}, idempotency_key="b")[0] == 400
    rest.done("/groups/orders/rows", body, idempotency_key="b")
    path = f"/v1/projects/{rest.project}/groups/orders/rows"
    row = b'{"id":5,"at":"2026-01-01T00:00:00Z"}\n'
    answers = [rest.raw("POST", path, row * 3, **NDJSON, idempotency_key="c") for _ in range(2)]
    assert [answer[0] for answer in answers] == [200, 200] and answers[1][1]["idempotency-replayed"] == "true"
    position = json.loads(answers[0][2])["position"]
    assert client.scan("orders", min_position=position).to_arrow().num_rows == 5
    assert rest.refused("/groups/orders/rows", body, idempotency_key="k" * 300)[0] == 400
    # What else the request says belongs to it.
    path += "?time_unit="
    row = b'{"rows":[{"id":6,"at":1767225600}]}'
    assert rest.raw("POST", path + "s", row, **JSON, idempotency_key="d")[0] == 200
    assert rest.raw("POST", path + "ms", row, **JSON, idempotency_key="d")[0] == 409


def test_who_goes_away_finds_its_write_by_its_key(rest: Rest, client: hw.Client) -> None:
    orders(client)
    path = f"/v1/projects/{rest.project}/groups/orders/rows"
    for number in range(40):
        body = json.dumps({"rows": [{"id": number, "at": "2026-01-01T00:00:00Z"}]}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            f"idempotency-key: {number}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", rest.listener.port), timeout=30) as connection:
            connection.sendall(head.encode() + body)
            time.sleep(number / 8_000)
        until = time.monotonic() + 30
        while (status := rest.raw("POST", path, body, **JSON, idempotency_key=str(number))[0]) == 409:
            assert time.monotonic() < until
        assert status == 200
    position = client.status()["online"]["durable_position"]
    assert client.scan("orders", min_position=position).to_arrow().num_rows == 40


def test_writes_need_their_flag(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    rest = Rest(listener, "shop")
    for path in ["/groups/orders/rows", "/groups/orders/rows:delete", "/apply"]:
        status, text = rest.refused(path, {"rows": []})
        assert status == 403 and "--http-writes" in text
    assert rest.post("/plan", {"entities": []})[0] == 200
    assert listener.stop() == 0


def test_a_call_of_the_other_role_names_its_address(tmp_path: Path) -> None:
    online = Listener(tmp_path, "--http-writes", role="online")
    rest = Rest(online, "shop")
    status, text = rest.refused("/history", {})
    assert status == 421 and "no HTTP address" in text
    offline = Listener(tmp_path, role="offline", data=online.data)
    while offline.ask("/readyz")[0] != 200:
        time.sleep(0.02)
    status, headers, body = rest.get("/groups/orders/scan")
    assert status == 421 and headers["headwater-offline-address"] == f"http://127.0.0.1:{offline.port}"
    status, headers, body = Rest(offline, "shop").raw("POST", "/v1/projects/shop/online:get", b"{}", **JSON)
    assert status == 421 and f"http://127.0.0.1:{online.port}" in json.loads(body)["detail"]
    with hw.connect(online.address, "shop") as client:
        orders(client)
        position = client.write("orders", {"id": [1], "at": ["2026-01-01T00:00:00Z"], "total": [1.0]})
    scanned = Rest(offline, "shop").get(f"/groups/orders/scan?min_position={int(position)}", "application/x-ndjson")
    assert scanned[0] == 200 and len(scanned[2].splitlines()) == 1
    assert offline.stop() == 0 and online.stop() == 0


def test_feasts_shape(rest: Rest, client: hw.Client) -> None:
    orders(client)
    client.write("orders", {"id": [1], "at": ["2026-01-01T00:00:00Z"], "total": [1.5]})
    body = {"features": ["orders:total", "orders:n"], "entities": {"id": [1, 2]}, "project": rest.project}
    status, _, answer = rest.raw("POST", "/get-online-features", json.dumps(body).encode(), **JSON)
    assert status == 200
    found = json.loads(answer)
    assert found["metadata"] == {"feature_names": ["id", "total", "n"]}
    assert [result["values"] for result in found["results"]] == [[1, 2], [1.5, None], [None, None]]
    statuses = [["PRESENT"] * 2, ["PRESENT", "NOT_FOUND"], ["NULL_VALUE", "NOT_FOUND"]]
    assert [result["statuses"] for result in found["results"]] == statuses
    assert found["results"][1]["event_timestamps"] == ["2026-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000000Z"]


def test_definitions_that_move_under_a_get(rest: Rest, client: hw.Client) -> None:
    orders(client)
    client.write("orders", {"id": [1], "at": ["2026-01-01T00:00:00Z"], "total": [1.5]})
    body = {"features": ["orders:total"], "entities": {"id": [1]}}
    assert rest.done("/online:get", body)["features"]["total"]["values"] == [1.5]
    entity = hw.Entity("other", {"code": "string"})
    client.apply([hw.FeatureGroup("orders", entity, {"total": "string"}, event_time="at", version=2)])
    client.write("orders@2", {"code": ["a"], "at": ["2026-01-01T00:00:00Z"], "total": ["new"]})
    client.promote("group", "orders@2")
    # The first request may find what was remembered; from the second on the new meaning holds.
    rest.post("/online:get", {"features": ["orders:total"], "entities": {"code": ["a"]}})
    found = rest.done("/online:get", {"features": ["orders:total"], "entities": {"code": ["a"]}})
    assert found["features"]["total"] == {"type": "string", "values": ["new"], "statuses": ["PRESENT"]}


def test_the_description_is_valid(listener: Listener) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    document = json.loads(listener.ask("/openapi.json")[2])
    validator.validate(document)
    assert document["openapi"] == "3.1.0" and "/v1/projects/{project}/online:get" in document["paths"]
    assert "text/plain" in document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]


def test_made_up_requests_find_no_fault(listener: Listener) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    with hw.connect(listener.address, "fuzz") as client:
        orders(client)
    schema = schemathesis.openapi.from_dict(json.loads(listener.ask("/openapi.json")[2]))
    import hypothesis

    for result in schema.get_all_operations():
        operation = result.ok()

        @hypothesis.settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.seed(7)
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            if "project" in case.path_parameters:
                case.path_parameters["project"] = "fuzz"
            if "group" in case.path_parameters:
                case.path_parameters["group"] = "orders"
            response = case.call(base_url=f"http://127.0.0.1:{listener.port}", timeout=30)
            assert response.status_code < 500 or response.status_code in (501, 503, 504), (response.status_code, response.text)
            if response.status_code >= 400 and response.headers.get("content-type") == "application/problem+json":
                assert response.json()["status"] == response.status_code

        ask()
    assert listener.ask("/healthz")[0] == 200
