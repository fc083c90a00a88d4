"""What `make install` puts beside the program: manual pages, completions, the unit of systemd."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BINARY, ROOT, need, run


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    run(ROOT / "scripts/install", BINARY, "/usr", root)
    return root


@pytest.fixture(scope="module")
def pages(installed: Path) -> Path:
    return installed / "usr/share/man/man1"


def commands() -> list[tuple[str, ...]]:
    """All commands, by what the program's help lists: not by what the script reads."""

    def below(*path: str) -> list[tuple[str, ...]]:
        text = run(BINARY, "help", *path)
        # A command stands two spaces in, below a title that names commands; options begin with a dash.
        blocks = re.findall(r"^[A-Z ]+:\n((?:  .*\n|\n(?=  \S))+)", text, re.MULTILINE)
        names = [name for block in blocks for name in re.findall(r"^  ([a-z]+) ", block, re.MULTILINE)]
        return [(*path, name) for name in names if name not in ("help", "headwater")]

    top = below()
    return [(), *top, *below("dataset"), *below("log"), *below("clock"), *below("config"), *below("config", "show")]


def test_every_command_has_its_page_and_no_other(pages: Path) -> None:
    expected = {"-".join(["headwater", *path]) + ".1" for path in commands()}
    assert {"headwater.1", "headwater-serve.1", "headwater-dataset-verify.1", "headwater-clock-accept.1"} <= expected
    assert {each.name for each in pages.iterdir()} == expected


def test_every_option_of_the_help_is_on_its_page(pages: Path) -> None:
    for path in commands():
        page = pages / ("-".join(["headwater", *path]) + ".1")
        shown = page.read_text().replace("\\-", "-")
        for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", run(BINARY, "help", *path))):
            assert option in shown, f"{page.name}: {option}"


def test_pages_are_clean(pages: Path) -> None:
    need("groff")
    for page in sorted(pages.iterdir()):
        result = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-z", page], capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, ""), page.name


def test_pages_are_clean_for_mandoc(pages: Path) -> None:
    need("mandoc")
    run("mandoc", "-T", "lint", "-W", "warning", *sorted(pages.iterdir()))


def test_man_finds_a_page_by_the_words_of_its_command(installed: Path) -> None:
    need("man")
    environment = {**os.environ, "MANPATH": str(installed / "usr/share/man"), "MANWIDTH": "120"}
    assert "headwater serve [options] --data dir" in run("man", "headwater-serve", env=environment)
    shown = run("man", "headwater", env=environment)
    # Examples stand as they are typed: a hyphen is a hyphen.
    assert "headwater get --service churn --entity customer_id=1" in shown
    assert "130    interrupted by Ctrl-C" in shown
    assert "141    nobody reads the results to their end, as behind | head" in shown
    assert "HEADWATER_SERVE_NAME" in run("man", "headwater-serve", env=environment)


COMPLETIONS = [
    ("st", {"status"}),
    ("dataset v", {"verify"}),
    ("serve --st", {"--stop-within", "--stop-when-idle"}),
    ("log ", {"verify", "dump", "forget"}),
]


@pytest.mark.parametrize(("line", "expected"), COMPLETIONS)
def test_bash_completes(installed: Path, line: str, expected: set[str]) -> None:
    script = r"""
        source "$1"; shift
        function=$(complete -p headwater | sed 's/.*-F \([^ ]*\) .*/\1/')
        COMP_WORDS=(headwater "$@") COMP_CWORD=$# COMP_LINE="headwater $*"; COMP_POINT=${#COMP_LINE}
        "$function" headwater "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    """
    file = installed / "usr/share/bash-completion/completions/headwater"
    said = run("bash", "-c", script, "bash", file, *line.split(" "))
    assert expected <= {each.strip() for each in said.splitlines()}


@pytest.mark.parametrize(("line", "expected"), COMPLETIONS)
def test_fish_completes(installed: Path, line: str, expected: set[str], tmp_path: Path) -> None:
    need("fish")
    file = installed / "usr/share/fish/vendor_completions.d/headwater.fish"
    said = run("fish", "--no-config", "-c", f"source {file}; complete -C 'headwater {line}'", env={**os.environ, "HOME": str(tmp_path)})
    assert expected <= {each.split("\t")[0] for each in said.splitlines()}


@pytest.mark.parametrize(("line", "expected"), COMPLETIONS[:3])
def test_zsh_completes(installed: Path, line: str, expected: set[str], tmp_path: Path) -> None:
    """A zsh on a terminal of its own: its completions know no other way."""
    need("zsh")
    folder = installed / "usr/share/zsh/site-functions"
    script = r"""
        zmodload zsh/zpty
        zpty shell zsh -f
        zpty -w shell "PS1= PS2= RPS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -d $2/dump; bindkey '^I' complete-word"
        zpty -w shell "zstyle ':completion:*' list-prompt ''; zstyle ':completion:*' verbose no; LISTMAX=0"
        zpty -w shell "stty columns 200; print -r -- RE''ADY"
        zpty -r -m shell shown '*READY*'
        zpty -w -n shell "headwater $3"$'\t\t'
        all=
        for turn in {1..200}; do
            zpty -r -t shell shown && all+=$shown
            for each in "${@[4,-1]}"; do [[ $all == *$each* ]] || { sleep 0.1; continue 2; }; done
            break
        done
        print -rn -- "$all"
        zpty -d shell
    """
    # One that fits alone is put into the line, behind what stands there; of several the shell lists all.
    awaited = expected if len(expected) > 1 else {each.removeprefix(line.split(" ")[-1]) for each in expected}
    said = run(
        "zsh", "-f", "-c", script, "zsh", folder, tmp_path, line, *awaited, env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb"}
    )
    assert all(each in said for each in awaited), said


