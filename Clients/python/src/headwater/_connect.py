"""Where a client comes from: the address of a server, or the directory of a store."""

from __future__ import annotations

import os

from ._calls.core import RETRIES, TIMEOUT
from ._embedded import EmbeddedServer
from .client import Client


def connect(
    address: str | None = None, project: str | None = None, *, timeout: float | None = TIMEOUT, retries: int = RETRIES,
    token: str | None = None,
) -> Client:  # fmt: skip
    """Connects to a server.

    Args:
        address: `HOST:PORT` or `unix:PATH`; by default that of `HEADWATER_ADDRESS`, else 127.0.0.1:7070.
        project: the namespace of all names; by default that of `HEADWATER_PROJECT`, else the store's only one, else the one of the first
            definitions that this client applies, and `default` until then.
        timeout: seconds that one call may take, with its retries; `None` for no limit. Streams and long work of the server take
            as long as they take, unless they are given a timeout of their own.
        retries: how often a call is made again whose connection was lost: at once, then after pauses from 50 ms to 2 s. A write that
            is sent again is applied once.
        token: refused, until servers check one.

    Raises:
        Unavailable: where nobody answers there.
        InvalidArgument: for an address that is none, or where something else than a Headwater server answers.
        Unimplemented: for a token.
    """
    return Client(address, project, timeout=timeout, retries=retries, token=token)


def open(
    path: str | os.PathLike[str], project: str | None = None, *, timeout: float | None = TIMEOUT, retries: int = RETRIES,
) -> Client:  # fmt: skip
    """Opens a store in a directory: starts a private server on it, which stops when the last process that opened it is done with it.

    There is no port and nothing to configure. Processes that open the same path share one server; only this user can connect.

    Args:
        path: the data directory; made if missing. What the server says goes to `server.log` in it.
        project, timeout, retries: as in `connect`.

    Raises:
        Unavailable: where the server does not start, with what it said.
        FailedPrecondition: where a server that was started otherwise has the directory.
        NotFound: where there is no `headwater` executable.
    """
    server = EmbeddedServer(path)
    try:
        return Client(server.address, project, timeout=timeout, retries=retries, before_connecting=server.ensure, on_close=server.release)
    except BaseException:
        server.release()
        raise
