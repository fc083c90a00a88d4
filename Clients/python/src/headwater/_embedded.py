"""A private server for a directory: the embedded store."""

from __future__ import annotations

import atexit
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Of Windows: the client alone runs there.
    fcntl = None  # type: ignore[assignment]

from ._paths import local_directory
from .errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable

# A server without clients stops after so long.
_IDLE = "300ms"
# How long a client that closes waits for the server that goes with it; another process may still use it.
_CLOSE_SECONDS = 5.0
# A server writes no longer than this to make the next start fast; what takes longer goes on at the next start.
_STOP_WITHIN = "3s"
# A call that waits for longer says why.
_SILENT_SECONDS = 1.0
# One that another server's lock keeps from starting has said so by then.
_SLOW_SECONDS = 3.0
_OPENING = "the store is being opened"
_START_SECONDS = 120.0
# How often a server is started again that was killed on its way up.
_KILLS_MAX = 8
_LOG_BYTES_MAX = 4 << 20
# What `headwater serve` takes from the environment.
_OPTION_PREFIX = "HEADWATER_SERVE_"
# What the system takes as the path of a socket.
_SOCKET_BYTES_MAX = 107


def binary() -> str:
    """The `headwater` executable: of `HEADWATER_BINARY`, of this installation, or on the PATH.

    Raises:
        NotFound: says how to get it.
    """
    named = os.environ.get("HEADWATER_BINARY")
    if named:
        return named
    # Beside the package it is where that was laid down with `pip install --target`.
    beside = Path(__file__).resolve().parents[1] / "bin"
    schemes = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user"), str(Path(sys.executable).parent)]
    for folder in [str(beside), *schemes]:
        candidate = Path(folder, "headwater")
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    found = shutil.which("headwater")
    if found:
        return found
    raise NotFound(
        f"there is no 'headwater' executable: this installation is the client alone. {_advice(sys.platform, platform.machine())}"
    )


def _advice(system: str, machine: str) -> str:
    """What to do where there is no server, by what there is for such a machine."""
    elsewhere = "for a server elsewhere use headwater.connect(ADDRESS)"
    if system != "linux":
        name = {"darwin": "macOS", "win32": "Windows"}.get(system, system)
        return f"The server runs on Linux, and this is {name}: start one there, or in a container; {elsewhere}"
    own = "or set HEADWATER_BINARY to the path of one that 'make release' built"
    if machine != "x86_64":
        return f"The wheel with a server is for Linux on x86_64, and this is {machine}: build one from source, {own}; {elsewhere}"
    return f"For a server of its own install Headwater's wheel, {own}; {elsewhere}"


