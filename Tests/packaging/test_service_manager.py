"""A service manager hears by datagrams how far a server is: the socket of this test plays systemd."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import START_SECONDS, Server

FEATURES = """
project: p
entities: [{name: e, keys: [{name: id, type: int64}]}]
feature_groups:
  - {name: g, entity: e, event_time: at, features: [{name: x, type: float64}]}
"""


class Manager:
    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(START_SECONDS)

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def hear(self) -> dict[str, str]:
        """The assignments of the next datagram."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def hear_until(self, key: str) -> list[dict[str, str]]:
        heard = [self.hear()]
        while key not in heard[-1]:
            heard.append(self.hear())
        return heard


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    with Manager(str(tmp_path / "notify") if request.param == "path" else f"@headwater-{uuid.uuid4().hex}") as manager:
        yield manager


def test_a_server_tells_when_it_is_ready_and_when_it_stops(manager: Manager, tmp_path: Path, servers: list[Server]) -> None:
    server = Server(tmp_path, "--stop-within", "7s", NOTIFY_SOCKET=manager.name)
    servers.append(server)
    ready = manager.hear()
    assert ready == {"READY": "1", "STATUS": f"serving at {server.address}"}
    # It answers from then on.
    assert "online" in server.said("status")
    assert server.stop() == 0
    stopping = manager.hear()
    assert stopping["STOPPING"] == "1" and "running ones finish" in stopping["STATUS"]
    # Running requests have 10 s, those by HTTP as long, the rest of the stop 7 s and a little more.
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) == 42_000_000


def test_a_start_that_replays_says_how_far_it_is(tmp_path: Path, servers: list[Server]) -> None:
    server = Server(tmp_path).wait()
    servers.append(server)
    (tmp_path / "f.yaml").write_text(FEATURES)
    server.said("apply", str(tmp_path / "f.yaml"), "--project", "p")
    server.said("write", "g", "--from", "-", "--project", "p", input="id,at,x\n1,2026-01-05,2.5\n")
    server.kill()
    with Manager(str(tmp_path / "notify")) as manager:
        servers.append(Server(tmp_path, NOTIFY_SOCKET=manager.name))
        *before, ready = manager.hear_until("READY")
    assert before and all(each["STATUS"].startswith("replaying the log: position ") for each in before)
    assert all(int(each["EXTEND_TIMEOUT_USEC"]) == 300_000_000 for each in before)
    assert ready["STATUS"].startswith("serving at")


@pytest.mark.parametrize("name", ["/nowhere/notify", "relative", "@nobody-listens", "/" + "long" * 50, "", "@"])
def test_a_manager_that_does_not_listen_does_not_hurt(name: str, tmp_path: Path, servers: list[Server]) -> None:
    server = Server(tmp_path, NOTIFY_SOCKET=name).wait()
    servers.append(server)
    assert server.stop() == 0
    is_told = "the service manager does not hear of this process" in server.log.read_text()
    assert is_told == (name[:1] in ("/", "@") and bool(name))


def test_a_manager_that_reads_nothing_does_not_hold_the_server_up(tmp_path: Path, servers: list[Server]) -> None:
    with Manager(str(tmp_path / "notify")) as manager, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        # Until its queue is full.
        try:
            while True:
                other.sendto(b"x", manager.name)
        except BlockingIOError:
            pass
        server = Server(tmp_path, NOTIFY_SOCKET=manager.name).wait()
        servers.append(server)
        assert server.stop() == 0
    assert "does not hear" in server.log.read_text()
