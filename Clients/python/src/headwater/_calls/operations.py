"""Definitions, status, audits, snapshots, compactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from .._shown import progress_bar
from .._wire import headwater_pb2 as pb
from .._wire.frames import Method
from .._wire.session import decode
from .._wire.words import plan_in_python
from ..definitions import searched_fields
from ..errors import FailedPrecondition, InvalidArgument, Unavailable
from ..reports import AuditReport, ClientsReport, Listing, Plan, Report, SlowReport, StatusReport
from . import documents
from .core import Backoff, Core, of_text, parse_json, position
from .groups import describe


async def apply_or_plan(core: Core, definitions: Any, *, is_plan: bool) -> Plan:
    """Applies definitions, or says what applying them would do.

    Raises:
        InvalidArgument: with up to 20 problems, each behind its place.
        FailedPrecondition: for a change that is not allowed.
    """
    document = await core.pool.driver.run(lambda: documents.read(definitions, core.project))
    project = document.content.get("project", core.project)
    if not isinstance(project, str):
        raise InvalidArgument(f"{project!r} is no name of a project", "project")
    request = pb.ApplyRequest(project=project.encode())
    try:
        body = await core.pool.driver.run(lambda: documents.encoded(document.content))
        head, answer = await core.ask(Method.PLAN if is_plan else Method.APPLY, "online", request, pb.ApplyReply, (body,))
    except (InvalidArgument, FailedPrecondition) as error:
        raise document.placed(error) from None
    if not is_plan:
        core.definitions_position = head.position
        if core.takes_project:
            core.project, core.takes_project = project, False
    return Plan(plan_in_python(parse_json(answer)), head.position, head.changed)


async def promote(core: Core, kind: str, name: str, *, force: bool, dry_run: bool) -> Plan:
    """Makes a name without a version mean another version.

    Raises:
        NotFound: where there is no such version.
        FailedPrecondition: for a version without rows.
    """
    for text, what in ((kind, "kind"), (name, "name")):
        of_text(text, what, "client.promote('group', 'orders@2')")
    request = pb.PromoteRequest(project=core.project.encode(), kind=kind.encode(), name=name.encode(), force=force, dry_run=dry_run)
    return await _change(core, Method.PROMOTE, request, is_plan=dry_run)


async def remove(core: Core, kind: str, name: str, *, force: bool, keep_history: bool, dry_run: bool) -> Plan:
    """Removes one thing.

    Raises:
        NotFound: where there is no such thing.
        FailedPrecondition: names what depends on it.
    """
    for text, what in ((kind, "kind"), (name, "name")):
        of_text(text, what, "client.remove('group', 'orders@1')")
    request = pb.RemoveRequest(
        project=core.project.encode(), kind=kind.encode(), name=name.encode(), force=force, keep_history=keep_history, dry_run=dry_run
    )
    return await _change(core, Method.REMOVE, request, is_plan=dry_run)


async def _change(core: Core, method: Method, request: Message, *, is_plan: bool) -> Plan:
    """Changes what names mean, or says what that would do. Made again, it changes nothing more."""
    head, answer = await core.ask(method, "online", request, pb.ApplyReply)
    if not is_plan:
        core.definitions_position = head.position
    return Plan(plan_in_python(parse_json(answer)), head.position, head.changed)


async def listing(core: Core) -> Listing:
    """Everything in the project, in short."""
    head, body = await core.ask(Method.LIST, None, pb.ListRequest(project=core.project.encode()), pb.JSONReply)
    return Listing(parse_json(body), head.position)


async def begin(core: Core) -> None:
    """Makes a client ready; one that cannot be closes its connections."""
    try:
        await core.begin()
        await choose_project(core)
    except BaseException:
        core.pool.close()
        raise


async def choose_project(core: Core) -> None:
    """Takes the store's only project, where nobody chose one."""
    if core.takes_project:
        others = (await listing(core)).get("other_projects", [])
        if len(others) == 1:
            core.project, core.takes_project = others[0], False


async def search(core: Core, text: str) -> Listing:
    """What has the text in a name, a description, an owner or a tag; of a group's features too, without regard to case."""
    wanted = of_text(text, "text", "client.search('delay')").casefold()
    everything = await listing(core)
    found: dict[str, Any] = {"project": everything["project"], "searched": text}
    for kind in ("entities", "feature_groups", "feature_services", "datasets"):
        entries: list[Any] = []
        for entry in everything.get(kind, []):
            name = f"{entry['name']}@{entry['version']}" if entry.get("version") else entry["name"]
            described = (await describe(core, name)).get(kind, [])
            matches = [f"name {entry['name']}"] if wanted in entry["name"].casefold() else []
            for part in described:
                definition = part.get("definition", part)
                searched = _OF_PEOPLE if kind == "datasets" else _SEARCHED
                matches += [where for where, words in _texts(definition, "", searched) if wanted in words.casefold()]
            if matches:
                entries.append({**entry, "matches": list(dict.fromkeys(matches))})
        found[kind] = entries
    return Listing(found, everything.position)