def _environment() -> dict[str, str]:
    """The environment of this process without what is meant for a server that somebody runs: options, and a service manager's socket."""
    return {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET" and not name.startswith(_OPTION_PREFIX)}


class _Killed(Exception):
    """A server that a signal ended on its way up."""

    def __init__(self, number: int) -> None:
        self.number = number

    def told(self, times: int, directory: Path) -> Unavailable:
        try:
            name = signal.Signals(self.number).name
        except ValueError:
            name = f"signal {self.number}"
        hint = "; the system does that where memory runs out" if self.number == signal.SIGKILL else ""
        how_often = "once" if times == 1 else f"{times} times"
        return _final(f"the server was killed by {name} while it started, {how_often}{hint}: see {directory / 'server.log'}", directory)


def _final(message: str, directory: Path) -> Unavailable:
    """What another try would not mend."""
    error = Unavailable(message, str(directory))
    error.is_final = True
    return error


class EmbeddedServer:
    """The server of one directory, shared by all processes that open it. It stops when the last of them has let it go.

    Nobody owns it: whoever finds none starts one, and it ends by itself when no client is connected any more. So a process that is killed
    leaves nothing behind.
    """

    def __init__(self, path: str | os.PathLike[str], binary_path: str | None = None) -> None:
        self.directory = Path(local_directory(path)).absolute()
        # Elsewhere there is no server, nor what follows here: that is said before a directory is made.
        self._binary = binary_path if sys.platform == "linux" else binary_path or binary()
        try:
            is_new = not self.directory.exists()
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if is_new:
                # Whatever the umask.
                self.directory.chmod(0o700)
        except OSError as error:
            raise InvalidArgument(f"cannot be made a directory: {error.strerror}", str(self.directory)) from None
        if not os.access(self.directory, os.W_OK):
            raise InvalidArgument("is not to be written by this user", str(self.directory))
        _users[self.directory] += 1
        socket_path = self.directory / "headwater.sock"
        # A link keeps the path of the socket short, wherever the directory is.
        self._descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._finalizer = weakref.finalize(self, os.close, self._descriptor)
        is_short = len(os.fsencode(socket_path)) <= _SOCKET_BYTES_MAX
        self.socket = str(socket_path) if is_short else f"/proc/self/fd/{self._descriptor}/headwater.sock"

    @property
    def address(self) -> str:
        return f"unix:{self.socket}"

    def ensure(self) -> None:
        """Starts the server unless it runs; comes back when it takes connections.

        Raises:
            Unavailable: with what the server said, where it does not start.
        """
        reap()
        if self._answers():
            return
        # Of several processes that open the directory at once, one starts the server.
        lock = _private(self.directory / "open.lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            until = time.monotonic() + _START_SECONDS
            wait = _Wait()
            kills = 0
            while not self._answers():
                try:
                    if not self._start(until, wait):
                        # The one before is still on its way out: what the next try waits for as well, until it recovers.
                        wait.reason = "waiting for the last server of the store to stop"
                        time.sleep(0.05)
                except _Killed as killed:
                    kills += 1
                    if kills == _KILLS_MAX or time.monotonic() > until:
                        raise killed.told(kills, self.directory) from None
                    time.sleep(min(0.05 * 2**kills, 1))
                if time.monotonic() > until:
                    holder = f"process {pid}" if (pid := self._holder()) else "another process"
                    raise _final(f"{holder} holds it and serves nobody: stop that process", self.directory)
            wait.end()
        finally:
            os.close(lock)

    def release(self) -> None:
        """Lets the server go. Where this was the last client of the process that started it, it waits until it has stopped, so that the
        directory can be moved or removed then.
        """
        _users[self.directory] -= 1
        server = _running.get(self.directory)
        if server is None or _users[self.directory] > 0:
            return reap()
        until = time.monotonic() + _CLOSE_SECONDS
        while server.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return reap()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
            try:
                attempt.connect(self.socket)
            except OSError:
                return False
            return True

    def _start(self, until: float, wait: _Wait) -> bool:
        """Starts a server and waits until it answers; `False` where another one still holds the directory."""
        log_path = self.directory / "server.log"
        command = [
            self._binary or binary(), "serve", "--data", ".", "--listen", "unix:headwater.sock", "--stop-when-idle", _IDLE,
            "--stop-within", _STOP_WITHIN,
        ]  # fmt: skip
        try:
            said_before = _rotated_size(log_path)
            # Appended to: what a server said last before it died is there to be read.
            with open(log_path, "ab", opener=lambda path, flags: _private(Path(path), flags)) as log:
                # A session of its own: Ctrl-C in a terminal is for its clients.
                server = subprocess.Popen(
                    command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True,
                    env=_environment(),
                )  # fmt: skip
        except OSError as error:
            raise NotFound(f"cannot be run: {error.strerror}", command[0]) from None
        _started.append(server)
        _running[self.directory] = server
        slow_from = time.monotonic() + _SLOW_SECONDS
        while time.monotonic() < until:
            if self._answers():
                return True
            if server.poll() is not None:
                _started.remove(server)
                if server.returncode < 0:
                    raise _Killed(-server.returncode)
                said = log_path.read_bytes()[said_before:].decode(errors="replace").strip()
                if "already holds this lock" not in said:
                    raise _final(f"the server did not start: {_last(said)}", self.directory)
                self._refuse_other_server()
                return False
            if time.monotonic() > slow_from:
                wait.reason = _OPENING
            wait.tell(lambda: _recovery(log_path, said_before))
            time.sleep(0.01)
        # It goes on: whoever opens the directory next may find it ready.
        raise _final(f"the server recovers for more than {_START_SECONDS:g} s: open it again later; see {log_path}", self.directory)

    def _refuse_other_server(self) -> None:
        """Tells a server that somebody else runs on the directory from one of ours that is on its way out.

        Raises:
            FailedPrecondition: says where the other server is.
        """
        try:
            address = (self.directory / "online.address").read_text().splitlines()[0]
        except (OSError, IndexError):
            return
        if address != "unix:headwater.sock":
            process = f"; it is process {pid}" if (pid := self._holder()) else ""
            raise FailedPrecondition(f"is served by another server: use headwater.connect({address!r}){process}", str(self.directory))

    def _holder(self) -> int | None:
        """The process that holds the directory's locks, as far as the system says."""
        try:
            locks = [self.directory / part / "lock" for part in ("log", "online", "offline")]
            # Inodes are numbers of a device alone.
            inodes = {f"{self._device()}:{lock.stat().st_ino}" for lock in locks if lock.exists()}
            held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
            # Such as `3: FLOCK ADVISORY WRITE 4711 08:01:131 0 EOF`; one that waits has an arrow before its kind.
            return next((int(fields[4]) for fields in held if fields[1] == "FLOCK" and fields[5] in inodes), None)
        except (OSError, ValueError, IndexError, StopIteration):
            return None

    def _device(self) -> str:
        """The device of the directory as /proc/locks names it: that of its mount, since some file systems state others for their files."""
        known = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{self._descriptor}").read_text().splitlines())
        mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
        major, minor = next(fields[2] for fields in mounts if fields[0] == known["mnt_id"].strip()).split(":")
        return f"{int(major):02x}:{int(minor):02x}"


class _Wait:
    """Says on standard error why a call waits, once it has for a second: on a terminal in one line that changes, else once a reason."""

    def __init__(self) -> None:
        self._since = self._last = time.monotonic()
        self._told = ""
        self.reason = _OPENING

    def tell(self, progress: Callable[[], str | None]) -> None:
        """Says how far it has come, or the reason where there is no progress yet."""
        now = time.monotonic()
        if now - self._since < _SILENT_SECONDS or now - self._last < _SILENT_SECONDS / 4:
            return
        self._last = now
        text = progress() or self.reason
        if sys.stderr.isatty():
            print(f"\rheadwater: {text} ({now - self._since:.0f} s)\033[K", end="", file=sys.stderr, flush=True)
        elif text.split(",")[0] != self._told:
            print(f"headwater: {text}", file=sys.stderr, flush=True)
        self._told = text.split(",")[0]

    def end(self) -> None:
        if self._told and sys.stderr.isatty():
            print(file=sys.stderr)


def _recovery(log_path: Path, start: int) -> str | None:
    """How far a server that starts has come, by what it says in its log; `None` before it replays."""
    try:
        with open(log_path, "rb") as log:
            log.seek(start)
            said = log.read().decode(errors="replace")
    except OSError:
        said = ""
    steps = [line for line in said.splitlines() if "replaying the log" in line]
    places = [re.search(rf"\b{name}=(\d+)", steps[-1]) for name in ("position", "of")] if steps else []
    if len(places) == 2 and places[0] and places[1]:
        return f"the store is recovering, at position {int(places[0][1]):,} of {int(places[1][1]):,}"
    return None


def _private(path: Path, flags: int) -> int:
    """Opens a file, made where it is not there, that only this user may read, whatever the umask."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)
    return descriptor


def _rotated_size(log_path: Path) -> int:
    """Bytes of a log to append to; one that has grown large is put aside first."""
    try:
        size = log_path.stat().st_size
    except OSError:
        return 0
    if size < _LOG_BYTES_MAX:
        return size
    log_path.replace(log_path.with_suffix(".log.1"))
    return 0


def _last(said: str) -> str:
    return said.splitlines()[-1] if said else "it said nothing"


# Servers that this process started: waited for, so that none is left as a zombie.
_started: list[subprocess.Popen[bytes]] = []
# The last one of each directory, and how many clients of this process have it open.
_running: dict[Path, subprocess.Popen[bytes]] = {}
_users: Counter[Path] = Counter()


def reap() -> None:
    """Collects servers that have ended."""
    for server in list(_started):
        if server.poll() is not None:
            _started.remove(server)


def _forget() -> None:
    # A server that others still use goes on: it is not ours to wait for, nor to warn of.
    for server in _started:
        server.returncode = server.returncode if server.returncode is not None else 0
    _started.clear()


atexit.register(_forget)
