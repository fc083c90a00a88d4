"""Servers with an HTTP listener, and who asks them."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import headwater as hw

from .binary import BINARY

JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
ARROW = "application/vnd.apache.arrow.stream"


class Listener:
    """A server with an HTTP listener on a port that the system chose."""

    def __init__(self, directory: Path, *options: str, role: str = "serve", data: Path | None = None) -> None:
        self.directory = directory
        self.log = directory / f"{role}.log"
        self.data = data or directory / "data"
        self.address = f"unix:{directory}/{role}.sock"
        command = [BINARY, role, "--data", self.data, "--listen", self.address, "--http", "127.0.0.1:0", *options]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text())):
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)
        self.port = int(found.group(1))

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def metrics(self) -> dict[str, float]:
        text = self.ask("/metrics")[2].decode()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


class Rest:
    """One connection after the other to a listener, for one project."""

    def __init__(self, listener: Listener, project: str) -> None:
        self.listener, self.project = listener, project

    def raw(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.listener.port, timeout=60)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, path, body, names, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path: str, accept: str = "*/*") -> tuple[int, http.client.HTTPMessage, bytes]:
        return self.raw("GET", f"/v1/projects/{self.project}{path}", accept=accept)

    def post(self, path: str, body: Mapping[str, Any], accept: str = "*/*", **headers: str) -> tuple[int, bytes]:
        text = json.dumps(body, ensure_ascii=False).encode()
        status, _, answer = self.raw("POST", f"/v1/projects/{self.project}{path}", text, **JSON, accept=accept, **headers)
        return status, answer

    def done(self, path: str, body: Mapping[str, Any], **headers: str) -> Any:
        status, answer = self.post(path, body, **headers)
        assert status == 200, answer
        return json.loads(answer)

    def refused(self, path: str, body: Mapping[str, Any], **headers: str) -> tuple[int, str]:
        status, answer = self.post(path, body, **headers)
        problem = json.loads(answer)
        assert status == problem["status"] and status >= 400
        return status, f"{problem.get('location', '')}: {problem['detail']}"


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes, or resets."""
    came = b""
    try:
        while more := connection.recv(65536):
            came += more
    except ConnectionResetError:
        pass
    return came


def orders(client: hw.Client) -> None:
    types = {"total": "float64", "n": "int64", "name": "string"}
    client.apply([hw.FeatureGroup("orders", hw.Entity("customer", {"id": "int64"}), types, event_time="at")])
