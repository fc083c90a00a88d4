"""Frames: a header of 48 bytes, a protobuf head, an extension and a body, covered by one CRC32C."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import google_crc32c
import numpy as np
import pyarrow as pa

from ..errors import DataLoss, InvalidArgument, Unimplemented

MAGIC, VERSION, END = 0x31465748, 1, 1
_MAGIC_BYTES = b"HWF1"
HEADER = struct.Struct("<IBBHQIIIIHHIII")
_CRC_OFFSET = 44
# What this side takes, told in Hello; before it the server sends less.
FRAME_BYTES_MAX = 320 << 20
HEAD_BYTES_MAX = 1 << 20
EXTENSION_BYTES_MAX = 64 << 10

# What a frame is made of, and what holds it: anything with the buffer protocol.
Bytes = Any


class Kind(IntEnum):
    REQUEST = 1
    RESPONSE = 2
    DATA = 3
    END = 4
    CANCEL = 5
    CREDIT = 6
    GO_AWAY = 7
    PING = 8
    PONG = 9


class Method(IntEnum):
    HELLO = 1
    APPLY = 2
    PLAN = 3
    LIST = 4
    DESCRIBE = 5
    WRITE = 6
    PREPARE = 8
    HISTORY = 9
    SCAN = 10
    LATEST = 11
    STATUS = 12
    AUDIT = 13
    SNAPSHOT = 14
    COMPACT = 15
    OPEN_PRODUCER = 16
    FORGET = 19
    GET_PREPARED = 23
    PROMOTE = 24
    REMOVE = 25
    ACCEPT_CLOCK = 26
    REPORT = 27


@dataclass(slots=True)
class Frame:
    """One frame that was received, its checksum verified."""

    kind: int
    method: int
    request_id: int
    status: int
    credit: int
    head: bytes
    # In memory of its own, aligned to 64 bytes: columns are views into it.
    body: pa.Buffer


def encode(
    kind: int,
    method: int = 0,
    request_id: int = 0,
    head: bytes = b"",
    body: Sequence[Bytes] = (),
    *,
    budget_ms: int = 0,
    end: bool = False,
    credit: int = 0,
    extension: bytes = b"",
) -> list[Bytes]:
    """The bytes of a frame as pieces to send one behind the other; the body's are not copied."""
    body_bytes = sum([memoryview(piece).nbytes for piece in body]) if body else 0
    header = bytearray(HEADER.size)
    HEADER.pack_into(
        header, 0, MAGIC, VERSION, kind, method, request_id, len(head), len(extension), body_bytes, budget_ms, 0,
        END if end else 0, credit, 0, 0,
    )  # fmt: skip
    rest = head + extension
    crc: int = google_crc32c.extend(0, bytes(header) + rest)
    for piece in body:
        crc = google_crc32c.extend(crc, _readable(piece))
    struct.pack_into("<I", header, _CRC_OFFSET, crc)
    return [bytes(header) + rest, *body]


def _readable(piece: Bytes) -> Bytes:
    """The checksum's library takes no memory that may move: bytearrays and memoryviews go in as arrays over the same bytes."""
    return piece if isinstance(piece, (bytes, pa.Buffer)) else np.frombuffer(piece, np.uint8)


