"""Which trace calls belong to: W3C's `traceparent`, said by a caller, or that of OpenTelemetry's current span."""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

# The version, the trace, the caller's span, and flags; what a version after 00 adds is left out.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_KEY = b"traceparent"
# What a frame's extension is to say.
_given: ContextVar[bytes] = ContextVar("headwater_trace", default=b"")


@contextmanager
def trace(traceparent: str | None) -> Iterator[None]:
    """Calls inside belong to a trace: `with hw.trace(request.headers.get("traceparent")): client.write(…)`.

    The server names the trace in its log lines of them, and where it is sampled sends a span for each to the collector that it was told of.
    Without it, calls belong to OpenTelemetry's current span, where that package is imported and the span is sampled.

    Args:
        traceparent: W3C's header. One that is malformed, or `None`, is passed over, as its specification asks.
    """
    token = _given.set(_extension(traceparent) if isinstance(traceparent, str) else b"")
    try:
        yield
    finally:
        _given.reset(token)


def extension() -> bytes:
    """The extension of a request that is made now."""
    return _given.get() or (_of_current_span() if "opentelemetry.trace" in sys.modules else b"")


@lru_cache(maxsize=256)
def _extension(traceparent: str) -> bytes:
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    if found is None or (found[1] == "00" and found[5] is not None):
        return b""
    value = f"00-{found[2]}-{found[3]}-{found[4]}".encode()
    return struct.pack("<HH", len(_KEY), len(value)) + _KEY + value


def _of_current_span() -> bytes:
    current_span = getattr(sys.modules["opentelemetry.trace"], "get_current_span", None)
    if current_span is None:
        # It is just being imported.
        return b""
    context = current_span().get_span_context()
    # A server answers a request that says nothing sooner, and of one that is not sampled nobody would see a span.
    if not context.is_valid or not context.trace_flags.sampled:
        return b""
    return _extension(f"00-{context.trace_id:032x}-{context.span_id:016x}-01")
