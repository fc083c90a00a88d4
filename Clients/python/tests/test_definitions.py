"""Definitions: YAML files, objects, plans, and what they say when something is wrong."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw

from .conftest import BINARY, ROOT, Server

FEATURES = ROOT / "examples/flights/features.yaml"

FULL = """
# Every field that there is.
project: {project}
entities:
  - {{name: airport, keys: [{{name: origin, type: string, description: "FAA code"}}], description: an airport, tags: {{tier: gold}}}}
  - {{name: world, keys: []}}
  - name: leg
    keys:
      - {{name: origin, type: string}}
      - {{name: day, type: timestamp}}
feature_groups:
  - name: weather
    version: 2
    entity: airport
    event_time: time_hour
    available_time: known_at
    max_age: 3h
    retention: 400d
    ahead: 10m
    description: hourly
    owner: ops@example.com
    tags: {{tier: gold, "on": "yes"}}
    features:
      - {{name: temp, type: float64, description: "degrees F", tags: {{unit: F}}, checks: {{min: -80, max: 140.5, not_null: true}}}}
      - {{name: sky, type: string, checks: {{one_of: [clear, "no", cloud], max_length: 5}}}}
      - {{name: seen, type: timestamp, checks: {{min: 2013-01-01T00:00:00Z}}}}
      - {{name: last, type: array(float32)}}
      - {{name: embedding, type: vector(4)}}
  - name: constants
    entity: world
    features: [{{name: rate, type: float32}}]
feature_services:
  - name: delay
    version: 3
    description: what the model reads
    owner: ml@example.com
    tags: {{model: a}}
    features: ["weather:temp", "constants:*", {{feature: "weather@2:sky", as: dest_sky, keys: {{origin: dest}}}}]
