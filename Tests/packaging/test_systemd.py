"""The service under a real systemd, which boots in a copy of this system with the Debian package installed: it is ready when it says so, as
its own user, with few rights; it comes again where it is killed; and it stops in time, also under load.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import need, packages

pytestmark = pytest.mark.release
BOOT_SECONDS = 120

UNIT = """
[Unit]
After=headwater.service
Wants=headwater.service
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /srv/check/check.sh
ExecStopPost=/bin/systemctl --force --force poweroff
TimeoutStartSec=100
"""

CHECK = r"""
exec > /srv/check/said 2>&1
set -eu
cat > /srv/check/f.yaml <<'YAML'
project: p
entities: [{name: e, keys: [{name: id, type: int64}]}]
feature_groups:
  - {name: g, entity: e, event_time: at, features: [{name: x, type: float64}]}
YAML
property() { systemctl show headwater --property "$1" --value; }
now() { date +%s%N; }
stop() { began=$(now); systemctl stop headwater; echo "$1: $(( ($(now) - began) / 1000000 )) ms, $(property Result)"; }
# As soon as systemd says that it is up.
echo "status: $(property StatusText)"
headwater apply /srv/check/f.yaml > /dev/null
printf 'id,at,x\n7,2026-01-05,2.5\n' | headwater write g --from - > /dev/null
headwater get --features g:x --entity id=7 --at 2026-01-06 --address unix:/run/headwater/headwater.sock --json
process=$(property MainPID)
echo "rights: $(awk '/^(Uid|CapEff|NoNewPrivs|Seccomp):/ { printf "%s%s ", $1, $2 }' /proc/$process/status)"
echo "nice: $(awk '/^Max nice priority/ { print $4 }' /proc/$process/limits)"
echo "store: $(stat -L -c '%a %u' /var/lib/headwater)"
stop "stop"
# As /etc/default/headwater says it: members of a group reach the socket.
groupadd --system features
mkdir -p /etc/systemd/system/headwater.service.d
printf '[Service]\nSupplementaryGroups=features\n' > /etc/systemd/system/headwater.service.d/group.conf
echo 'HEADWATER_OPTIONS="--listen 127.0.0.1:7070 --listen unix:/run/headwater/headwater.sock --group features"' > /etc/default/headwater
systemctl daemon-reload
systemctl start headwater
echo "socket: $(stat -c '%a %G' /run/headwater/headwater.sock)"
(while :; do printf '{"id":1,"at":"2026-01-05","x":1}\n'; done | headwater write g --stream --format ndjson > /srv/check/writer 2>&1) &
while headwater get --features g:x --entity id=7 > /dev/null 2>&1; do :; done &
sleep 5
stop "stop under load"
systemctl start headwater
kill -9 "$(property MainPID)"
for turn in $(seq 200); do [ "$(property NRestarts)" = 1 ] && systemctl is-active --quiet headwater && break; sleep 0.1; done
headwater audit > /dev/null && echo "after a kill: $(property NRestarts) restart, audited"
journalctl --unit headwater --no-pager --output cat > /srv/check/journal
echo done
"""


def test_the_service_lives_under_systemd(tmp_path: Path) -> None:
    need("systemd-nspawn", "unshare", "dpkg")
    if os.geteuid() != 0:
        pytest.skip("a system of its own needs root")
    if not Path("/lib/systemd/systemd").exists():
        pytest.skip("systemd itself is not installed")
    # Where nspawn may boot from: a tree of its own, whose changes go to memory.
    script = r"""
        set -eu
        mount -t tmpfs tmpfs "$2" && mkdir "$2/upper" "$2/work" "$2/root"
        mount -t overlay overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" "$2/root"
        cp "$1" "$2/root/headwater.deb"
        chroot "$2/root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg -i /headwater.deb > /dev/null
        rm -f "$2/root/usr/local/bin/headwater" "$2/root/etc/machine-id"
        mkdir -p "$2/root/srv/check" && cp "$3/check.sh" "$2/root/srv/check/check.sh"
        cp "$3/check.service" "$2/root/etc/systemd/system/check.service"
        timeout -k 5 "$4" systemd-nspawn --directory "$2/root" --boot --private-network --register=no --keep-unit --link-journal=no \
            --machine "headwater-check-$$" --console=pipe systemd.unit=check.service < /dev/null > "$3/boot" 2>&1 || true
        cp "$2/root/srv/check/said" "$2/root/srv/check/journal" "$3/" || true
    """
    mounts = tmp_path / "mounts"
    mounts.mkdir()
    (tmp_path / "check.sh").write_text(CHECK)
    (tmp_path / "check.service").write_text(UNIT)
    command = ["unshare", "--mount", "sh", "-c", script, "sh", packages("headwater_*.deb"), mounts, tmp_path, str(BOOT_SECONDS)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=BOOT_SECONDS + 60)
    boot = (tmp_path / "boot").read_text(errors="replace") if (tmp_path / "boot").exists() else result.stderr
    if not (tmp_path / "said").exists():
        pytest.skip(f"systemd does not boot here: {boot[-500:]}")
    said = (tmp_path / "said").read_text()
    assert said.endswith("done\n"), said + boot[-2000:]
    assert "status: serving at 127.0.0.1:7070, unix:/run/headwater/headwater.sock" in said
    assert '"x":2.5' in said
    # A user of its own, no capability, no way to more.
    rights = re.search(r"rights: Uid:(\d+) CapEff:(\w+) NoNewPrivs:1 Seccomp:2", said)
    assert rights and int(rights[1]) >= 61184 and int(rights[2], 16) == 0, said
    assert f"store: 700 {rights[1]}" in said
    assert "socket: 660 features" in said
    for what in ("stop", "stop under load"):
        stopped = re.search(rf"^{what}: (\d+) ms, success", said, re.MULTILINE)
        # TimeoutStopSec is 90 s; such a store has little to write.
        assert stopped and int(stopped[1]) < 45_000, said
        print(f"systemd: {what} took {stopped[1]} ms")
    assert "after a kill: 1 restart, audited" in said
    journal = (tmp_path / "journal").read_text()
    assert "replaying the log" in journal and "stopped" in journal
    # Nothing that the unit forbids is missed. A machine that may not raise its limits lets threads ask in vain.
    complaints = [line for line in journal.splitlines() if re.search(r"Failed to set|not permitted|\bwarning\b|\berror\b", line)]
    if "nice: 0" in said:
        complaints = [line for line in complaints if "thread priority" not in line]
    assert not complaints, journal
