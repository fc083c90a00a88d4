"""What goes wrong, as one class for each status code.

The names and meanings are gRPC's: `InvalidArgument`, `NotFound`, `DeadlineExceeded`, … Where Python has a class of its own for
the same thing, ours is one of it too: `NotFound` is a `LookupError`, `Unavailable` a `ConnectionError`.
"""

from __future__ import annotations

import os
import traceback
from pathlib import Path


class HeadwaterError(Exception):
    """What the server or this client refuses, or could not do.

    Attributes:
        code: the status code as gRPC spells it, such as `INVALID_ARGUMENT`.
        message: what is wrong, and what to do next.
        location: which file, row or column, where that is known.
        applied_position: with `DeadlineExceeded` for a `min_position`: how far the store had come.
    """

    code = "UNKNOWN"
    # Whether another try would only take time.
    is_final = False

    def __init__(self, message: str, location: str | None = None, applied_position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.applied_position = applied_position

    def __str__(self) -> str:
        return f"{self.location}: {self.message}" if self.location else self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the caller's own lines and the error, not the frames of this package."""
        own, shell = str(Path(__file__).parent), f"{os.sep}IPython{os.sep}"
        frames = [frame for frame in traceback.extract_tb(self.__traceback__) if not frame.filename.startswith(own)]
        lines = traceback.format_list([frame for frame in frames if shell not in frame.filename])
        shown = ["Traceback (most recent call last):\n", *lines] if lines else []
        return "".join([*shown, *traceback.format_exception_only(type(self), self)]).splitlines()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.location, self.applied_position)


class Cancelled(HeadwaterError):
    """The caller gave the request up, or closed the client."""

    code = "CANCELLED"


class Unknown(HeadwaterError):
    """A failure that names no other code."""

    code = "UNKNOWN"


class InvalidArgument(HeadwaterError, ValueError):
    """The request is wrong by itself: a type, a range, a name, a column. Nothing was done."""

    code = "INVALID_ARGUMENT"


class DeadlineExceeded(HeadwaterError, TimeoutError):
    """The answer did not come in time. A write may have been taken."""

    code = "DEADLINE_EXCEEDED"


class NotFound(HeadwaterError, LookupError):
    """There is nothing of that name."""

    code = "NOT_FOUND"


class AlreadyExists(HeadwaterError):
    """Something else has that name."""

    code = "ALREADY_EXISTS"


class PermissionDenied(HeadwaterError, PermissionError):
    """The caller may not do that."""

    code = "PERMISSION_DENIED"


class ResourceExhausted(HeadwaterError):
    """A limit is reached: memory, disk, requests in flight."""

    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(HeadwaterError):
    """Not in this state: a change that definitions do not allow, a position of another log."""

    code = "FAILED_PRECONDITION"


class Aborted(HeadwaterError):
    """Something else changed meanwhile: read again and retry."""

    code = "ABORTED"


class OutOfRange(HeadwaterError):
    """A position beyond the end, or older than what is kept."""

    code = "OUT_OF_RANGE"


class Unimplemented(HeadwaterError, NotImplementedError):
    """The other side does not know it: use the same version on both."""

    code = "UNIMPLEMENTED"


class Internal(HeadwaterError):
    """A defect of the server or of this client."""

    code = "INTERNAL"


class Unavailable(HeadwaterError, ConnectionError):
    """Nobody answers, or not now. Retried by the client where that is safe."""

    code = "UNAVAILABLE"


class DataLoss(HeadwaterError):
    """Damage, named with its file and offset, or a position that was lost."""

    code = "DATA_LOSS"


class Unauthenticated(HeadwaterError):
    """The server does not know who asks."""

    code = "UNAUTHENTICATED"


_BY_NUMBER: list[type[HeadwaterError]] = [
    Unknown, Cancelled, Unknown, InvalidArgument, DeadlineExceeded, NotFound, AlreadyExists, PermissionDenied, ResourceExhausted,
    FailedPrecondition, Aborted, OutOfRange, Unimplemented, Internal, Unavailable, DataLoss, Unauthenticated,
]  # fmt: skip


def error_class(number: int) -> type[HeadwaterError]:
    """The class for a status code's number on the wire."""
    return _BY_NUMBER[number] if 0 < number < len(_BY_NUMBER) else Unknown
