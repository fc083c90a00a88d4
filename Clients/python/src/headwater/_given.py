"""What a value is that a user handed in, without importing the library that it comes from."""

from __future__ import annotations

import os
from typing import Any


def library_of(value: Any) -> str:
    """The library that made it, such as `pandas`; of Python's own objects `builtins`."""
    return type(value).__module__.split(".", 1)[0]


def is_path(value: Any) -> bool:
    """Whether it names a file."""
    return isinstance(value, (str, os.PathLike))


def are_paths(values: Any) -> bool:
    """Whether it is a list of names of files; an empty one is not."""
    return isinstance(values, (list, tuple)) and bool(values) and all(map(is_path, values))
