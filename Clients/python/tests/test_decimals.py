"""Decimals become the nearest float, read from their digits; what a float does not hold is refused."""

from __future__ import annotations

import decimal
import itertools
import random
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import headwater as hw
from headwater._columns.types import FeatureType
from headwater._tables import convert
from headwater._tables.rules import Rules

from .conftest import Server
from .support import all_types

FLOAT32, FLOAT64 = FeatureType.parse("float32"), FeatureType.parse("float64")


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[hw.Client]:
    with hw.connect(server.address, "decimals") as connected:
        all_types(connected)
        yield connected


_keys = itertools.count(step=10_000)


def written(client: hw.Client, name: str, column: Any, **options: Any) -> list[Any]:
    keys = np.arange(len(column)) + next(_keys)
    position = client.write("all", {"id": keys, "time": ["2026-01-05"] * len(keys), name: column}, **options)
    return client.get_online_features(f"all:{name}", {"id": keys}, min_position=position).to_dict()[name]


def nearest_float32(number: Decimal) -> float:
    """By exact fractions: of the floats around it the nearer one, of two as near the even one."""
    wanted = Fraction(number)
    near = np.float32(float(number))
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return float(min(around, key=lambda one: (abs(Fraction(float(one)) - wanted), int(one.view("u4")) % 2)))


PRICES = [Decimal("5.10"), Decimal("0.1"), Decimal("-19.99"), Decimal("1234567.89"), Decimal("0"), None]


@pytest.mark.parametrize(
    "type", [pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal128(20, 2), pa.decimal128(38, 20), pa.decimal256(60, 30)]
)
def test_a_decimal_is_the_nearest_float_of_its_digits(client, type):
    column = pa.array(PRICES, type)
    assert written(client, "float64", column) == [5.1, 0.1, -19.99, 1234567.89, 0.0, None]
    assert written(client, "float32", column) == [None if cell is None else float(np.float32(str(cell))) for cell in PRICES]


def test_decimals_of_every_container_are_the_same_floats(client):
    wanted = [5.1, 0.1, -19.99, 1234567.89, 0.0, None]
    frames = [PRICES, pd.Series(PRICES, dtype=object), pl.Series(PRICES), np.array(PRICES, object), pd.Series(PRICES, dtype="category")]
    frames += [pa.array(PRICES).dictionary_encode(), pd.Series(pd.array(pa.array(PRICES), dtype=pd.ArrowDtype(pa.decimal128(12, 2))))]
    for column in frames:
        assert written(client, "float64", column) == wanted
    rows = [{"id": next(_keys), "time": "2026-01-05", "float64": cell} for cell in PRICES]
    position = client.write("all", rows)
    assert (
        client.get_online_features("all:float64", [{"id": row["id"]} for row in rows], min_position=position).to_dict()["float64"] == wanted
    )


def test_decimals_in_arrays_and_vectors_are_the_nearest_too(client):
    assert written(client, "array_float64", [[Decimal("5.10"), None], None, []]) == [[5.1, None], None, []]
    assert written(client, "array_float32", [[Decimal("5.10"), None]]) == [[float(np.float32(5.1)), None]]
    assert written(client, "vector_3", [[Decimal("5.10"), Decimal("0.1"), Decimal("1e3")]]) == [np.float32([5.1, 0.1, 1000]).tolist()]
    assert written(client, "array_float64", pl.Series([[Decimal("5.10")], None])) == [[5.1], None]


@pytest.mark.parametrize("seed", range(4))
def test_random_decimals_are_as_python_rounds_them(seed):
    chance = random.Random(seed)
    cells = []
    for _ in range(3_000):
        digits, scale = chance.randint(1, 15), chance.randint(-5, 30)
        cells.append(Decimal(chance.randint(-(10**digits), 10**digits)).scaleb(-scale))
    column = pa.array(cells, pa.decimal256(76, 40))
    assert convert.column(column, FLOAT64, "x").to_pylist() == [float(cell) for cell in cells], f"seed {seed}"
    assert convert.column(column, FLOAT32, "x").to_pylist() == [nearest_float32(cell) for cell in cells], f"seed {seed}"


@pytest.mark.parametrize("seed", range(4))
def test_what_lies_between_two_floats_is_not_rounded_twice(seed):
    """Numbers just beside the middle of two float32, which a float64 between them cannot tell from it."""
    chance = random.Random(seed)
    context = decimal.Context(prec=76)
    cells = []
    for _ in range(500):
        low = np.float32(chance.uniform(0.001, 1000))
        middle = (Fraction(float(low)) + Fraction(float(np.nextafter(low, np.float32(np.inf))))) / 2
        exact = context.divide(Decimal(middle.numerator), Decimal(middle.denominator))
        cells.append(context.add(exact, Decimal(chance.choice([-1, 0, 1])).scaleb(-chance.randint(25, 50))))
    column = pa.array(cells, pa.decimal256(76, 60))
    made = convert.column(column, FLOAT32, "x", rules=Rules(lossy=True)).to_pylist()
    assert made == [nearest_float32(cell) for cell in cells], f"seed {seed}"
    made = convert.column(column, FLOAT64, "x", rules=Rules(lossy=True)).to_pylist()
    assert made == [float(cell) for cell in cells], f"seed {seed}"


