"""Outputs that are worked out when they are asked for: online and offline the same, from every client."""

from __future__ import annotations

import asyncio
import csv
import datetime
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw

from .conftest import BINARY
from .listeners import Rest
from .support import FEATURES, array, edges, exact, one_nan

AT = datetime.datetime(2026, 3, 1, 12, 30)
NOW = datetime.datetime(2026, 3, 1, 13, 5)


def definitions() -> list[Any]:
    card = hw.Entity("card", {"card_id": "int64"})
    stats = hw.FeatureGroup("stats", card, {"mean": "float64", "lat": "float64", "status": "string"}, event_time="at", max_age="1h")
    fraud = hw.FeatureService(
        "fraud",
        [
            "stats:mean",
            hw.Reference("stats:lat", hidden=True),
            hw.Reference("stats:status", as_="state", hidden=True),
            hw.Expression("ratio", "amount /   mean"),
            hw.Expression("large", "ratio > 2", hidden=True),
            hw.Expression("odd", "large and state <> 'ok' or lat is null", description="worth a look"),
            hw.Expression("here", "found(mean)"),
            hw.Expression("minute_of", "minute(request_time())"),
        ],
        request={"amount": "float64"},
    )
    return [card, stats, fraud]


@pytest.fixture
def pay(client: hw.Client) -> hw.Client:
    client.apply(definitions())
    rows = {"card_id": [1, 2, 3], "mean": [10.0, 0.0, 4.0], "lat": [1.0, None, 3.0], "status": ["ok", "ok", "stolen"]}
    times = [AT, AT, AT - datetime.timedelta(days=3)]
    client.write("stats", {**rows, "at": pa.array(times, pa.timestamp("us"))})
    return client


WANTED = {
    "mean": [10.0, 0.0, None, None],
    "ratio": [8.0, None, None, None],
    "odd": [False, True, True, True],
    "here": [True, True, False, False],
    "minute_of": [5, 5, 5, 5],
}
KEYS = [1, 2, 3, 9]


def values(got: hw.OnlineFeatures) -> dict[str, list[Any]]:
    return {name: got.to_arrow()[name].to_pylist() for name in got.names}


def test_a_get_and_a_history_give_the_same(pay: hw.Client) -> None:
    got = pay.get_online_features(service="fraud", entities={"card_id": KEYS}, request={"amount": [80.0, 1.0, 1.0, 1.0]}, at=NOW)
    assert values(got) == WANTED
    assert got.statuses["ratio"] == ["PRESENT", "NULL_VALUE", "NULL_VALUE", "NULL_VALUE"]
    assert got.statuses["mean"] == ["PRESENT", "PRESENT", "OUTSIDE_MAX_AGE", "NOT_FOUND"]
    assert got.statuses["here"] == ["PRESENT"] * 4
    spine = pd.DataFrame({"label": [0, 1, 0, 1], "card_id": KEYS, "amount": [80.0, 1.0, 1.0, 1.0], "event_time": [NOW] * 4})
    history = pay.get_historical_features(spine, service="fraud").to_arrow()
    assert history.column_names == [*spine.columns, *WANTED]
    assert {name: history[name].to_pylist() for name in WANTED} == WANTED
    full = pay.get_historical_features(spine, service="fraud", full_feature_names=True).to_arrow()
    assert full.column_names[4:] == ["stats__mean", "ratio", "odd", "here", "minute_of"]
    timed = pay.get_online_features(service="fraud", entities={"card_id": [1]}, request={"amount": [1]}, event_times=True, at=NOW)
    assert timed.event_times is not None and str(timed.event_times["mean"][0])[:16] == "2026-03-01T12:30"
    assert str(timed.event_times["ratio"][0]) == "NaT"


