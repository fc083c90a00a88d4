"""What a history asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .online import Selection


@dataclass(frozen=True)
class Question:
    """What a history asks for, as a saved training set states it."""

    selection: Selection
    spine_time: str
    availability: str
    event_times: bool
    # How many of the spine's fields are keys, from the first on.
    key_count: int
    # The file that the spine was read from, if it was one.
    source: str | None

    def definition(self, position: int | None) -> dict[str, Any]:
        """The question as of a position."""
        service, features, full = self.selection
        made: dict[str, Any] = {"features": list(features)} if service is None else {"service": service}
        made |= {"full_feature_names": True} if full else {}
        made |= {"availability": "ingest"} if self.availability == "ingest" else {}
        return made | {"as_of": position, "spine_time": self.spine_time}
