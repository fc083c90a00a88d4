"""Who is connected, what was slow and why, and the traces that requests belong to: by the client, the command and HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry import trace as opentelemetry
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import headwater as hw
from headwater._trace import extension

from .conftest import BINARY
from .test_http import Listener, fill

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{PARENT}-01"


class Collector:
    """Takes what is posted to it; refuses for as long as it is told to."""

    def __init__(self) -> None:
        collector = self
        self.bodies: list[tuple[str, str, bytes]] = []
        self.statuses: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = collector.statuses.pop(0) if collector.statuses else 200
                if status == 200:
                    collector.bodies.append((self.path, self.headers["content-type"], body))
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for _, _, body in self.bodies
            for resource in json.loads(body)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def wait(self, count: int) -> list[dict[str, Any]]:
        until = time.monotonic() + 30
        while len(self.spans()) < count:
            assert time.monotonic() < until, self.spans()
            time.sleep(0.05)
        return self.spans()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(tmp_path, "--log-slow", "50ms", "--log-format", "json")
    yield listener
    if listener.process.poll() is None:
        listener.stop()


def lines(listener: Listener, message: str) -> list[dict[str, str]]:
    logged = [json.loads(line) for line in listener.log.read_text().splitlines()]
    return [line["fields"] for line in logged if line["message"] == message]


def run(listener: Listener, *arguments: str, **environment: str) -> str:
    command = [BINARY, *arguments, "--address", listener.address]
    done = subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, **environment})
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return done.stdout.decode()


def test_who_is_connected(slow: Listener) -> None:
    fill(slow.address)
    before = time.time_ns() // 1000
    with hw.connect(slow.address, project="shop") as client:
        for _ in range(3):
            client.get_online_features(features=["orders:total"], entities={"id": [7]})
        (me,) = client.clients()["clients"]
        assert (me["name"], me["version"], me["project"]) == ("headwater-python", hw.__version__, "shop")
        assert me["address"] == f"unix pid={os.getpid()} uid={os.getuid()}"
        # The first get prepares its list; the last request is this report.
        assert (me["requests"], me["in_flight"]) == (5, 1)
        assert me["received_bytes"] > 300 and me["sent_bytes"] > 300
        assert before - 1_000_000 < me["opened_at"] <= me["last_heard"] + 1_000
        assert str(os.getpid()) in str(client.clients()) and "headwater-python" in str(client.clients())
        by_http = json.loads(slow.ask("/v1/clients")[2])["clients"]
        assert [found["connection"] for found in by_http] == [me["connection"]]
        shown = run(slow, "clients")
        assert "headwater-python" in shown and "headwater-cli" in shown and "2 connections" in shown
        assert {found["name"] for found in json.loads(run(slow, "clients", "--json"))["clients"]} == {"headwater-python", "headwater-cli"}

    async def by_asyncio() -> None:
        async with await hw.aio.connect(slow.address, project="shop") as client:
            (me,) = (await client.clients())["clients"]
            assert me["name"] == "headwater-python-aio"
            assert {request["method"] for request in (await client.slow())["requests"]} > {"write", "status"} - {"status"}

    asyncio.run(by_asyncio())


def test_an_address_of_tcp(tmp_path: Path) -> None:
    command = [BINARY, "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--log-format", "json"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        ready = next(line for line in map(json.loads, process.stderr) if line["message"] == "ready")
        with hw.connect(ready["fields"]["listen"]) as client:
            (me,) = client.clients()["clients"]
            host, port = me["address"].split(":")
            assert host == "127.0.0.1" and int(port) > 1023
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_slow_request_says_what_it_waited_for(slow: Listener) -> None:
    fill(slow.address)
    with hw.connect(slow.address, project="shop") as client:
        position = client.status()["online"]["last_position"]
        with pytest.raises(hw.OutOfRange):
            client.get_online_features(features=["orders:total"], entities={"id": [7]}, min_position=position + 1)
        report = client.slow()
        assert report["requests_per_method"] == 10 and report["window_seconds"] == 3600
        kept = {request["method"]: request for request in reversed(report["requests"])}
        written = kept["write"]
        assert written["status"] == "OK" and written["project"] == "shop" and written["subject"] == "orders@1"
        assert written["client_name"] == "headwater-python" and written["received_bytes"] > 48 and written["sent_bytes"] > 48
        # A small write is at the writer for all of its time.
        assert abs(written["waits"]["log"] - written["microseconds"]) <= 1 and written["waits"]["work"] == 0
        for request in report["requests"]:
            assert abs(sum(request["waits"].values()) - request["microseconds"]) <= 6
        # A get that was answered at once is there too where its round took a millisecond.
        gets = {request["status"]: request for request in report["requests"] if request["method"] == "get"}
        assert gets["OUT_OF_RANGE"]["subject"] == "orders"


def test_by_http_and_by_the_command(slow: Listener) -> None:
    fill(slow.address)
    assert slow.ask("/v1/status", traceparent=SAMPLED)[0] == 200
    report = json.loads(slow.ask("/v1/slow")[2])
    kept = [request for request in report["requests"] if request["method"] == "GET /v1/status"]
    assert [(request["status"], request["trace_id"]) for request in kept] == [("200", TRACE)]
    assert kept[0]["client_address"].startswith("127.0.0.1:")
    shown = run(slow, "slow")
    assert "GET /v1/status" in shown and "shop/orders@1" in shown and TRACE in shown
    assert {"write", "apply"} < {request["method"] for request in json.loads(run(slow, "slow", "--json"))["requests"]}
    run(slow, "status", TRACEPARENT=f"00-{TRACE[::-1]}-{PARENT}-01")
    assert TRACE[::-1] in run(slow, "slow", "--json")
    # What it kept of a request is not of its rows.
    assert "1.5" not in json.dumps([request.get("subject") for request in report["requests"]])


def test_a_read_that_waits_for_a_position(tmp_path: Path) -> None:
    online = Listener(tmp_path, role="online")
    offline = Listener(tmp_path, "--log-slow", "50ms", "--log-format", "json", role="offline", data=online.data)
    try:
        fill_definitions(online.address)
        with hw.connect(online.address, project="shop") as client, hw.connect(offline.address, project="shop") as reader:
            position = client.write("orders", {"id": [7], "at": ["2026-01-01T00:00:00Z"], "total": [1.5]})
            assert len(client.scan("orders", min_position=position).to_arrow()) == 1

            def write_later() -> None:
                time.sleep(0.06)
                client.write("orders", {"id": [8], "at": ["2026-01-01T00:00:00Z"], "total": [2.5]})

            # A write that comes later than 100 ms, on a machine that is busy, finds the read refused: then once more.
            for later in range(1, 9):
                writer = threading.Thread(target=write_later)
                writer.start()
                try:
                    with hw.trace(SAMPLED):
                        assert len(client.scan("orders", min_position=position + later).to_arrow()) == 1 + later
                    break
                except hw.OutOfRange:
                    pass
                finally:
                    writer.join()
            answered = (request for request in reader.slow()["requests"] if request["status"] == "OK")
            waited = next(request for request in answered if request["method"] == "scan")
            assert waited["trace_id"] == TRACE and waited["subject"] == "orders" and waited["status"] == "OK"
            assert waited["waits"]["position"] > 50_000 and waited["waits"]["position"] > waited["microseconds"] // 2
            # Nobody has given the next one out: that is asked after 100 ms.
            with pytest.raises(hw.OutOfRange):
                client.scan("orders", min_position=position + 100).to_arrow()
            refused = [request for request in reader.slow()["requests"] if request["status"] == "OUT_OF_RANGE"]
            (untraced,) = [request for request in refused if "trace_id" not in request]
            assert untraced["waits"]["position"] > 90_000
        logged = lines(offline, "a slow request")
        assert {line["status"] for line in logged if line["method"] == "scan"} == {"OK", "OUT_OF_RANGE"}
        (line,) = [line for line in logged if line.get("trace_id") and line["status"] == "OK"]
        assert line["trace_id"] == TRACE and float(line["position_ms"]) > 50 and line["client_name"] == "headwater-python"
        assert "1.5" not in line.values() and "2.5" not in line.values()
    finally:
        for listener in (offline, online):
            listener.stop()


def fill_definitions(address: str) -> None:
    with hw.connect(address, project="shop") as client:
        client.apply([hw.FeatureGroup("orders", hw.Entity("customer", {"id": "int64"}), {"total": "float64"}, event_time="at")])


def test_a_client_that_does_not_read(slow: Listener) -> None:
    fill(slow.address)
    with hw.connect(slow.address, project="shop") as client:
        rows = 600_000
        client.write("orders", {"id": list(range(rows)), "at": ["2026-01-02T00:00:00Z"] * rows, "total": [0.5] * rows})
        batches = client.scan("orders", min_position=client.status()["online"]["last_position"]).batches()
        next(batches)
        time.sleep(0.4)
        assert sum(batch.num_rows for batch in batches) > 0
        scan = next(request for request in client.slow()["requests"] if request["method"] == "scan")
        assert scan["waits"]["client"] > 200_000 and scan["sent_bytes"] > rows * 16


def test_spans_reach_a_collector(tmp_path: Path, collector: Collector) -> None:
    # It is asked again after it had no time.
    collector.statuses = [503]
    listener = Listener(tmp_path, "--otlp", collector.url)
    try:
        fill(listener.address)
        with hw.connect(listener.address, project="shop") as client:
            with hw.trace(SAMPLED):
                client.write("orders", {"id": [9], "at": ["2026-01-01T00:00:00Z"], "total": [1.5]})
                client.get_online_features(features=["orders:total"], entities={"id": [7]})
            with hw.trace(f"00-{TRACE}-{PARENT}-00"):
                client.status()
            listener.ask("/v1/status", traceparent=SAMPLED)
            listener.ask("/v1/status", traceparent="00-nonsense-01")
        # The write looks at its group and opens a session, the get prepares its list.
        spans = collector.wait(6)
        assert sorted(span["name"] for span in spans) == ["GET /v1/status", "describe", "get", "open_producer", "prepare", "write"]
        metrics = listener.metrics()
        assert (metrics["headwater_spans_exported_total"], metrics["headwater_spans_dropped_total"]) == (6, 0)
        check(collector, spans)
        # What is left is sent at the end.
        listener.ask("/healthz", traceparent=SAMPLED)
        assert listener.stop() == 0
        assert [span["name"] for span in collector.spans()[6:]] == ["GET /healthz"]
    finally:
        if listener.process.poll() is None:
            listener.stop()


def check(collector: Collector, spans: list[dict[str, Any]]) -> None:
    """Against OpenTelemetry's own messages, and what stands in them."""
    for path, kind, body in collector.bodies:
        assert (path, kind) == ("/v1/traces", "application/json")
        # Names and types of all fields; identifiers are hexadecimal in this JSON, so their bytes are looked at below.
        parsed = json_format.Parse(body, ExportTraceServiceRequest())
        (resource,) = parsed.resource_spans
        attributes = {entry.key: entry.value.string_value for entry in resource.resource.attributes}
        assert (attributes["service.name"], attributes["service.version"]) == ("headwater", hw.__version__)
    now = time.time_ns()
    for span in spans:
        assert (span["traceId"], span["parentSpanId"], span["kind"]) == (TRACE, PARENT, 2)
        assert len(bytes.fromhex(span["spanId"])) == 8 and int(span["spanId"], 16) != 0
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        assert now - 60_000_000_000 < start <= end <= now
    assert len({span["spanId"] for span in spans}) == len(spans)
    written = next(span for span in spans if span["name"] == "write")
    attributes = {entry["key"]: next(iter(entry["value"].values())) for entry in written["attributes"]}
    assert (attributes["rpc.system"], attributes["rpc.method"], attributes["headwater.status"]) == ("headwater", "write", "OK")
    assert (attributes["headwater.project"], attributes["headwater.subject"]) == ("shop", "orders@1")
    assert int(attributes["headwater.log_us"]) > 0 and int(attributes["headwater.received_bytes"]) > 48


