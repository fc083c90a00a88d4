"""Answers about the store: plans, listings, status, audits. Each is the server's JSON, and a table when it is shown."""

from __future__ import annotations

import json
from collections import Counter
from itertools import dropwhile
from typing import Any

import numpy as np

from ._shown import aligned, counted, html_text
from ._times import instant

# Things of one kind that stay as they are, up to which each has a line; and things that are made, up to which all their fields are shown.
_LISTED_MAX, _DETAILED_MAX = 20, 100
_SIGNS = {
    "created": "+", "changed": "~", "promoted": "~", "removed": "-", "unchanged": "=", "kept": "=", "refused": "!",
}  # fmt: skip

_REMARKS = {
    "kept": ": kept (it is not in the definitions; nothing is deleted)", "refused": ": refused", "promoted": ": promoted",
    "removed": ": removed",
}  # fmt: skip


class Report(dict[str, Any]):
    """The server's JSON as a dict; `position` is the log position that it shows."""

    def __init__(self, content: dict[str, Any], position: int | None = None) -> None:
        super().__init__(content)
        self.position = position

    def __str__(self) -> str:
        if self and all(not isinstance(value, (dict, list)) for value in self.values()):
            return "\n".join(aligned([["", ""], *([name, _number(value)] for name, value in self.items())])[1:])
        return json.dumps(self, indent=2, ensure_ascii=False)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}\n{self}>"

    def _repr_html_(self) -> str:
        return html_text(str(self))


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


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
        told = set()
        for item in items:
            kind, action = item["kind"], item["action"]
            stays = action in ("kept", "unchanged") and not item["details"] and not item.get("warnings")
            if stays and counts[kind, action] > _LISTED_MAX:
                if (kind, action) not in told:
                    told.add((kind, action))
                    lines.append(_count_line(kind, action, counts[kind, action]))
                continue
            lines.append(f"{_SIGNS.get(action, '?')} {kind} {item['name']}{_REMARKS.get(action, '')}")
            if action != "created" or not is_long:
                lines += [f"    {detail}" for detail in item["details"]]
            lines += [f"    warning: {warning}" for warning in item.get("warnings", [])]
            lines += [f"    ! {refusal['path']}: {refusal['message']}" for refusal in item["refusals"]]
        if is_long:
            lines.append("fields of what is created are left out, as there is much of it: plan['items'] has them")
        actions = Counter(item["action"] for item in items)
        stay = actions["unchanged"] + actions["kept"]
        others = "".join(f", {actions[action]} {action}" for action in ("promoted", "removed") if actions[action])
        done = f"{actions['created']} created, {actions['changed']} changed{others}, {actions['refused']} refused"
        lines.append(f"{done}; {'1 stays as it is' if stay == 1 else f'{stay} stay as they are'}")
        return "\n".join(lines)


def _count_line(kind: str, action: str, count: int) -> str:
    kinds = "entities" if kind == "entity" else f"{kind}s"
    what = "kept (they are not in the definitions; nothing is deleted)" if action == "kept" else "unchanged"
    return f"= {count:,} {kinds}: {what}"


_KINDS = (("entities", "entity"), ("feature_groups", "group"), ("feature_services", "service"), ("datasets", "dataset"))


class Listing(Report):
    """Everything in a project, in short; of a search what matched, and where."""

    def __str__(self) -> str:
        rows: list[list[str]] = []
        # A server from before promotion tells of none.
        tells = any(entry.get("promoted") for title in ("feature_groups", "feature_services") for entry in self.get(title, []))
        for title, what in _KINDS:
            for entry in self.get(title, []):
                version = f"@{entry['version']}" if entry.get("version") else ""
                promoted = "" if entry.get("promoted") or not version or not tells else "  (not promoted)"
                words = [f"deprecated: {entry['deprecated']}"] if entry.get("deprecated") else []
                words += [entry["description"]] if entry.get("description") else []
                row = [what, f"{entry['name']}{version}{promoted}", "; ".join(words)]
                rows.append(row + (["; ".join(entry["matches"])] if "matches" in entry else []))
        lines = [f"project {self['project']}"]
        if rows:
            has_matches = any(len(row) > 3 for row in rows)
            return "\n".join(lines + aligned([["kind", "name", "description", *(["found in"] if has_matches else [])], *rows]))
        if "searched" in self:
            return "\n".join([*lines, f"nothing has {self['searched']!r} in a name, a description, an owner or a tag"])
        others = self.get("other_projects", [])
        there = f"; there is project {', '.join(repr(name) for name in others)}: connect with project=" if others else ""
        return "\n".join([*lines, f"nothing yet: client.apply(…) makes definitions{there}"])


