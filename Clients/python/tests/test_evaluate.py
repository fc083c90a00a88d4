"""Expressions over tables: the server's evaluator, from Python and from the command line."""

from __future__ import annotations

import datetime
import json
import math
import re
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import headwater as hw
from headwater._embedded import binary

PAGE = Path(__file__).parents[3] / "docs/expressions.md"
NAN, INF = float("nan"), float("inf")


def run(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([binary(), *arguments], input=text, capture_output=True, text=True, check=False)


def test_constants_and_columns_of_every_type() -> None:
    assert hw.evaluate("1 + 2").to_pylist() == [3]
    table = pa.table(
        {
            "b": [True, None], "i": pa.array([1, 2], pa.int32()), "j": [2**53 + 1, None], "f": pa.array([0.1, None], pa.float32()),
            "x": [0.1, NAN], "s": ["é", None], "raw": [b"\x00", None],
            "at": pa.array([datetime.datetime(1969, 12, 31, 23, 59), None], pa.timestamp("us")),
            "xs": pa.array([[1.5, None], None], pa.list_(pa.float64())), "v": pa.array([[3.0, 4.0], [0.0, 0.0]], pa.list_(pa.float32(), 2)),
        }
    )  # fmt: skip
    same = hw.evaluate({name: name for name in table.column_names}, table)
    for name in table.column_names:
        assert all(_alike(mine, given) for mine, given in zip(same[name].to_pylist(), table[name].to_pylist(), strict=True)), name
    got = hw.evaluate({"year": "year(at)", "sum": "list_sum(xs)", "norm": "norm(v)", "not": "not b", "bytes": "length(raw)"}, table)
    assert got.to_pydict() == {"year": [1969, None], "sum": [1.5, None], "norm": [5.0, 0.0], "not": [False, None], "bytes": [1, None]}


def test_tables_of_all_sorts_and_stated_types(tmp_path: Path) -> None:
    rows = {"a": [1, 2, 3], "n": [0, 4, 2]}
    path = tmp_path / "rows.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    wanted = [None, 0.5, 1.5]
    for given in (
        rows,
        pd.DataFrame(rows),
        pa.table(rows),
        [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)],
        path,
    ):
        assert hw.evaluate("a / n", given).to_pylist() == wanted
    assert hw.evaluate("a", rows, types={"a": "float64"}).to_pylist() == [1.0, 2.0, 3.0]
    assert hw.evaluate("a || '!'", path, types={"a": "string"}).to_pylist() == ["1!", "2!", "3!"]
    assert hw.evaluate("-a", rows).to_pylist() == [-1, -2, -3]
    assert hw.evaluate("a", {"a": pa.array([], pa.int64())}).to_pylist() == []


def test_columns_that_no_expression_reads_may_hold_anything() -> None:
    table = pa.table({"a": [1, 2], 'b"c': [3, 4], "other": pa.array([{"x": 1}, None]), "d,e": ["x", None]})
    assert hw.evaluate("a + 1", table).to_pylist() == [2, 3]
    assert hw.evaluate('a + "b""c"', table).to_pylist() == [4, 6]
    assert hw.evaluate("1 + 1", table).to_pylist() == [2, 2]
    with pytest.raises(hw.InvalidArgument, match="there is no column 'other'"):
        hw.evaluate("other", table)


def test_what_is_wrong_is_said_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(hw.InvalidArgument, match=r"character 5: ") as raised:
        hw.evaluate("a + s", {"a": [1.0], "s": ["x"]})
    assert str(raised.value).splitlines()[-2:] == ["  a + s", "      ^"]
    with pytest.raises(hw.InvalidArgument, match="no column 'b'; did you mean|there is no column 'b'"):
        hw.evaluate("b", {"a": [1.0]})
    with pytest.raises(hw.InvalidArgument, match="the table has no column 'z'"):
        hw.evaluate("a", {"a": [1.0]}, types={"z": "int64"})
    with pytest.raises(hw.InvalidArgument, match="there is no expression"):
        hw.evaluate({}, {"a": [1]})
    with pytest.raises(hw.InvalidArgument, match="expression 2: character 1: there is no function"):
        hw.evaluate({"x": "1", "y": "nope(1)"})
    monkeypatch.setenv("HEADWATER_BINARY", "/nowhere/headwater")
    with pytest.raises((hw.NotFound, FileNotFoundError)):
        hw.evaluate("1")


def test_the_command_line_reads_and_writes_tables(tmp_path: Path) -> None:
    text = 'amount,visits,status\n10,3,open\n5,0,"a,b"\n,2,\n'
    done = run("eval", "amount / visits", "status || '!'", "--from", "-", "--types", "amount=float64,visits=int64,status=string", text=text)
    assert done.stdout == "amount / visits,status || '!'\n3.3333333333333335,open!\n,\"a,b!\"\n,\n"
    assert done.stderr == "amount / visits: null by division_by_zero (1)\n"
    out = tmp_path / "r.ndjson"
    done = run("eval", "amount > 6", "--as", "large", "--from", "-", "--types", "amount=float64", "--out", str(out), text=text)
    assert out.read_text() == '{"large":true}\n{"large":false}\n{"large":null}\n' and done.returncode == 0
    (answer,) = json.loads(run("eval", "sqrt(2)", "--json").stdout)
    assert answer == {"expression": "sqrt(2)", "name": "sqrt(2)", "type": "float64", "value": "1.4142135623730951"}
    refused = run("eval", "foo", "--from", "-", "--types", "foo=int64", text=text)
    assert refused.returncode == 1 and "standard input: there is no column foo; there are amount, visits, status" in refused.stderr
    assert "--types amount: unknown type 'decimal'" in run("eval", "amount", "--from", "-", "--types", "amount=decimal", text=text).stderr
    assert "row" in run("eval", "amount", "--from", "-", "--types", "amount=int32", text="amount\n1\nx\n").stderr
    assert "give it once for each" in run("eval", "1", "2", "--as", "x").stderr
    assert "two results are called '1'" in run("eval", "1", "1").stderr


