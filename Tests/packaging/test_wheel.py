"""The two wheels: which one pip takes on which platform, that the tag is what the program needs, and what each does once installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import BINARY, ROOT, need, run

CLIENT = ROOT / "Clients/python"
PYTHON = CLIENT / ".venv/bin/python"
# What an environment variable or the path would find is not the wheel's.
BARE = {"PATH": "/nowhere", "HOME": "/nonexistent", "HEADWATER_BINARY": ""}

OPENS = """
import sys, headwater as hw
try:
    with hw.open(sys.argv[1], project="p") as client:
        client.apply([hw.FeatureGroup("g", hw.Entity("e", {"id": "int64"}), {"x": "float64"}, event_time="at")])
        client.write("g", [{"id": 7, "at": "2026-01-05", "x": 2.5}])
        print(client.get_online_features("g:x", {"id": [7]}, at="2026-01-06").to_dict()["x"])
except hw.NotFound as error:
    print(error)
"""


def needs_environment() -> None:
    if not PYTHON.exists():
        pytest.skip("the client's environment is not there: make test-python makes it")


def test_the_client_alone_says_that_it_has_no_server(tmp_path: Path) -> None:
    needs_environment()
    run(PYTHON, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=CLIENT)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("/headwater")]
    # Its dependencies are those of the client's environment.
    run(PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", tmp_path / "site", wheel)
    said = run(PYTHON, "-c", OPENS, tmp_path / "store", env={**BARE, "PYTHONPATH": str(tmp_path / "site")})
    assert "this installation is the client alone" in said and "headwater.connect(ADDRESS)" in said
    # With a program that somebody names it opens.
    named = {**BARE, "PYTHONPATH": str(tmp_path / "site"), "HEADWATER_BINARY": BINARY}
    assert "[2.5]" in run(PYTHON, "-c", OPENS, tmp_path / "store", env=named)


def test_a_program_that_needs_more_than_every_machine_has_gets_no_tag() -> None:
    need("readelf", "objdump")
    # The one of a debug build loads the libraries of its machine.
    result = subprocess.run([sys.executable, ROOT / "scripts/wheel-platform", BINARY], capture_output=True, text=True)
    assert result.returncode == 1 and "needs libraries that other machines may not have: " in result.stderr
    assert "libcrypto.so.3" in result.stderr and " libc.so" not in result.stderr


@pytest.fixture(scope="module")
def wheels() -> tuple[Path, Path]:
    """With a server, and without one."""
    (full,), (alone,) = CLIENT.glob("dist/*.whl"), CLIENT.glob("dist/any/*.whl")
    return full, alone


@pytest.mark.release
def test_the_tag_is_what_others_find_the_program_to_need(wheels: tuple[Path, Path]) -> None:
    need("objdump")
    tag = re.search(r"py3-none-(manylinux_\d+_\d+_x86_64)\.whl", wheels[0].name)
    assert tag, wheels[0].name
    said = run(ROOT / "packaging/.venv/bin/auditwheel", "show", wheels[0])
    assert f'constrains the platform tag to "{tag[1]}"' in " ".join(said.split())
    # RHEL 9, Amazon Linux 2023 and Ubuntu 22.04 have the first two; Debian 12 is newer.
    assert tuple(map(int, tag[1].split("_")[1:3])) <= (2, 34)


@pytest.mark.release
@pytest.mark.parametrize(
    ("platform", "has_server"),
    [
        ("manylinux_2_34_x86_64", True),
        ("manylinux_2_39_x86_64", True),
        ("manylinux_2_28_x86_64", False),
        ("manylinux_2_39_aarch64", False),
        ("musllinux_1_2_x86_64", False),
        ("macosx_14_0_arm64", False),
        ("win_amd64", False),
    ],
)
def test_pip_finds_a_wheel_on_every_platform(wheels: tuple[Path, Path], platform: str, has_server: bool, tmp_path: Path) -> None:
    # As pip sees a machine: by all tags up to its own.
    match = re.fullmatch(r"manylinux_2_(\d+)_(\w+)", platform)
    tags = [f"manylinux_2_{minor}_{match[2]}" for minor in range(17, int(match[1]) + 1)] if match else [platform]
    given = [each for tag in tags for each in ("--platform", tag)]
    folders = [each for wheel in wheels for each in ("--find-links", str(wheel.parent))]
    run(
        PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", "--no-index", "--only-binary=:all:", *folders, *given,
        "--dest", tmp_path, "headwater",
    )  # fmt: skip
    assert [each.name for each in tmp_path.iterdir()] == [wheels[0 if has_server else 1].name]


@pytest.mark.release
def test_each_installs_into_a_clean_environment(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    run(PYTHON, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    # The second finds its dependencies there.
    for wheel, said, more in (
        (wheels[0], "[2.5]", []),
        (wheels[1], "this installation is the client alone", ["--no-deps", "--force-reinstall"]),
    ):
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *more, wheel]
        subprocess.run(command, check=True, timeout=280)
        assert said in run(python, "-c", OPENS, tmp_path / "store", env={**BARE, "PATH": os.defpath})
