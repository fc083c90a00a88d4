"""hw.open: a server on a directory, shared by those who open it, gone with the last of them."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import headwater as hw
from headwater import _embedded
from headwater._embedded import _recovery, binary
from headwater.definitions import to_document

from .conftest import BINARY

GROUP = hw.FeatureGroup("g", hw.Entity("user", {"id": "int64"}), {"x": "int64"})


def servers(folder: Path) -> list[int]:
    """Processes of servers that work in the folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if (
                process.name.isdigit()
                and (process / "cwd").resolve() == folder.resolve()
                and b"serve" in (process / "cmdline").read_bytes()
            ):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_until_none(folder: Path) -> None:
    until = time.monotonic() + 20
    while servers(folder):
        assert time.monotonic() < until, "the server does not stop"
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "store"
    yield path
    wait_until_none(path)


def run(code: str, folder: Path) -> subprocess.Popen[bytes]:
    source = Path(hw.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(source), "HEADWATER_BINARY": str(BINARY)}
    program = f"import headwater as hw, sys, time, os\nclient = hw.open({str(folder)!r})\n{code}"
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def test_a_directory_is_a_store_and_the_server_goes_with_its_client(folder: Path) -> None:
    with hw.open(folder) as client:
        client.apply([GROUP])
        client.write("g", [{"id": 1, "x": 2}])
        assert client.get_online_features("g:x", {"id": [1]}).to_dict()["x"] == [2]
        assert len(servers(folder)) == 1
    wait_until_none(folder)
    with hw.open(folder) as client:
        assert client.get_online_features("g:x", {"id": [1]}).to_dict()["x"] == [2]