def test_a_collector_that_is_down_holds_nobody_up(tmp_path: Path) -> None:
    listener = Listener(tmp_path, "--otlp", "http://127.0.0.1:1")
    fill(listener.address)
    with hw.connect(listener.address, project="shop") as client, hw.trace(SAMPLED):
        for _ in range(5_000):
            client.list()
    metrics = listener.metrics()
    # The queue holds 4,096, a batch of 512 waits to be sent again.
    assert metrics["headwater_spans_exported_total"] == 0 and 300 < metrics["headwater_spans_dropped_total"] < 1_000
    before = time.monotonic()
    assert listener.stop() == 0 and time.monotonic() - before < 20
    assert "spans wait for their collector" in listener.log.read_text()


def test_a_collector_that_hangs_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as collector:
        listener = Listener(tmp_path, "--otlp", f"http://127.0.0.1:{collector.getsockname()[1]}")
        fill(listener.address)
        with hw.connect(listener.address, project="shop") as client, hw.trace(SAMPLED):
            for _ in range(2_000):
                client.list()
        # It takes the first batch, and never answers.
        collector.settimeout(30)
        taken, _ = collector.accept()
        with taken:
            assert taken.recv(65536).startswith(b"POST /v1/traces ")
            before = time.monotonic()
            assert listener.stop() == 0 and time.monotonic() - before < 6
    assert "spans were dropped" in listener.log.read_text()