class FrameReader:
    """Makes frames of a run of bytes.

    The caller reads into `buffer()` and says in `received(n)` how much came. What belongs to a large body is read straight into
    that body's own memory.
    """

    _SCRATCH_BYTES = 64 << 10

    def __init__(self) -> None:
        self._scratch = bytearray(self._SCRATCH_BYTES)
        self._view = memoryview(self._scratch)
        self._start = 0
        self._end = 0
        # Whether any frame has come whole.
        self.has_frames = False
        # Of a frame that is not here whole: its header, head and extension, its body, and how much of the body has come.
        self._header: tuple[int, ...] | None = None
        self._front = b""
        self._body: pa.Buffer = _EMPTY
        self._body_view = memoryview(b"")
        self._body_came = 0

    def buffer(self) -> memoryview:
        """Where the next bytes go. Never empty."""
        if self._header is not None:
            return self._body_view[self._body_came :]
        if self._start > 0:
            rest = self._end - self._start
            self._scratch[:rest] = self._scratch[self._start : self._end]
            self._start, self._end = 0, rest
        return self._view[self._end :]

    def received(self, count: int) -> list[Frame]:
        """Takes note of bytes that were put into `buffer()`.

        Raises:
            InvalidArgument: for what is no frame.
            DataLoss: for a wrong checksum.
        """
        if self._header is not None:
            self._body_came += count
            return [self._finish()] if self._body_came == len(self._body_view) else []
        self._end += count
        frames: list[Frame] = []
        while self._header is None and self._begin():
            if self._body_came == len(self._body_view):
                frames.append(self._finish())
        return frames

    def _begin(self) -> bool:
        """Takes a frame's beginning out of what has come, and as much of its body as is there; `False` where it is not all here."""
        available = self._end - self._start
        if not _MAGIC_BYTES.startswith(self._scratch[self._start : self._start + min(4, available)]):
            raise InvalidArgument(_strange(bytes(self._view[self._start : self._start + min(64, available)])))
        if available < HEADER.size:
            return False
        header = HEADER.unpack_from(self._scratch, self._start)
        _check(header)
        front_bytes = HEADER.size + header[5] + header[6]
        if available < front_bytes:
            if front_bytes > len(self._scratch):
                self._grow(front_bytes)
            return False
        front = bytes(self._view[self._start : self._start + front_bytes])
        self._start += front_bytes
        body_bytes = header[7]
        self._body, self._body_view = _aligned(body_bytes) if body_bytes else (_EMPTY, memoryview(b""))
        came = min(body_bytes, self._end - self._start)
        if came:
            self._body_view[:came] = self._view[self._start : self._start + came]
            self._start += came
        self._body_came = came
        self._header, self._front = header, front
        return True

    def _finish(self) -> Frame:
        header, front, body = self._header, self._front, self._body
        assert header is not None
        self._header, self._body, self._body_view = None, _EMPTY, memoryview(b"")
        crc = google_crc32c.extend(0, front[:_CRC_OFFSET] + b"\0\0\0\0" + front[HEADER.size :])
        if body.size:
            crc = google_crc32c.extend(crc, body)
        if crc != header[13]:
            raise DataLoss("a frame arrived with a wrong checksum: the connection is not used any more")
        self.has_frames = True
        _, _, kind, method, request_id, head_bytes, _, _, _, status, _, credit, _, _ = header
        return Frame(kind, method, request_id, status, credit, front[HEADER.size : HEADER.size + head_bytes], body)

    def _grow(self, needed: int) -> None:
        scratch = bytearray(needed + self._SCRATCH_BYTES)
        scratch[: self._end] = self._scratch[: self._end]
        self._scratch, self._view = scratch, memoryview(scratch)


_EMPTY = pa.py_buffer(b"")


def _aligned(count: int) -> tuple[pa.Buffer, memoryview]:
    """Memory that starts at a multiple of 64, as Arrow wants it: to read for those who get it, and to write for us."""
    memory = np.empty(count + 64, np.uint8)
    whole = pa.py_buffer(memory)
    start = -whole.address % 64
    return whole.slice(start, count), memory[start : start + count].data


_PROTOCOLS = [
    (b"HTTP/", "HTTP"), (b"<!DOCTYPE", "HTTP"), (b"<html", "HTTP"), (b"SSH-", "SSH"), (b"-ERR", "Redis"), (b"-DENIED", "Redis"),
    (b"220 ", "a mail or FTP server"),
]  # fmt: skip


def _strange(first: bytes) -> str:
    """Says what answers that sends no frames, by its first bytes."""
    line = first.splitlines()[0] if first.strip() else first
    is_text = bool(line) and all(32 <= byte < 127 for byte in line)
    said = repr(line.decode()) if is_text else f"{len(first)} bytes of another one"
    name = next((f", which is {name}" for beginning, name in _PROTOCOLS if line.startswith(beginning)), "")
    return f"is not a Headwater server: it does not speak Headwater's protocol, it answers {said}{name}; name another address"


def _check(header: tuple[int, ...]) -> None:
    _, version, kind, _, _, head_bytes, extension_bytes, body_bytes = header[:8]
    if version != VERSION:
        raise Unimplemented(f"the server sends frames of version {version}, this client knows {VERSION}: use the same version on both")
    if not Kind.REQUEST <= kind <= Kind.PONG:
        raise InvalidArgument(f"malformed frame: kind {kind}")
    if head_bytes > HEAD_BYTES_MAX or extension_bytes > EXTENSION_BYTES_MAX or body_bytes > FRAME_BYTES_MAX:
        raise InvalidArgument(f"malformed frame: {head_bytes} + {extension_bytes} + {body_bytes} bytes are above the limits")
