"""The program that tests start."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("HEADWATER_BINARY") or ROOT / ".build/debug/headwater")
os.environ["HEADWATER_BINARY"] = str(BINARY)
