"""What a person sees: tables, first rows, errors, definitions, proposals."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw

START = np.datetime64("2024-01-01", "us")
USER = hw.Entity("user", {"id": "int64"}, description="who buys")
GROUP = hw.FeatureGroup(
    "orders", USER, [hw.Feature("amount", "float64", description="in euro", checks={"min": 0}), hw.Feature("note", "string")],
    event_time="t", max_age="3h", owner="ops@example.com", tags={"tier": "gold"},
)  # fmt: skip
SERVICE = hw.FeatureService("churn", ["orders:amount", hw.Reference("orders:note", as_="remark")], description="who leaves")


@pytest.fixture
def shop(client: hw.Client) -> hw.Client:
    client.apply([USER, GROUP, SERVICE])
    client.write("orders", {"id": list(range(100)), "t": [START] * 100, "amount": np.arange(100.0)})
    return client


def lines(shown: Any) -> list[str]:
    """As a notebook shows it."""
    text = shown._repr_html_()
    assert text.startswith("<pre>") and text.endswith("</pre>")
    assert str(shown) in repr(shown)
    return str(shown).splitlines()


def test_plans_listings_status_audits_and_descriptions_are_tables(shop: hw.Client) -> None:
    assert "~ feature group orders@1" in lines(
        shop.plan(
            [hw.FeatureGroup("orders", "user", {"amount": "float64", "note": "string", "more": "bool"}, event_time="t", max_age="4h")]
        )
    )
    listed = lines(shop.list())
    assert listed[1].split() == ["kind", "name", "description"]
    assert ["service", "churn@1", "who", "leaves"] in [line.split() for line in listed]
    assert len({line.index("orders@1" if "orders" in line else "churn@1") for line in listed if "@1" in line}) == 1
    audit = lines(shop.audit())
    assert audit[0].split()[0] == "group" and audit[-1].startswith("online and offline agree at position")
    status = lines(shop.status())
    assert status[0].startswith("headwater ") and "online and offline" in status[0]
    (row,) = [line for line in status if line.startswith(f"{shop.project}/orders@1")]
    assert row.split()[1] == "100"
    assert any("durable position" in line for line in status) and any("MiB" in line for line in status)
    described = lines(shop.describe("orders"))
    assert described[0] == "feature group orders@1, schema version 1"
    assert "  max_age: 3h" in described and "  tags: tier=gold" in described
    assert "amount  float64    feature     in euro; min 0" in described
    assert "None" not in str(shop.describe("orders")) and "[]" not in repr(shop.describe("orders"))
    assert "remark  string   orders@1:note" in "\n".join(lines(shop.describe("churn")))
    assert lines(shop.describe("user"))[0] == "entity user (id int64)"
    assert [line.split()[0] for line in lines(shop.snapshot())] == ["position", "rows", "bytes"]


def test_a_search_says_what_matched_and_where(shop: hw.Client) -> None:
    found = shop.search("EURO")
    assert found["feature_groups"][0]["matches"] == ["description of feature amount: in euro"]
    assert "found in" in str(found) and "description of feature amount: in euro" in str(found)
    assert shop.search("ops@")["feature_groups"][0]["matches"] == ["owner: ops@example.com"]
    assert shop.search("gold")["feature_groups"][0]["matches"] == ["tag tier=gold"]
    orders = shop.search("order")
    assert orders["feature_groups"][0]["matches"] == ["name orders"]
    assert orders["feature_services"][0]["matches"] == ["feature orders:amount", "feature remark"]
    assert shop.search("who")["entities"][0]["matches"] == ["description: who buys"]
    assert str(shop.search("nothing of that")).endswith("nothing has 'nothing of that' in a name, a description, an owner or a tag")


def test_an_answer_that_is_not_read_shows_its_first_rows(shop: hw.Client) -> None:
    for answer in (shop.scan("orders"), shop.latest("orders"), shop.get_historical_features(spine(), "orders:amount")):
        shown = answer._repr_html_()
        assert "the first rows" in shown and "not read yet" in shown and "<td>3.0</td>" in shown
        assert shown == answer._repr_html_()
        assert answer.to_arrow().num_rows == 100
        assert "the first rows" not in answer._repr_html_() and "100 rows" in answer._repr_html_()
    # A reader that can be read once is left alone.
    once = shop.get_historical_features(pa.table(spine()).to_reader(), "orders:amount")
    assert "not read yet" in once._repr_html_() and "<table>" not in once._repr_html_()
    assert once.to_arrow().num_rows == 100
    # What cannot be read is shown all the same.
    unreadable = shop.scan("orders", columns=["nothing"])
    assert "not read yet" in unreadable._repr_html_() and "nothing" in unreadable._repr_html_()


def spine() -> pd.DataFrame:
    return pd.DataFrame({"id": np.arange(100), "event_time": np.full(100, START)})


def test_an_error_shows_the_callers_lines_and_not_ours(shop: hw.Client) -> None:
    def mine() -> None:
        shop.get_online_features("nothing:x", {"id": [1]})

    with pytest.raises(hw.NotFound) as caught:
        mine()
    frames = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__) if "/headwater/" in frame.filename]
    assert len(frames) <= 2, frames
    shown = caught.value._render_traceback_()
    assert shown[0] == "Traceback (most recent call last):" and "in mine" in "\n".join(shown)
    assert shown[-1].startswith("headwater.errors.NotFound: ")
    assert not [line for line in shown if "/headwater/" in line and "File" in line]
    assert hw.NotFound("no").with_traceback(None)._render_traceback_() == ["headwater.errors.NotFound: no"]


def test_definitions_are_shown_as_they_are_written() -> None:
    assert repr(hw.Feature("x", "float64")) == "Feature(name='x', type='float64')"
    assert repr(hw.Entity("user", {"id": "int64"})) == "Entity(name='user', keys=[Key(name='id', type='int64')])"
    assert repr(hw.FeatureGroup("g", "user", {"x": "bool"}, max_age="3h")) == (
        "FeatureGroup(name='g', entity='user', features=[Feature(name='x', type='bool')], max_age='3h')"
    )
    for definition in (GROUP, USER, SERVICE):
        names = {name: getattr(hw, name) for name in ("Feature", "FeatureGroup", "FeatureService", "Entity", "Key", "Reference")}
        assert "None" not in repr(definition) and "{}" not in repr(definition)
        assert eval(repr(definition), names).to_dict() == definition.to_dict()


def test_a_proposal_names_all_columns_that_it_cannot_take() -> None:
    table = pa.table({
        "id": [1], "x": [1.5], "s": [{"a": 1}], "d": pa.array([1], pa.duration("s")), "y": ["a"], "n": pa.nulls(1),
    })  # fmt: skip
    with pytest.raises(hw.InvalidArgument) as caught:
        hw.infer_group(table, name="g", keys="id")
    for word in ("column 's': struct<a: int64>", "column 'd': duration[s]", "column 'n': null", "skip=['s', 'd', 'n']"):
        assert word in str(caught.value)
    proposed = hw.infer_group(table, name="g", keys="id", skip=["s", "d", "n"])
    assert [feature.name for feature in proposed.features] == ["x", "y"]
    chosen = hw.infer_group(table, name="g", keys="id", columns=["y"])
    assert [feature.name for feature in chosen.features] == ["y"]
    assert [feature.name for feature in hw.infer_group(table, name="g", keys="id", columns="x", skip="y").features] == ["x"]
    # Columns of objects that are of no type, too.
    columns = {"id": [1, 2], "x": [0.5, 1.5], "o": [object(), {}], "mixed": [1, "a"]}
    for data in (columns, pd.DataFrame(columns), [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]):
        for chosen in (
            hw.infer_group(data, name="g", keys="id", skip=["o", "mixed"]),
            hw.infer_group(data, name="g", keys="id", columns="x"),
        ):
            assert [(feature.name, feature.type) for feature in chosen.features] == [("x", "float64")]
        with pytest.raises(hw.InvalidArgument, match=r"column 'o': row 0: .*; column 'mixed': row 1: .* skip=\['o', 'mixed'\]"):
            hw.infer_group(data, name="g", keys="id")
    with pytest.raises(hw.InvalidArgument, match=r"^columns 'z', 'w': are missing: the table has id, x, s, d, y, n"):
        hw.infer_group(table, name="g", keys="id", columns=["z", "y"], skip="w")
