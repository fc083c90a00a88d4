"""What people read of answers: counts in words, tables of text, the first rows."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from tqdm.auto import tqdm

from ._columns.lists import pylist


def counted(count: int, one: str, several: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {one if count == 1 else several}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines whose columns stand below each other; numbers to the right."""
    if not rows:
        return []
    width = max(len(row) for row in rows)
    widths = [max(len(row[place]) for row in rows if place < len(row)) for place in range(width)]
    is_number = [
        any(_is_number(row[place]) for row in rows[1:]) and all(_is_number(row[place]) or not row[place] for row in rows[1:])
        for place in range(width)
    ]
    lines = []
    for row in rows:
        cells = [cell.rjust(size) if number else cell.ljust(size) for cell, size, number in zip(row, widths, is_number, strict=False)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _is_number(text: str) -> bool:
    return bool(text) and text.replace(",", "").removesuffix("%").isdigit()


def html_text(text: str) -> str:
    """Text for a notebook, in letters of one width."""
    return f"<pre>{html.escape(text)}</pre>"


PREVIEW_ROWS, _PREVIEW_COLUMNS, _PREVIEW_CELL = 5, 12, 24


def _cells(table: pa.Table) -> tuple[list[str], list[list[str]]]:
    """Names and the first rows as text."""
    shown = table.slice(0, PREVIEW_ROWS).select(list(range(min(table.num_columns, _PREVIEW_COLUMNS))))
    names = list(shown.schema.names) + (["…"] if table.num_columns > _PREVIEW_COLUMNS else [])
    columns = [[_cell(value) for value in pylist(column)] for column in shown.columns]
    if len(names) > len(columns):
        columns.append(["…"] * shown.num_rows)
    return names, [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    text = "null" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
    # A line end, or what a terminal takes for a command, would break the table.
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= _PREVIEW_CELL else text[: _PREVIEW_CELL - 1] + "…"


def preview(table: pa.Table) -> str:
    """The first rows, for a terminal."""
    names, rows = _cells(table)
    widths = [max(len(row[place]) for row in [names, *rows]) for place in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [names, *rows]]
    return "\n".join(lines + (["…"] if table.num_rows > PREVIEW_ROWS else []))


def preview_html(table: pa.Table) -> str:
    """The first rows, for a notebook."""
    names, rows = _cells(table)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def progress_bar(words: str, progress: bool | None, total: int | None = None) -> tqdm[Any]:
    """A bar of rows; `progress` says whether it is shown, `None`: on a terminal, where it takes longer than half a second."""
    hidden = None if progress is None else not progress
    return tqdm(total=total, unit="row", unit_scale=True, desc=words, disable=hidden, delay=0.5, leave=False)
