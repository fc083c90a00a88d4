"""Definitions that live: plans that can be read, versions that are promoted."""

from __future__ import annotations

import asyncio

import pytest

import headwater as hw
import headwater.aio

USER = hw.Entity("user", {"id": "int64"})


def two_versions(client: hw.Client) -> None:
    """A group and a service in two versions each, a row in both groups."""
    client.apply([hw.FeatureGroup("g", USER, {"x": "int32"}), hw.FeatureService("s", ["g:x"])])
    client.write("g", {"id": [1], "x": [1]})
    client.apply([hw.FeatureGroup("g", USER, {"x": "string", "y": "bool"}, version=2), hw.FeatureService("s", ["g@2:y"], version=2)])


def test_a_newer_version_moves_nobody_until_it_is_promoted(client: hw.Client) -> None:
    two_versions(client)
    position = client.write("g", {"id": [2], "x": [2]})
    assert client.get_online_features("g:x", {"id": [1, 2]}, min_position=position).to_dict()["x"] == [1, 2]
    with pytest.raises(hw.FailedPrecondition, match="g@2 has no rows"):
        client.promote("group", "g@2")
    position = client.write("g@2", {"id": [1], "x": ["two"], "y": [True]})
    then = int(position)
    plan = client.promote("group", "g@2", dry_run=True)
    assert plan.changed
    assert "g: g@1 → g@2" in str(plan)
    assert "= g@1: 2 keys online" in str(plan)
    assert "service s@1 stays pinned to g@1" in str(plan)
    assert client.get_online_features("g:x", {"id": [1]}, min_position=position).to_dict()["x"] == [1]
    plan = client.promote("group", "g@2")
    assert plan.changed
    assert "1 promoted" in str(plan)
    assert not client.promote("group", "g@2").changed
    # A long-lived reader and a long-lived writer follow; a pinned service does not, and neither does the past.
    assert client.get_online_features("g:x", {"id": [1]}).to_dict()["x"] == ["two"]
    position = client.write("g", {"id": [3], "x": ["three"]})
    assert client.get_online_features("g@2:x", {"id": [3]}, min_position=position).to_dict()["x"] == ["three"]
    assert client.get_online_features(service="s", entities={"id": [1]}).to_dict()["x"] == [1]
    assert client.scan("g", min_position=position).to_dict()["x"] == ["two", "three"]
    assert sorted(client.scan("g", as_of=then).to_dict()["x"]) == [1, 2]
    assert client.promote("service", "s@2").changed
    assert client.get_online_features(service="s", entities={"id": [1]}).to_dict()["y"] == [True]


def test_a_history_without_the_online_service_means_the_promoted_version(client: hw.Client) -> None:
    two_versions(client)
    position = client.write("g@2", {"id": [1], "x": ["two"], "y": [True]})
    spine = {"id": [1], "event_time": ["2030-01-01"]}
    assert client.get_historical_features(spine, "g:x", min_position=position).to_dict()["x"] == [1]
    position = client.promote("group", "g@2").position
    assert client.get_historical_features(spine, "g:x", min_position=position).to_dict()["x"] == ["two"]


def test_promotion_says_what_it_cannot(client: hw.Client) -> None:
    two_versions(client)
    with pytest.raises(hw.InvalidArgument, match="say which version of g: there are g@1, g@2"):
        client.promote("group", "g")
    with pytest.raises(hw.NotFound, match="no feature group 'g@3'"):
        client.promote("group", "g@3")
    with pytest.raises(hw.InvalidArgument, match="promote a group or a service"):
        client.promote("entity", "user")
    with pytest.raises(hw.InvalidArgument, match="is no text"):
        client.promote("group", 2)  # type: ignore[arg-type]
    assert client.promote("group", "g@2", force=True).changed
    assert [entry.get("promoted") for entry in client.list()["feature_groups"]] == [None, True]
    assert "g@1  (not promoted)" in str(client.list())


def test_an_asyncio_client_promotes_and_follows(client: hw.Client) -> None:
    two_versions(client)
    client.write("g@2", {"id": [1], "x": ["two"]})

    async def run() -> None:
        async with await headwater.aio.connect(client.address, client.project) as other:
            assert (await other.get_online_features("g:x", {"id": [1]})).to_dict()["x"] == [1]
            assert (await other.promote("group", "g@2", dry_run=True)).changed
            # Another client promotes: this one's prepared list follows, and so does its next write.
            client.promote("group", "g@2")
            assert (await other.get_online_features("g:x", {"id": [1]})).to_dict()["x"] == ["two"]
            position = await other.write("g", {"id": [1], "x": ["three"]})
            assert (await other.get_online_features("g:x", {"id": [1]}, min_position=position)).to_dict()["x"] == ["three"]

    asyncio.run(run())