class Description(Report):
    """All that goes by a name: definition, columns, versions, outputs."""

    def __str__(self) -> str:
        parts: list[str] = []
        for entity in self.get("entities", []):
            keys = ", ".join(f"{key['name']} {key['type']}" for key in entity.get("keys", []))
            parts.append("\n".join([f"entity {entity['name']} ({keys})", *_words(entity)]))
        for group in self.get("feature_groups", []):
            definition = group["definition"]
            described = {feature["name"]: _remark(feature) for feature in definition.get("features", [])}
            rows = [["column", "type", "role", ""]]
            rows += [[column["name"], column["type"], column["role"], described.get(column["name"], "")] for column in group["columns"]]
            name = f"feature group {definition['name']}@{definition['version']}, schema version {group['schema_version']}"
            name += _promoted(group, self["feature_groups"])
            parts.append("\n".join([name, *_words(definition), *aligned(rows)]))
        for service in self.get("feature_services", []):
            definition = service["definition"]
            rows = [["output", "type", "feature", "keys"]]
            for output in service["outputs"]:
                keys = ", ".join(f"{key} from {renamed}" for key, renamed in output.get("keys", {}).items())
                rows.append([output["name"], output["type"], output["feature"], keys])
            name = f"feature service {definition['name']}@{definition['version']}{_promoted(service, self['feature_services'])}"
            parts.append("\n".join([name, *_words(definition), *aligned(rows)]))
        parts += [str(DatasetShown(dataset)) for dataset in self.get("datasets", [])]
        return "\n\n".join(parts)


# What tables show beside.
_SHOWN_ELSEWHERE = {"name", "version", "features", "keys", "tags"}


def _words(definition: dict[str, Any]) -> list[str]:
    lines = [f"  {name}: {value}" for name, value in definition.items() if name not in _SHOWN_ELSEWHERE and value not in (None, [], {})]
    tags = definition.get("tags")
    return lines + ([f"  tags: {', '.join(f'{name}={value}' for name, value in sorted(tags.items()))}"] if tags else [])


def _remark(feature: dict[str, Any]) -> str:
    checks = ", ".join(f"{name} {value}" for name, value in feature.get("checks", {}).items())
    deprecated = f"deprecated: {feature['deprecated']}" if feature.get("deprecated") else ""
    renamed = f"renamed from {', '.join(feature['renamed_from'])}" if feature.get("renamed_from") else ""
    return "; ".join(part for part in (feature.get("description") or "", checks, deprecated, renamed) if part)


def _promoted(described: dict[str, Any], versions: list[Any]) -> str:
    """Which of several versions the name means."""
    # A server from before promotion tells of none.
    if len(versions) < 2 or not any(version.get("promoted") for version in versions):
        return ""
    return ", promoted" if described.get("promoted") else ", not promoted"


class DatasetShown(Report):
    """What a training set was made of."""

    def __str__(self) -> str:
        query = self["query"]
        asked = f"service: {query['service']}" if "service" in query else f"features: {', '.join(query['features'])}"
        lines = [f"dataset: {self['name']}"]
        lines += [f"{name}: {self[name]}" for name in ("description", "owner") if name in self]
        lines += [f"tags: {', '.join(f'{name}={value}' for name, value in sorted(self['tags'].items()))}"] if self.get("tags") else []
        lines += [f"created: {instant(self['created']).isoformat()}"] if "created" in self else []
        lines += [f"rows: {self['rows']:,}", f"as of position: {query['as_of']}", asked]
        lines += ["history: released: retention may drop it"] if self.get("released") else []
        lines += [f"spine: {self.get('source', 'in memory, or standard input')}", f"spine's time: {query['spine_time']}"]
        if "split" in self:
            parts = ", ".join(
                f"{part['name']}={part['share']:g} ({counted(part['rows'], 'row', 'rows')})" for part in self["split"]["parts"]
            )
            seed = f", seed {self['split'].get('seed', 0)}" if self["split"]["by"] == "key" else ""
            lines.append(f"split: {parts}, by {self['split']['by']}{seed}")
        if "labels" not in self:
            lines.append("labels: not hashed when saved")
        rows = [["column", "type", "role", "hash"]]
        for role, table in (("spine", "spine"), ("label", "labels"), ("feature", "features")):
            for column in self.get(table, {}).get("columns", []):
                rows.append([column["name"], column["type"], role, column["hash"][:12]])
        return "\n".join(lines + aligned(rows))