def test_requests_come_in_many_forms_and_wrong_ones_are_named(pay: hw.Client) -> None:
    def get(entities: Any, request: Any) -> list[Any]:
        return values(pay.get_online_features(service="fraud", entities=entities, request=request, at=NOW))["ratio"]

    keys = {"card_id": [1, 1]}
    for request in (
        {"amount": [80, 5]},
        {"amount": pd.Series([80.0, 5.0])},
        [{"amount": 80}, {"amount": 5.0}],
        pd.DataFrame({"amount": [80, 5]}),
        pa.table({"amount": pa.array([80.0, 5.0])}),
        iter([{"amount": 80}, {"amount": 5.0}]),
    ):
        assert get(keys, request) == [8.0, 0.5]
    assert get(keys, {"amount": [None, float("inf")]}) == [None, float("inf")]
    assert get([], []) == []
    refused: list[tuple[Any, str]] = [
        (None, "give request= with the columns amount \\(float64\\)"),
        ({}, "'amount'.*missing"),
        ({"amount": [1.0]}, "'amount'.*1 value where the keys have 2"),
        ({"amount": [1.0, 2.0], "amont": [1, 2]}, "'amont'.*not asked for"),
        ({"amount": ["x", "y"]}, "amount"),
        ("rows.csv", "request.*is a text or a path"),
    ]
    for request, reason in refused:
        with pytest.raises(hw.InvalidArgument, match=reason):
            get(keys, request)
    with pytest.raises(hw.InvalidArgument, match="take nothing beside keys"):
        pay.get_online_features(["stats:mean"], keys, request={"amount": [1.0, 2.0]})
    with pytest.raises(hw.InvalidArgument, match="nothing beside keys"):
        pay.get_online_features(["stats:mean"], keys, request=5)
    pay.apply([
        hw.Entity("world", []), hw.FeatureGroup("weather", "world", {"rain": "float64"}),
        hw.FeatureService("plain", ["weather:rain"]),
    ])  # fmt: skip
    with pytest.raises(hw.InvalidArgument, match="has no keys, so it has one row, not 2"):
        pay.get_online_features(service="plain", entities={"x": [1, 2]})
    with pytest.raises(hw.InvalidArgument, match="all of them are hidden"):
        pay.apply([hw.FeatureService("none", [hw.Reference("stats:mean", hidden=True)])])
    with pytest.raises(hw.InvalidArgument, match="no column 'amount'"):
        pay.get_historical_features(pd.DataFrame({"card_id": [1], "event_time": [NOW]}), service="fraud").to_arrow()


def test_definitions_read_back_as_they_were_written(pay: hw.Client) -> None:
    service = definitions()[2]
    described = pay.describe("fraud")["feature_services"][0]
    again = described["definition"]
    assert again["request"] == [{"name": "amount", "type": "float64"}]
    assert again["features"][3] == {"name": "ratio", "expr": "amount / mean", "language": 1}
    assert again["features"][1] == {"feature": "stats:lat", "hidden": True}
    assert [output.get("expr") for output in described["outputs"]][3:5] == ["amount / mean", "ratio > 2"]
    assert "hidden=True" in repr(service) and "RequestColumn(name='amount', type='float64')" in repr(service)
    assert "0 created, 0 changed, 0 refused" in str(pay.plan([hw.FeatureService(**again)]))
    changed = hw.FeatureService("fraud", ["stats:mean", hw.Expression("ratio", "mean / amount")], request={"amount": "float64"})
    with pytest.raises(hw.FailedPrecondition, match="new version"):
        pay.apply([changed])
    with pytest.raises(hw.InvalidArgument, match=r"no column 'maen': did you mean 'mean'\?") as raised:
        pay.apply([hw.FeatureService("other", ["stats:mean", hw.Expression("ratio", "1 + maen")])])
    assert str(raised.value).splitlines()[-1].endswith("    ^")
    whole = hw.FeatureService("all", [definitions()[1], hw.Expression("double", "mean * 2")])
    assert whole.to_dict()["features"] == ["stats@1:*", {"name": "double", "expr": "mean * 2", "language": 1}]
    pay.apply([whole])
    assert values(pay.get_online_features(service="all", entities={"card_id": [1]}, at=NOW))["double"] == [20.0]


def test_asyncio_and_prepared_anew(pay: hw.Client) -> None:
    async def work() -> None:
        async with await hw.aio.connect(pay.address, pay.project) as client:
            for _ in range(2):
                got = await client.get_online_features(
                    service="fraud", entities={"card_id": KEYS}, request={"amount": [80, 1, 1, 1]}, at=NOW
                )
                assert values(got) == WANTED
                # The list means something else from here on, and the handle is prepared again.
                columns = {"mean": "float64", "lat": "float64", "status": "string", "more": "int32"}
                await client.apply([hw.FeatureGroup("stats", "card", columns, event_time="at", max_age="1h")])
            spine = {"card_id": KEYS, "amount": [80.0, 1.0, 1.0, 1.0], "event_time": [NOW] * 4}
            history = await client.get_historical_features(spine, service="fraud")
            table = await history.to_arrow()
            assert {name: table[name].to_pylist() for name in WANTED} == WANTED

    asyncio.run(work())


def test_every_type_goes_through_request_and_spine(client: hw.Client) -> None:
    client.apply([
        hw.FeatureService("same", [hw.Expression(f"its_{name}", name) for name in FEATURES], request=dict(FEATURES)),
    ])  # fmt: skip
    rows = 13
    request = {name: array([edges(type)[row % len(edges(type))] for row in range(rows)], type) for name, type in FEATURES.items()}
    got = client.get_online_features(service="same", request=request).to_arrow()
    spine = pa.table({**request, "event_time": pa.array([NOW] * rows, pa.timestamp("us", "UTC"))})
    history = client.get_historical_features(spine, service="same").to_arrow()
    for name in FEATURES:
        wanted = exact(one_nan(request[name]))
        assert exact(one_nan(got[f"its_{name}"])) == wanted, name
        assert exact(got[f"its_{name}"]) == exact(history[f"its_{name}"]), name
        assert exact(one_nan(history[name])) == wanted, name


