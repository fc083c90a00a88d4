"""One list of files through the command line and through Python: the same values, and the same refusals."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater._tables.csv import read_csv

from .conftest import BINARY, Server
from .support import exact

SCALARS = ["bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp"]
TYPES = [*SCALARS, "array(int64)", "array(float64)", "array(string)", "array(timestamp)", "array(bytes)", "vector(2)"]
WORDS = ["", '""', "null", "NULL", "NA", "None", "nan", "NaN", "-nan", "-NaN", "inf", "Infinity", "-Infinity", "+Infinity", "INF"]
NUMBERS = [
    "0", "-0", "-0.0", "1", "+1", "+5", "+1.5", " 1", "1 ", "007", "-007", "1.", ".5", "-.5", ".", "-", "1.5", "1e5", "1E5", "1e+5",
    "1e-5", "e5",
    "1e", "1_000", "0x1F", "0x1p3", "0b1", "1f", "1d", "--1", "١", '"7"', '"1,000"', "2147483647", "2147483648", "-2147483648",
    "-2147483649",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "99999999999999999999", "1e38",
    "3.4028235e38",
    "3.4028236e38", "1e39", "1.7976931348623157e308", "1e309", "1e-400", "0.1", "5.10", "16777217", "16777217.000000001",
    "9007199254740993",
    "1.00000017881393432617187499", "0.30000000000000004",
]  # fmt: skip
FLAGS = ["true", "True", "TRUE", "tRuE", "false", "FALSE", "t", "yes", "no", " true", "2", "01", '"true"']
TIMES = [
    "2024-01-01", "2024-01-01T00:00:00Z", "2024-01-01t00:00:00z", "2024-01-01 00:00:00", "2024-01-01T00:00:00",
    "2024-01-01T00:00:00+05:30",
    "2024-01-01T00:00:00+0530", "2024-01-01T00:00:00+05", "2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00+05:60",
    "2024-01-01T24:00:00Z", "2024-01-01T23:59:60Z", "2016-12-31T23:59:60Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00Z",
    "2024-01-01T00", "2024-01",
    "2024", "20240101", "2024-02-30", "2023-02-29", "2024-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-1-1",
    "2024-01-01T00:00:00.1Z",
    "2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00,5Z",
    "2024-01-01  00:00:00",
    "2024-01-01T00:00:00 Z", "2024-01-01Z", "0000-01-01", "0001-01-01", "9999-12-31T23:59:59.999999Z", "10000-01-01",
    "1969-12-31T23:59:59.999999Z",
    "1600-01-01T00:00:00+05:30", "1704067200000000", "-1704067200000000", "+1704067200000000", "1.7e15", "1704067200000000.0", "now",
    "2024-01-01T00:00:00Z ", " 2024-01-01", "01/02/2024", "2024/01/01",
]  # fmt: skip
BYTES = [
    "AAE=",
    "AAE",
    "AAF=",
    "AA==",
    "AB==",
    "AA=",
    "A===",
    "AAEC",
    '"AA\nE="',
    "AA E=",
    "_-8=",
    "+/8=",
    "é",
    "====",
    "AAECAAE=",
    "AAE=AAE=",
]
TEXTS = [
    "plain",
    " spaced ",
    "é",
    "e\u0301",
    "😀",
    "a\0b",
    '"a,b"',
    '"a""b"',
    '"a\r\nb"',
    "\ufeffa",
    "a;b",
    "a\tb",
    "'a'",
    "00501",
    "\u2028",
]
LISTS = [
    "[]", "[1]", '"[1,2]"', '"[1,null]"', "null", '"null"', "[null]", "1", "{}", '"{""a"":1}"', "[", "]", '"[1,]"', "[01]", "[+1]",
    "[1.0]", "[1e2]",
    "[-0]", "[NaN]", '"[""NaN""]"', '"[""nan""]"', '"[""Infinity""]"', "[true]", '"[""a""]"', '"[""\\ud800""]"',
    '"[""\\ud83d\\ude00""]"', "[[1]]",
    '"[1.5,2.5]"', '"[1,2,3]"', "[9223372036854775808]", "[1e400]", '"[1e39,1]"', '"[""2024-01-01""]"', '"[""1704067200000000""]"', "[5]",
    '"[""AAE=""]"', '"[""AAE""]"', " [1]", "[ 1 ]", "[1] x", '"[16777217.000000001,1]"', '"[""\x01""]"', "[" * 40 + "]" * 40,
]  # fmt: skip
CELLS = {
    name: WORDS
    + (NUMBERS if name not in ("bytes", "string") else NUMBERS[::5])
    + {"bool": FLAGS, "timestamp": TIMES, "bytes": BYTES, "string": TEXTS}.get(name, FLAGS)
    for name in SCALARS
}
CELLS |= {name: WORDS + LISTS for name in TYPES if name not in SCALARS}

JSON_SCALARS = [
    "null", "true", "false", "0", "-0", "1", "-1", "1.0", "-0.0", "1.5", "1e5", "1E5", "1e-5", "01", "+1", "1.", ".5", "NaN",
    "Infinity", "0x1F",
    "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e39", "1e309", "1e-400", "16777217.000000001",
    "1.00000017881393432617187499", "9007199254740993", "1" + "0" * 400, '""', '"x"', '"1"', '"1.5"', '"NaN"', '"nan"', '"Infinity"',
    '"-Infinity"',
    '"true"', '"AAE="', '"AAE"', '"AAF="', '"2024-01-01"', '"2024-01-01T00:00:00+05:30"', '"2024-01-01T00:00:00+0530"',
    '"2024-01-01T24:00:00Z"',
    '"1704067200000000"', '"+5"', "1704067200000000", "1704067200000000.0", '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\ud800x"',
    '"\\udc00\\ud800"', '"\\x41"', '"\\u12"', '"a\tb"', '"\\t\\n\\u0000"', "[]", "{}", "[1]", "'x'", "undefined", '"\\\\ud800"', "1 2",
]  # fmt: skip
JSON_LISTS = [
    "[1,null]", "[1.0]", "[-0]", "[1,2]", "[1.5,2]", "[1,2,3]", '["NaN"]', '["a","\\u00e9"]', "[[1]]", '[{"a":1}]', "[true]", "[null]",
    "[1,]", '["2024-01-01"]',
    '["AAE="]', '["1704067200000000",5]', "[16777217.000000001,1]", "[" * 40 + "]" * 40, '["\\ud800"]', "[9223372036854775808]",
    "[1e400]",
]  # fmt: skip
JSON_CELLS = {name: (JSON_SCALARS[:8] if name not in SCALARS else JSON_SCALARS) + JSON_LISTS for name in TYPES}


class Pair:
    """Two groups of the same columns: one that the command line writes, one that Python writes."""

    names = itertools.count()

    def __init__(self, server: Server, client: hw.Client, folder: Path) -> None:
        self.server, self.client, self.folder = server, client, folder
        # Numbers of any size are times here.
        self.takes_unit = b"--time-unit" in subprocess.run([BINARY, "write", "--help"], capture_output=True).stdout

    def groups(self, features: dict[str, str]) -> tuple[str, str]:
        names = (f"cli{next(self.names)}", f"python{next(self.names)}")
        self.client.apply([hw.FeatureGroup(name, hw.Entity("thing", {"id": "int64"}), features, event_time="time") for name in names])
        return names

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / f"{next(self.names)}-{name}"
        path.write_bytes(content)
        return path

    def command(self, *arguments: Any) -> str | None:
        """What the command line refuses with; `None` where it does not."""
        command = [BINARY, *map(str, arguments), "--address", self.server.address, "--project", self.client.project]
        if arguments[0] == "write" and self.takes_unit:
            command += ["--time-unit", "us"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        return None if done.returncode == 0 else done.stderr or done.stdout

    def python(self, call: Callable[[], Any]) -> str | None:
        try:
            call()
        except hw.InvalidArgument as refusal:
            return str(refusal)
        return None


@pytest.fixture(scope="module")
def pair(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with hw.connect(server.address, "bothways") as client:
        yield Pair(server, client, tmp_path_factory.mktemp("files"))


def csv_row(cell: str, number: int) -> str:
    return f"{number},{cell},0\n"


def json_row(cell: str, number: int) -> str:
    return f'{{"id":{number},"x":{cell},"time":0}}\n'


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
@pytest.mark.parametrize("type", TYPES)
def test_each_cell_is_taken_or_refused_by_both(pair: Pair, type: str, suffix: str) -> None:
    cells = (CELLS if suffix == "csv" else JSON_CELLS)[type]
    head, row = ("id,x,time\n", csv_row) if suffix == "csv" else ("", json_row)
    by_command, by_python = pair.groups({"x": type})

    def file(rows: list[int]) -> Path:
        return pair.file(f"cells.{suffix}", (head + "".join(row(cells[number], number) for number in rows)).encode())

    refused: set[int] = set()
    # A refusal lists up to 20 rows.
    for start in range(0, len(cells), 19):
        numbers = list(range(start, min(start + 19, len(cells))))
        said = pair.command("write", by_command, "--from", file(numbers)) or ""
        refused |= {numbers[int(row) - 1] for row in re.findall(r"row (\d+) \(line", said)}
        if not refused & set(numbers):
            # It was written; once is enough.
            assert not said, said
    taken = [number for number in range(len(cells)) if number not in refused]
    assert taken and (refused or type == "string")
    assert pair.command("write", by_command, "--from", file(taken)) is None
    differing = []
    for number, cell in enumerate(cells):
        path = file([number])
        said = pair.python(lambda path=path: pair.client.write(by_python, path, time_unit="us"))  # type: ignore[misc]
        if (said is not None) != (number in refused):
            differing.append((cell, said))
        elif said is not None:
            assert f"{path}: row 1" in said
    assert not differing
    position = pair.client.write(by_python, file(taken), time_unit="us")
    newest = {name: pair.client.latest(name, min_position=position).to_arrow() for name in (by_command, by_python)}
    for name in ("id", "event_time", "x"):
        assert exact(newest[by_command][name]) == exact(newest[by_python][name])


MARK = b"\xef\xbb\xbf"
FILES: dict[str, tuple[str, bytes]] = {
    "a quote that never closes": ("csv", b'id,time,s\n1,2024-01-01,a\n2,2024-01-01,"b\n3,2024-01-01,c\n'),
    "a quote that never closes at the end": ("csv", b'id,time,s\n1,2024-01-01,"a'),
    "a doubled quote at the end": ("csv", b'id,time,s\n1,2024-01-01,"a""'),
    "text behind a closing quote": ("csv", b'id,time,s\n1,2024-01-01,a\n\n2,2024-01-01,"b"c\n'),
    "a space behind a closing quote": ("csv", b'id,time,s\n1,2024-01-01,"b" \n'),
    "a quote inside a cell": ("csv", b'id,time,s\n1,2024-01-01,a"b\n'),
    "a space before a quote": ("csv", b'id,time,s\n1,2024-01-01, "b"\n'),
    "a lone CR": ("csv", b"id,time,s\r1,2024-01-01,a\r"),
    "a lone CR in a row": ("csv", b"id,time,s\n1,2024-01-01,a\r2,2024-01-01,b\n"),
    "a CR at the end": ("csv", b"id,time,s\n1,2024-01-01,a\r"),
    "two CRs": ("csv", b"id,time,s\n1,2024-01-01,a\r\r\n"),
    "CRLF, and LF in between": ("csv", b"id,time,s\r\n1,2024-01-01,a\n2,2024-01-01,b\r\n"),
    "lines inside quotes": ("csv", b'id,time,s\n1,2024-01-01,"a\r\nb\rc\n"\n2,2024-01-01,"\r\n"\n'),
    "blank lines": ("csv", b"\nid,time,s\n1,2024-01-01,a\n"),
    "blank lines between": ("csv", b"id,time,s\n\n1,2024-01-01,a\n\r\n\n2,2024-01-01,b\n\n"),
    "a row too short": ("csv", b"id,time,s\n1,2024-01-01,a\n\n2,2024-01-01\n"),
    "a row too long": ("csv", b"id,time,s\n1,2024-01-01,a,\n"),
    "a row of one empty text": ("csv", b'id,time,s\n""\n'),
    "a row of spaces": ("csv", b"id,time,s\n \n"),
    "no last line end": ("csv", b'id,time,s\n1,2024-01-01,"a"\n2,"2024-01-01",'),
    "a header alone": ("csv", b"id,time,other\n"),
    "nothing": ("csv", b""),
    "a mark alone": ("csv", MARK),
    "a line end alone": ("csv", b"\n"),
    "a name twice": ("csv", b"id,time,s,s\n1,2024-01-01,a,a\n"),
    "a name in quotes twice": ("csv", b'id,time,s,"s"\n1,2024-01-01,a,a\n'),
    "names in quotes": ("csv", b'"id","time","s"\n1,2024-01-01,a\n'),
    "a name with a space": ("csv", b"id, time,s\n1,2024-01-01,a\n"),
    "an unknown name": ("csv", b"id,time,other\n1,2024-01-01,a\n"),
    "an empty name": ("csv", b"id,time,\n1,2024-01-01,a\n"),
    "no key": ("csv", b"time,s\n2024-01-01,a\n"),
    "no time": ("csv", b"id,s\n1,a\n"),
    "a null key": ("csv", b"id,time,s\n,2024-01-01,a\n"),
    "a null time": ("csv", b"id,time,s\n1,,a\n"),
    "semicolons": ("csv", b"id;time;s\n1;2024-01-01;a\n"),
    "a mark in front": ("csv", MARK + b'"id",time,s\n1,2024-01-01,a\n'),
    "two marks in front": ("csv", MARK + MARK + b"id,time,s\n1,2024-01-01,a\n"),
    "a mark in a row": ("csv", b"id,time,s\n" + MARK + b"1,2024-01-01,a\n"),
    "a mark in a text": ("csv", b"id,time,s\n1,2024-01-01," + MARK + b"a\n"),
    "not UTF-8": ("csv", b"id,time,s\n1,2024-01-01,a\n2,2024-01-01,\xff\n"),
    "half a character": ("csv", b"id,time,s\n1,2024-01-01,\xc3\n"),
    "a surrogate": ("csv", b"id,time,s\n1,2024-01-01,\xed\xa0\x80\n"),
    "a name that is not UTF-8": ("csv", b"id,time,\xff\n1,2024-01-01,a\n"),
    "UTF-16": ("csv", "id,time,s\n1,2024-01-01,a\n".encode("utf-16")),
    "NUL": ("csv", b"id,time,s\n1,2024-01-01,a\0b\n"),
    "NUL in a number": ("csv", b"id,time,s\n1\0,2024-01-01,a\n"),
    "objects": ("ndjson", b'{"id":1,"time":"2024-01-01","s":"a"}\r\n\n \t\r\n{"id":2,"time":5}'),
    "a mark before objects": ("ndjson", MARK + b'{"id":1,"time":0}\n'),
    "a mark before the second object": ("ndjson", b'{"id":1,"time":0}\n' + MARK + b'{"id":2,"time":0}\n'),
    "two marks before objects": ("ndjson", MARK + MARK + b'{"id":1,"time":0}\n'),
    "a mark and nothing": ("ndjson", MARK),
    "a form feed": ("ndjson", b'{"id":1,"time":0}\n\f\n'),
    "a name in an object twice": ("ndjson", b'{"id":1,"time":0,"s":"a","s":"b"}\n'),
    "a name twice by an escape": ("ndjson", b'{"id":1,"time":0,"s":"a","\\u0073":"b"}\n'),
    "an array for an object": ("ndjson", b"[1]\n"),
    "two objects on a line": ("ndjson", b'{"id":1,"time":0}{"id":2,"time":0}\n'),
    "an object on two lines": ("ndjson", b'{"id":1,\n"time":0}\n'),
    "a comment": ("ndjson", b'{"id":1,"time":0} // no\n'),
    "a comma behind the last": ("ndjson", b'{"id":1,"time":0,}\n'),
    "a null key in an object": ("ndjson", b'{"id":null,"time":0}\n'),
    "no key in an object": ("ndjson", b'{"id":1,"time":0}\n{"time":0}\n'),
    "no time in an object": ("ndjson", b'{"id":1,"time":0}\n{"id":2}\n'),
    "an unknown name in an object": ("ndjson", b'{"id":1,"time":0}\n{"id":2,"time":0,"other":1}\n'),
    "half a pair in a name": ("ndjson", b'{"id":1,"time":0,"\\ud800":1}\n'),
    "UTF-16 objects": ("ndjson", '{"id":1,"time":0}\n'.encode("utf-16-le")),
    "an object that is not UTF-8": ("ndjson", b'{"id":1,"time":0}\n{"id":2,"time":0,"s":"\xff"}\n'),
    "deep nesting": ("ndjson", b'{"id":1,"time":0,"s":' + b"[" * 33 + b"]" * 33 + b"}\n"),
    "very deep nesting": ("ndjson", b'{"id":1,"time":0,"s":' + b"[" * 100_000 + b"\n"),
    "a carriage return between members": ("ndjson", b'{"id":1,\r"time":0}\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_taken_or_refused_by_both(pair: Pair, name: str) -> None:
    suffix, content = FILES[name]
    by_command, by_python = pair.groups({"s": "string"})
    path = pair.file(f"rows.{suffix}", content)
    said = [pair.command("write", by_command, "--from", path), pair.python(lambda: pair.client.write(by_python, path, time_unit="us"))]
    empty = [None if text is None or "no rows to write" in text else text for text in said]
    assert (empty[0] is None) == (empty[1] is None), said
    if empty[0] is not None and empty[1] is not None:
        # Python looks for unknown columns in all rows at once, and for ragged rows before.
        if "unknown column" not in empty[0]:
            assert where(empty[0]) == where(empty[1]), said
    else:
        position = int(pair.client.write(by_python, {"id": [99], "time": ["2024-01-01"]}))
        rows = [pair.client.scan(group, min_position=position).to_arrow() for group in (by_command, by_python)]
        kept = [list(zip(exact(table["id"]), exact(table["event_time"]), table["s"].to_pylist(), strict=True)) for table in rows]
        assert kept[0] == [row for row in kept[1] if row[0] != 99]


def where(text: str) -> str | None:
    """The first row that a message names."""
    row = re.search(r"row (\d+)", text)
    return row[1] if row else None


SPINES: dict[str, tuple[str, bytes]] = {
    "further columns as they stood": (
        "csv", b'id,event_time,zip,code,day,e\n1,2024-01-01,00501,1E5,2024-01-02,\n2,2024-01-01,+5,007,"","a""b"\n',
    ),
    "no match, no key": ("csv", b"id,event_time\n7,2024-01-01\n,2024-01-01\n"),
    "a null time": ("csv", b"id,event_time\n1,2024-01-01\n1,\n"),
    "a null time in an object": ("ndjson", b'{"id":1,"event_time":"2024-01-01"}\n{"id":1,"event_time":null}\n'),
    "no time in an object": ("ndjson", b'{"id":1,"event_time":"2024-01-01"}\n{"id":1}\n'),
    "a time in quotes": ("ndjson", b'{"id":1,"event_time":"1704067200000000"}\n'),
    "a key that is left out": ("ndjson", b'{"id":1,"event_time":"2024-01-01"}\n{"event_time":"2024-01-01"}\n'),
    "a quote that never closes": ("csv", b'id,event_time,l\n1,2024-01-01,"a\n2,2024-01-01,b\n'),
    "no key column": ("csv", b"event_time\n2024-01-01\n"),
    "no time column": ("csv", b"id,time\n1,2024-01-01\n"),
    "a header alone": ("csv", b"id,event_time,label\n"),
    "a header alone without a key": ("csv", b"event_time,label\n"),
    "no objects": ("ndjson", b""),
    "nothing": ("csv", b""),
    "a mark": ("csv", MARK + b"id,event_time\n1,2024-01-01\n"),
    "a ragged row": ("csv", b"id,event_time\n1,2024-01-01\n1\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPINES)
def test_each_spine_is_taken_or_refused_by_both(pair: Pair, name: str) -> None:
    suffix, content = SPINES[name]
    path, out = pair.file(f"spine.{suffix}", content), pair.folder / f"{next(pair.names)}.ndjson"
    group = pair.groups({"x": "int64"})[0]
    position = int(pair.client.write(group, {"id": [1, 2], "time": ["2023-01-01"] * 2, "x": [10, 20]}))
    out = out.with_suffix(path.suffix)
    options = ("--spine", path, "--features", f"{group}:x", "--min-position", position, "--out", out)
    answers: list[Any] = []
    by_command = pair.command("history", *options)
    by_python = pair.python(
        lambda: answers.append(pair.client.get_historical_features(path, f"{group}:x", min_position=position).to_arrow())
    )
    assert (by_command is None) == (by_python is None), (by_command, by_python)
    if by_command is not None and by_python is not None:
        assert where(by_command) == where(by_python), (by_command, by_python)
        return
    table = answers[0]
    if suffix == "csv":
        # What the command line wrote is read as text, and so are the further columns.
        pieces = list(read_csv(out))
        columns = {column: [cell for piece in pieces for cell in piece.columns[column].array.to_pylist()] for column in pieces[0].names}
        assert list(columns) == table.column_names
        for column in table.column_names:
            cells = table[column].to_pylist()
            if column != "event_time":
                assert columns[column] == [None if cell is None else str(cell) for cell in cells], column
    else:
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert [line["x"] for line in lines] == table["x"].to_pylist()
