"""What type a column of text is of, so that nothing is lost: only where all of its cells come back as the same text, or the same time."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import FeatureType
from .cells import of_text
from .decimals import DIGITS_MAX
from .rules import ColumnRules, Epochs, Misfit

_WHOLE = r"^(0|-?[1-9][0-9]*)$"
_POINT = r"^-?(0|[1-9][0-9]*)\.[0-9]+$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?$"
_NAMES = pa.array(["NaN", "Infinity", "-Infinity"])


class Guess:
    """Looks at the cells of a column, piece by piece, and keeps the types that it can be of."""

    def __init__(self) -> None:
        self._types = {name: FeatureType.parse(name) for name in ("bool", "int64", "float64", "timestamp")}
        self._has_value = self._has_number = False
        # Digits behind the point, where some number ends in a zero, and of all numbers, whole ones too: prices such as 2.50 have as many
        # everywhere.
        self._padded: set[int] = set()
        self._places: set[int] = set()

    def look(self, array: pa.Array) -> None:
        """Takes the next cells."""
        cells = pc.drop_null(array)
        if not len(cells):
            return
        self._has_value = True
        for name, type in list(self._types.items()):
            if not self._fits(cells, name, type):
                del self._types[name]

    @property
    def type(self) -> str:
        """The narrowest type that holds all cells; `string` where none does, and where there is none."""
        names = set(self._types) if self._has_value else set()
        if "float64" in names and (not self._has_number or (self._padded and len(self._places) > 1)):
            # `1.10` beside `1.9` or `1`: versions, say, that would be 1.1, 1.9 and 1.0.
            names.discard("float64")
        return next((name for name in ("bool", "int64", "float64", "timestamp") if name in names), "string")

    def _fits(self, cells: pa.Array, name: str, type: FeatureType) -> bool:
        if name == "bool":
            return bool(pc.all(pc.is_in(pc.utf8_lower(cells), pa.array(["true", "false"]))).as_py())
        if name == "float64":
            return self._is_float(cells)
        try:
            return bool(pc.all(pc.match_substring_regex(cells, _WHOLE if name == "int64" else _TIME)).as_py()) and bool(
                of_text(cells, type, ColumnRules(Epochs("us")))
            )
        except Misfit:
            return False

    def _is_float(self, cells: pa.Array) -> bool:
        rest = cells.filter(pc.invert(pc.is_in(cells, _NAMES)))
        self._has_number |= len(rest) > 0
        whole = pc.match_substring_regex(rest, _WHOLE)
        point = pc.match_substring_regex(rest, _POINT)
        digits = pc.utf8_length(pc.replace_substring_regex(pc.utf8_ltrim(rest, "-0."), r"\.", ""))
        plain = pc.and_(pc.or_(whole, point), pc.less_equal(digits, DIGITS_MAX))
        # What is no plain number of few digits may still be as a float64 is written: 1e-05, 5e-324.
        if not all(_is_shortest(cell.as_py()) for cell in rest.filter(pc.invert(plain))):
            return False
        pointed = rest.filter(pc.and_(plain, point))
        places = pc.subtract(pc.subtract(pc.utf8_length(pointed), pc.find_substring(pointed, ".")), 1)
        is_padded = pc.and_(pc.ends_with(pointed, "0"), pc.greater(places, 1))
        self._places.update(places.unique().to_pylist())
        if pc.any(whole).as_py():
            self._places.add(0)
        self._padded.update(places.filter(is_padded).unique().to_pylist())
        return True


def _is_shortest(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    # Python's own names of infinity and NaN are none of the format's.
    return math.isfinite(number) and repr(number) == text
