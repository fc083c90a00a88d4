"""JSON as docs/formats/tables.md has it: RFC 8259 to the letter, which Python's own reader is not."""

from __future__ import annotations

import json
import re
from typing import Any

NESTING_MAX = 32
# `-0`: a whole number whose sign a float keeps. Told from other floats by being this object.
MINUS_ZERO = -0.0
_LONG = re.compile("[0-9.]{16}")


class LongFloat(float):
    """A number of more digits than a float64 may hold, and how it was written: a float32 is made of that."""

    text: str

    @staticmethod
    def of(text: str) -> LongFloat:
        made = LongFloat(text)
        made.text = text
        return made


def parse(text: str) -> Any:
    """One JSON text.

    Raises:
        ValueError: says what is wrong.
    """
    # Slower, so only where there is something for them.
    whole = _signed if "-0" in text else None
    real = LongFloat.of if _LONG.search(text) else None
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_int=whole, parse_float=real, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"nested deeper than {NESTING_MAX}") from None
    if text.count("[") + text.count("{") > NESTING_MAX and _depth(value) > NESTING_MAX:
        raise ValueError(f"nested deeper than {NESTING_MAX}")
    if "\\u" in text:
        _refuse_halves(value)
    return value


def shown(value: Any) -> str:
    """A value as messages show it: its head."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _signed(digits: str) -> int | float:
    return MINUS_ZERO if digits == "-0" else int(digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name '{next(name for name in names if names.count(name) > 1)}' comes twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f'{name} is spelt as a text in JSON: "{name}"')


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(_depth, children), default=0)


def _refuse_halves(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("half a surrogate pair") from None
    elif isinstance(value, list):
        for element in value:
            _refuse_halves(element)
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_halves(name)
            _refuse_halves(member)