def test_expressions_are_those_of_evaluate(client: hw.Client) -> None:
    expressions = {
        "a": "x / y",
        "b": "round(x * 1.1, 1)",
        "c": "upper(s) || cast(n as string)",
        "d": "case when x > y then n end",
        "e": "exp(x)",
    }
    types = {"x": "float64", "y": "float32", "n": "int64", "s": "string"}
    client.apply([hw.FeatureService("all", [hw.Expression(*item) for item in expressions.items()], request=types)])
    table = pa.table({
        "x": [1.5, None, -3.0, 0.0, 700.5], "y": pa.array([0.0, 2.0, -0.5, None, 3.25], pa.float32()),
        "n": [1, None, -(2**63), 2**53 + 1, 0], "s": ["a", "é", None, "", "x'y"],
    })  # fmt: skip
    got = client.get_online_features(service="all", request=table).to_arrow()
    wanted = hw.evaluate(expressions, table)
    for name in expressions:
        assert exact(got[name]) == exact(wanted[name]), name


def run(client: hw.Client, *arguments: str, code: int = 0) -> str:
    made = [str(BINARY), *arguments, "--address", client.address, "--project", client.project]
    done = subprocess.run(made, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_the_command_line_gives_the_same(pay: hw.Client, tmp_path: Path) -> None:
    keys = [part for key in KEYS for part in ("--entity", f"card_id={key}")]
    amounts = [part for amount in (80, 1, 1, 1) for part in ("--request", f"amount={amount}")]
    got = json.loads(run(pay, "get", "--service", "fraud", *keys, *amounts, "--at", "2026-03-01T13:05:00Z", "--json"))
    assert [vector["features"] for vector in got["vectors"]] == [
        dict(zip(WANTED, row, strict=True)) for row in zip(*WANTED.values(), strict=True)
    ]
    shared = json.loads(run(pay, "get", "--service", "fraud", *keys[:4], "--request", "amount=", "--json"))
    assert [vector["features"]["ratio"] for vector in shared["vectors"]] == [None, None]
    assert "give --request with the columns amount (float64)" in run(pay, "get", "--service", "fraud", *keys, code=1)
    assert "give one for each, or one for all" in run(pay, "get", "--service", "fraud", *keys, *amounts[:4], code=1)
    assert "'amont' is no column here" in run(pay, "get", "--service", "fraud", *keys[:2], "--request", "amont=1", code=1)
    assert "take nothing beside keys" in run(pay, "get", "--features", "stats:mean", *keys[:2], "--request", "a=1", code=1)
    spine, out = tmp_path / "spine.csv", tmp_path / "out.csv"
    lines = [f"{key},{amount},2026-03-01T13:05:00Z,x\n" for key, amount in zip(KEYS, (80, 1, 1, 1), strict=True)]
    spine.write_text("card_id,amount,event_time,note\n" + "".join(lines))
    run(pay, "history", "--spine", str(spine), "--service", "fraud", "--out", str(out))
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["ratio"] for row in rows] == ["8.0", "", "", ""] and [row["odd"] for row in rows] == ["false", "true", "true", "true"]
    ndjson = tmp_path / "spine.ndjson"
    ndjson.write_text("".join(json.dumps({"card_id": key, "amount": 80, "event_time": "2026-03-01T13:05:00Z"}) + "\n" for key in KEYS))
    joined = run(pay, "history", "--spine", str(ndjson), "--service", "fraud", "--out", "-")
    assert [json.loads(line)["ratio"] for line in joined.splitlines() if line.startswith("{")] == [8.0, None, None, None]
    spine.write_text("card_id,event_time\n1,2026-03-01T13:05:00Z\n")
    assert "the spine lacks the column amount" in run(pay, "history", "--spine", str(spine), "--service", "fraud", "--out", "-", code=1)
    described = run(pay, "describe", "fraud")
    assert "= amount / mean" in described and "(hidden)" in described and "amount   float64" in described