class StatusReport(Report):
    """Where the server stands: positions, lag, rows, memory and bytes, by store and group."""

    def __str__(self) -> str:
        lines = [f"headwater {self.get('version', '?')}, {' and '.join(self.get('roles', []))}, log {self.get('log_id', '')[:8]}…"]
        lines += self._process()
        groups: dict[tuple[str, str], dict[str, str]] = {}
        for role in ("online", "offline", "bootstrap", "scrub"):
            store = self.get(role)
            if not store:
                continue
            lines.append("")
            lines += self._store(role, store)
            for group in store.get("groups", []):
                cells = groups.setdefault((group.get("project", ""), group["group"]), {})
                cells[role] = f"{group.get('rows_at_most', group.get('rows', 0)):,}"
                cells[f"{role} bytes"] = _size(group.get("bytes", group.get("chunk_bytes", 0)))
        if groups:
            titles = ["online", "online bytes", "offline", "offline bytes"]
            rows = [["group", "rows online", "bytes", "rows of history", "bytes"]]
            rows += [[f"{project}/{name}", *(cells.get(title, "") for title in titles)] for (project, name), cells in groups.items()]
            lines += ["", *aligned(rows)]
        return "\n".join(lines)

    def _process(self) -> list[str]:
        """What the process is and takes."""
        rows: list[list[str]] = []
        if "pid" in self:
            seconds = max(0, self.get("wall_time", 0) - self.get("started_at", 0)) // 1_000_000
            rows.append(["process", f"{self['pid']}{f', up {_duration(seconds)}' if 'started_at' in self else ''}"])
        if "directory" in self:
            rows.append(["directory", str(self["directory"])])
        if "disk_free_bytes" in self:
            rows.append(["disk", f"{_size(self['disk_free_bytes'])} free"])
        network = self.get("network")
        if network:
            rows.append(["connections", f"{network['connections']:,} of at most {network['connections_max']:,}"])
            rows.append(["network", f"{_size(network['bytes'])} of at most {_size(network['bytes_max'])} for what comes and goes"])
        return aligned([["", ""], *rows])[1:] if rows else []

    @staticmethod
    def _store(role: str, store: dict[str, Any]) -> list[str]:
        rows = [[role, ""]]
        for name, value in store.items():
            if isinstance(value, (dict, list)) or value is None:
                continue
            shown = _size(value) if name.endswith(("bytes", "bytes_max")) else _number(value)
            if name.endswith(("_at", "_due")) and isinstance(value, int):
                shown = f"{np.datetime64(value, 'us').astype('M8[s]')}Z"
            rows.append([f"  {name.replace('_', ' ')}", shown])
        for follower in store.get("followers", []):
            state = "connected" if follower.get("connected") else "not connected"
            rows.append([f"  follower {follower['name']}", f"position {follower['position']:,}, {state}"])
        return aligned(rows)


class ClientsReport(Report):
    """Who is connected to the server, a dict for each connection in `clients`."""

    def __str__(self) -> str:
        rows = [["address", "client", "version", "requests", "in flight", "received", "sent"]]
        for client in self["clients"]:
            words = [client["address"], client.get("name", "unknown"), client.get("version", "unknown")]
            sizes = [_size(client["received_bytes"]), _size(client["sent_bytes"])]
            rows.append([*words, f"{client['requests']:,}", f"{client['in_flight']:,}", *sizes])
        return "\n".join(aligned(rows))


class SlowReport(Report):
    """The slowest requests of the last hour, a dict for each in `requests`, the slowest first."""

    def __str__(self) -> str:
        rows = [["ended", "method", "ms", "waited for", "status", "about", "client"]]
        for request in self["requests"]:
            waits = sorted(request["waits"].items(), key=lambda wait: -wait[1])
            waited = ", ".join(f"{name} {time / 1000:,.1f}" for name, time in waits if time * 100 >= request["microseconds"] and time)
            times = f" ×{request['together']:,}" if "together" in request else ""
            about = "/".join(request[name] for name in ("project", "subject") if name in request)
            rows.append([
                instant(request["ended_at"]).isoformat(), request["method"] + times, f"{request['microseconds'] / 1000:,.3f}", waited,
                request["status"], about, request.get("client_name", ""),
            ])  # fmt: skip
        return "\n".join(aligned(rows))


def _duration(seconds: int) -> str:
    """The two greatest units of a time."""
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    shown = list(dropwhile(lambda part: not part[0], parts))[:2]
    return " ".join(f"{count} {unit}" for count, unit in shown) or "0 s"


def _size(count: Any) -> str:
    """Bytes as people read them."""
    size, units = float(count or 0), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:,.0f} {units[0]}" if units[0] == "B" or size >= 100 else f"{size:,.1f} {units[0]}"


def _differing(count: int) -> str:
    return "1 key differs" if count == 1 else f"{count:,} keys differ"


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
        if self["groups"]:
            rows = [["group", "latest rows online", "offline", "differences"]]
            for group in self["groups"]:
                numbers = [f"{group[name]:,}" for name in ("online_rows", "offline_rows", "differences")]
                rows.append([f"{group['project']}/{group['group']}", *numbers])
            lines += aligned(rows)
        for difference in self["differences"]:
            sides = f"online {difference.get('online', 'nothing')}, offline {difference.get('offline', 'nothing')}"
            lines.append(f"! {difference['group']} {difference['key']}: {difference['kind']}: {sides}")
        verdict = "online and offline agree" if self.agrees else _differing(self["difference_count"])
        return "\n".join([*lines, f"{verdict} at position {self.position}"])
