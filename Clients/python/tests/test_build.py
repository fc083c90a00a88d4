"""`make` builds quietly: a line of progress, warnings of our own, errors in full. A script plays the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

WARNING = "Sources/Log/A.swift:3:8: warning: variable 'a' was never used"
COMPILES = ["[1/3] Compiling Log A.swift", "[2/3] Compiling Log B.swift", "[3/3] Linking headwater", "Build complete! (3.1s)"]


class Build:
    """`scripts/build` in a folder of its own, with a compiler that prints given lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, lines: list[str], *arguments: str, code: int = 0, **variables: str) -> tuple[int, str]:
        text = self.folder / "lines.txt"
        text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        swift = self.folder / "swift"
        swift.write_text(f'#!/bin/sh\necho "$@" > "{self.folder}/asked"\ncat "{text}"\nexit {code}\n', encoding="utf-8")
        swift.chmod(0o755)
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/build", *arguments], cwd=self.folder, env={**os.environ, "SWIFT": str(swift), **variables},
            capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    @property
    def asked(self) -> str:
        return (self.folder / "asked").read_text(encoding="utf-8").strip()

    @property
    def log(self) -> str:
        return (self.folder / ".build/build.log").read_text(encoding="utf-8")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_a_build_is_one_line_and_its_whole_output_a_file(build: Build) -> None:
    code, said = build(COMPILES, "-c", "release", "--product", "headwater")
    assert (code, said) == (0, "build: headwater for release, 0 s\n")
    assert build.asked == "build -c release --product headwater"
    assert build.log.splitlines() == COMPILES


def test_nothing_is_said_where_nothing_is_built(build: Build) -> None:
    assert build(["[0/1] Planning build", "[1/1] Write swift-version.txt", "Build complete! (0.3s)"]) == (0, "")


def test_a_warning_of_our_own_is_shown_once_and_fails_a_strict_build(build: Build) -> None:
    lines = [COMPILES[0], f"{build.folder}/{WARNING}", COMPILES[1], f"{build.folder}/{WARNING}", *COMPILES[2:]]
    assert build(lines) == (0, f"{WARNING}\nbuild: all targets, 0 s\n")
    code, said = build(lines, "--strict", "--build-tests")
    assert code == 1
    assert said == f"{WARNING}\nbuild: all tests, 0 s\nbuild: 1 warning of our own: mend it\n"
    assert build.asked == "build --build-tests"


@pytest.mark.parametrize("path", [".build/checkouts/swift-nio/Sources/A.swift", "../elsewhere/A.swift"])
def test_warnings_of_what_we_depend_on_are_not_ours(build: Build, path: str) -> None:
    lines = [COMPILES[0], f"{build.folder}/{path}:1:1: warning: deprecated", *COMPILES[1:]]
    assert build(lines, "--strict") == (0, "build: all targets, 0 s\n")


def test_an_error_is_shown_with_its_lines_once_and_the_exit_code_is_the_compilers(build: Build) -> None:
    error = [
        f"{build.folder}/Sources/Log/A.swift:3:8: error: cannot find 'b' in scope",
        "1 | let a = b",
        "  |         `- error: cannot find",
    ]
    code, said = build([COMPILES[0], *error, "[2/3] Compiling Log B.swift", *error], code=3)
    assert code == 3
    assert said.splitlines()[:3] == error
    assert said.count("cannot find 'b'") == 1
    assert said.splitlines()[-1].startswith("build: all targets failed after 0 s; all of its output: ")


def test_a_failure_without_a_place_shows_how_it_ended(build: Build) -> None:
    code, said = build(["Fetching https://github.com/apple/swift-nio", "error: could not resolve the package"], code=1)
    assert code == 1
    assert "error: could not resolve the package" in said
    code, said = build(["[1/3] Linking headwater", "clang: cannot find -llz4"], code=1)
    assert code == 1
    assert "clang: cannot find -llz4" in said


def test_verbose_shows_what_the_compiler_prints(build: Build) -> None:
    assert build(COMPILES, "--product", "headwater", V="1") == (0, "\n".join(COMPILES) + "\n")


def test_the_log_lies_in_the_scratch_path_of_the_build(build: Build) -> None:
    build(COMPILES, "--scratch-path", "elsewhere")
    build(COMPILES, "--package-path", "Benchmarks")
    assert (build.folder / "elsewhere/build.log").exists()
    assert (build.folder / "Benchmarks/.build/build.log").exists()


def test_make_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [line.split()[1] for line in text.splitlines() if line.startswith(".PHONY: ")]
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in said.splitlines()] == targets
