"""The client without a server beside it: on every platform it loads, and says where a server comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import headwater as hw


@pytest.mark.parametrize(
    ("system", "machine", "said"),
    [
        ("darwin", "arm64", "runs on Linux, and this is macOS: start one there, or in a container"),
        ("win32", "AMD64", "runs on Linux, and this is Windows"),
        ("linux", "aarch64", "for Linux on x86_64, and this is aarch64: build one from source, or set HEADWATER_BINARY"),
        ("linux", "x86_64", "install Headwater's wheel"),
    ],
)
def test_without_a_server_it_is_said_what_to_do_on_this_platform(system: str, machine: str, said: str, tmp_path: Path) -> None:
    # Windows has no fcntl either: what the client alone needs is there.
    script = f"""
import sys
if {system!r} != "linux":
    sys.modules["fcntl"] = None
import headwater as hw, platform
sys.platform, platform.machine = {system!r}, lambda: {machine!r}
try:
    hw.open("store").list()
except hw.NotFound as error:
    print(error)
print(hw.connect, hw.Entity("e", {{"id": "int64"}}))
"""
    environment = {**os.environ, "PATH": "", "PYTHONPATH": str(Path(hw.__file__).parents[1]), "HEADWATER_BINARY": ""}
    told = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0 and said in told.stdout and "headwater.connect(ADDRESS)" in told.stdout, told.stderr
    assert system == "linux" or not (tmp_path / "store").exists()