LOSSY = ["0.1234567890123456", "1234567890123456", "9007199254740993", "3.14159265358979323846", "-0.000012345678901234567"]


@pytest.mark.parametrize("text", LOSSY)
def test_more_digits_than_a_float_holds_are_refused_unless_lossy(client, text):
    for name, wrap in (("float64", lambda cell: cell), ("float32", lambda cell: cell), ("array_float64", lambda cell: [cell])):
        with pytest.raises(hw.InvalidArgument, match=rf"row 1, column '{name}': .* has more digits than a float64 holds: lossy=True"):
            written(client, name, [wrap(Decimal("1.5")), wrap(Decimal(text))])
    assert written(client, "float64", [Decimal(text)], lossy=True) == [float(text)]
    assert written(client, "float64", [2**53 + 1], lossy=True) == [float(2**53)]


@pytest.mark.parametrize(
    "text", ["1.50000000000000000000000", "100000000000000000000000", "123456789012345", "1e22", "0.000000000000000000001"]
)
def test_zeros_at_either_end_are_no_digits(client, text):
    assert written(client, "float64", [Decimal(text)]) == [float(text)]
    assert written(client, "float64", pa.array([Decimal(text)], pa.decimal256(76, 25))) == [float(text)]


def test_decimals_too_far_apart_for_one_arrow_type_are_taken(client):
    cells = [Decimal("1e100"), Decimal("1e-100"), None, Decimal("2.5e-310"), Decimal("-1.7e308")]
    assert written(client, "float64", cells) == [1e100, 1e-100, None, 2.5e-310, -1.7e308]
    with pytest.raises(hw.InvalidArgument, match="row 1, column 'float64': 1.2345678901234E-318 has more digits"):
        written(client, "float64", [Decimal("1"), Decimal("1.2345678901234e-318")])
    with pytest.raises(hw.InvalidArgument, match=r"row 1, column 'float64': 1E\+400 is beyond float64"):
        written(client, "float64", [Decimal("1"), Decimal("1e400")])
    with pytest.raises(hw.InvalidArgument, match=r"row 0, column 'float32': 1E\+100 is beyond float32: use float64"):
        written(client, "float32", [Decimal("1e100"), Decimal("1e-100")])
    assert written(client, "int64", [Decimal("5"), Decimal("6.000000000000000000000000000000000000000000")]) == [5, 6]


def test_decimals_that_are_no_integers_say_so(client):
    for cell, reason in (
        (Decimal("1.5"), "1.5 does not fit int64: use float64, or round it"),
        (Decimal(10**30), f"{10**30} does not fit int64"),
    ):
        with pytest.raises(hw.InvalidArgument, match=f"row 1, column 'int64': {reason}"):
            written(client, "int64", [Decimal("1"), cell])


@pytest.mark.parametrize("odd", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), Decimal("sNaN")], ids=str)
def test_a_decimal_that_is_no_number_says_what_to_give(client, odd):
    for column in ([Decimal("1.5"), odd], [[Decimal("1.5")], [odd]], np.array([Decimal("1.5"), odd], object)):
        with pytest.raises(hw.InvalidArgument, match=rf"row 1, column 'float64': Decimal\('{odd}'\) is no number .* give None"):
            written(client, "float64", column)
    if odd.is_nan():
        assert written(client, "float64", [Decimal("1.5"), odd], nan_is_null=True) == [1.5, None]
        assert written(client, "float64", pd.Series([Decimal("1.5"), odd], dtype=object)) == [1.5, None]


def test_a_proposed_group_says_which_decimals_lose_digits():
    data = {"id": [1, 2], "price": [Decimal("5.10"), None], "exact": [Decimal("1"), Decimal("0.12345678901234567")]}
    with pytest.warns(UserWarning, match=r"column 'exact': row 1: 0\.12345678901234567 has more digits than a float64 holds: .*lossy=True"):
        group = hw.infer_group(data, name="g", keys="id")
    assert [feature.type for feature in group.features] == ["float64", "float64"]
    lists = {"id": [1, 2, 3], "l": [None, [Decimal("1.5"), None], [Decimal("2"), Decimal("0.12345678901234567")]]}
    with pytest.warns(UserWarning, match=r"column 'l': row 2: 0\.12345678901234567\d* has more digits than a float64 holds"):
        assert [feature.type for feature in hw.infer_group(lists, name="g", keys="id").features] == ["array(float64)"]
    with pytest.warns(UserWarning, match="column 'd': row 1: "):
        hw.infer_group(pa.table({"id": [1, 2], "d": pa.array(data["exact"]).dictionary_encode()}), name="g", keys="id")


@pytest.mark.parametrize(
    "type", [pa.decimal32(7, 2), pa.decimal64(16, 2), pa.decimal128(30, 2), pa.decimal256(60, 2), pa.decimal32(9, 0)], ids=str
)
def test_whole_decimals_of_any_width_are_integers(client, type):
    texts = ["5.00", None, "-3.00", "12345.00"]
    column = pa.array(texts).cast(pa.decimal128(30, 2)).cast(type)
    assert written(client, "int64", column) == [5, None, -3, 12345]
    if type.scale:
        with pytest.raises(hw.InvalidArgument, match="row 1, column 'int64': 5.50 does not fit int64: use float64, or round it"):
            written(client, "int64", pa.array(["1.00", "5.50"]).cast(pa.decimal128(7, 2)).cast(type))
