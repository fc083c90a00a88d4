"""The scanner of CSV against one that goes byte by byte: same cells, same refusals, wherever blocks end."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater._tables import csv, records

NAMES = ("a", "b", "c")


class Refused(Exception):
    pass


def by_the_byte(data: bytes) -> list[list[str | None]]:
    """The rules of docs/formats/tables.md as one would tell them."""
    at, line, row, width = 0, 1, 0, 0
    rows: list[list[str | None]] = []
    while at < len(data):
        start, cells, is_quoted = line, [], False
        place = f"row {row} (line {start})" if row else "line 1"
        while True:
            text = b""
            is_quoted = data[at : at + 1] == b'"'
            if is_quoted:
                opening, at = line, at + 1
                while True:
                    byte = data[at : at + 1]
                    if not byte:
                        raise Refused(f"{place}: the quote that opens on line {opening} is never closed")
                    line += byte == b"\n"
                    at += 1
                    if byte == b'"':
                        if data[at : at + 1] != b'"':
                            break
                        at += 1
                    text += byte
            else:
                while (byte := data[at : at + 1]) and byte not in b',\r\n"':
                    text, at = text + byte, at + 1
                if byte == b'"':
                    raise Refused(f"{place}: a quote inside an unquoted cell")
            cells.append(text.decode() if text or is_quoted else None)
            byte, at = data[at : at + 1], at + 1
            if byte == b",":
                continue
            if byte == b"\r":
                if data[at : at + 1] != b"\n":
                    raise Refused(f"{place}: a carriage return outside quotes")
                at += 1
            elif byte not in (b"\n", b""):
                raise Refused(f"{place}: text behind a closing quote")
            line += 1
            break
        if row == 0:
            width, row = len(cells), 1
            continue
        if cells == [None] and width > 1:
            continue
        if len(cells) != width:
            raise Refused(f"{place}: {len(cells)} cell")
        rows.append(cells)
        row += 1
    return rows


def by_blocks(path: Path) -> list[list[str | None]]:
    rows = []
    for piece in csv.read_csv(path):
        assert piece.first_row == len(rows) + 1
        rows += [list(cells) for cells in zip(*(column.array.to_pylist() for column in piece.columns.values()), strict=True)]
    return rows


def outcome(read: Any, given: Any, prefix: str = "") -> Any:
    try:
        return read(given)
    except (Refused, hw.InvalidArgument) as refusal:
        return str(refusal).removeprefix(prefix)


def same(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    wanted, got = outcome(by_the_byte, data), outcome(by_blocks, path, f"{path}: ")
    assert got.startswith(wanted) if isinstance(got, str) and isinstance(wanted, str) else got == wanted, data


PIECES = ["a", "b,", ",", "\n", "\r\n", '"', '""', '"x"', '"x,y"', '"\n"', '"\r\n"', '"a""b"', "é", "1,2\n", '"1",2\r\n', "\r", " "]


@pytest.mark.parametrize("block_bytes", [1, 2, 5, 64])
def test_random_text_is_cut_and_refused_as_the_rules_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(csv, "BLOCK_BYTES", block_bytes)
    random_ = random.Random(block_bytes)
    for number in range(700):
        columns = random_.randint(1, 3)
        # Hostile text, and text that mostly keeps the rules, so that both are seen.
        weights = None if number % 2 else [8, 8, 8, 8, 4, 0, 0, 4, 4, 2, 2, 2, 4, 8, 8, 0, 1]
        body = "".join(random_.choices(PIECES, weights, k=random_.randint(0, 14)))
        same(tmp_path / "t.csv", (",".join(NAMES[:columns]) + random_.choice(["\n", "\r\n"]) + body).encode())


@pytest.mark.parametrize("block_bytes", [16, 17, 18, 19, 4096])
def test_random_records_with_quotes_are_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(csv, "BLOCK_BYTES", block_bytes)
    random_ = random.Random(block_bytes)
    cells = ["", '""', "x", '"x"', '"a\r\nb"', '"a\nb"', '"a""b"', '""""', '"\r\n\r\n"', '",,"', "plain text", '"é"', '"\r"']
    for _ in range(100):
        columns = random_.randint(1, 3)
        end = random_.choice(["\n", "\r\n"])
        lines = [",".join(random_.choice(cells) for _ in range(columns)) for _ in range(random_.randint(0, 40))]
        text = end.join([",".join(NAMES[:columns]), *lines]) + random_.choice(["", end])
        same(tmp_path / "t.csv", text.encode())


