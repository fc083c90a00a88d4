"""What the tables of Python and of HTTP start: servers and peers, each on its core, each ended by its own id."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ALL_CORES = frozenset(os.sched_getaffinity(0))
# Of a server, of its client. A machine with one core has it for both.
SERVER_CORE = frozenset({min(ALL_CORES)})
CLIENT_CORE = frozenset({max(ALL_CORES)})

_START_SECONDS = 60.0


class PeerFailed(Exception):
    """A peer that cannot be measured, and why."""


def stay_on(cores: frozenset[int]) -> None:
    """Moves this process: each thread by itself, since a pool keeps the cores of whoever started it."""
    for thread in os.listdir("/proc/self/task"):
        try:
            os.sched_setaffinity(int(thread), cores)
        except ProcessLookupError:
            pass


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has."""
    with socket.socket() as attempt:
        attempt.bind(("127.0.0.1", 0))
        port: int = attempt.getsockname()[1]
        return port


@contextmanager
def _inherited(cores: frozenset[int]) -> Iterator[None]:
    """Processes that are started in here have these cores from their first instruction on."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


class Process:
    """A process of ours."""

    def __init__(self, command: Sequence[str | Path], cores: frozenset[int], log: Path, *, has_pipes: bool = False) -> None:
        self.name = Path(command[0]).name
        self._log = log
        pipe = subprocess.PIPE if has_pipes else subprocess.DEVNULL
        with open(log, "ab") as output, _inherited(cores):
            self.child = subprocess.Popen(
                [str(part) for part in command], stdin=pipe, stdout=subprocess.PIPE if has_pipes else output, stderr=output, text=has_pipes
            )

    @property
    def is_running(self) -> bool:
        return self.child.poll() is None

    def said(self) -> str:
        """The last line that it wrote."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def stop(self) -> None:
        """At once: nothing that it has is kept."""
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass

    def wait_for_socket(self, path: Path | int) -> None:
        """A path, or a port of 127.0.0.1."""
        until = time.monotonic() + _START_SECONDS
        is_path = isinstance(path, Path)
        while True:
            with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET, socket.SOCK_STREAM) as attempt:
                try:
                    return attempt.connect(str(path) if is_path else ("127.0.0.1", path))
                except OSError:
                    pass
            if not self.is_running or time.monotonic() > until:
                raise PeerFailed(f"{self.name} does not start: {self.said()}")
            time.sleep(0.01)


class Answering(Process):
    """A process that answers requests: a JSON line each way."""

    def __init__(self, command: Sequence[str | Path], cores: frozenset[int], log: Path) -> None:
        super().__init__(command, cores, log, has_pipes=True)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        try:
            for line in self.child.stdout:
                self._lines.put(line)
        except ValueError:
            # Closed by `stop`.
            pass
        self._lines.put("")

    def ask(self, action: str, *, timeout: float = 240.0, **request: Any) -> dict[str, Any]:
        """What it answers.

        Raises:
            PeerFailed: where it says that it cannot, has ended, or takes too long.
        """
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(json.dumps({"action": action, **request}) + "\n")
            self.child.stdin.flush()
            line = self._lines.get(timeout=timeout)
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            raise PeerFailed(f"{self.name}: no answer to '{action}' within {timeout:g} s") from None
        if not line:
            raise PeerFailed(f"{self.name} has ended: {self.said()}")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise PeerFailed(f"{self.name}: {answer['error']}")
        return answer


class Headwater(Process):
    """`headwater serve` on a Unix socket."""

    def __init__(self, binary: Path, place: Path, cores: frozenset[int], *options: str) -> None:
        place.mkdir(parents=True)
        path = place / "s"
        self.address = f"unix:{path}"
        command = [binary, "serve", "--data", place / "data", "--listen", self.address, "--log-level", "error", "--scrub-interval", "off"]
        super().__init__([*command, *options], cores, place / "log")
        try:
            self.wait_for_socket(path)
        except PeerFailed:
            self.stop()
            raise


class Redis(Process):
    """`redis-server` without persistence, on a Unix socket."""

    def __init__(self, binary: Path, place: Path, cores: frozenset[int]) -> None:
        place.mkdir(parents=True)
        self.socket = place / "r"
        command = [binary, "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no", "--dir", place]
        super().__init__(command, cores, place / "log")
        try:
            self.wait_for_socket(self.socket)
        except PeerFailed:
            self.stop()
            raise
