"""The guide's code runs, the example runs, and the reference has every name."""

from __future__ import annotations

import html
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import headwater as hw

from .conftest import BINARY, ROOT

GUIDE = ROOT / "docs/python.md"
FLIGHTS = ROOT / "examples/flights"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def run(command: list[Any], folder: Path, **environment: str) -> str:
    """What a process says; its temporary files go where the test's do."""
    variables = {
        **os.environ, "PYTHONPATH": str(ROOT / "Clients/python/src"), "HEADWATER_BINARY": str(BINARY.absolute()), "TMPDIR": str(folder),
        **environment,
    }  # fmt: skip
    done = subprocess.run(list(map(str, command)), cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def code_of(page: Path) -> str:
    """All Python blocks of a page as one script, its line numbers those of the page."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        for number, line in enumerate(block[1].splitlines()):
            lines[first + number] = line
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("page", [GUIDE, ROOT / "README.md", ROOT / "Clients/python/README.md"], ids=["guide", "readme", "package"])
def test_the_code_of_a_page_runs_as_one_script(page: Path, tmp_path: Path) -> None:
    code = code_of(page)
    assert code.strip()
    script = tmp_path / "page.py"
    script.write_text(code, encoding="utf-8")
    run([sys.executable, "-W", "error::ResourceWarning", script], tmp_path)


@pytest.fixture(scope="session")
def flights() -> Path:
    """The example's tables: of HEADWATER_FLIGHTS_DATA, of an earlier run, or fetched."""
    folder = Path(os.environ.get("HEADWATER_FLIGHTS_DATA") or ROOT / ".work/flights")
    if not (folder / "spine.csv").exists():
        made = folder.with_name(f"{folder.name}-{os.getpid()}")
        command = [sys.executable, FLIGHTS / "prepare.py", "--out", made, "--cache", ROOT / ".work/cache"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(made, ignore_errors=True)
            pytest.skip(f"the flights cannot be fetched: {done.stderr.strip().splitlines()[-1:]}")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return folder


# A sample of the departures: a server built for debugging takes its time, and the example's point does not change.
def test_the_example_trains_a_model_and_serves_it_with_what_it_was_trained_on(flights: Path, tmp_path: Path) -> None:
    said = run([sys.executable, FLIGHTS / "flights.py", "--departures", "20000"], tmp_path, HEADWATER_FLIGHTS_DATA=str(flights))
    assert "20,000 departures as of position" in said
    auc = re.search(r"AUC on the [\d,]+ from October on: ([\d.]+)", said)
    assert auc and float(auc[1]) > 0.6
    assert len(re.findall(r"planes at .*: online equals offline in all 28 columns", said)) == 2
    assert "online and offline agree" in said


def test_the_example_is_a_notebook_in_cells() -> None:
    text = (FLIGHTS / "flights.py").read_text(encoding="utf-8")
    cells = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)[1:]
    for kind, cell in zip(cells[::2], cells[1::2], strict=True):
        if kind.strip() == "[markdown]":
            assert all(line.startswith("#") or not line for line in cell.splitlines()), cell
        else:
            compile(cell, "cell", "exec")


def test_the_reference_has_every_public_name_and_no_private_one(tmp_path: Path) -> None:
    run([ROOT / "scripts/python-docs", tmp_path / "docs"], tmp_path)
    page = html.unescape((tmp_path / "docs/headwater.html").read_text(encoding="utf-8"))
    anchors = set(re.findall(r'id="([\w.]+)"', page))
    assert set(hw.__all__) - {"aio"} <= anchors
    assert {f"{name}.{member}" for name, member, _ in members(hw) if member} <= anchors
    private = [anchor for anchor in anchors if any(part.startswith("_") and not part.startswith("__") for part in anchor.split("."))]
    assert not private
    coroutines = (tmp_path / "docs/headwater/aio.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in coroutines for name in ("connect", "open", "AsyncClient", "AsyncTable", "AsyncClient.write"))


def members(module: ModuleType) -> Iterator[tuple[str, str, Any]]:
    """Public classes and functions, and what they define themselves."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]
    for name in names:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, "", value
        if inspect.isclass(value):
            for member, defined in vars(value).items():
                function = defined.fget if isinstance(defined, property) else defined
                if not member.startswith("_") and inspect.isfunction(function):
                    yield name, member, function


@pytest.mark.parametrize("module", [hw, hw.aio], ids=["headwater", "headwater.aio"])
def test_every_public_class_function_and_method_says_what_it_is(module: ModuleType) -> None:
    silent = [
        f"{name}.{member}".rstrip(".") for name, member, value in members(module)
        # A dataclass without a text of its own gets its signature as one.
        if not value.__doc__ or value.__doc__.startswith(f"{name}(")
    ]  # fmt: skip
    assert not silent


def test_every_call_of_the_blocking_client_is_a_coroutine_too() -> None:
    blocking = {member: value for name, member, value in members(hw) if name == "Client" and member}
    coroutines = {member: value for name, member, value in members(hw.aio) if name == "AsyncClient" and member}
    assert blocking.keys() == coroutines.keys()
    for member, value in blocking.items():
        assert list(inspect.signature(value).parameters) == list(inspect.signature(coroutines[member]).parameters), member
