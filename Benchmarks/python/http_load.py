"""Load on an HTTP server: wrk for what it can take at most, and an open loop for how long an answer takes at a given rate."""

from __future__ import annotations

import json
import os
import queue
import random
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import PeerFailed

# A request's body after the other, each connection from the same place on; the figures as one line of JSON.
_SCRIPT = """\
local requests, at = {}, 0
local function format(body) return wrk.format("POST", nil, {["content-type"] = "application/json"}, body) end
function init(args)
    for line in io.lines(args[1]) do requests[#requests + 1] = format(line) end
end
function request()
    at = at % #requests + 1
    return requests[at]
end
function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format('\\n{"requests": %d, "microseconds": %d, "bytes": %d, "refused": %d, "failed": %d}\\n',
        summary.requests, summary.duration, summary.bytes, errors.status, failed))
end
"""
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Target:
    """What is asked, and where."""

    port: int
    path: str
    # A request's body each, on one line.
    bodies: Sequence[bytes]

    def ask(self, body: bytes | None = None) -> bytes:
        """One request on a connection of its own: the answer's body."""
        with Connection(self) as connection:
            return connection.ask(self.bodies[0] if body is None else body)


@dataclass(frozen=True)
class Saturation:
    """What a server was able to answer, and what the load itself took of a core."""

    requests_per_second: float
    bytes_per_second: float
    load_cores: float


def saturate(target: Target, place: Path, *, seconds: float, connections: int, cores: frozenset[int]) -> Saturation:
    """A closed loop by wrk, one request under way on each connection.

    Raises:
        PeerFailed: where a request failed, or was refused.
    """
    script, bodies = place / "wrk.lua", place / "wrk.bodies"
    script.write_text(_SCRIPT)
    bodies.write_bytes(b"\n".join(target.bodies) + b"\n")
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{max(1, round(seconds))}s", "--timeout", f"{_TIMEOUT_SECONDS}s"]
    command += ["-s", str(script), f"http://127.0.0.1:{target.port}{target.path}", "--", str(bodies)]
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finally:
        os.sched_setaffinity(0, own)
    assert child.stdout is not None
    with child.stdout:
        said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    lines = said.strip().splitlines()
    if child.returncode != 0 or not lines or not lines[-1].startswith("{"):
        raise PeerFailed(f"wrk: {lines[-1] if lines else 'it said nothing'}")
    done: dict[str, Any] = json.loads(lines[-1])
    if done["refused"] or done["failed"]:
        raise PeerFailed(f"{target.path}: {done['refused']} requests were refused, {done['failed']} failed, {done['requests']} answered")
    elapsed = done["microseconds"] / 1e6
    return Saturation(done["requests"] / elapsed, done["bytes"] / elapsed, (usage.ru_utime + usage.ru_stime) / elapsed)


class Connection:
    """One connection that is kept: a request, its answer, the next."""

    def __init__(self, target: Target) -> None:
        self._socket = socket.create_connection(("127.0.0.1", target.port), timeout=_TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"POST {target.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ".encode()
        self._path = target.path

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, body: bytes) -> bytes:
        """The answer's body; it comes with its length, as those of all servers here do."""
        self._socket.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
        came = bytearray()
        while (end := came.find(b"\r\n\r\n")) < 0:
            came += self._more()
        head = bytes(came[:end]).lower()
        lengths = [line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
        if head[9:12] != b"200" or len(lengths) != 1:
            raise PeerFailed(f"{self._path}: it answers {head.splitlines()[0].decode(errors='replace')}")
        missing = end + 4 + int(lengths[0]) - len(came)
        while missing > 0:
            part = self._more()
            came += part
            missing -= len(part)
        return bytes(came[end + 4 :])

    def _more(self) -> bytes:
        part = self._socket.recv(1 << 18)
        if not part:
            raise PeerFailed(f"{self._path}: the server hung up")
        return part


def open_loop(target: Target, *, rate: float, seconds: float, connections: int, seed: int) -> list[float]:
    """Requests at random instants, `rate` of them a second: microseconds from when each fell due until it was answered.

    What falls due while all connections wait for an answer is sent as soon as one is free, and has waited since.

    Raises:
        PeerFailed: where a request failed.
    """
    chance = random.Random(seed)
    due, at = [], chance.expovariate(rate)
    while at < seconds:
        due.append(at)
        at += chance.expovariate(rate)
    waiting: queue.SimpleQueue[tuple[int, float]] = queue.SimpleQueue()
    taken: list[float] = []
    failures: list[Exception] = []
    start = time.perf_counter() + 0.05

    def work(connection: Connection) -> None:
        try:
            while True:
                try:
                    number, instant = waiting.get_nowait()
                except queue.Empty:
                    return
                time.sleep(max(0.0, start + instant - time.perf_counter()))
                connection.ask(target.bodies[number % len(target.bodies)])
                taken.append((time.perf_counter() - start - instant) * 1e6)
        except (OSError, PeerFailed) as error:
            failures.append(error)

    for number, instant in enumerate(due):
        waiting.put((number, instant))
    opened = [Connection(target) for _ in range(connections)]
    threads = [threading.Thread(target=work, args=[connection], daemon=True) for connection in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in opened:
        connection.__exit__()
    if failures:
        raise PeerFailed(f"{target.path}: {failures[0]}")
    return taken
