"""What a server advises, in the words of this client: its errors and plans name the command line's options and commands."""

from __future__ import annotations

import re
from typing import Any

# The most special ones first.
_WORDS = [
    (r"use --full-feature-names", "ask with full_feature_names=True"),
    (r"--force \(force=True\)", "force=True"),
    (r"give --project NAME", "connect with project="),
    (r"ask for keys, event time and features alone \(--brief\), or ", ""),
    (r"ask for keys, event time and features alone \(--brief\)", "read it with get_historical_features"),
    (r"choose other columns \(--columns\)", "choose other columns (columns=)"),
    (r"read it with 'history'", "read it with get_historical_features"),
    (r"raise --memory-bytes-max,", "start the server with a greater --memory-bytes-max,"),
    (r"'headwater promote (group|service) (\S+)'", r"client.promote('\1', '\2')"),
    (r"'headwater dataset release (\S+)'", r"client.dataset('\1').release()"),
    (r"run 'headwater snapshot'", "call client.snapshot()"),
    (r"run 'headwater clock accept'", "call client.accept_clock()"),
    (r"let one go by 'headwater log forget'", "let one go on the command line, by 'headwater log forget NAME'"),
    (r"let it go with 'headwater log forget", "let it go on the command line, with 'headwater log forget"),
    # A text of a JSON document where a file of YAML has a word.
    (r"bad duration the text '", "bad duration '"),
]
_PATTERNS = [(re.compile(pattern), words) for pattern, words in _WORDS]


def in_python(text: str) -> str:
    """A sentence of the server as this client says it."""
    for pattern, words in _PATTERNS:
        text = pattern.sub(words, text)
    return text


def plan_in_python(content: Any) -> Any:
    """A plan whose warnings and refusals are in this client's words; the rest as it came."""
    for item in content.get("items", []):
        if "warnings" in item:
            item["warnings"] = [in_python(warning) for warning in item["warnings"]]
        for refusal in item.get("refusals", []):
            refusal["message"] = in_python(refusal["message"])
        if "details" in item:
            item["details"] = [in_python(detail) for detail in item["details"]]
    return content