def test_options_of_other_servers_are_not_for_this_one(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("no-such-option: 1\n")
    for name, value in {"CONFIG": str(wrong), "DATA": str(tmp_path), "LISTEN": "127.0.0.1:1", "LOG_BYTES_MAX": "1", "NOPE": "1"}.items():
        monkeypatch.setenv(f"HEADWATER_SERVE_{name}", value)
    with hw.open(folder) as client:
        assert client.status()["online"]["log_bytes_max"] == 64 << 30
    assert "HEADWATER_SERVE_NOPE" in os.environ


def test_only_this_user_can_connect(folder: Path) -> None:
    with hw.open(folder) as client:
        path = client.address.removeprefix("unix:")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_two_processes_share_one_server_and_the_last_one_ends_it(folder: Path) -> None:
    with hw.open(folder) as client:
        client.apply([GROUP])
        other = run("client.write('g', [{'id': 7, 'x': 8}]); print('ready', flush=True); sys.stdin.read()", folder)
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"ready\n"
        assert len(servers(folder)) == 1
        assert client.get_online_features("g:x", {"id": [7]}).to_dict()["x"] == [8]
    time.sleep(1)
    assert len(servers(folder)) == 1, "the other process still has it open"
    other.stdin.close()
    assert other.wait(10) == 0
    other.stdout.close()
    wait_until_none(folder)


def test_processes_that_open_at_once_start_one_server(folder: Path) -> None:
    started = [run("client.list(); print(client.status()['log_id'], flush=True); sys.stdin.read()", folder) for _ in range(5)]
    logs = {process.stdout.readline() for process in started if process.stdout is not None}
    assert len(logs) == 1
    assert len(servers(folder)) == 1
    for process in started:
        process.communicate()


def test_a_killed_process_leaves_no_server_behind(folder: Path) -> None:
    process = run("print('ready', flush=True); time.sleep(60)", folder)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.communicate()
    wait_until_none(folder)


def test_a_process_that_does_not_close_ends_quietly(folder: Path) -> None:
    process = run("print(len(client.list()['feature_groups']))", folder)
    assert process.communicate()[0] == b"0\n"
    assert process.returncode == 0


def test_ctrl_c_is_for_the_client(folder: Path) -> None:
    program = "try: print('ready', flush=True); time.sleep(60)\nexcept KeyboardInterrupt: print(client.list()['project'])"
    process = run(program, folder)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == b"default\n"


def test_a_server_that_was_killed_is_started_again(folder: Path) -> None:
    with hw.open(folder) as client:
        client.apply([GROUP])
        client.write("g", [{"id": 1, "x": 2}])
        for _ in range(3):
            for process in servers(folder):
                os.kill(process, signal.SIGKILL)
            assert client.get_online_features("g:x", {"id": [1]}).to_dict()["x"] == [2]
            client.write("g", [{"id": 1, "x": 2}])


def test_a_server_that_stood_still_does_not_leave_its_clients(folder: Path) -> None:
    with hw.open(folder) as client:
        (process,) = servers(folder)
        os.kill(process, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(process, signal.SIGCONT)
        time.sleep(0.3)
        assert servers(folder) == [process]
        assert client.list()["feature_groups"] == []


def test_the_only_project_of_a_store_is_that_of_whoever_opens_it(folder: Path) -> None:
    with hw.open(folder) as client:
        client.apply({"project": "shop", **to_document([GROUP])})
    with hw.open(folder) as client:
        assert client.project == "shop"
        assert [group["name"] for group in client.list()["feature_groups"]] == ["g"]
    with hw.open(folder, project="other") as client:
        assert "there is project 'shop'" in str(client.list())


def test_what_a_server_said_before_it_died_can_be_read(folder: Path) -> None:
    log = folder / "server.log"
    with hw.open(folder) as client:
        # It answers before it says so.
        deadline = time.monotonic() + 60
        while "ready" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(servers(folder)[0], signal.SIGKILL)
        client.list()
    assert log.read_text().count("ready") == 2


def test_opening_right_after_closing_waits_for_the_server_that_goes(folder: Path) -> None:
    for pause in (0, 0.25, 0.3, 0.35):
        process = run("client.list()", folder)
        process.communicate()
        time.sleep(pause)
        hw.open(folder).list()
        gc.collect()
    with hw.open(folder) as client:
        assert client.list()["feature_groups"] == []


def test_a_directory_can_be_removed_when_its_client_is_closed(tmp_path: Path) -> None:
    for number in range(5):
        folder = tmp_path / str(number)
        with hw.open(folder) as client:
            client.apply([GROUP])
            client.write("g", [{"id": 1, "x": 2}])
            with hw.open(folder) as other:
                assert other.list()["feature_groups"]
        assert servers(folder) == []
        shutil.rmtree(folder)


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / ("longer" * 20)
    with hw.open(folder) as client:
        assert client.status()["roles"] == ["online", "offline"]
    wait_until_none(folder)


def test_asyncio_opens_the_same_store(folder: Path) -> None:
    async def main() -> None:
        async with await hw.aio.open(folder) as client:
            await client.apply([GROUP])
            await client.write("g", {"id": [1], "x": [5]})
            with hw.open(folder) as blocking:
                assert blocking.get_online_features("g:x", {"id": [1]}).to_dict()["x"] == [5]

    asyncio.run(main())


def test_a_directory_that_another_server_has_is_told_with_its_address(folder: Path) -> None:
    folder.mkdir()
    other = folder.parent / "o.sock"
    process = subprocess.Popen([BINARY, "serve", "--data", folder, "--listen", f"unix:{other}"], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not (folder / "online.address").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(hw.FailedPrecondition, match=r"is served by another server: use headwater.connect\('unix:.*o.sock'\)"):
            hw.open(folder)
    finally:
        process.terminate()
        process.wait()


def test_what_keeps_the_server_from_starting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    (broken / "log").mkdir(parents=True)
    (broken / "log" / "control").write_bytes(b"no control file")
    with pytest.raises(hw.Unavailable, match="the server did not start: .*control"):
        hw.open(broken)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(hw.InvalidArgument, match="cannot be made a directory"):
        hw.open(file)
    monkeypatch.setenv("HEADWATER_BINARY", str(tmp_path / "nothing"))
    with pytest.raises(hw.NotFound, match="cannot be run"):
        hw.open(tmp_path / "new")
    monkeypatch.delenv("HEADWATER_BINARY")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(hw.NotFound, match="install Headwater's wheel, or set HEADWATER_BINARY"):
        binary()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_store_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with hw.open(tmp_path / "s", project="p") as client:
            client.apply([hw.FeatureGroup("g", hw.Entity("user", {"id": "int64"}), {"x": "float64"}, event_time="t")])
            client.write("g", [{"id": 1, "t": "2024-01-01", "x": 1.0}])
            client.snapshot()
            modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in [tmp_path / "s", *(tmp_path / "s").rglob("*")]}
            kinds = {path: path.is_dir() for path in modes}
    finally:
        os.umask(before)
    assert {path for path, mode in modes.items() if mode != (0o700 if kinds[path] else 0o600)} == set()


def test_opening_says_why_it_waits_for_the_last_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "s"
    hw.open(store, project="p").close()
    # As a server holds it that is still writing.
    lock = os.open(store / "log" / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    released = threading.Timer(8, os.close, [lock])
    released.start()
    hw.open(store, project="p").close()
    released.join()
    assert "headwater: waiting for the last server of the store to stop\n" in capsys.readouterr().err


def test_a_quick_open_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    hw.open(tmp_path / "s", project="p").close()
    # On a busy machine no open is quick.
    assert capsys.readouterr().err == "" or time.monotonic() - began > 1


def test_a_recovery_is_told_with_its_place(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("before\nreplaying the log position=1 of=2\n")
    start = log.stat().st_size
    with log.open("a") as more:
        more.write("x headwater: of=4000 position=1200 [Server] replaying the log\n")
    assert _recovery(log, start) == "the store is recovering, at position 1,200 of 4,000"
    assert _recovery(log, log.stat().st_size) is None


def dying(folder: Path, times: int, how: str) -> Path:
    """An executable that ends by a signal so many times before it is the real one."""
    script = folder / "headwater"
    counter = folder / "starts"
    script.write_text(
        f"#!/bin/sh\necho x >> {counter}\nif [ $(wc -l < {counter}) -le {times} ]; then sleep 0.05; kill -{how} $$; sleep 5; fi\n"
        f'exec {BINARY} "$@"\n'
    )
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("how", ["KILL", "TERM", "SEGV"])
def test_a_server_that_is_killed_while_it_starts_is_started_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("HEADWATER_BINARY", str(dying(tmp_path, 2, how)))
    with hw.open(folder) as client:
        client.apply([GROUP])
    assert (tmp_path / "starts").read_text().count("x") == 3


def test_a_server_that_is_killed_each_time_is_told_with_the_signal(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_embedded, "_KILLS_MAX", 3)
    monkeypatch.setenv("HEADWATER_BINARY", str(dying(tmp_path, 1_000, "KILL")))
    with pytest.raises(hw.Unavailable, match=r"killed by SIGKILL while it started, 3 times.*memory runs out: see .*server.log"):
        hw.open(folder)
    assert (tmp_path / "starts").read_text().count("x") == 3

    async def main() -> None:
        await hw.aio.open(folder)

    monkeypatch.setenv("HEADWATER_BINARY", str(dying(tmp_path, 1_000, "ABRT")))
    with pytest.raises(hw.Unavailable, match="killed by SIGABRT while it started, 3 times"):
        asyncio.run(main())


def test_a_server_that_is_killed_right_after_its_start_is_started_again(folder: Path) -> None:
    stopping = threading.Event()

    def kill() -> None:
        for _ in range(3):
            while not stopping.is_set() and not (found := servers(folder)):
                time.sleep(0.001)
            for process in found:
                os.kill(process, signal.SIGKILL)
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with hw.open(folder) as client:
            assert client.list()["project"] == "default"
    finally:
        stopping.set()
        killer.join()


def test_an_open_that_fails_lets_the_directory_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BINARY", "/bin/false")

    async def main() -> None:
        await hw.aio.open(folder)

    with pytest.raises(hw.Unavailable, match="the server did not start"):
        asyncio.run(main())
    with pytest.raises(hw.Unavailable, match="the server did not start"):
        hw.open(folder)
    assert _embedded._users[folder] == 0


def test_a_binary_that_was_laid_down_beside_the_package_is_found(tmp_path: Path) -> None:
    # As `pip install --target` does.
    shutil.copytree(Path(hw.__file__).parent, tmp_path / "headwater", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PATH": "", "PYTHONPATH": str(tmp_path), "HEADWATER_BINARY": ""}
    asking = [sys.executable, "-c", "from headwater._embedded import binary; print(binary())"]
    lacking = subprocess.run(asking, env=environment, capture_output=True, text=True).stderr
    assert "this installation is the client alone" in lacking and "headwater.connect(ADDRESS)" in lacking
    beside = tmp_path / "bin" / "headwater"
    beside.parent.mkdir()
    beside.symlink_to(BINARY)
    assert subprocess.run(asking, env=environment, capture_output=True, text=True).stdout.strip() == str(beside)
