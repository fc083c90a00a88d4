import ArgumentParser
import Client
import FeatureModel
import Log
import StorageIO
import Tables

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Verify or list the log, or let a follower of it go.",
        subcommands: [LogVerify.self, LogDumpCommand.self, LogForget.self])
}

/// The directory of `log verify` and `log dump`.
struct LogDirectory: ParsableArguments {
    @Option(help: ArgumentHelp("The data directory; a server may be running on it.", valueName: "dir"))
    var data: String

    var log: FileLog { FileLog(in: data, RealStorage()) }
}

struct LogVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every record of the log.",
        discussion: """
            Changes nothing. Exit code 5 where there is damage.

              headwater log verify --data ./store
            """)

    @OptionGroup(title: "Log") var directory: LogDirectory
    @OptionGroup(title: "Output") var output: OutputOptions

    private struct Document: Encodable {
        struct Gap: Encodable {
            let first: UInt64
            let last: UInt64
        }

        let segments: Int
        let records: Int
        let bodyBytes: Int
        let firstPosition: UInt64?
        let lastPosition: UInt64?
        let gaps: [Gap]
        let damage: String?
    }

    func run() async throws {
        let report = try directory.log.verify()
        if output.json {
            try Console.printJSON(
                Document(
                    segments: report.segments, records: report.records, bodyBytes: report.bodyBytes,
                    firstPosition: report.firstPosition, lastPosition: report.lastPosition,
                    gaps: report.gaps.map { Document.Gap(first: $0.lowerBound, last: $0.upperBound) },
                    damage: report.damage.map { Failure.message($0) }))
        } else {
            let range =
                report.firstPosition.flatMap { first in report.lastPosition.map { ", positions \(first) to \($0)" } } ?? ""
            try Console.print(
                "\(NumberFormat.count(report.segments, "segment")), \(NumberFormat.count(report.records, "record"))\(range), "
                    + "\(NumberFormat.bytes(report.bodyBytes)) of bodies")
            for gap in report.gaps {
                try Console.print("gap: positions \(gap.lowerBound) to \(gap.upperBound) were skipped by a recovery")
            }
            if report.damage == nil { try Console.print("every record holds") }
        }
        if let damage = report.damage { throw damage }
    }
}

struct LogDumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "List the records of the log.",
        discussion: """
            One line a record, or with --json one JSON document. With --content also what each holds: group, kind, rows and the first \
            keys, or what was defined.

              headwater log dump --data ./store
              headwater log dump --data ./store --after 1000 --limit 20 --content
            """)

    @OptionGroup(title: "Log") var directory: LogDirectory
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(
        help: ArgumentHelp("List records behind this position. Default: all.", valueName: "position"),
        transform: PositionArgument.read)
    var after: UInt64 = 0
    @Option(help: ArgumentHelp("At most so many records.", valueName: "count"))
    var limit: Int?
    @Flag(help: "Name group, kind, rows and keys of each record.")
    var content = false

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit is a whole number from 0") }
    }

    private struct Entry: Encodable {
        let position: UInt64
        let kind: String
        let ingestTime: String
        let bodyBytes: Int
        let producer: UInt64
        let sequence: UInt64
        let segment: UInt64
        let offset: Int
        let gapFirst: UInt64?
        let content: [LogContent.Part]?
    }

    /// Ends the walk early.
    private static let enough = HeadwaterError(.cancelled, "enough")

    func run() async throws {
        if output.json {
            var entries: [Entry] = []
            try walk { entries.append(Self.document($0, $1)) }
            return try Console.printJSON(entries)
        }
        try Console.print("position  kind         ingest_time                   bytes  producer:sequence  segment:offset")
        try walk { entry, parts in
            try Console.print(Self.line(entry))
            for part in parts ?? [] { try Console.print("          \(part.line)") }
        }
    }

    /// Visits the records asked for.
    private func walk(_ visit: (LogEntry, [LogContent.Part]?) throws -> Void) throws {
        var count = 0
        var contents = LogContent()
        var failure: (any Error)?
        let result = Result { () throws(HeadwaterError) in
            try directory.log.forEachEntry { (entry) throws(HeadwaterError) in
                // Records that are not listed are read too: they may define what later ones hold.
                let parts = content ? contents.parts(of: entry) : nil
                guard entry.position > after else { return }
                if let limit, count >= limit { throw Self.enough }
                count += 1
                do { try visit(entry, parts) } catch {
                    failure = error
                    throw Self.enough
                }
            }
        }
        if let failure { throw failure }
        if case .failure(let error) = result, error != Self.enough { throw error }
    }

    private static func document(_ entry: LogEntry, _ parts: [LogContent.Part]?) -> Entry {
        Entry(
            position: entry.position, kind: "\(entry.kind)", ingestTime: TimeText.format(entry.ingestTime),
            bodyBytes: entry.bodyBytes,
            producer: entry.stamp.producer, sequence: entry.stamp.sequence, segment: entry.segment, offset: entry.offset,
            gapFirst: entry.gap?.lowerBound, content: parts)
    }

    private static func line(_ entry: LogEntry) -> String {
        func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
            let padding = String(repeating: " ", count: max(0, width - text.count))
            return left ? text + padding : padding + text
        }
        let stamp = entry.stamp.producer == 0 ? "-" : "\(entry.stamp.producer):\(entry.stamp.sequence)"
        let gap = entry.gap.map { "  positions \($0.lowerBound) to \($0.upperBound) were skipped" } ?? ""
        let cells: [String] = [
            padded("\(entry.position)", 8), padded("\(entry.kind)", 11, left: true), TimeText.format(entry.ingestTime),
            padded("\(entry.bodyBytes)", 6), padded(stamp, 17), "\(entry.segment):\(entry.offset)\(gap)",
        ]
        return cells.joined(separator: "  ")
    }
}

struct LogForget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Let a follower go, so that the log need not keep its segments.",
        discussion: """
            A follower that comes back after that registers again; where the log no longer holds what it lacks, it fetches the \
            whole history from another offline service.
            Where 'offline', the follower in the log's own directory, is let go and the log is trimmed behind it, its history has a \
            hole: only gets and writes are served there, until a later copy of the offline directory is restored.

              headwater log forget offline
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "The follower's name: 'headwater status' shows them.")
    var name: String

    private struct Document: Encodable {
        let follower: String
        let position: UInt64
    }

    func run() async throws {
        let position = try await connection.withClient { try await $0.forget(follower: name) }
        if output.json {
            try Console.printJSON(Document(follower: name, position: position))
        } else {
            try Console.print("forgot follower \(name), which had acknowledged position \(position)")
        }
    }
}
