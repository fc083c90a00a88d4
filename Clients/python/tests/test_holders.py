"""Who holds a directory, and that a client which does not come up holds nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater import _embedded

from .test_embedded import servers, wait_until_none


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "store"
    wait_until_none(tmp_path / "store")


def test_the_process_that_holds_a_directory_is_named_by_its_own_device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hw.open(folder, project="t"):
        server = servers(folder)[0]
        held = _embedded.EmbeddedServer(folder)
        assert held._holder() == server
        # The same inode of another device is another file.
        monkeypatch.setattr(held, "_device", lambda: "ff:ff")
        assert held._holder() is None
        held.release()


def test_a_client_that_does_not_come_up_closes_its_connections(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = []

    async def refuse(core: Any) -> None:
        pools.append(core.pool)
        raise hw.Unavailable("not now")

    with hw.open(folder, project="t"):
        monkeypatch.setattr("headwater._calls.operations.choose_project", refuse)
        with pytest.raises(hw.Unavailable, match="not now"):
            hw.open(folder)
        with pytest.raises(hw.Unavailable, match="not now"):
            asyncio.run(hw.aio.open(folder))
    assert len(pools) == 2 and all(pool.is_closed for pool in pools) and _embedded._users[folder] == 0


def test_the_server_does_not_speak_for_a_service_that_opens_a_store(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with hw.open(folder) as client:
            assert client.list()["feature_groups"] == []
        with pytest.raises(BlockingIOError):
            manager.recv(100)
    assert "NOTIFY_SOCKET" in os.environ