def test_a_collectors_address_is_checked(tmp_path: Path) -> None:
    for address in ("https://127.0.0.1:4318", "127.0.0.1:4318", "http://"):
        command = [BINARY, "serve", "--data", tmp_path / "data", "--otlp", address]
        done = subprocess.run(command, capture_output=True, timeout=60)
        assert done.returncode == 64 and b"http://HOST:PORT" in done.stderr


def test_what_a_trace_is() -> None:
    entry = b"\x0b\x00\x37\x00traceparent"
    assert extension() == b""
    with hw.trace(SAMPLED):
        assert extension() == entry + SAMPLED.encode()
        with hw.trace(f" cc-{TRACE}-{PARENT}-01-more "):
            assert extension() == entry + SAMPLED.encode()
        for other in (None, "", "00", SAMPLED + "-more", SAMPLED.upper(), f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01"):
            with hw.trace(other):
                assert extension() == b""
        assert extension() == entry + SAMPLED.encode()
    assert extension() == b""


def test_the_current_span_of_opentelemetry() -> None:
    def span(sampled: bool) -> opentelemetry.Span:
        flags = opentelemetry.TraceFlags(opentelemetry.TraceFlags.SAMPLED if sampled else 0)
        return opentelemetry.NonRecordingSpan(
            opentelemetry.SpanContext(int(TRACE, 16), int(PARENT, 16), is_remote=False, trace_flags=flags)
        )

    with opentelemetry.use_span(span(True)):
        assert extension().endswith(SAMPLED.encode())
    with opentelemetry.use_span(span(False)):
        assert extension() == b""
