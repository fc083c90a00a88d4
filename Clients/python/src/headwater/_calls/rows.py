"""Streams of rows: history, scan, latest. Read as they come, and only while there is room."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message

from .._columns.batch import Batch
from .._columns.types import FeatureType, Field
from .._connections.transport import Deadline
from .._wire import headwater_pb2 as pb
from .._wire.frames import Method
from .._wire.session import decode
from ..errors import DataLoss, Unavailable
from .core import Backoff, Core, seconds


@dataclass
class Piece:
    """Some rows of an answer."""

    batch: Batch
    # Of a history: two bits a cell, a row of bytes for each column.
    statuses: npt.NDArray[np.uint8] | None = None
    # Where they were asked for: when each value became true, of shape (columns, rows).
    event_times: npt.NDArray[np.datetime64] | None = None

    @property
    def count(self) -> int:
        rows: int = self.batch.rows
        return rows


@dataclass
class Answer:
    """What a stream says of itself: its columns with the first piece, its position at the end."""

    fields: list[Field] = field(default_factory=list)
    position: int | None = None
    rows: int = 0
    # Of the stream that is read now: it goes on where another one ended.
    first_row: int = 0


async def stream(
    core: Core, method: Method, head: Message, answer: Answer, timeout: float | None,
    body: Sequence[Any] = (), spine: Callable[[], Iterator[Any]] | None = None, has_statuses: bool = False, has_event_times: bool = False,
) -> AsyncGenerator[Piece, None]:  # fmt: skip
    """The pieces of an answer, in order.

    Args:
        answer: filled on the way.
        spine: gives encoded batches to send, only while the server has room; called anew where a stream that gave nothing yet is lost.

    Raises:
        HeadwaterError: what the stream ended with.
    """
    # Streams take as long as they take.
    deadline = Deadline(seconds(timeout))
    backoff = Backoff(core.retries)
    encoded = head.SerializeToString()
    while True:
        try:
            feed = spine() if spine is not None else None
            transport = await core.pool.transport("offline", deadline)
            exchange = await transport.begin(method, encoded, body, deadline, end=feed is None)
        except Unavailable as error:
            await backoff.wait(core, "offline", error, deadline)
            continue
        try:
            while True:
                frame = await transport.take(exchange) if exchange.items else None
                if frame is not None:
                    yield _piece(frame, answer, has_statuses, has_event_times)
                elif feed is not None and exchange.send_window > 0 and not exchange.is_done:
                    sent = await core.pool.driver.run(lambda feed=feed: next(feed, None))  # type: ignore[misc]
                    await transport.send(exchange, () if sent is None else (sent,), end=sent is None)
                    if sent is None:
                        feed = None
                elif exchange.is_done:
                    break
                else:
                    await transport.changed(exchange, deadline, wants_room=feed is not None)
            end = decode(pb.RowsEnd, (await transport.finish(exchange, deadline)).head)
            if end.rows + answer.first_row != answer.rows:
                raise DataLoss(f"the stream ended after {answer.rows} rows and states {end.rows + answer.first_row}: ask again")
            answer.position = end.position
            return
        except Unavailable as error:
            # Once rows were given away, another try would give them twice.
            if answer.rows > answer.first_row or (answer.fields and not answer.first_row):
                raise
            await backoff.wait(core, "offline", error, deadline)
        finally:
            if not exchange.is_done:
                await transport.cancel(exchange)


def _piece(frame: Any, answer: Answer, has_statuses: bool, has_event_times: bool) -> Piece:
    head = decode(pb.RowsData, frame.head)
    if head.outputs and not answer.fields:
        answer.fields = [
            Field(output.name.decode(errors="replace"), FeatureType.parse(output.type.decode(errors="replace"))) for output in head.outputs
        ]
    if head.row_offset + answer.first_row != answer.rows:
        raise DataLoss(f"rows {answer.rows} to {head.row_offset + answer.first_row} of the stream are missing: ask again")
    batch = Batch(frame.body)
    rows, columns, length = batch.rows, len(batch.types), batch.length
    if columns != len(answer.fields):
        raise DataLoss(f"{columns} columns where the answer names {len(answer.fields)}")
    piece = Piece(batch)
    if has_statuses:
        # Each column's are padded to a multiple of 8.
        size = (rows + 31) // 32 * 8
        if frame.body.size < length + (size + 8 * rows * has_event_times) * columns:
            raise DataLoss("the statuses of an answer are cut short")
        # Copies, so that they do not hold the whole frame when its columns are joined with others.
        codes = np.frombuffer(frame.body, np.uint8, size * columns, length).reshape(columns, size)
        piece.statuses = codes.copy()
        if has_event_times:
            times = np.frombuffer(frame.body, "<M8[us]", rows * columns, length + size * columns)
            piece.event_times = times.reshape(columns, rows).copy()
    answer.rows += rows
    return piece
