"""Paths of this machine, as users give them."""

from __future__ import annotations

import os
import re
from typing import Any

from .errors import InvalidArgument


def local(path: str | os.PathLike[str]) -> str:
    """A path with `~` as the home directory.

    Raises:
        InvalidArgument: for an address such as `s3://bucket/key`, which is no path of this machine.
    """
    text = os.fspath(path)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)
    if scheme is not None:
        raise InvalidArgument(
            "is an address, and files are read from this machine: read it with pyarrow.dataset.dataset(…).to_table(), pandas or polars, "
            "and give the table" if scheme[1].lower() != "file" else "is an address: give the path, without file://", text,
        )  # fmt: skip
    return os.path.expanduser(text)


def local_output(path: Any, options: dict[str, Any]) -> Any:
    """Of a file to be written, unless a file system of its own takes it.

    Raises:
        InvalidArgument: for an address.
    """
    if "filesystem" in options or not isinstance(path, (str, os.PathLike)):
        return path
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", os.fspath(path)):
        raise InvalidArgument(
            "is an address, and files are written on this machine: give filesystem=, such as pyarrow.fs.S3FileSystem()", str(path)
        )
    return os.path.expanduser(path)