def test_saved_sets_are_dealt_out_by_keys_alone(pay: hw.Client, tmp_path: Path) -> None:
    path = tmp_path / "spine.csv"
    rows = pd.DataFrame({"card_id": [row % 40 for row in range(400)], "amount": [float(row) for row in range(400)], "label": 1})
    rows.assign(event_time="2026-03-01T13:05:00Z").to_csv(path, index=False)
    shares = "train=0.7,test=0.3"
    run(pay, "history", "--spine", str(path), "--service", "fraud", "--save", "cli", "--split", shares, "--out", str(tmp_path / "out.csv"))
    pay.get_historical_features(str(path), service="fraud").save("python", split=shares)
    its, mine = (json.loads(run(pay, "dataset", "show", name, "--json")) for name in ("cli", "python"))
    for part in ("spine", "features", "split", "rows"):
        assert mine[part] == its[part], part
    assert [column["name"] for column in its["spine"]["columns"]] == ["card_id", "amount", "event_time"]
    parts = pay.dataset("cli").split()
    with (tmp_path / "out.test.csv").open() as file:
        written = pd.read_csv(file)
    assert written["card_id"].tolist() == parts["test"].to_dict()["card_id"]
    cards = {name: set(part.to_dict()["card_id"]) for name, part in parts.items()}
    assert not cards["train"] & cards["test"]
    for name in ("cli", "python"):
        assert pay.dataset(name).verify()
        run(pay, "dataset", "verify", name)


def test_rest_and_feasts_form_take_requests(rest: Rest) -> None:
    from headwater.definitions import to_document

    rest.done("/apply", to_document(definitions()))
    row = {"card_id": 1, "at": "2026-03-01T12:30:00Z", "mean": 10.0, "lat": 1.0, "status": "ok"}
    rest.done("/groups/stats/rows", {"rows": [row]})
    asked = {"service": "fraud", "entities": {"card_id": [1, 9]}, "request": {"amount": [80, None]}, "at": "2026-03-01T13:05:00Z"}
    got = rest.done("/online:get", asked)
    assert got["features"]["ratio"] == {"type": "float64", "values": [8.0, None], "statuses": ["PRESENT", "NULL_VALUE"]}
    status, reason = rest.refused("/online:get", {key: asked[key] for key in ("service", "entities")})
    assert status == 400 and "give 'request' with a list for each of amount (float64)" in reason
    status, reason = rest.refused("/online:get", asked | {"request": {"amount": [1]}})
    assert status == 400 and "1 rows of the request's columns for 2 keys" in reason
    spine = {"rows": [{"card_id": 1, "amount": 80, "event_time": "2026-03-01T13:05:00Z"}]}
    status, answer = rest.post("/history", {"service": "fraud", "spine": spine}, accept="application/x-ndjson")
    assert status == 200 and json.loads(answer)["ratio"] == 8.0
    text = json.dumps({"feature_service": "fraud", "project": rest.project, "entities": {"card_id": [1]}, "request": {"amount": [80]}})
    status, _, answer = rest.raw("POST", "/get-online-features", text.encode(), content_type="application/json")
    assert status == 200, answer
    feast = json.loads(answer)
    assert feast["metadata"]["feature_names"][:3] == ["card_id", "mean", "ratio"]
    # As Feast's own callers send it.
    mixed = {"feature_service": "fraud", "project": rest.project, "entities": {"card_id": [1], "amount": [80]}}
    again = rest.raw("POST", "/get-online-features", json.dumps(mixed).encode(), content_type="application/json")
    assert again[0] == 200 and json.loads(again[2])["results"][2]["values"] == feast["results"][2]["values"], again[2]
    metrics = rest.raw("GET", "/metrics")[2].decode()
    assert 'headwater_expression_nulls_total{reason="division_by_zero"} 0' in metrics


def test_embedded_and_a_directory_without_a_server(tmp_path: Path) -> None:
    with hw.open(tmp_path / "store", project="pay") as client:
        client.apply(definitions())
        client.write("stats", {"card_id": [1], "mean": [10.0], "lat": [1.0], "status": ["ok"], "at": [AT]})
        got = client.get_online_features(service="fraud", entities={"card_id": [1]}, request={"amount": [80.0]}, at=NOW)
        assert values(got)["ratio"] == [8.0]
    arguments = ["--data", str(tmp_path / "store"), "--project", "pay", "--service", "fraud"]
    options = ["--entity", "card_id=1", "--request", "amount=80", "--at", "2026-03-01T13:05:00Z", "--json"]
    done = subprocess.run([str(BINARY), "get", *arguments, *options], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["vectors"][0]["features"]["ratio"] == 8.0, done.stderr
    spine = io.StringIO("card_id,amount,event_time\n1,80,2026-03-01T13:05:00Z\n").read()
    done = subprocess.run(
        [str(BINARY), "history", *arguments, "--spine", "-", "--out", "-"], input=spine, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[1] == "1,80,2026-03-01T13:05:00Z,10.0,8.0,false,true,5", done.stderr
