"""Paths of this machine, as users give them."""

from __future__ import annotations

import os
import re
from typing import Any

from ._given import is_path
from .errors import InvalidArgument

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def local(path: str | os.PathLike[str]) -> str:
    """A path with `~` as the home directory.

    Raises:
        InvalidArgument: for an address such as `s3://bucket/key`, which is no path of this machine.
    """
    text = os.fspath(path)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    scheme = _SCHEME.match(text)
    if scheme is not None:
        raise InvalidArgument(
            "is an address, and files are read from this machine: read it with pyarrow.dataset.dataset(…).to_table(), pandas or polars, "
            "and give the table" if scheme[1].lower() != "file" else "is an address: give the path, without file://", text,
        )  # fmt: skip
    return os.path.expanduser(text)


def local_directory(path: Any) -> str:
    """The directory of a store.

    Raises:
        InvalidArgument: for what names none of this machine.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise InvalidArgument(f"{path!r:.60} is no path of a directory: headwater.open('./store')", "path")
    text = os.fsdecode(os.fspath(path))
    if not text:
        raise InvalidArgument("is empty: give a directory, such as './store'; '.' is the one that this process works in", "path")
    if "\0" in text:
        raise InvalidArgument(f"{text!r:.60} has a zero character, which no path has", "path")
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() == "file":
        raise InvalidArgument("is an address: give the path, without file://", text)
    is_address = scheme is not None or re.fullmatch(r"unix:.+|[A-Za-z0-9.-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}", text)
    if is_address and not os.path.exists(text):
        raise InvalidArgument(
            "is an address, and a store is a directory of this machine: give its path, or connect to a server with "
            "headwater.connect(ADDRESS)", text,
        )  # fmt: skip
    expanded = os.path.expanduser(text)
    if expanded.startswith("~") and not os.path.exists(expanded):
        user = expanded.partition("/")[0]
        raise InvalidArgument(f"no home directory is known for {user!r}: give the path, or './{user}' for a directory of that name", text)
    return expanded


def local_output(path: Any, options: dict[str, Any]) -> Any:
    """Of a file to be written, unless a file system of its own takes it.

    Raises:
        InvalidArgument: for an address.
    """
    if "filesystem" in options or not is_path(path):
        return path
    if _SCHEME.match(os.fspath(path)):
        raise InvalidArgument(
            "is an address, and files are written on this machine: give filesystem=, such as pyarrow.fs.S3FileSystem()", str(path)
        )
    return os.path.expanduser(path)
