"""The container image: what it says of itself, and that it runs from a read-only root as its own user, with nothing else beside it."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, need, packages

pytestmark = pytest.mark.release
BYTES_MAX = 40 << 20

FEATURES = """
project: p
entities: [{name: e, keys: [{name: id, type: int64}]}]
feature_groups:
  - {name: g, entity: e, event_time: at, features: [{name: x, type: float64}]}
"""

# Runs in a network of its own, so that the image's port is free and nothing else is reached. $1 the root, $2 the volume, then the command.
LIFE = r"""
set -eu
root=$1 data=$2; shift 2
ip link set lo up
mount --bind "$root" "$root" && mount -o remount,ro,bind "$root"
mount --bind "$data" "$root/data"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
printf '%s' "$FEATURES" > "$root/tmp/f.yaml"
inside="env -i PATH=/usr/bin $(command -v chroot) --userspec=10001:10001 $root"
$inside "$@" 2> "$data.log" & server=$!
until $inside headwater status > /dev/null 2>&1; do kill -0 $server || { cat "$data.log"; exit 1; }; sleep 0.1; done
$inside headwater apply /tmp/f.yaml > /dev/null
printf 'id,at,x\n7,2026-01-05,2.5\n' | $inside headwater write g --from - > /dev/null
$inside headwater get --features g:x --entity id=7
echo "user: $(awk '/^Uid/ { print $2 }' /proc/$server/status), files: $(stat -c %u "$data/log")"
kill -TERM $server
wait $server && echo "ended cleanly"
$inside headwater status > /dev/null 2>&1 || echo "unhealthy: $?"
"""


@pytest.fixture(scope="module")
def archive() -> Path:
    return packages("headwater-*-image.tar.gz")


@pytest.fixture(scope="module")
def image(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Its configuration, and its files, laid out."""
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    manifest = json.loads((folder / "manifest.json").read_text())[0]
    root = folder / "root"
    root.mkdir()
    for layer in manifest["Layers"]:
        # tar keeps owners and modes, where this user may.
        subprocess.run(["tar", "-C", root, "-xpf", folder / layer], check=True)
    # As everybody can see them: only the volume is the user's own.
    folder.chmod(0o755)
    return json.loads((folder / manifest["Config"]).read_text()), root


def test_it_is_small(archive: Path) -> None:
    assert archive.stat().st_size <= BYTES_MAX


def test_it_says_what_it_is(image: tuple[dict[str, Any], Path]) -> None:
    config, root = image
    said = config["config"]
    version = subprocess.run([root / "usr/bin/headwater", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    assert said["Labels"]["org.opencontainers.image.version"] == version
    assert {"title", "description", "licenses"} <= {each.removeprefix("org.opencontainers.image.") for each in said["Labels"]}
    # As a number, or Kubernetes cannot tell that it is not root.
    assert said["User"] == "10001:10001"
    assert said["Volumes"] == {"/data": {}} and set(said["ExposedPorts"]) == {f"{port}/tcp" for port in range(7070, 7074)}
    assert said["Entrypoint"] == ["headwater"] and said["Healthcheck"]["Test"] == ["CMD", "headwater", "status"]
    assert said["StopSignal"] == "SIGTERM"
    # Nothing is open to others by itself.
    assert "--insecure" not in said["Cmd"] and said["Cmd"][-2:] == ["--listen", "127.0.0.1:7070"]


def test_it_has_no_more_than_it_needs(image: tuple[dict[str, Any], Path]) -> None:
    _, root = image
    files = sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file() and "share/doc" not in str(each))
    libraries = [each for each in files if ".so" in each]
    assert [each for each in files if each not in libraries] == ["etc/group", "etc/nsswitch.conf", "etc/passwd", "usr/bin/headwater"]
    assert len(libraries) == 4 and {"libc", "libm", "libgcc_s"} < {Path(each).name.split(".so")[0] for each in libraries}
    assert (root / "data").stat().st_uid == 10001 or os.geteuid() != 0
    # Nobody but root may change what runs.
    assert not [each for each in files if (root / each).stat().st_mode & 0o022]
    assert (root / "usr/share/doc/headwater/headwater.txt").read_text() == (ROOT / "LICENSE").read_text()


def test_it_serves_from_a_read_only_root_as_its_own_user(image: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    need("unshare", "chroot", "ip")
    if os.geteuid() != 0:
        pytest.skip("a root of its own needs root")
    config, root = image
    for name in ("proc", "tmp"):
        # As container engines make them.
        (root / name).mkdir(exist_ok=True)
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 10001, 10001)
    tmp_path.chmod(0o755)
    command = config["config"]["Entrypoint"] + config["config"]["Cmd"]
    began = time.monotonic()
    result = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", LIFE, "sh", root, data, *command],
        capture_output=True, text=True, timeout=120, env={**os.environ, "FEATURES": FEATURES},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert "2.5" in result.stdout and "user: 10001, files: 10001" in lines
    assert lines[-2:] == ["ended cleanly", "unhealthy: 4"]
    print(f"image: from nothing to a get and a clean end in {time.monotonic() - began:.1f} s")
