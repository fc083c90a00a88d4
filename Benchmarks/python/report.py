"""What the tables of Python and of HTTP are made of, and how they print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

COLUMNS = ("work", "Headwater", "peer", "ratio (min … max)", "bar", "met")


def number(value: float) -> str:
    """Three digits; thousands set apart."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def rate(rounds: Sequence[float]) -> str:
    """Rows a second."""
    spread = Spread.of(rounds)
    scale, unit = (1e6, "M") if spread.median >= 1e6 else (1e3, "k")
    return f"{Spread(spread.median / scale, spread.min / scale, spread.max / scale)} {unit} rows/s"


@dataclass(frozen=True)
class Spread:
    """One figure of each round: its median, and how far the rounds lay apart."""

    median: float
    min: float
    max: float

    @staticmethod
    def of(rounds: Sequence[float]) -> Spread:
        return Spread(float(np.median(rounds)), min(rounds), max(rounds))

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.min)} … {number(self.max)})"


class Latencies:
    """Calls of one system, round by round, in microseconds."""

    def __init__(self) -> None:
        self.rounds: list[Sequence[float]] = []

    @property
    def medians(self) -> list[float]:
        return [float(np.median(calls)) for calls in self.rounds]

    def document(self) -> dict[str, Any]:
        all = np.concatenate(self.rounds)
        percentiles = {"p5": 5, "p50": 50, "p99": 99, "p999": 99.9}
        document: dict[str, Any] = {f"{name}Microseconds": float(np.percentile(all, at)) for name, at in percentiles.items()}
        return {**document, "calls": len(all), "p50ByRound": self.medians}

    def __str__(self) -> str:
        """Microseconds below a millisecond, milliseconds above."""
        p50, p99 = (float(value) for value in np.percentile(np.concatenate(self.rounds), [50, 99]))
        scale, unit = (1e3, "ms") if p50 >= 1000 else (1, "µs")
        return f"p50 {number(p50 / scale)}, p99 {number(p99 / scale)} {unit}"


@dataclass
class Line:
    """A line of the table: what was measured, and the bar that it is held to."""

    work: str
    headwater: str
    peer: str = ""
    # What the ratios are of; one a round.
    name: str = ""
    measured: Sequence[float] = ()
    wanted: float | None = None
    is_at_most: bool = False
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        if self.wanted is None or not self.measured:
            return None
        median = Spread.of(self.measured).median
        return median <= self.wanted if self.is_at_most else median >= self.wanted

    def cells(self) -> tuple[str, ...]:
        ratio = f"{self.name} {Spread.of(self.measured)}".strip() if self.measured else ""
        bar = f"{'<=' if self.is_at_most else '>='} {self.wanted:,}" if self.wanted is not None else ""
        met = "" if self.is_met is None else "met" if self.is_met else "NOT MET"
        return self.work, self.headwater, self.peer, ratio, bar, met

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "measured": list(self.measured), "isMet": self.is_met}


@dataclass
class Report:
    """All lines, what is said above them, and what was left out."""

    head: str
    # Its name in a document.
    table: str = "python"
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def text(self) -> str:
        rows = [COLUMNS] + [line.cells() for line in self.lines]
        widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
        printed = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        printed.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([self.head, "", *printed] + [f"\n{note}" for note in self.notes + self.differences])

    def document(self) -> dict[str, Any]:
        return {self.table: [line.document() for line in self.lines], "notes": self.notes, "differences": self.differences}