"""


def objects() -> list[hw.Entity | hw.FeatureGroup | hw.FeatureService]:
    airport = hw.Entity("airport", [hw.Key("origin", "string", "FAA code")], description="an airport", tags={"tier": "gold"})
    weather = hw.FeatureGroup(
        "weather", airport,
        [
            hw.Feature("temp", "float64", "degrees F", {"unit": "F"}, {"min": -80, "max": 140.5, "not_null": True}),
            hw.Feature("sky", "string", checks={"one_of": ["clear", "no", "cloud"], "max_length": 5}),
            hw.Feature("seen", "timestamp", checks={"min": dt.datetime(2013, 1, 1, tzinfo=dt.timezone.utc)}),
            {"name": "last", "type": "array(float32)"},
            hw.Feature("embedding", "vector(4)"),
        ],
        event_time="time_hour", version=2, max_age=dt.timedelta(hours=3), retention="400d", ahead=dt.timedelta(minutes=10),
        available_time="known_at", description="hourly", owner="ops@example.com", tags={"tier": "gold", "on": "yes"},
    )  # fmt: skip
    return [
        hw.Entity("leg", {"origin": "string", "day": "timestamp"}),
        weather,
        hw.FeatureGroup("constants", hw.Entity("world", []), {"rate": "float32"}),
        hw.FeatureService(
            "delay", ["weather:temp", "constants:*", hw.Reference("weather@2:sky", "dest_sky", {"origin": "dest"})], version=3,
            description="what the model reads", owner="ml@example.com", tags={"model": "a"},
        ),
    ]  # fmt: skip


def test_objects_say_the_same_as_yaml_and_so_does_the_command_line(client: hw.Client, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "features.yaml"
    file.write_text(FULL.format(project=client.project))
    plan = client.plan(file)
    assert plan.changed
    assert str(plan).splitlines()[-1] == "6 created, 0 changed, 0 refused; 0 stay as they are"
    applied = client.apply(objects())
    assert applied.changed
    assert applied.position
    assert not client.plan(file).changed
    assert not client.apply(str(file)).changed
    assert not client.apply([file]).changed
    command = [BINARY, "plan", file, "--json", "--address", server.address]
    by_command = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert not by_command["changed"]


def test_the_flights_definitions_apply(client: hw.Client) -> None:
    # The file names its own project.
    assert client.apply(FEATURES)["project"] == "flights"


def test_yaml_made_of_objects_applies_without_a_change(client: hw.Client, tmp_path: Path) -> None:
    client.apply(objects())
    file = tmp_path / "again.yaml"
    file.write_text(hw.to_yaml(objects(), client.project))
    assert not client.apply(file).changed


def test_an_entity_comes_with_its_group(client: hw.Client) -> None:
    client.apply([hw.FeatureGroup("g", hw.Entity("user", {"id": "int64"}), {"x": "bool"})])
    assert [entry["name"] for entry in client.list()["entities"]] == ["user"]
    client.apply([hw.FeatureGroup("h", "user", {"x": "bool"})])
    assert [entry["name"] for entry in client.list()["feature_groups"]] == ["g", "h"]


def test_several_files_are_one(client: hw.Client, tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(f"project: {client.project}\nentities: [{{name: user, keys: [{{name: id, type: int64}}]}}]\n")
    second.write_text("feature_groups: [{name: g, entity: user, features: [{name: x, type: bool}]}]\n")
    assert client.apply([first, second]).changed
    second.write_text("project: other\n")
    with pytest.raises(hw.InvalidArgument, match="'other' here, .* before: apply one project at a time"):
        client.apply([first, second])


def test_a_problem_is_placed_in_its_file(client: hw.Client, tmp_path: Path) -> None:
    file = tmp_path / "features.yaml"
    file.write_text(
        "entities:\n  - {name: user, keys: [{name: id, type: int64}]}\nfeature_groups:\n  - name: g\n    entity: user\n    features:\n"
        "      - {name: x, type: float}\n      - {name: y, type: bool, colour: red}\n"
    )
    with pytest.raises(hw.InvalidArgument) as caught:
        client.apply(file)
    lines = str(caught.value).splitlines()
    assert any(line.startswith(f"{file}:7:25: feature_groups[g].features[x].type: unknown type 'float'") for line in lines), lines
    assert any(line.startswith(f"{file}:8:") and "colour" in line for line in lines), lines
    assert client.list()["feature_groups"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("project: [", r"f.yaml:1:\d+: is no YAML"),
        ("just text", "is no definitions file"),
        ("project: a\nproject: b\n", r"f.yaml:2:1: 'project' is given twice"),
        ("entities: []\n---\nentities: []\n", "is no YAML"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "merge keys"),
        ("!!python/object:os.system {}\n", r"tags such as .*os.system are not known here"),
    ],
)
def test_what_is_no_definitions_file_is_refused(client: hw.Client, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(hw.HeadwaterError, match=message):
        client.apply(file)


def test_a_missing_file_is_named(client: hw.Client) -> None:
    with pytest.raises(hw.NotFound, match="nothing.yaml: there is no such file"):
        client.apply("nothing.yaml")
    with pytest.raises(hw.InvalidArgument, match="int is no definition"):
        client.apply([3])


def test_what_lacks_its_types_is_refused_where_it_is_made() -> None:
    with pytest.raises(hw.InvalidArgument, match="entity 'e': keys: .* does not say the types"):
        hw.Entity("e", ["id"])  # type: ignore[list-item]
    with pytest.raises(hw.InvalidArgument, match="feature group 'g': features: .* does not say the types"):
        hw.FeatureGroup("g", "e", ["x"])  # type: ignore[list-item]
    with pytest.raises(hw.InvalidArgument, match="feature service 's': features: 'g:x' is no list"):
        hw.FeatureService("s", "g:x")


def test_a_client_without_a_project_takes_that_of_the_first_definitions(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with hw.connect(server.address) as client:
        assert client.project == "default"
        client.plan(FEATURES)
        assert client.project == "default"
        client.apply(FEATURES)
        assert client.project == "flights"
        client.get_online_features("weather:temp", {"origin": ["JFK"]})
    monkeypatch.setenv("HEADWATER_ADDRESS", server.address)
    monkeypatch.setenv("HEADWATER_PROJECT", "named")
    with hw.connect() as client:
        client.apply(FEATURES)
        assert client.project == "named"


def test_arguments_in_the_wrong_place_are_named(client: hw.Client) -> None:
    frame = pd.DataFrame({"id": [1]})
    for wrong, message in [
        (lambda: client.write(frame, "g"), "DataFrame is no name of a group"),
        (lambda: client.get_historical_features("g:x", frame), "is no feature"),
        (lambda: client.get_online_features("g:x", {"id": [1]}, min_position=-2), "min_position: -2 is no position"),
        (lambda: client.get_online_features("g:x", {"id": [1]}, min_position="2"), "is no position"),
        (lambda: client.get_online_features("g:x", {"id": [1]}, timeout="1"), "timeout: '1' is no number of seconds"),
        (lambda: client.apply("project: a\nentities: []"), "by its path, not by its text"),
        (lambda: hw.connect("h:1", retries=-1), "retries"),
    ]:
        with pytest.raises(hw.InvalidArgument, match=message):
            wrong()


def test_a_plan_shows_differences_and_refusals(client: hw.Client) -> None:
    user = hw.Entity("user", {"id": "int64"})
    client.apply([hw.FeatureGroup("g", user, {"x": "int32", "y": "bool"})])
    plan = client.plan([hw.FeatureGroup("g", user, {"x": "int64", "y": "bool", "z": "string"}, owner="me")])
    text = str(plan)
    assert "~ feature group g@1" in text
    assert "int32 → int64" in text or "int32 -> int64" in text or "int64" in text
    assert plan.changed
    assert not plan.refusals
    refused = client.plan([hw.FeatureGroup("g", user, {"x": "string", "y": "bool"})])
    assert len(refused.refusals) == 1
    assert "feature_groups[g]" in refused.refusals[0]
    assert "1 refused" in str(refused)
    with pytest.raises(hw.FailedPrecondition, match=r"feature_groups\[g\]"):
        client.apply([hw.FeatureGroup("g", user, {"x": "string", "y": "bool"})])
    assert "<pre>" in plan._repr_html_()


def test_a_writer_sees_a_new_schema_and_old_rows_are_null(client: hw.Client) -> None:
    user = hw.Entity("user", {"id": "int64"})
    client.apply([hw.FeatureGroup("g", user, {"x": "int32"})])
    client.write("g", {"id": [1], "x": [5]})
    got = client.get_online_features("g:x", {"id": [1]})
    assert got.to_arrow()["x"].type == pa.int32()
    client.apply([hw.FeatureGroup("g", user, {"x": "int64", "y": "string"})])
    position = client.write("g", {"id": [2], "x": [2**40], "y": ["new"]})
    # The handle of before means another list now.
    got = client.get_online_features("g:x", {"id": [1, 2]}, min_position=position)
    assert got.to_arrow()["x"].type == pa.int64()
    assert got.to_dict()["x"] == [5, 2**40]
    both = client.get_online_features("g:*", {"id": [1, 2]}, min_position=position)
    assert both.to_dict()["y"] == [None, "new"]


def test_search_finds_what_people_wrote(client: hw.Client) -> None:
    client.apply(objects())
    assert [entry["name"] for entry in client.search("DEGREES")["feature_groups"]] == ["weather"]
    assert [entry["name"] for entry in client.search("ml@example")["feature_services"]] == ["delay"]
    assert [entry["name"] for entry in client.search("faa")["entities"]] == ["airport"]
    assert [entry["name"] for entry in client.search("gold")["feature_groups"]] == ["weather"]
    assert not any(client.search("nowhere").get(kind) for kind in ("entities", "feature_groups", "feature_services"))
    assert "weather@2" in client._repr_html_()


def test_a_group_is_inferred_and_takes_its_table(client: hw.Client, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "user": ["a", "b"], "at": pd.to_datetime(["2024-01-01", "2024-01-02"]), "small": np.array([1, 2], np.int8), "n": [1, 2],
            "f": np.array([1, 2], np.float32), "g": [1.5, None], "ok": [True, False], "name": pd.Categorical(["x", "y"]),
            "tags": [["a"], ["b", None]], "seen": pd.to_datetime(["2024-01-01", None], utc=True),
        }
    )  # fmt: skip
    group = hw.infer_group(frame, name="g", keys="user", event_time="at", max_age="1d")
    assert {feature.name: feature.type for feature in group.features} == {
        "small": "int32", "n": "int64", "f": "float32", "g": "float64", "ok": "bool", "name": "string", "tags": "array(string)",
        "seen": "timestamp",
    }  # fmt: skip
    client.apply([group])
    position = client.write("g", frame)
    got = client.get_online_features("g:*", {"user": ["b"]}, min_position=position, at="2024-01-02T12:00:00Z").to_dict()
    assert got["tags"] == [["b", None]]
    assert got["seen"] == [None]
    vectors = {"id": [1, 2], "v": np.zeros((2, 3), np.float32)}
    assert [feature.type for feature in hw.infer_group(vectors, name="v", keys=["id"]).features] == ["vector(3)"]
    file = tmp_path / "t.parquet"
    frame.to_parquet(file)
    assert hw.infer_group(file, name="g", keys="user", event_time="at", max_age="1d").to_dict() == group.to_dict()


def test_inference_says_what_it_cannot(tmp_path: Path) -> None:
    with pytest.raises(hw.InvalidArgument, match="column 'id': is missing: the table has a"):
        hw.infer_group({"a": [1]}, name="g", keys="id")
    with pytest.raises(hw.InvalidArgument, match="float64 is no type of a key"):
        hw.infer_group({"a": [1.5]}, name="g", keys="a")
    with pytest.raises(hw.InvalidArgument, match="int64 is no time"):
        hw.infer_group({"a": [1], "t": [2]}, name="g", keys="a", event_time="t")
    with pytest.raises(hw.InvalidArgument, match="column 'd': .* is no type of a feature"):
        hw.infer_group({"a": [1], "d": [{"x": 1}]}, name="g", keys="a")


def told(of: str, part: str | None = None, has: str = "") -> set[str]:
    """The fields that the page of the format has for one kind of thing, or for parts of one of its lists: those with a certain field."""
    found: set[str] = set()
    kind = ""
    for line in (ROOT / "docs/formats/definitions.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        kind = cells[0] or kind if len(cells) == 4 else ""
        if kind == of and part is None:
            found |= set(re.findall(r"`(\w+)`", re.sub(r"\(also .*?\)", "", cells[1])))
        elif kind == of and cells[1].startswith(f"`{part}`"):
            (names,) = (set(names.split(", ")) for names in re.findall(r"`\{(.*?)\}`", cells[2]) if has in names)
            found |= names
    return found


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (hw.Entity, told("entity")),
        (hw.Key, told("entity", "keys")),
        (hw.FeatureGroup, told("feature group")),
        (hw.Feature, told("feature group", "features")),
        (hw.FeatureService, told("feature service")),
        (hw.RequestColumn, told("feature service", "request")),
        (hw.Reference, told("feature service", "features", "feature")),
        (hw.Expression, told("feature service", "features", "expr")),
    ],
)
def test_a_class_has_the_fields_that_its_format_has(kind: type, fields: set[str]) -> None:
    assert {part.name.rstrip("_") for part in dataclasses.fields(kind)} == fields


def test_what_is_empty_as_it_is_by_default_is_left_out(client: hw.Client) -> None:
    bare = hw.FeatureGroup("g", "u", [hw.Feature("x", "bool")])
    empty = hw.FeatureGroup("g", "u", [hw.Feature("x", "bool", None, {}, {}, [])], tags={}, renamed_from=[], owner=None)
    assert empty.to_dict() == bare.to_dict() == {
        "name": "g", "entity": "u", "features": [{"name": "x", "type": "bool"}], "event_time": "none", "version": 1,
    }  # fmt: skip
    # A list that has to be given says something when it is empty.
    assert hw.Entity("world", []).to_dict() == {"name": "world", "keys": []}
    with pytest.raises(hw.InvalidArgument, match=r"feature_groups\[g\]\.renamed_from: expected a list, not '0'"):
        client.plan([hw.FeatureGroup("g", hw.Entity("u", {"id": "int64"}), {"x": "bool"}, renamed_from=0)])  # type: ignore[arg-type]
