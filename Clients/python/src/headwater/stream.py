"""Streams into a group: rows one by one, or tables, gathered into requests."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any, NoReturn

from ._calls.flow import Flow
from ._calls.taken import note
from ._calls.written import Written
from ._connections.transport import run_now
from .errors import HeadwaterError


class OfStream:
    """What streams of both forms have."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._is_left = False

    @property
    def unacknowledged(self) -> list[Any]:
        """The rows, as dicts, and the tables, as pyarrow Tables, that were given and not acknowledged so far, in order.

        Of a stream that has failed they are kept: what the error does not say to be written can be written again.
        """
        with self._flow.guard:
            return self._flow.unacknowledged()

    def _tell(self, error: BaseException) -> None:
        """Tells somebody who breaks it off what is written."""
        note(error, self._flow.progress())

    def __del__(self) -> None:
        if not self._is_left and not self._flow.is_closing:
            warnings.warn(f"{self!r} was not closed: rows that it has may be lost", ResourceWarning, stacklevel=2)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream stays in its process: open one in each worker")

    def __repr__(self) -> str:
        flow = self._flow
        state = ", failed" if flow.failure is not None else ", closed" if flow.is_closing else ""
        return f"<headwater.{type(self).__name__} into {flow.group.reference}, {flow.acknowledged:,} rows acknowledged{state}>"


class Stream(OfStream):
    """Rows on their way into one group, made by `Client.stream`. For any thread; the rows of one thread keep their order.

    Use it in a `with` statement: at its end all rows are acknowledged, or the error says which are not. Where the connection is lost it is
    made again, and each row is written once. Where a request fails for good, such as for a row that is refused, the stream has failed: the
    next call raises why, with the row's number, counted from 0 over all that the stream was given, and what is written and what is not.
    """

    def add(self, row: Any) -> None:
        """Takes one row; it waits only while as many rows as two requests have are waiting already.

        Args:
            row: a dict, with the group's key columns, its event time and any of its features. It may be changed afterwards; lists and
                arrays in it may not, before the next `flush`.

        Raises:
            HeadwaterError: why the stream has failed: this row was not taken.
            FailedPrecondition: for a stream that is closed.
        """
        flow = self._flow
        with flow.guard:
            if flow.is_stopped or len(flow.rows) >= flow.rows_max:
                run_now(flow.wait_for_room())
            flow.add(row)

    def write(self, data: Any) -> None:
        """Takes a table behind the rows so far, and checks it before; a larger one goes as several requests.

        Args:
            data: what `Client.write` takes.

        Raises:
            InvalidArgument: with rows and reasons, which count in this table: nothing of it was taken, and the stream goes on.
            HeadwaterError: why the stream has failed.
        """
        run_now(self._flow.write(data))

    def flush(self) -> Written:
        """Waits until all rows and tables so far are acknowledged: they are on the disk.

        Returns:
            The position of the last row, as `Client.write` does; its counts are those of the whole stream so far. Without rows it is where
            the log stands.

        Raises:
            HeadwaterError: why the stream has failed, with what is written and what is not.
        """
        try:
            return run_now(self._flow.flush())
        except HeadwaterError:
            raise
        except BaseException as error:
            self._tell(error)
            raise

    def close(self) -> Written:
        """Sends what is left, waits until all is acknowledged, and ends. Once more does nothing.

        Returns:
            As `flush`.

        Raises:
            HeadwaterError: why the stream has failed, where no call has raised it yet.
        """
        try:
            return run_now(self._flow.close())
        except HeadwaterError:
            raise
        except BaseException as error:
            # Ctrl-C: it is not waited for any longer.
            self._tell(error)
            raise

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except HeadwaterError as other:
            note(error, str(other))
