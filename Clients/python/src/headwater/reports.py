"""Answers about the store: plans, listings, status, audits. Each is the server's JSON, and says something useful when it is shown."""

from __future__ import annotations

import html
import json
from collections import Counter
from typing import Any

# Things of one kind that stay as they are, up to which each has a line; and things that are made, up to which all their fields are shown.
_LISTED_MAX, _DETAILED_MAX = 20, 100
_SIGNS = {"created": "+", "changed": "~", "promoted": "~", "unchanged": "=", "kept": "=", "refused": "!"}

_REMARKS = {
    "kept": ": kept (it is not in the definitions; nothing is deleted)", "refused": ": refused", "promoted": ": promoted",
}  # fmt: skip


class Report(dict[str, Any]):
    """The server's JSON as a dict; `position` is the log position that it shows."""

    def __init__(self, content: dict[str, Any], position: int | None = None) -> None:
        super().__init__(content)
        self.position = position

    def __str__(self) -> str:
        return json.dumps(self, indent=2, ensure_ascii=False)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}\n{self}>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


class Plan(Report):
    """What applying definitions does, or did.

    Attributes:
        changed: whether anything changed, or would.
    """

    def __init__(self, content: dict[str, Any], position: int | None, changed: bool) -> None:
        super().__init__(content, position)
        self.changed = changed

    @property
    def refusals(self) -> list[str]:
        """What is not allowed, each behind its path; empty where all is."""
        return [f"{refusal['path']}: {refusal['message']}" for item in self["items"] for refusal in item["refusals"]]

    @property
    def warnings(self) -> list[str]:
        """What is allowed, and yet likely not meant, each behind the thing that it is about."""
        return [f"{item['kind']} {item['name']}: {warning}" for item in self["items"] for warning in item.get("warnings", [])]

    def __str__(self) -> str:
        items = self["items"]
        counts = Counter((item["kind"], item["action"]) for item in items)
        is_long = sum(item["action"] == "created" for item in items) > _DETAILED_MAX
        lines = [f"project {self['project']}"]
        counted = set()
        for item in items:
            kind, action = item["kind"], item["action"]
            stays = action in ("kept", "unchanged") and not item["details"] and not item.get("warnings")
            if stays and counts[kind, action] > _LISTED_MAX:
                if (kind, action) not in counted:
                    counted.add((kind, action))
                    lines.append(_count_line(kind, action, counts[kind, action]))
                continue
            lines.append(f"{_SIGNS.get(action, '?')} {kind} {item['name']}{_REMARKS.get(action, '')}")
            if action != "created" or not is_long:
                lines += [f"    {detail}" for detail in item["details"]]
            lines += [f"    warning: {warning}" for warning in item.get("warnings", [])]
        if is_long:
            lines.append("fields of what is created are left out, as there is much of it: plan['items'] has them")
        actions = Counter(item["action"] for item in items)
        stay = actions["unchanged"] + actions["kept"]
        others = "".join(f", {actions[action]} {action}" for action in ("promoted",) if actions[action])
        done = f"{actions['created']} created, {actions['changed']} changed{others}, {actions['refused']} refused"
        lines.append(f"{done}; {stay} stay as they are")
        return "\n".join(lines)


def _count_line(kind: str, action: str, count: int) -> str:
    kinds = "entities" if kind == "entity" else f"{kind}s"
    what = "kept (they are not in the definitions; nothing is deleted)" if action == "kept" else "unchanged"
    return f"= {count:,} {kinds}: {what}"


class Listing(Report):
    """Everything in a project, in short."""

    def __str__(self) -> str:
        lines = [f"project {self['project']}"]
        # A server from before promotion tells of none.
        tells = any(entry.get("promoted") for title in ("feature_groups", "feature_services") for entry in self.get(title, []))
        for title, what in (("entities", "entity"), ("feature_groups", "group"), ("feature_services", "service"), ("datasets", "dataset")):
            for entry in self.get(title, []):
                version = f"@{entry['version']}" if entry.get("version") else ""
                promoted = "" if entry.get("promoted") or not version or not tells else "  (not promoted)"
                description = f"  {entry['description']}" if entry.get("description") else ""
                lines.append(f"{what:8} {entry['name']}{version}{promoted}{description}")
        if len(lines) == 1:
            others = self.get("other_projects", [])
            there = f"; there is project {', '.join(repr(name) for name in others)}: connect with project=" if others else ""
            lines.append(f"nothing yet: client.apply(…) makes definitions{there}")
        return "\n".join(lines)


class AuditReport(Report):
    """Whether online and offline agree, over all rows at one position. True where they do."""

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return not self["difference_count"]

    def __bool__(self) -> bool:
        return self.agrees

    def __str__(self) -> str:
        lines = []
        for group in self["groups"]:
            rows = f"{group['online_rows']:,} latest rows online, {group['offline_rows']:,} offline"
            lines.append(f"{group['project']}/{group['group']}: {rows}, {group['differences']:,} differences")
        for difference in self["differences"]:
            sides = f"online {difference.get('online', 'nothing')}, offline {difference.get('offline', 'nothing')}"
            lines.append(f"! {difference['group']} {difference['key']}: {difference['kind']}: {sides}")
        verdict = "online and offline agree" if self.agrees else f"{self['difference_count']:,} keys differ"
        return "\n".join([*lines, f"{verdict} at position {self.position}"])
