"""One write on its way: sent, sent again after a loss, answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._connections.transport import Deadline
from .._wire import headwater_pb2 as pb
from .._wire.frames import Frame, Method
from .._wire.session import Exchange, decode
from ..errors import FailedPrecondition, Unavailable
from .body import Body
from .core import Backoff, Core
from .written import Written


def answer(frame: Frame) -> Written:
    """What a server says of a write that it has taken."""
    reply = decode(pb.WriteReply, frame.head)
    newer = np.frombuffer(frame.body, "<u4", frame.body.size // 4).tolist() if frame.body.size else []
    return Written(
        reply.position, sum(reply.row_counts), reply.ingest_time, reply.keys_with_newer_rows, newer,
        reply.rows_below_cutoff, reply.rows_behind_tombstone,
    )  # fmt: skip


class Request:
    """One atomic write, sent again with the same stamp where its answer is lost: the server takes it once."""

    def __init__(self, core: Core, body: Body, deadline: Deadline) -> None:
        self._core, self._body, self._deadline = core, body, deadline
        self._stamp: tuple[int, int, int] | None = None
        self._backoff = Backoff(core.retries)
        self._sent: tuple[Any, Exchange] | None = None

    async def begin(self, behind: Request | None = None) -> None:
        """Sends it; a loss shows in `finish`.

        Args:
            behind: a request of the same table that has no answer yet. A server keeps the order of one connection's writes, so where that
                one's was lost, this one waits for its `finish`.
        """
        if behind is not None and (behind._sent is None or not behind._sent[0].is_open):
            return
        try:
            if self._stamp is None:
                self._stamp = await self._core.producer.stamp(self._core, self._deadline)
            producer, epoch, sequence = self._stamp
            head = pb.WriteRequest(project=self._core.project.encode(), producer=producer, epoch=epoch, sequence=sequence)
            before = None if behind is None else behind._sent
            transport = before[0] if before else await self._core.pool.transport("online", self._deadline)
            body = self._body.encode(transport)
            self._sent = transport, await transport.begin(Method.WRITE, head.SerializeToString(), body, self._deadline)
        except Unavailable as error:
            await self._backoff.wait(self._core, "online", error, self._deadline)
            self._sent = None

    async def finish(self) -> Written:
        """Waits for the answer.

        Raises:
            InvalidArgument: with rows and reasons: nothing was written.
            Unavailable: after the last retry: whether the write was taken is not known then.
        """
        while True:
            if self._sent is None:
                await self.begin()
                continue
            transport, exchange = self._sent
            try:
                frame = await transport.finish(exchange, self._deadline)
            except Unavailable as error:
                self._sent = None
                await self._backoff.wait(self._core, "online", error, self._deadline)
                continue
            except FailedPrecondition:
                assert self._stamp is not None
                self._core.producer.end(self._stamp)
                raise
            return answer(frame)
