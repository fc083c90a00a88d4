import ArgumentParser
import Client
import FeatureModel
import Tables
import Wire

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show where the server and its stores stand.",
        discussion: """
              headwater status
              headwater status --json
              headwater status --data ./store
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        if let data = directory.data {
            let report = try DirectStatus.report(dataDirectory: data)
            if output.json { try Console.printJSON(report) } else { try Console.write(StatusText.text(report).utf8) }
            return
        }
        let answer = try await connection.withClient { try await $0.status() }
        if output.json {
            try Console.write(answer.json + [UInt8(ascii: "\n")])
        } else {
            try Console.write(StatusText.text(answer.value).utf8)
        }
    }
}

/// A status report for people.
enum StatusText {
    static func text(_ report: StatusReport) -> String {
        let roles = report.roles.isEmpty ? "no server: read from the directory" : report.roles.joined(separator: ", ")
        var lines = [
            "roles     \(roles)", "version   \(report.version)", "log       \(report.logID)",
            "time      \(TimeText.format(report.wallTime))",
        ]
        if let pid = report.pid { lines.append("process   \(pid)\(uptime(report))") }
        if let directory = report.directory { lines.append("directory \(directory)") }
        if let free = report.diskFreeBytes { lines.append("disk      \(NumberFormat.bytes(free)) free") }
        if let network = report.network { lines += self.network(network) }
        if let online = report.online { lines += self.online(online) }
        if let offline = report.offline { lines += self.offline(offline) }
        if let bootstrap = report.bootstrap { lines += self.bootstrap(bootstrap) }
        if let scrub = report.scrub { lines += self.scrub(scrub) }
        // Names of followers are others' words.
        return PlainText.quoted(lines.joined(separator: "\n"), keepsLines: true) + "\n"
    }

    private static func network(_ network: StatusReport.Network) -> [String] {
        func milliseconds(_ microseconds: Int) -> String { "\(NumberFormat.fixed(Double(microseconds) / 1_000, 2)) ms" }
        let byClock = network.longestTurnByClockMicroseconds.map {
            ", and one took \(milliseconds($0)) with waits for a core or a lock"
        }
        return [
            "", "network",
            "  connections \(network.connections) of at most \(network.connectionsMax)",
            "  memory      \(NumberFormat.bytes(network.bytes)) of at most \(NumberFormat.bytes(network.bytesMax)) for what comes and goes",
            "  turns       the longest of a loop ran \(milliseconds(network.longestTurnMicroseconds))\(byClock ?? "")",
        ]
    }

    /// `, up 3 d 4 h`; empty where the start is not known.
    private static func uptime(_ report: StatusReport) -> String {
        guard let started = report.startedAt else { return "" }
        let seconds = max(0, (report.wallTime - started) / 1_000_000)
        let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")]
        let shown = parts.drop { $0.0 == 0 }.prefix(2).map { "\($0.0) \($0.1)" }
        return ", up \(shown.isEmpty ? "0 s" : shown.joined(separator: " "))"
    }

    private static func online(_ online: StatusReport.Online) -> [String] {
        var lines = ["", "online"]
        if let failure = online.failure { lines.append("  FAILED      \(failure)") }
        if let ahead = online.clockAhead { lines.append("  CLOCK       \(clock(ahead))") }
        lines.append("  durability  \(online.durability)")
        lines += [
            "  log's end   position \(online.lastPosition)", "  on disk     position \(online.durablePosition)",
            "  in reads    position \(online.appliedPosition)", "  definitions position \(online.catalogPosition)",
            "  snapshot    "
                + (online.snapshotPosition == 0
                    ? "none yet" : "position \(online.snapshotPosition), \(NumberFormat.bytes(online.snapshotBytes))"),
        ]
        let sessions = NumberFormat.count(online.producerSessions, "producer session")
        let cap = online.residentBytesMax.map { " of at most \(NumberFormat.bytes($0))" } ?? ""
        lines.append(
            "  memory      \(NumberFormat.bytes(online.residentBytes))\(cap) for rows, \(NumberFormat.bytes(online.memoryBytes)) of them in no "
                + "snapshot yet, \(sessions)")
        let most = online.logBytesMax > 0 ? ", at most \(NumberFormat.bytes(online.logBytesMax))" : ""
        let segments = NumberFormat.count(online.logSegments, "segment")
        lines.append(
            "  log         \(NumberFormat.bytes(online.logBytes)) in \(segments), from position \(online.oldestPosition)\(most)")
        for follower in online.followers { lines.append("  follower    \(self.follower(follower))") }
        guard !online.groups.isEmpty else { return lines }
        var table = TextTable(["project", "group", "rows at most", "size", "hits", "misses", "expired"])
        for group in online.groups {
            table.append(
                [group.project, group.group]
                    + [NumberFormat.count(group.rowsAtMost), NumberFormat.bytes(group.bytes)]
                    + [group.hits, group.misses, group.expired].map { NumberFormat.count($0) })
        }
        return lines + indented(table)
    }

    private static func clock(_ ahead: Int64) -> String {
        "the wall clock is \(TimeText.formatDuration(abs(ahead) / 1_000_000 * 1_000_000)) \(ahead > 0 ? "ahead" : "behind") and not followed: ingest times "
            + "and retention go on by the time that the machine has been on; set it right, or run 'headwater clock accept'"
    }

    private static func follower(_ follower: StatusReport.Follower) -> String {
        let heard =
            follower.connected
            ? "connected"
            : follower.lastHeard.map { "not connected, last heard of \(TimeText.format($0))" }
                // The one of the server's own directory is looked for only as somebody asks.
                ?? "not connected, not seen since the server started"
        return
            "\(follower.name) at position \(follower.position), \(NumberFormat.count(Int(clamping: follower.behind))) behind, "
            + "holds \(NumberFormat.bytes(follower.heldBytes)) of the log, \(heard)"
    }

    private static func bootstrap(_ bootstrap: StatusReport.Bootstrap) -> [String] {
        var lines = ["", "history from \(bootstrap.source)"]
        if let failure = bootstrap.failure { return lines + ["  FAILED      \(failure)"] }
        lines.append(
            "  received    \(NumberFormat.bytes(bootstrap.receivedBytes)) of \(NumberFormat.bytes(bootstrap.totalBytes)), "
                + "of position \(bootstrap.position)")
        return lines
    }

    private static func offline(_ offline: StatusReport.Offline) -> [String] {
        var lines = ["", "offline"]
        if let failure = offline.failure { lines.append("  FAILED      \(failure)") }
        let lag =
            offline.lag.map { "\(NumberFormat.count($0)) behind the log\(behind(offline))" }
            ?? "how far behind the log is not known"
        lines += [
            "  in reads    position \(offline.appliedPosition), \(lag)", "  in chunks   position \(offline.durablePosition)",
            "  oldest      position \(offline.oldestAsOf) can be read as of",
        ]
        if let flushed = offline.flushedBytes, let compacted = offline.compactedBytes, flushed > 0 {
            let written = Double(flushed + compacted) / Double(flushed)
            lines.append(
                "  written     since the start \(NumberFormat.bytes(flushed)) of new rows, \(NumberFormat.bytes(compacted)) again by compactions: "
                    + "\((written * 10).rounded() / 10) times")
        }
        guard !offline.groups.isEmpty else { return lines }
        var table = TextTable(["project", "group", "rows", "chunks by level", "size of chunks", "rows in memory", "oldest as-of"])
        for group in offline.groups {
            table.append([
                group.project, group.group, NumberFormat.count(group.rows),
                group.chunksByLevel.map(String.init).joined(separator: " "),
                NumberFormat.bytes(group.chunkBytes), NumberFormat.count(group.memoryRows),
                group.oldestAsOf.map { "\($0)" } ?? "",
            ])
        }
        return lines + indented(table)
    }

    /// ` (1,200 rows, 0.31 s)`; empty where nothing is missing.
    private static func behind(_ offline: StatusReport.Offline) -> String {
        guard offline.lag ?? 0 > 0 else { return "" }
        let parts = [
            offline.lagRows.map { NumberFormat.count($0, "row") },
            offline.lagMicroseconds.map { NumberFormat.seconds(.microseconds($0)) },
        ].compactMap { $0 }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    private static func scrub(_ scrub: StatusReport.Scrub) -> [String] {
        var lines = ["", "scrub"]
        let next = scrub.nextDue.map { "next due \(TimeText.format($0))" } ?? (scrub.isRunning ? "running now" : "off")
        guard let started = scrub.startedAt else { return lines + ["  none so far, \(next)"] }
        let finished = scrub.finishedAt.map { ", finished \(TimeText.format($0))" } ?? ""
        lines.append("  last        started \(TimeText.format(started))\(finished), \(next)")
        let checked = "\(NumberFormat.bytes(scrub.bytes)) and \(NumberFormat.count(scrub.rows, "row")) checked"
        let audit =
            scrub.auditedPosition.map { "stores compared at position \($0)" }
            ?? scrub.notAudited.map { "stores not compared: \($0)" } ?? "stores not compared"
        lines.append("  read        \(checked) in \(NumberFormat.seconds(.milliseconds(scrub.milliseconds))); \(audit)")
        let found = [
            NumberFormat.count(scrub.damageCount, "damaged place"), NumberFormat.count(scrub.differenceCount, "difference"),
        ]
        lines.append("  found       \(found.joined(separator: ", "))")
        for (part, why) in (scrub.notRead ?? [:]).sorted(by: { $0.key < $1.key }) {
            lines.append("  NOT READ    \(part): \(why)")
        }
        for finding in scrub.findings {
            lines.append("  DAMAGE      \(finding.location.map { "\($0): " } ?? "")\(finding.message)")
        }
        for one in scrub.differences {
            lines.append(
                "  DIFFERENCE  \(one.group) \(one.key): \(one.kind); online \(one.online ?? "-"), offline \(one.offline ?? "-")")
        }
        return lines
    }

    private static func indented(_ table: TextTable) -> [String] {
        table.text.split(separator: "\n").map { "  \($0)" }
    }
}
