"""Puts the server's executable into the wheel, where one was built: see `make wheel`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ServerBinary(BuildHookInterface):  # type: ignore[type-arg]
    """Without HEADWATER_WHEEL_BINARY the wheel is the client alone, for any machine."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        binary = os.environ.get("HEADWATER_WHEEL_BINARY")
        if binary:
            build_data["shared_scripts"][binary] = "headwater"
            build_data["tag"] = f"py3-none-{os.environ['HEADWATER_WHEEL_PLATFORM']}"
            # Licenses of what is in it.
            notices = Path(os.environ["HEADWATER_WHEEL_NOTICES"])
            build_data["extra_metadata"].update({str(notice): f"notices/{notice.name}" for notice in notices.iterdir()})
