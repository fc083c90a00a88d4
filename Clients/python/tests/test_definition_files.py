"""Definitions that are wrong: each is told with file, line and field, before anything is sent where it cannot be sent."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headwater as hw

from .conftest import BINARY

GOOD = """\
project: shop
entities:
- name: u
  keys: [{name: id, type: int64}]
feature_groups:
- name: g
  entity: u
  event_time: t
  features:
  - {name: x, type: float64}
"""


def refused(client: hw.Client, text: str, path: Path) -> str:
    path.write_text(text, encoding="utf-8")
    told = set()
    for call in (client.plan, client.apply):
        with pytest.raises(hw.InvalidArgument) as caught:
            call(path)
        told.add(str(caught.value))
    (one,) = told
    return one


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: &x\n  b: {c: *x}", "&x [*x]", "a: [&x [&y [*x]]]", "a: *y"])
def test_an_alias_of_what_holds_it_is_refused_where_it_stands(client: hw.Client, tmp_path: Path, text: str) -> None:
    file = tmp_path / "f.yaml"
    line = text.count("\n", 0, text.index("*")) + 1
    column = text.index("*") - text.rfind("\n", 0, text.index("*"))
    assert refused(client, text, file).startswith(f"{file}:{line}:{column}: is no YAML: found undefined alias")


def test_an_alias_that_stands_for_what_is_whole_is_taken(client: hw.Client, tmp_path: Path) -> None:
    text = GOOD + "  - &y {name: y, type: float64, tags: &t {a: b}}\n  - {name: z, type: int64, tags: *t}\n"
    (tmp_path / "f.yaml").write_text(text)
    assert client.plan(tmp_path / "f.yaml").changed


def test_aliases_of_aliases_are_counted_before_they_are_made(client: hw.Client, tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)]
    began = time.monotonic()
    told = refused(client, "\n".join(lines), tmp_path / "f.yaml")
    assert time.monotonic() - began < 2
    assert told == f"{tmp_path}/f.yaml:6:4: more than 1,000,000 values: use fewer aliases, or split the file"


def test_levels_that_no_definition_has_are_refused(client: hw.Client, tmp_path: Path) -> None:
    for text in ("a: " + "[" * 5_000 + "]" * 5_000, "\n".join(" " * n + "a:" for n in range(3_000))):
        assert "more than 100 levels deep" in refused(client, text, tmp_path / "f.yaml")
    holds_itself: dict[str, Any] = {"project": "shop"}
    holds_itself["entities"] = [holds_itself]
    with pytest.raises(hw.InvalidArgument, match="more than 100 levels deep"):
        client.apply(holds_itself)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("  event_time: t\n", "  event_time: t\n  tag: 5\n"), "9:3: feature_groups[g]: unknown field 'tag'"),
        (("float64}", "float64, bogus: 1}"), "10:30: feature_groups[g].features[x]: unknown field 'bogus'"),
        (("project: shop\n", "project: shop\nbogus: 1\n"), "2:1: unknown field 'bogus'"),
        (("type: int64}", "type: int64, length: 2}"), "4:34: entities[u].keys[id]: unknown field 'length'"),
        (("float64}", "float64, checks: {least: 1}}"), "10:39: feature_groups[g].features[x].checks: unknown field 'least'"),
        (("float64}", "float64, checks: {min: 1e999}}"), "10:44: feature_groups[g].features[x].checks.min: expected a number"),
        (("float64}", "float64, checks: {min: .nan}}"), "10:44: feature_groups[g].features[x].checks.min: expected a number"),
        (("  event_time: t\n", "  event_time: t\n  max_age: 30 days\n"), "9:12: feature_groups[g].max_age: bad duration '30 days': write"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_placed_where_the_command_line_places_it(
    client: hw.Client, tmp_path: Path, change: tuple[str, str], place: str
) -> None:
    file = tmp_path / "f.yaml"
    assert refused(client, GOOD.replace(*change), file).startswith(f"{file}:{place}")
    done = subprocess.run([BINARY, "plan", file, "--address", client.address], capture_output=True, text=True)
    assert f"{file}:{place}" in done.stderr


def test_a_number_beyond_all_is_the_text_that_it_was_where_a_text_is_wanted(client: hw.Client, tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(GOOD.replace("  event_time: t\n", "  event_time: t\n  description: 1e999\n"))
    client.apply(tmp_path / "f.yaml")
    assert hw.connect(client.address, "shop").describe("g")["feature_groups"][0]["definition"]["description"] == "1e999"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float64("nan")])
@pytest.mark.parametrize("check", ["min", "max"])
def test_a_check_that_is_no_number_is_named_before_it_is_sent(client: hw.Client, check: str, value: float) -> None:
    user = hw.Entity("u", {"id": "int64"})
    group = hw.FeatureGroup("g", user, [hw.Feature("x", "float64", checks={check: value})], event_time="t")
    for definitions in ([group], hw.definitions.to_document([group], client.project)):
        with pytest.raises(hw.InvalidArgument, match=rf"^feature_groups\[g\]\.features\[x\]\.checks\.{check}: expected a number, not "):
            client.apply(definitions)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", np.int64(3)])
def test_a_value_that_definitions_do_not_have_is_named(client: hw.Client, value: Any) -> None:
    with pytest.raises(hw.InvalidArgument, match=r"^feature_groups\[g\]\.owner: .* is of type "):
        client.apply({"project": "shop", "feature_groups": [{"name": "g", "owner": value}]})
