"""What a person reads in Python: advice names this client's calls and arguments, counts agree with their nouns."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import headwater as hw
from headwater._wire.words import in_python

USER = hw.Entity("user", {"id": "int64"})
FIRST = hw.FeatureGroup("first", USER, {"x": "float64"}, event_time="t")
OTHER = hw.FeatureGroup("other", USER, {"x": "float64"}, event_time="t")
NOON = dt.datetime(2024, 1, 1, 12)
COMMAND_LINE = re.compile(r"--[a-z]|'headwater ")


@pytest.fixture
def shop(client: hw.Client) -> hw.Client:
    client.apply([USER, FIRST, OTHER])
    for name in ("first", "other"):
        client.write(name, {"id": [1], "t": [NOON], "x": [1.0]})
    return client


def said(work: Callable[[], Any]) -> str:
    with pytest.raises(hw.HeadwaterError) as caught:
        work()
    assert not COMMAND_LINE.search(str(caught.value)), str(caught.value)
    return str(caught.value)


def test_errors_of_the_server_advise_what_python_has(shop: hw.Client) -> None:
    both = ["first:x", "other:x"]
    for ask in (
        lambda: shop.get_online_features(both, {"id": [1]}),
        lambda: shop.get_historical_features([{"id": 1, "event_time": NOON}], both).to_arrow(),
        lambda: shop.apply([hw.FeatureService("model", both)]) and shop.get_online_features(service="model", entities={"id": [1]}),
    ):
        assert "full_feature_names=True" in said(ask)
    newer = hw.FeatureGroup("first", USER, {"x": "float64"}, event_time="t", version=2)
    plan = shop.apply([newer])
    assert "client.promote('group', 'first@2')" in str(plan) and not COMMAND_LINE.search(str(plan))
    assert said(lambda: shop.promote("group", "first@2")).endswith("or promote it with force=True")
    assert "force=True" in str(shop.promote("group", "first@2", dry_run=True).refusals)
    shop.apply([hw.FeatureService("reads", ["other:x"])])
    assert "force=True" in said(lambda: shop.remove("group", "other"))
    shop.get_historical_features([{"id": 1, "event_time": NOON}], "other:x").save("june")
    assert "client.dataset('june').release()" in said(lambda: shop.remove("group", "other"))


@pytest.mark.parametrize(
    ("server", "here"),
    [
        ("it is full: run 'headwater snapshot', and see", "it is full: call client.snapshot(), and see"),
        ("if so, run 'headwater clock accept' if it is right", "if so, call client.accept_clock() if it is right"),
        ("promote another first: 'headwater promote service churn@1'", "promote another first: client.promote('service', 'churn@1')"),
        ("or let it go with 'headwater log forget east'", "or let it go on the command line, with 'headwater log forget east'"),
        (
            "rows come with a column of that name: ask for keys, event time and features alone (--brief), or choose other columns "
            "(--columns), or read it with 'history'",
            "rows come with a column of that name: choose other columns (columns=), or read it with get_historical_features",
        ),
        ("the cap of 9: raise --memory-bytes-max, or", "the cap of 9: start the server with a greater --memory-bytes-max, or"),
        ("'--force' is none of a, b", "'--force' is none of a, b"),
    ],
)  # fmt: skip
def test_each_command_is_said_as_a_call_or_as_one_of_the_command_line(server: str, here: str) -> None:
    assert in_python(server) == here


def test_full_names_are_not_advised_to_who_asked_for_them(shop: hw.Client) -> None:
    spine = [{"id": 1, "event_time": NOON, "x": 1, "first__x": 2}]
    short = said(lambda: shop.get_historical_features(spine, "first:x").to_arrow())
    assert short == "'x' is a column of the spine and a feature: rename the spine's, or ask with full_feature_names=True"
    full = said(lambda: shop.get_historical_features(spine, "first:x", full_feature_names=True).to_arrow())
    assert full.startswith("'first__x' is a column of the spine and a feature: rename the spine's, or leave full_feature_names= out")
    shop.apply([USER, hw.FeatureGroup("k", hw.Entity("odd", {"k__x__status": "int64"}), {"x": "float64"}, event_time="t")])
    got = shop.get_online_features("k:x", {"k__x__status": [1]}, full_feature_names=True)
    assert "leave full_feature_names= out and give the feature another name" in said(lambda: got.to_dict(statuses=True))


def test_a_search_reads_what_people_wrote_and_no_hash(shop: hw.Client) -> None:
    spine = [{"id": 1, "event_time": NOON}]
    shop.get_historical_features(spine, "first:x").save("june", description="who leaves", owner="ops", tags={"tier": "gold"})
    for digit in "0123456789abcdef":
        matches = [where for entry in shop.search(digit)["datasets"] for where in entry["matches"]]
        assert all(where.startswith(("name ", "description: ", "owner: ", "tag ")) for where in matches), matches
        assert "hash" not in str(shop.search(digit))
    for text, where in (("june", "name june"), ("LEAVES", "description: who leaves"), ("ops", "owner: ops"), ("gold", "tag tier=gold")):
        (found,) = shop.search(text)["datasets"]
        assert found["matches"] == [where]
    assert "feature x" in str(shop.search("x")) and shop.search("x")["datasets"] == []


def test_one_of_a_thing_is_said_as_one(client: hw.Client) -> None:
    assert str(client.apply([USER])).endswith("1 created, 0 changed, 0 refused; 0 stay as they are")
    assert str(client.apply([USER])).endswith("0 created, 0 changed, 0 refused; 1 stays as it is")
    client.apply([USER, hw.FeatureGroup("g", USER, [hw.Feature("x", "float64", checks={"max": 1})], event_time="t")])
    assert str(client.plan([USER])).endswith("0 refused; 2 stay as they are")
    with pytest.raises(hw.InvalidArgument, match="^1 bad cell, nothing was written"):
        client.write("g", {"id": range(300_000), "t": [NOON] * 300_000, "x": [0.5] * 299_999 + [2.0]})
    client.write("g", [{"id": 1, "t": NOON, "x": 1.0}])
    assert ", 1 key has newer rows>" in repr(client.delete("g", [{"id": 1, "t": dt.datetime(2023, 1, 1)}]))
    assert str(hw.AuditReport({"difference_count": 1, "groups": [], "differences": []}, 3)) == "1 key differs at position 3"


def test_status_tells_of_the_process_its_connections_and_the_disk(shop: hw.Client) -> None:
    lines = str(shop.status()).splitlines()
    status = {line.split()[0]: line for line in lines[1:] if line and not line.startswith(" ")}
    assert re.fullmatch(rf"process +{shop.status()['pid']}, up (\d+ (d|h|min|s) ?)+", status["process"])
    assert re.fullmatch(r"connections +\d+ of at most [\d,]+", status["connections"])
    assert re.fullmatch(r"disk +[\d,.]+ [KMGTP]iB free", status["disk"])


def test_what_is_told_of_a_column_is_told_of_no_whole_table(shop: hw.Client) -> None:
    advice = "no feature needs this column"
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([1]), pa.array([NOON])], ["id", "id", "event_time"])
    note = pa.Table.from_arrays([pa.array([1]), pa.array([NOON]), pa.array([1]), pa.array([2])], ["id", "event_time", "a", "a"])
    for spine, words in (
        ({"id": [1], "event_time": []}, "columns of different lengths"),
        ({}, "the table is empty"),
        (twice, "'id' comes twice"),
        (note, "'a' comes twice"),
        (note.to_pandas(), "'a' comes twice"),
        ([{"id": 1, "event_time": NOON}, 5], "int is no dict"),
        ({"id": [1], "event_time": [NOON], "note": "b"}, "is one value: give a list"),
        ({"id": [1, "two"], "event_time": [NOON] * 2}, "'two' is of str"),
        (5, "builtins.int is no table"),
    ):
        told = said(lambda spine=spine: shop.get_historical_features(spine, "first:x"))  # type: ignore[misc]
        assert words in told and advice not in told
    told = said(lambda: shop.get_historical_features({"id": [1, 1], "event_time": [NOON] * 2, "note": [1, "two"]}, "first:x"))
    assert told.endswith(f"{advice}: leave it out of the spine, or make it text")


def test_entities_are_tables_in_memory_of_any_kind(shop: hw.Client) -> None:
    keys = pa.table({"id": [1, 2]})
    for entities in (keys, keys.to_reader(), keys.to_batches(), iter(keys.to_batches()), iter(keys.to_pylist()), keys.to_pandas()):
        assert shop.get_online_features("first:x", entities).to_dict() == {"id": [1, 2], "x": [1.0, None]}
    assert shop.scan("first", keys=keys.to_reader()).to_arrow()["id"].to_pylist() == [1]
    for path in ("keys.csv", ["a.parquet", "b.parquet"]):
        assert "keys are a table in memory" in said(lambda path=path: shop.get_online_features("first:x", path))  # type: ignore[misc]
        assert "read first" in said(lambda path=path: shop.scan("first", keys=path))  # type: ignore[misc]


def test_keys_that_can_be_read_once_are_kept_for_another_try(shop: hw.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from headwater._calls import online

    tries = []
    key_columns = online.key_columns

    def changed(*arguments: Any) -> Any:
        made = key_columns(*arguments)
        tries.append(made[1])
        if len(tries) % 2:
            raise hw.FailedPrecondition("definitions have changed what the list means")
        return made

    monkeypatch.setattr(online, "key_columns", changed)
    keys = pa.table({"id": [1]})
    for entities in (keys.to_reader(), iter(keys.to_batches()), iter(keys.to_pylist()), (row for row in keys.to_pylist())):
        assert shop.get_online_features("first:x", entities).to_dict() == {"id": [1], "x": [1.0]}
    assert tries == [1] * 8
