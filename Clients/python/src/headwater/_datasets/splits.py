"""Deals the rows of a spine out to parts, such as train and test: by the hash of their key, or by their time."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .._columns.types import FeatureType, Field
from ..errors import InvalidArgument
from .cells import joined, runs

_PARTS_MAX = 64
_NAME_BYTES_MAX = 128
Parts = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SplitRule:
    """How rows are dealt out."""

    by: str
    seed: int
    names: tuple[str, ...]
    shares: tuple[float, ...]

    @staticmethod
    def of(shares: Mapping[str, float] | str, by: str, seed: int) -> SplitRule:
        """Checks what a user gave, such as `{"train": 0.8, "test": 0.2}` or `"train=0.8,test=0.2"`.

        Raises:
            InvalidArgument: says what a split is made of.
        """
        given = _parsed(shares) if isinstance(shares, str) else dict(shares)
        if by not in ("key", "time"):
            raise InvalidArgument(f"{by!r} is neither 'key' nor 'time'", "split")
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise InvalidArgument(f"{seed!r} is no seed: a whole number from 0 to {2**63 - 1}", "split")
        if by == "time" and seed:
            raise InvalidArgument("a seed is for a split by key: times need none", "split")
        if not 2 <= len(given) <= _PARTS_MAX:
            raise InvalidArgument(f'a split has 2 to {_PARTS_MAX} parts, such as {{"train": 0.8, "test": 0.2}}', "split")
        for name, share in given.items():
            is_name = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", name) and len(name) <= _NAME_BYTES_MAX
            if not is_name:
                raise InvalidArgument(f"{name!r} cannot name a part: use letters, digits, '_' and '-'", "split")
            if isinstance(share, bool) or not isinstance(share, (int, float, np.number)) or not 0 < share <= 1:
                raise InvalidArgument(f"{share!r} is no share of part '{name}': a number above 0 and at most 1", "split")
        if abs(math.fsum(given.values()) - 1) >= 1e-9:
            raise InvalidArgument(f"the shares of the split are {math.fsum(given.values()):g} together, and not 1", "split")
        return SplitRule(by, seed, tuple(given), tuple(float(share) for share in given.values()))

    @staticmethod
    def of_definition(split: Mapping[str, Any]) -> SplitRule:
        """That of a saved training set."""
        parts = split["parts"]
        shares = tuple(float(part["share"]) for part in parts)
        return SplitRule(split["by"], split.get("seed", 0), tuple(part["name"] for part in parts), shares)

    @property
    def bounds(self) -> list[float]:
        """The sums of the shares, from the first on."""
        sums, total = [], 0.0
        for share in self.shares:
            total += share
            sums.append(total)
        return sums

    def deal(self, columns: Sequence[pa.Array], fields: Sequence[Field], key_count: int, time_place: int) -> Parts:
        """The part of each row, by its number.

        Args:
            columns: of the whole spine: its keys, and its time.
            fields: what they are.
            key_count: how many of them are keys, from the first on.
            time_place: which of them is the time.

        Raises:
            InvalidArgument: for a split by key of rows without keys.
        """
        if self.by == "time":
            return self._by_time(np.asarray(columns[time_place].cast(pa.int64())))
        if not key_count:
            raise InvalidArgument("these features have no keys to split by: use by='time'", "split")
        return self._by_key(key_bytes(columns[:key_count], [field.type for field in fields[:key_count]]))

    def _by_time(self, times: npt.NDArray[np.int64]) -> Parts:
        ordered = np.sort(times)
        starts = []
        for bound in self.bounds[:-1]:
            place = bound * len(times)
            first = math.floor(place) + (place - math.floor(place) >= 0.5)
            if first < len(times):
                starts.append(ordered[first])
        return np.searchsorted(np.array(starts, np.int64), times, side="right").astype(np.uint8)

    def _by_key(self, keys: pa.Array) -> Parts:
        # Each key is hashed once, however many rows it has.
        distinct = keys.dictionary_encode()
        seed = struct.pack("<Q", self.seed)
        digests = b"".join([hashlib.sha256(seed + key).digest()[:8] for key in distinct.dictionary.to_pylist()])
        # 53 bits, so that the number is exact.
        fractions = (np.frombuffer(digests, ">u8") >> np.uint64(11)).astype(np.float64) / 2.0**53
        parts = np.searchsorted(np.array(self.bounds[:-1]), fractions, side="right").astype(np.uint8)
        dealt: Parts = parts[np.asarray(distinct.indices)]
        return dealt

    def definition(self, parts: Parts) -> dict[str, Any]:
        """As a dataset's definition has it."""
        counts = np.bincount(parts, minlength=len(self.names)).tolist()
        made: dict[str, Any] = {"by": self.by} | ({"seed": self.seed} if self.seed else {})
        shares = zip(self.names, self.shares, counts, strict=True)
        return {**made, "parts": [{"name": name, "share": share, "rows": rows} for name, share, rows in shares]}


def key_bytes(columns: Sequence[pa.Array], types: Sequence[FeatureType]) -> pa.Array:
    """The bytes of each row's key (docs/formats/key.md); of one with a null none."""
    parts = [_key_column(column, type) for column, type in zip(columns, types, strict=True)]
    whole = parts[0] if len(parts) == 1 else joined(*parts)
    return whole.fill_null(b"")


def _key_column(column: pa.Array, type: FeatureType) -> pa.Array:
    if type.is_text:
        texts = column.cast(pa.binary()).cast(pa.large_binary()) if type.code == 6 else column.cast(pa.large_binary())
        if pc.any(pc.match_substring(texts, b"\0")).as_py():
            texts = pc.replace_substring(texts, b"\0", b"\0\xff")
        return joined(texts, pa.scalar(b"\0\1", pa.large_binary()))
    width = 4 if type.code == 2 else 8
    values = np.asarray(column.cast(pa.int32() if width == 4 else pa.int64()).fill_null(0)).view(f"<u{width}")
    flipped = (values ^ np.array(1 << (8 * width - 1), values.dtype)).astype(f">u{width}").view(np.uint8)
    made = runs(flipped, width, len(column))
    return pc.if_else(column.is_valid(), made, pa.scalar(None, pa.large_binary())) if column.null_count else made


def _parsed(text: str) -> dict[str, float]:
    made: dict[str, float] = {}
    for part in text.split(","):
        name, is_there, share = part.partition("=")
        try:
            number = float(share)
        except ValueError:
            number = 0.0
        if not is_there or not 0 < number <= 1:
            raise InvalidArgument(f"{part!r} is no part of a split: write NAME=SHARE, with a share above 0 and at most 1", "split")
        if name in made:
            raise InvalidArgument("two parts of the split have one name", "split")
        made[name] = number
    return made