_OF_PEOPLE = searched_fields()
# Features of a dataset are hashes of what it read; those of groups and services have names.
_SEARCHED = (*_OF_PEOPLE, "keys", "features")
# What one part of a list is called.
_SINGLE = {"keys": "key", "features": "feature"}


def _texts(definition: dict[str, Any], of: str, searched: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The words of a definition that people chose, each with where it stands."""
    for field in searched:
        value = definition.get(field)
        if isinstance(value, str):
            yield f"{field}{of}: {value}", value
        elif field == "tags" and isinstance(value, dict):
            for name, word in value.items():
                yield f"tag{of} {name}={word}", f"{name}={word}"
        for part in value if isinstance(value, list) else []:
            name = part if isinstance(part, str) else part.get("name") or part.get("as") or part.get("feature") or ""
            yield f"{_SINGLE[field]} {name}", f"{name} {part.get('feature', '')}" if isinstance(part, dict) else name
            if isinstance(part, dict):
                yield from _texts(part, f" of {_SINGLE[field]} {name}", searched)


async def status(core: Core) -> StatusReport:
    """Where the server stands."""
    head, body = await core.ask(Method.STATUS, None, pb.StatusRequest(project=core.project.encode()), pb.JSONReply)
    return StatusReport(parse_json(body), head.position)


async def clients(core: Core) -> ClientsReport:
    """Who is connected to the server."""
    return ClientsReport(await _report(core, b"clients"))


async def slow(core: Core) -> SlowReport:
    """The slowest requests of the last hour."""
    return SlowReport(await _report(core, b"slow"))


async def _report(core: Core, name: bytes) -> dict[str, Any]:
    _, body = await core.ask(Method.REPORT, None, pb.ReportRequest(name=name), pb.JSONReply)
    report: dict[str, Any] = parse_json(body)
    return report


async def snapshot(core: Core) -> Report:
    """Takes a snapshot of the online store."""
    deadline = core.deadline_of_long_work()
    head, _ = await core.ask(Method.SNAPSHOT, "online", pb.SnapshotRequest(), pb.SnapshotReply, deadline=deadline)
    return Report({"position": head.position, "rows": head.rows, "bytes": head.bytes}, head.position)


async def accept_clock(core: Core) -> Report:
    """Tells the owner of the log that its wall clock is right."""
    head, _ = await core.ask(Method.ACCEPT_CLOCK, "online", pb.AcceptClockRequest(), pb.AcceptClockReply)
    return Report({"ahead": head.ahead, "now": head.now}, 0)


async def compact(core: Core, group: str | None) -> Report:
    """Compacts the history of one group, or of all."""
    request = pb.CompactRequest(project=core.project.encode())
    if group is not None:
        request.group = of_text(group, "group", "client.compact('orders')").encode()
    head, _ = await core.ask(Method.COMPACT, "offline", request, pb.CompactReply, deadline=core.deadline_of_long_work())
    names = ("position", "chunks_before", "chunks_after", "bytes_before", "bytes_after")
    return Report({name: getattr(head, name) for name in names}, head.position)


async def audit(core: Core, min_position: int | None, progress: bool | None) -> AuditReport:
    """Compares online and offline over all rows, at one position.

    Raises:
        Unavailable: where one of the two cannot be reached.
    """
    request = pb.AuditRequest(project=core.project.encode())
    request.min_position = position(min_position, "min_position") or 0
    deadline = core.deadline_of_long_work()
    backoff = Backoff(core.retries)
    while True:
        try:
            return await _audit(core, request, deadline, progress)
        except Unavailable as error:
            await backoff.wait(core, "offline", error, deadline)


async def _audit(core: Core, request: pb.AuditRequest, deadline: Any, progress: bool | None) -> AuditReport:
    transport = await core.pool.transport("offline", deadline)
    exchange = await transport.begin(Method.AUDIT, request.SerializeToString(), (), deadline)
    bar = progress_bar("audit", progress)
    try:
        while not exchange.is_done or exchange.items:
            frame = await transport.take(exchange)
            if frame is None:
                await transport.changed(exchange, deadline, wants_room=False)
                continue
            told = parse_json(frame.body)
            bar.set_description(f"audit: {told['phase']}")
            bar.total, bar.n = told["expected_rows"] or None, told["rows"]
            bar.refresh()
        reply = await transport.finish(exchange, deadline)
    finally:
        bar.close()
        if not exchange.is_done:
            await transport.cancel(exchange)
    return AuditReport(parse_json(reply.body), decode(pb.JSONReply, reply.head).position)
