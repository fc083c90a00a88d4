"""The Debian package: what the system's own tools say of it, and that it installs, runs and goes again, in a copy of this system."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import need, packages, run

pytestmark = pytest.mark.release

# In a view of this system that is thrown away: writes go to a directory of memory.
LIFE = r"""
set -eu
mount -t tmpfs tmpfs "$2" && mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc" && mount --bind /dev "$2/root/dev" && mount -t tmpfs tmpfs "$2/root/tmp"
cp "$1" "$2/root/tmp/headwater.deb"
exec chroot "$2/root" /bin/sh -eu -c '
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
rm -f /usr/local/bin/headwater
dpkg -i /tmp/headwater.deb
echo "version: $(headwater --version)"
man -w headwater headwater-serve
systemd-analyze verify headwater.service && echo "unit verified"
echo HEADWATER_OPTIONS=mine >> /etc/default/headwater
dpkg -i --force-confold /tmp/headwater.deb > /dev/null
grep -c HEADWATER_OPTIONS=mine /etc/default/headwater
mkdir -p /var/lib/private/headwater/log
headwater serve --data /tmp/store --listen unix:/tmp/s.sock 2> /tmp/log & server=$!
until headwater status --address unix:/tmp/s.sock > /dev/null 2>&1; do kill -0 $server; sleep 0.1; done
kill $server; wait $server; echo "served"
dpkg -r headwater > /dev/null
test ! -e /usr/bin/headwater && test -e /etc/default/headwater && echo "removed"
dpkg -P headwater
test ! -e /etc/default/headwater && test -d /var/lib/private/headwater/log && echo "purged"
dpkg --audit
'
"""


@pytest.fixture(scope="module")
def package() -> Path:
    need("dpkg-deb")
    return packages("headwater_*.deb")


def test_lintian_finds_nothing(package: Path) -> None:
    need("lintian")
    said = run("lintian", "--allow-root", "--fail-on", "error,warning", package)
    assert said == ""


def test_it_holds_what_belongs_to_the_program(package: Path) -> None:
    files = [line.split()[-1].removeprefix(".") for line in run("dpkg-deb", "--contents", package).splitlines()]
    for file in (
        "/usr/bin/headwater",
        "/usr/share/man/man1/headwater.1.gz",
        "/usr/share/man/man1/headwater-dataset-verify.1.gz",
        "/usr/share/bash-completion/completions/headwater",
        "/usr/share/zsh/vendor-completions/_headwater",
        "/usr/share/fish/vendor_completions.d/headwater.fish",
        "/usr/lib/systemd/system/headwater.service",
        "/etc/default/headwater",
        "/usr/share/doc/headwater/copyright",
    ):
        assert file in files
    assert all(line.split()[1] == "root/root" for line in run("dpkg-deb", "--contents", package).splitlines())


def test_its_dependencies_are_what_the_program_loads(package: Path) -> None:
    depends = run("dpkg-deb", "--field", package, "Depends")
    for library in ("libc6 (>= 2.", "libssl3 (>=", "liblz4-1", "libprotobuf-c1", "libstdc++6 (>="):
        assert library in depends


def test_it_installs_runs_and_goes(package: Path, tmp_path: Path) -> None:
    need("unshare", "chroot", "dpkg", "systemd-analyze", "man")
    if os.geteuid() != 0:
        pytest.skip("a copy of this system needs root")
    result = subprocess.run(["unshare", "--mount", "sh", "-c", LIFE, "sh", package, tmp_path], capture_output=True, text=True, timeout=240)
    if "mount:" in result.stderr:
        pytest.skip(f"no copy of this system can be laid out here: {result.stderr.strip()}")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    version = run("dpkg-deb", "--field", package, "Version").strip()
    for said in (f"version: {version}", "unit verified", "1", "served", "removed", "purged"):
        assert said in lines, result.stdout + result.stderr
    assert "/usr/share/man/man1/headwater-serve.1.gz" in lines
    assert any("the store in /var/lib/private/headwater is kept" in line for line in lines)