def test_results_that_nobody_reads_to_their_end_are_no_error() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{binary()} expressions | true; {binary()} expressions | head -n 1"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("Numbers:\n", "")


def test_the_list_names_every_function_with_its_example() -> None:
    functions = json.loads(run("expressions", "--json").stdout)
    assert len(functions) > 60
    listed = run("help", "expressions").stdout
    page = PAGE.read_text()
    for function in functions:
        assert function["name"] in listed
        assert f"| `{function['signature'].replace('|', chr(92) + '|')}` | " in page


# What is written alike in both, and means the same where the page does not say otherwise.
_EXPRESSIONS = [
    "a + b", "a - b", "a * b", "-a", "a < b", "a <= b", "a = b", "a <> b", "a > b", "a >= b", "a is null", "a is not null",
    "a between b and 3", "a in (1.5, b, 0)", "abs(a)", "floor(a)", "ceil(a)", "trunc(a)", "round(a)", "greatest(a, b)",
    "least(a, b)", "coalesce(a, b)", "nullif(a, b)", "case when a > b then a else b end", "a > b and b > 0", "a > b or b > 0",
    "not (a > b)", "atan2(a, b)", "radians(a)", "exp(a)", "i + j", "i - j", "i % nullif(j, 0)", "i < a", "i = a", "i >= a",
    "cast(i as double)", "i in (1, 2, j)", "abs(i)", "greatest(i, j)", "s || t", "lower(s)", "length(s)",
    "substr(s, 2, 2)", "starts_with(s, t)", "contains(s, t)", "replace(s, 'a', 'x')", "s < t", "s = t", "s in ('a', t)",
    "coalesce(s, t)", "case s when 'a' then 1 when t then 2 end", "trim(s)", "isnan(a)", "isinf(a)", "year(since)", "month(since)",
    "day(since)", "isodow(since)", "dayofyear(since)", "hour(since)", "minute(since)", "since < until", "date_trunc('month', since)",
    "date_trunc('week', since)", "date_trunc('year', since)", "date_trunc('hour', since)",
]  # fmt: skip
_NAMES = {"isnan": "is_nan", "isinf": "is_inf", "isodow": "day_of_week", "dayofyear": "day_of_year", "double": "float64"}


def test_duckdb_agrees_where_the_page_does_not_say_otherwise() -> None:
    floats = [None, 0.0, -0.0, 1.5, -1.5, 2.25, 1e300, -3.0, INF, -INF, NAN, 0.1, 2.0**53]
    integers = [None, 0, 1, -1, 7, -7, 2**53 - 1, 12345]
    texts = [None, "", "a", "abc", "Aé", "a b", " b "]
    times = [
        None,
        *(datetime.datetime(1970, 1, 1) + datetime.timedelta(days=d, hours=5, minutes=7) for d in (-40_000, -1, 0, 59, 19_782, 20_000)),
    ]
    rows = [
        {
            "a": floats[n % 13], "b": floats[(n * 5 + n // 13) % 13], "i": integers[n % 8], "j": integers[(n * 3 + n // 8) % 8],
            "s": texts[n % 7], "t": texts[(n * 2 + n // 7) % 7], "since": times[n % 7], "until": times[(n * 3) % 7],
        }
        for n in range(91)
    ]  # fmt: skip
    types = [("a", pa.float64()), ("b", pa.float64()), ("i", pa.int64()), ("j", pa.int64()), ("s", pa.string()), ("t", pa.string())]
    schema = pa.schema([*types, ("since", pa.timestamp("us")), ("until", pa.timestamp("us"))])
    table = pa.Table.from_pylist(rows, schema=schema)
    connection = duckdb.connect()
    connection.register("rows", table)
    names = [re.sub(r"[a-z]+", lambda word: _NAMES.get(word.group(), word.group()), text) for text in _EXPRESSIONS]
    ours = hw.evaluate({str(number): text for number, text in enumerate(names)}, table)
    cells = 0
    for number, text in enumerate(_EXPRESSIONS):
        try:
            theirs = connection.sql(f"select {text} as value from rows").arrow().read_all()["value"].to_pylist()
        except duckdb.OutOfRangeException:
            theirs = [_alone(connection, text, row, schema) for row in range(len(rows))]
        for row, (mine, other) in enumerate(zip(ours[str(number)].to_pylist(), theirs, strict=True)):
            assert _alike(mine, other), (text, rows[row], mine, other)
            cells += 1
    assert cells >= 2_000
    print(f"{cells} cells compared with DuckDB {duckdb.__version__}")


def _alone(connection: duckdb.DuckDBPyConnection, text: str, row: int, schema: pa.Schema) -> object:
    """One row's value; what is an error there is null here."""
    try:
        return connection.sql(f"select {text} as value from (select * from rows limit 1 offset {row})").fetchone()[0]  # type: ignore[index]
    except duckdb.OutOfRangeException:
        return None


def _alike(mine: object, other: object) -> bool:
    if isinstance(mine, datetime.datetime):
        mine = mine.replace(tzinfo=None)
    if isinstance(other, datetime.date) and not isinstance(other, datetime.datetime):
        other = datetime.datetime.combine(other, datetime.time())
    if isinstance(mine, float) and isinstance(other, (int, float)):
        # exp, atan2 are the C library's there: within a unit in the last place.
        return (math.isnan(mine) and math.isnan(other)) or mine == other or math.isclose(mine, other, rel_tol=4e-16)
    return mine == other