def test_a_service_that_nobody_can_read_is_refused_and_one_for_full_names_warned_of(client: hw.Client) -> None:
    groups = [hw.FeatureGroup(name, USER, {"x": "int32"}) for name in ("g", "h")]
    clash = hw.FeatureService("s", [hw.Reference("g:x", "id"), "h:x"])
    with pytest.raises(hw.InvalidArgument, match=r"features\[0\]: the alias 'id' is also a key of the request"):
        client.plan([*groups, clash])
    plan = client.apply([*groups, hw.FeatureService("s", ["g:x", "h:x"])])
    assert len(plan.warnings) == 1
    assert "are both called 'x': the service is read with full names" in plan.warnings[0]
    assert plan.warnings[0].removeprefix("feature service s@1: ") in str(plan)
    client.write({"g": {"id": [1], "x": [1]}, "h": {"id": [1], "x": [2]}})
    assert client.get_online_features(service="s", entities={"id": [1]}, full_feature_names=True).names == ["g__x", "h__x"]


def test_a_plan_shows_all_fields_of_what_is_new_and_counts_what_stays(client: hw.Client) -> None:
    new = hw.FeatureGroup(
        "g", USER, [hw.Feature("x", "int32", "a number", checks={"min": 0, "not_null": True})], event_time="t", max_age="3h",
        retention="400d", owner="me",
    )  # fmt: skip
    text = str(client.plan([new]))
    for line in (
        "+ max_age 3h",
        "+ retention 400d",
        "+ owner me",
        "+ feature x int32, checks {min: 0, not_null: true}, description a number",
    ):
        assert line in text
    many = [hw.FeatureGroup(f"g{number}", USER, {"x": "int32"}) for number in range(300)]
    lines = str(client.apply(many)).splitlines()
    assert len(lines) < 310
    assert "plan['items'] has them" in lines[-2]
    lines = str(client.plan([new])).splitlines()
    assert "= 300 feature groups: kept (they are not in the definitions; nothing is deleted)" in lines
    assert len(lines) < 12


def test_what_is_removed_is_gone_and_what_depends_on_it_is_named(client: hw.Client) -> None:
    two_versions(client)
    client.write("g@2", {"id": [1], "x": ["two"], "y": [True]})
    with pytest.raises(hw.FailedPrecondition, match="feature service s@1 reads it") as refused:
        client.remove("group", "g@1")
    assert "promote another version first" in str(refused.value)
    assert client.remove("service", "s@2", dry_run=True).changed
    client.promote("group", "g@2")
    client.promote("service", "s@2")
    plan = client.remove("group", "g@1", force=True)
    assert [item["action"] for item in plan["items"]] == ["removed", "removed"]
    assert "- feature service s@1: removed" in str(plan)
    assert "2 removed" in str(plan)
    with pytest.raises(hw.NotFound, match="was removed at position"):
        client.write("g@1", {"id": [1], "x": [1]})
    with pytest.raises(hw.NotFound):
        client.get_online_features("g@1:x", {"id": [1]})
    assert client.get_online_features("g:x", {"id": [1]}).to_dict()["x"] == ["two"]
    with pytest.raises(hw.InvalidArgument, match="g@1 was removed: its name is used again under the next version"):
        client.apply([hw.FeatureGroup("g", USER, {"x": "int32"}, version=1)])
    with pytest.raises(hw.NotFound, match="no feature group 'g@1'|was removed"):
        client.remove("group", "g@1")
    with pytest.raises(hw.InvalidArgument, match="cannot be removed: it is one of project"):
        client.remove("column", "x")


def test_a_removed_feature_is_not_seen_and_the_past_is(client: hw.Client) -> None:
    client.apply([hw.FeatureGroup("g", USER, {"x": "int32", "y": "string", "z": "bool"})])
    position = client.write("g", {"id": [1], "x": [1], "y": ["a"], "z": [True]})
    client.remove("feature", "g:y")
    got = client.get_online_features("g:*", {"id": [1]}).to_dict()
    assert got == {"id": [1], "x": [1], "z": [True]}
    with pytest.raises(hw.InvalidArgument, match="no such column"):
        client.write("g", {"id": [1], "y": ["b"]})
    position_after = client.write("g", {"id": [2], "x": [2], "z": [False]})
    assert client.scan("g", min_position=position_after).to_arrow().column_names[-2:] == ["x", "z"]
    assert client.scan("g", as_of=int(position)).to_dict()["y"] == ["a"]
    spine = {"id": [1], "event_time": ["2030-01-01"]}
    assert client.get_historical_features(spine, "g:y", as_of=int(position)).to_dict()["y"] == ["a"]
    with pytest.raises(hw.NotFound, match="no feature 'y'"):
        client.get_historical_features(spine, "g:y")


