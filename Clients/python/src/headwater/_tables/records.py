"""CSV text cut at the ends of its records (RFC 4180), and what is wrong with it: docs/formats/tables.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

RECORD_BYTES_MAX = 64 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _LINE_FEED, _CARRIAGE_RETURN = b'",\n\r'
_NOWHERE = np.empty(0, np.int64)
# How many line ends inside quotes are passed one by one before all are looked at together, which costs as much as a few hundred.
_STEPS = 16

Places = npt.NDArray[np.int64]


class Malformed(ValueError):
    """Text that is not CSV: shows at a byte of a run. In the reason, `{line}` stands for the line of `opening`."""

    def __init__(self, run: Run, at: int, reason: str, opening: int = 0) -> None:
        super().__init__(reason)
        self.run, self.at, self.reason, self.opening = run, at, reason, opening


class Run:
    """Bytes that start with a record.

    In text that keeps the rules each quote turns "inside" into "outside" or back, a doubled one twice. So the number of quotes before a
    byte tells whether it stands inside quotes. Where text breaks the rules, the first byte to break them is found before that goes wrong.
    """

    def __init__(self, data: bytes, *, is_last: bool, quotes: Places | None = None, is_inside: bool = False) -> None:
        self.data = data
        # Whether the first byte stands inside quotes, where it is in the middle of a record.
        self._starts_inside = is_inside
        # Whether the file ends here: the last record may lack its line end.
        self.is_last = is_last
        self._bytes = np.frombuffer(data, np.uint8)
        if quotes is None:
            quotes = np.flatnonzero(self._bytes == _QUOTE) if b'"' in data else _NOWHERE
        self._quotes = quotes

    def first_end(self) -> int:
        """Where the first record ends, behind its line end."""
        end = -1
        for _ in range(_STEPS):
            end = self.data.find(b"\n", end + 1)
            if end < 0 or not self.is_inside(end):
                return end + 1 if end >= 0 else len(self.data)
        ends = self._outside(_LINE_FEED)
        return int(ends[0]) + 1 if len(ends) else len(self.data)

    def last_end(self) -> int:
        """Where the last whole record ends; 0 where none does."""
        end = len(self.data)
        for _ in range(_STEPS):
            end = self.data.rfind(b"\n", 0, end)
            if end < 0 or not self.is_inside(end):
                return end + 1
            before = int(np.searchsorted(self._quotes, end))
            # Between a quote and this one all is inside.
            end = int(self._quotes[before - 1]) if before else 0
        ends = np.flatnonzero((self._bytes == _LINE_FEED) & (self._parities() == 0))
        return int(ends[-1]) + 1 if len(ends) else 0

    def _parities(self) -> npt.NDArray[np.uint8]:
        """Of each byte that is no quote whether it stands inside quotes."""
        parities: npt.NDArray[np.uint8] = np.bitwise_xor.accumulate((self._bytes == _QUOTE).view(np.uint8))
        if self._starts_inside:
            np.bitwise_xor(parities, 1, out=parities)
        return parities

    def head(self, end: int) -> Run:
        """The bytes before one; they are whole records."""
        return Run(self.data[:end], is_last=False, quotes=self._quotes[: np.searchsorted(self._quotes, end)])

    def check(self) -> None:
        """Refuses text that is not CSV; a ragged record is.

        Raises:
            Malformed: for the first byte that breaks the rules.
        """
        faults = [fault for fault in (self._bad_opening(), self._bad_closing(), self._bare_return(), self._unclosed()) if fault is not None]
        if not faults and len(self.data) > RECORD_BYTES_MAX:
            starts = self.starts()
            sizes = np.diff(np.append(starts, len(self.data)))
            faults = [self._too_long(int(start)) for start in starts[sizes > RECORD_BYTES_MAX][:1]]
        if faults:
            raise min(faults, key=lambda fault: fault.at)

    def _too_long(self, start: int) -> Malformed:
        return Malformed(self, start, f"a record of more than {RECORD_BYTES_MAX} bytes: is a quote missing?")

    def _bad_opening(self) -> Malformed | None:
        openings = self._quotes[self._starts_inside :: 2]
        before = self._bytes[np.maximum(openings - 1, 0)]
        # Behind a quote it is the second of two.
        is_bad = (before != _COMMA) & (before != _LINE_FEED) & (before != _QUOTE) & (openings > 0)
        if not is_bad.any():
            return None
        reason = "a quote inside an unquoted cell: put the whole cell in quotes and double the quote"
        return Malformed(self, int(openings[is_bad][0]), reason)

    def _bad_closing(self) -> Malformed | None:
        behind = self._quotes[not self._starts_inside :: 2] + 1
        behind = behind[behind < len(self.data)]
        next = self._bytes[behind]
        is_bad = (next != _COMMA) & (next != _LINE_FEED) & (next != _QUOTE) & (next != _CARRIAGE_RETURN)
        if not is_bad.any():
            return None
        return Malformed(self, int(behind[is_bad][0]), "text behind a closing quote: double the quotes inside a quoted cell")

    def _bare_return(self) -> Malformed | None:
        if b"\r" not in self.data:
            return None
        returns = self._outside(_CARRIAGE_RETURN)
        last = len(self.data) - 1
        if not self.is_last:
            # What follows the last byte is not known yet.
            returns = returns[returns < last]
        bare = returns[(self._bytes[np.minimum(returns + 1, last)] != _LINE_FEED)]
        if not len(bare):
            return None
        return Malformed(self, int(bare[0]), "a carriage return outside quotes without a line feed behind it")

    def _unclosed(self) -> Malformed | None:
        if not self.is_last or len(self._quotes) % 2 == 0:
            return None
        openings = self._quotes[0::2]
        # Behind another quote it is the second of two: the cell was opened before.
        first_of_two = np.flatnonzero(self._quotes[1::2] != openings[1:] - 1)
        place = int(openings[first_of_two[-1] + 1 if len(first_of_two) else 0])
        return Malformed(self, place, "the quote that opens on line {line} is never closed", place)

    def starts(self) -> Places:
        """Where the records start, blank lines among them."""
        starts = np.append(0, self._outside(_LINE_FEED) + 1)
        return starts[starts < len(self.data)]

    def is_blank(self, starts: Places) -> npt.NDArray[np.bool_]:
        """Which of some records are empty lines."""
        first = self._bytes[starts]
        second = self._bytes[np.minimum(starts + 1, len(self.data) - 1)]
        return np.isin(first, _LINE_FEED) | (np.isin(first, _CARRIAGE_RETURN) & np.isin(second, _LINE_FEED))

    def cell_counts(self, starts: Places) -> Places:
        """How many cells each record has."""
        commas = self._outside(_COMMA)
        return np.diff(np.searchsorted(commas, np.append(starts, len(self.data)))) + 1

    def lines_before(self, place: int) -> int:
        """How many lines end before a byte."""
        return int(np.count_nonzero(self._bytes[:place] == _LINE_FEED))

    def cells(self) -> list[bytes]:
        """The cells of the only record, without their quotes."""
        record = self.data.removesuffix(b"\n").removesuffix(b"\r")
        commas = self._outside(_COMMA).tolist()
        texts = [record[start:end] for start, end in zip([0, *(comma + 1 for comma in commas)], [*commas, len(record)], strict=True)]
        return [text[1:-1].replace(b'""', b'"') if text.startswith(b'"') else text for text in texts]

    def is_inside(self, place: int) -> bool:
        """Whether a byte stands inside quotes; a quote that closes a cell does."""
        return bool((np.searchsorted(self._quotes, place) + self._starts_inside) % 2)

    def _outside(self, byte: int) -> Places:
        """Where a byte stands outside quotes."""
        places = np.flatnonzero(self._bytes == byte)
        if not len(self._quotes):
            return _NOWHERE if self._starts_inside else places
        outside: Places = places[np.searchsorted(self._quotes, places) % 2 == self._starts_inside]
        return outside


def runs(read: Callable[[int], bytes], block_bytes: int) -> Iterator[Run]:
    """A file in runs of whole records; memory is a block and a record.

    Args:
        read: gives the next bytes: as many as asked for, fewer only at the end.

    Raises:
        Malformed: for a record that is too long, of a run that was not given.
    """
    rest = b""
    while True:
        chunk = read(block_bytes)
        run = Run(rest + chunk if rest else chunk, is_last=len(chunk) < block_bytes)
        end = 0 if run.is_last else run.last_end()
        if not end and not run.is_last:
            run = _record(run, read, block_bytes)
            end = run.last_end()
        if run.is_last:
            yield run
            return
        yield run.head(end)
        rest = run.data[end:]


def _record(run: Run, read: Callable[[int], bytes], block_bytes: int) -> Run:
    """Reads on to the end of a record that is longer than a block. Each block is looked at once, and refused where it breaks the rules:
    behind a quote that never closes the next one tells.

    Raises:
        Malformed: for a record that is too long, too.
    """
    run.check()
    parts, size = [run.data], len(run.data)
    while True:
        if size > RECORD_BYTES_MAX:
            raise Malformed(Run(b"".join(parts), is_last=False), 0, f"a record of more than {RECORD_BYTES_MAX} bytes: is a quote missing?")
        chunk = read(block_bytes)
        # What follows the last byte was not known.
        last = len(run.data) - 1
        run = Run(run.data[last:] + chunk, is_last=False, is_inside=run.is_inside(last))
        parts.append(chunk)
        size += len(chunk)
        if len(chunk) < block_bytes or run.last_end():
            return Run(b"".join(parts), is_last=len(chunk) < block_bytes)
        try:
            run.check()
        except Malformed:
            # With its place in the record.
            Run(b"".join(parts), is_last=False).check()
            raise