def test_a_line_end_inside_quotes_across_two_blocks_keeps_its_bytes(tmp_path: Path) -> None:
    for shift in range(-2, 3):
        head = b"a,b\n"
        filler = b"1,2\n" * ((csv.BLOCK_BYTES - len(head)) // 4 - 8)
        opening = b'5,"' + b"x" * (csv.BLOCK_BYTES - len(head) - len(filler) - 3 + shift)
        path = tmp_path / "t.csv"
        path.write_bytes(head + filler + opening + b'\r\ny"\r\n6,7\r\n')
        pieces = list(csv.read_csv(path))
        texts = [text for piece in pieces for text in piece.columns["b"].array.slice(piece.count - 2 if piece.count > 2 else 0).to_pylist()]
        assert texts[-2:] == [(opening[3:] + b"\r\ny").decode(), "7"]
        assert sum(piece.count for piece in pieces) == len(filler) // 4 + 2


def test_a_record_without_an_end_is_refused_before_it_fills_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (records, csv):
        monkeypatch.setattr(module, "RECORD_BYTES_MAX", 1000, raising=False)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 100)
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n\n" + b'3,"' + b"x\n" * 5000)
    with pytest.raises(hw.InvalidArgument, match=r"t\.csv: row 2 \(line 4\): a record of more than 1000 bytes: is a quote missing\?"):
        list(csv.read_csv(path))
    path.write_bytes(b'a,b\n1,"' + b"x" * 990 + b'"\n')
    assert [piece.count for piece in csv.read_csv(path)] == [1]
    path.write_bytes(b'a,"' + b"x" * 5000)
    with pytest.raises(hw.InvalidArgument, match=r"t\.csv: line 1: a record of more than 1000 bytes"):
        list(csv.read_csv(path))


def test_a_mark_is_skipped_at_the_start_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    mark = "\ufeff"
    for block_bytes in (1, 2, 3, 4, 6, 1 << 20):
        monkeypatch.setattr(csv, "BLOCK_BYTES", block_bytes)
        path.write_text(f'{mark}"a",b\n{mark}1,{mark}\n{mark}2,3\n', encoding="utf-8")
        assert by_blocks(path) == [[f"{mark}1", mark], [f"{mark}2", "3"]]
        assert csv.read_header(path) == ["a", "b"]


@pytest.mark.parametrize("block_bytes", [1, 3, 7, 64])
def test_random_long_records_are_cut_and_refused_as_the_rules_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(csv, "BLOCK_BYTES", block_bytes)
    random_ = random.Random(block_bytes)
    inside = ["x", "\n", "\r\n", '""', ",", "\r", '""\n', '",\n"']
    for _ in range(150):
        cell = "".join(random_.choices(inside, k=random_.randint(0, 60)))
        bad = random_.choice(["", "", '"', '"x', ' "', "\r", '\n"'])
        body = f'1,"{cell}"{bad}\n2,"{cell[:20]}"\n3,x\n'
        same(tmp_path / "t.csv", ("a,b\n" + body[: random_.randint(len(body) // 2, len(body))]).encode())


def test_a_quote_that_closes_nothing_is_found_wherever_it_opened(tmp_path: Path) -> None:
    for count in (0, 1, 2, 3, 1000):
        for head in (b"", b'1,"x"\n', b'1,"x""y"\n', b'"a","b"\n"c\nd",\n'):
            same(tmp_path / "t.csv", b"a,b\n" + head + b'2,"' + b'""' * count + b"x\n")
            same(tmp_path / "t.csv", b"a,b\n" + head + b'2,"' + b'x""\n' * count)


def seconds(path: Path, data: bytes) -> float:
    """What reading or refusing takes: the least of three."""
    path.write_bytes(data)
    times = []
    for _ in range(3):
        began = time.process_time()
        outcome(lambda path: sum(rows.count for rows in csv.read_csv(path)), path)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize(
    ("head", "line", "tail"),
    [
        (b'2,2024-01-01,"b\n', b'1,2024-01-01,"some text"\n', b""),
        (b'2,2024-01-01,"', b'""\n', b'"\n'),
        (b'2,2024-01-01,"', b'""\n', b""),
        (b'2,2024-01-01,"', b"x\n", b'"\n'),
        (b'2,2024-01-01,"', b'""', b""),
        (b'"', b'"",\n', b'"\n'),
    ],
    ids=["never closed", "doubled quotes", "doubled and never closed", "line ends", "quotes alone", "in the first cell"],
)
def test_a_record_of_many_blocks_takes_time_in_line_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes, line: bytes, tail: bytes
) -> None:
    monkeypatch.setattr(csv, "BLOCK_BYTES", 64 << 10)
    made = [b"id,t,s\n" + head + line * (size // len(line)) + tail for size in (1 << 20, 4 << 20)]
    small, large = (seconds(tmp_path / "t.csv", data) for data in made)
    # Of what takes the square of its size it would be 16 times.
    assert large < 8 * small + 0.2, (small, large)