def test_another_prefix_gets_no_unit_of_the_system(tmp_path: Path) -> None:
    run(ROOT / "scripts/install", BINARY, "/opt/headwater", tmp_path)
    assert (tmp_path / "opt/headwater/bin/headwater").exists()
    assert not list(tmp_path.rglob("*.service"))
    run(ROOT / "scripts/install", BINARY, "/usr/local", tmp_path)
    unit = (tmp_path / "usr/local/lib/systemd/system/headwater.service").read_text()
    assert "ExecStart=/usr/local/bin/headwater serve" in unit


def test_what_was_installed_is_said_and_how_the_shell_finds_it(tmp_path: Path) -> None:
    said = run(ROOT / "scripts/install", BINARY, tmp_path)
    assert f"installed {tmp_path}/bin/headwater" in said
    assert f"export PATH={tmp_path}/bin:$PATH" in said
    found = run(ROOT / "scripts/install", BINARY, tmp_path, env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    assert "installed" in found and "export" not in found


# The unit of systemd.


@pytest.fixture(scope="module")
def unit(installed: Path) -> Path:
    return installed / "usr/lib/systemd/system/headwater.service"


def test_the_unit_is_verified(installed: Path, unit: Path) -> None:
    """With the program and its pages where the unit names them: in a view of the file system of this test's own."""
    need("systemd-analyze", "unshare", "man")
    if os.geteuid() != 0:
        pytest.skip("laying a tree over /usr needs root")
    script = f"mount -t overlay overlay -o lowerdir={installed}/usr:/usr /usr && systemd-analyze verify --man=yes {unit.name}"
    result = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
    if "mount:" in result.stderr:
        pytest.skip(f"no overlay can be mounted here: {result.stderr.strip()}")
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_page_makes_a_unit_for_the_offline_service_of_the_one_that_is_there(unit: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/operations/install.md").read_text()
    found = re.search(r"^sed -e '.*?headwater-offline\.service$", page, re.MULTILINE | re.DOTALL)
    assert found
    made = tmp_path / "headwater-offline.service"
    command = found[0].replace("/usr/lib/systemd/system/headwater.service", str(unit))
    run("sh", "-c", command.replace("/etc/systemd/system/headwater-offline.service", str(made)))
    before, after = (set(file.read_text().splitlines()) for file in (unit, made))
    assert {line for line in after - before if not line.startswith("#")} == {
        'Environment="HEADWATER_OPTIONS=--listen 127.0.0.1:7071 --listen unix:/run/headwater-offline/headwater.sock"',
        "EnvironmentFile=-/etc/default/headwater-offline",
        "ExecStart=/usr/bin/headwater offline --data /var/lib/headwater $HEADWATER_OPTIONS",
        "RuntimeDirectory=headwater-offline",
    }
    # The same user and the same store.
    assert {"User=headwater", "StateDirectory=headwater"} <= after & before


def test_the_unit_has_few_rights(unit: Path) -> None:
    need("systemd-analyze")
    said = run("systemd-analyze", "security", "--offline=true", "--json=short", unit)
    assert isinstance(json.loads(said), list)
    # The figure stands in the text for people alone.
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", run("systemd-analyze", "security", "--offline=true", unit))
    assert level and float(level[1]) <= 2.5
    run("systemd-analyze", "security", "--offline=true", "--threshold=25", unit)


def test_the_unit_gives_a_stop_its_time(unit: Path) -> None:
    # 10 s for running requests, 30 s for what makes the next start fast, by default.
    settings = configparser.RawConfigParser(strict=False)
    settings.optionxform = str  # type: ignore[assignment,method-assign]
    settings.read(unit)
    assert int(settings["Service"]["TimeoutStopSec"].removesuffix("s")) >= 10 + 30 + 15
    assert settings["Service"]["Type"] == "notify" and settings["Service"]["TimeoutStartSec"] == "infinity"
    assert re.search(r"Default: 30s", run(BINARY, "help", "serve").split("--stop-within")[1].split("--log-level")[0].replace("\n", " "))


def test_the_program_takes_what_the_unit_hands_it(unit: Path, tmp_path: Path) -> None:
    settings = configparser.RawConfigParser(strict=False)
    settings.optionxform = str  # type: ignore[assignment,method-assign]
    settings.read(unit)
    options = settings["Service"]["Environment"].strip('"').removeprefix("HEADWATER_OPTIONS=").split()
    assert options[0] == "--listen"
    # A wrong option is refused before the directory is made; this one is refused because of the last alone.
    result = subprocess.run(
        [BINARY, "serve", "--data", tmp_path / "store", *options, "--log-level", "none-such"], capture_output=True, text=True
    )
    assert result.returncode == 64 and "none-such" in result.stderr and not (tmp_path / "store").exists()