def test_rows_of_a_removed_group_are_read_as_of_before_until_they_are_compacted(client: hw.Client) -> None:
    for keep_history in (True, False):
        name = f"g{keep_history}"
        client.apply([hw.FeatureGroup(name, USER, {"x": "int32"})])
        position = client.write(name, {"id": [1], "x": [1]})
        removed = client.remove("group", name, keep_history=keep_history).position
        assert removed is not None
        client.compact()
        if keep_history:
            assert client.scan(name, as_of=int(position), min_position=removed).to_dict()["x"] == [1]
            assert client.scan(name, as_of=int(position), keys={"id": [2]}).to_dict()["x"] == []
        with pytest.raises(hw.NotFound, match=f"feature group '{name}@1' of project '.*' was removed at position {removed}"):
            client.scan(name)
        assert client.audit(min_position=removed)


def test_an_old_name_goes_on_and_what_is_deprecated_is_warned_of(client: hw.Client) -> None:
    client.apply([hw.FeatureGroup("g", USER, {"x": "int32"}), hw.FeatureService("s", ["g:x"])])
    client.write("g", {"id": [1], "x": [1]})
    feature = hw.Feature("y", "int32", renamed_from=["x"])
    plan = client.apply([hw.FeatureGroup("h", USER, [feature], renamed_from=["g"], deprecated="use k")])
    assert "~ renamed: g@1 → h@1; g still means it" in str(plan)
    position = client.write("g", {"id": [2], "x": [2]})
    position = client.write("h", {"id": [3], "y": [3]})
    with pytest.warns(FutureWarning, match="h@1 is deprecated: use k"):
        got = client.get_online_features(["g:x"], {"id": [1, 2, 3]}, full_feature_names=True, min_position=position)
    assert got.to_dict()["g__x"] == [1, 2, 3]
    with pytest.warns(FutureWarning):
        assert client.get_online_features("h:y", {"id": [3]}).to_dict()["y"] == [3]
    with pytest.warns(FutureWarning):
        assert client.get_online_features(service="s", entities={"id": [2]}).to_dict()["x"] == [2]
    with pytest.raises(hw.InvalidArgument, match="are both 'y'"):
        client.write("g", {"id": [1], "x": [1], "y": [1]})
    assert "deprecated: use k" in str(client.list())
    with pytest.raises(hw.InvalidArgument, match="are the system's own"):
        client.apply([hw.FeatureGroup("headwater.g", USER, {"x": "int32"})])


def test_an_asyncio_client_removes(client: hw.Client) -> None:
    two_versions(client)

    async def run() -> None:
        async with await headwater.aio.connect(client.address, client.project) as other:
            assert (await other.remove("service", "s@2")).changed
            with pytest.raises(hw.NotFound):
                await other.get_online_features(service="s@2", entities={"id": [1]})
            plan = await other.remove("project", client.project, force=True)
            assert plan["items"][-1]["kind"] == "project"
            assert (await other.list())["feature_groups"] == []

    asyncio.run(run())


def test_a_description_says_which_of_several_versions_the_name_means(client: hw.Client) -> None:
    user = hw.Entity("user", {"id": "int64"})
    versions = [hw.FeatureGroup("g", user, {"x": "float64"}, event_time="t", version=number) for number in (1, 2)]
    client.apply([user, versions[0], hw.FeatureService("s", ["g@1:x"])])
    assert "promoted" not in str(client.describe("g")) and "promoted" not in str(client.describe("s"))
    client.apply([user, versions[1], hw.FeatureService("s", ["g@2:x"], version=2)])
    for kind, name in (("group", "g"), ("service", "s")):
        for promoted, other in ((1, 2), (2, 1)):
            if promoted == 2:
                client.promote(kind, f"{name}@2", force=True)
            heads = [line for line in str(client.describe(name)).splitlines() if line.startswith("feature ")]
            assert [line.endswith(", promoted") for line in sorted(heads)] == [promoted == 1, promoted == 2]
            assert any(f"{name}@{other}" in line and line.endswith(", not promoted") for line in heads)
