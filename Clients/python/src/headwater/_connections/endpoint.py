"""Where a server is reached: `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import InvalidArgument


class Endpoint(NamedTuple):
    """A TCP address, or with `port` 0 the path of a Unix socket."""

    host: str
    port: int

    @staticmethod
    def parse(text: str) -> Endpoint:
        """Reads an address.

        Raises:
            InvalidArgument: says what an address looks like.
        """
        if text.startswith("unix:") and len(text) > 5 and "\0" not in text:
            return Endpoint(text[5:], 0)
        match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+)):(\d{1,5})", text)
        if match and 0 < int(match[3]) < 65536:
            return Endpoint(match[1] or match[2], int(match[3]))
        raise InvalidArgument(f"address {text!r}: use HOST:PORT, such as 127.0.0.1:7070, or unix:PATH")

    @property
    def is_unix(self) -> bool:
        return self.port == 0

    def __str__(self) -> str:
        if self.is_unix:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
