"""A real server for all tests, and a project of its own for each."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import headwater as hw

from .binary import BINARY as BINARY, ROOT as ROOT
from .listeners import Listener, Rest


class Server:
    """A server process on a directory; its socket stays the same over restarts."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.address = f"unix:{directory}/s.sock"
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with open(self.directory / "log", "ab") as log:
            command = [BINARY, "serve", "--data", self.directory / "data", "--listen", self.address, *self._options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            try:
                return hw.connect(self.address).close()
            except hw.Unavailable:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise AssertionError((self.directory / "log").read_text()) from None
                time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(30)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def stand_still(self) -> None:
        """Returns when none of its threads runs any more; `go_on` ends it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.process.pid}/task")
        until = time.monotonic() + 30
        while {(task / "stat").read_text().rpartition(") ")[2][0] for task in tasks.iterdir()} != {"T"}:
            assert time.monotonic() < until
            time.sleep(0.001)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def start_server() -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    started: list[Server] = []
    # Short, for the path of the socket.
    folders = [Path(tempfile.mkdtemp(prefix="hw-"))]

    def start(*options: str) -> Server:
        folder = folders[0] / str(len(started))
        folder.mkdir()
        started.append(Server(folder, *options))
        return started[-1]

    yield start
    for server in started:
        assert server.process is not None
        if server.process.poll() is None:
            server.kill()
    shutil.rmtree(folders[0], ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests that do not stop it."""
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}: build it with 'swift build', or set HEADWATER_BINARY", 1)
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    running = Server(folder)
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


_numbers = itertools.count()


@pytest.fixture
def client(server: Server) -> Iterator[hw.Client]:
    """A client with a project that no other test has."""
    with hw.connect(server.address, f"test{next(_numbers)}") as connected:
        yield connected


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """A server that takes writes by HTTP, for the tests of one module."""
    running = Listener(tmp_path_factory.mktemp("rest"), "--http-writes")
    yield running
    assert running.stop() == 0


@pytest.fixture
def rest(listener: Listener) -> Rest:
    """The listener for a project that no other test has."""
    return Rest(listener, f"rest{next(_numbers)}")
