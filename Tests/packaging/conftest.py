"""What the tests of packages share: the tree, a built program, and a server to start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HEADWATER_BINARY", str(ROOT / ".build/debug/headwater"))
# On a busy machine a start takes seconds.
START_SECONDS = 60


def run(*command: str | Path, **more: object) -> str:
    """What a command says; its errors are the test's."""
    result = subprocess.run([str(each) for each in command], capture_output=True, text=True, timeout=120, **more)  # type: ignore[call-overload]
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


def need(*programs: str) -> None:
    """Skips a test for which something is missing, and says what."""
    missing = [each for each in programs if not shutil.which(each)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def packages(pattern: str) -> Path:
    """The package that `make package-check` has made."""
    folder = Path(os.environ.get("HEADWATER_PACKAGES", ROOT / ".build/packages"))
    found = sorted(folder.glob(pattern))
    assert len(found) == 1, f"{folder}/{pattern}: {found}: make package-check makes it"
    return found[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server of the test's own."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.address = f"unix:{folder}/s.sock"
        self.log = folder / "server.log"
        command = [BINARY, "serve", "--data", str(folder / "store"), "--listen", self.address, *arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, env={**os.environ, **environment})

    def wait(self) -> Server:
        until = time.monotonic() + START_SECONDS
        while subprocess.run([BINARY, "status", "--address", self.address], capture_output=True).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)
        return self

    def said(self, *arguments: str, **more: object) -> str:
        return run(BINARY, *arguments, "--address", self.address, **more)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Server]]:
    """Servers that are ended with the test."""
    started: list[Server] = []
    yield started
    for server in started:
        server.kill()
