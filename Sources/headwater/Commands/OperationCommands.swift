import ArgumentParser
import Client
import FeatureModel
import Tables
import Wire

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prove, over all rows, that the online and the offline store agree.",
        discussion: """
            For every key: online latest = the offline row with the greatest (event time, position, row), tombstones included, \
            at one position, while reads and writes go on. Where they differ, the first keys are listed. Exit code 5 then.

              headwater audit
              headwater audit --json
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(
        help: ArgumentHelp("Wait until both stores have applied this position.", valueName: "position"),
        transform: PositionArgument.read)
    var minPosition: UInt64 = 0

    func run() async throws {
        let answer = try await connection.withClient { client in
            var phase = ""
            var progress = Progress("auditing")
            defer { progress.finish() }
            return try await client.audit(minPosition: minPosition) { step in
                if step.phase != phase {
                    progress.finish()
                    phase = step.phase
                    progress = Progress("auditing, \(phase)")
                }
                progress.update(
                    rows: step.rows, fraction: step.expectedRows > 0 ? Double(step.rows) / Double(step.expectedRows) : nil)
            }
        }
        let report = answer.value
        if output.json {
            try Console.write(answer.json + [UInt8(ascii: "\n")])
        } else {
            try Console.write(Self.text(report).utf8)
        }
        if !report.agrees {
            throw HeadwaterError(
                .dataLoss,
                "online and offline differ in \(report.isComplete ? "" : "at least ")\(NumberFormat.count(report.differenceCount, "key")) at position \(report.position): "
                    + "stop writing, keep the data directory, and check both disks")
        }
    }

    private static func text(_ report: AuditReport) -> String {
        var table = TextTable(["project", "group", "online rows", "offline rows", "differences"])
        for group in report.groups {
            table.append([group.project, group.group, "\(group.onlineRows)", "\(group.offlineRows)", "\(group.differences)"])
        }
        var text = table.text
        if !report.differences.isEmpty {
            var list = TextTable(["group", "key", "kind", "online", "offline"], cellScalarsMax: 60)
            for one in report.differences { list.append([one.group, one.key, one.kind, one.online ?? "-", one.offline ?? "-"]) }
            text += "\n\(list.text)"
        }
        let rows = report.groups.reduce(0) { $0 + $1.onlineRows }
        return text
            + (report.agrees
                ? "\nonline and offline agree over \(NumberFormat.count(rows, "latest row")) at position \(report.position), "
                    + "in \(NumberFormat.seconds(.milliseconds(report.milliseconds)))\n" : "")
    }
}

struct Snapshot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a snapshot of the online store, so that it starts faster and the log can be shortened.",
        discussion: """
              headwater snapshot
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    private struct Document: Encodable {
        let position: UInt64
        let rows: UInt64
        let bytes: UInt64
    }

    func run() async throws {
        let result = try await connection.withClient { try await $0.snapshot() }
        if output.json {
            try Console.printJSON(Document(position: result.position, rows: result.rows, bytes: result.bytes))
        } else {
            try Console.print(
                "snapshot at position \(result.position): \(NumberFormat.count(result.rows, "row")), \(NumberFormat.bytes(result.bytes))"
            )
        }
    }
}

struct Compact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Merge the offline store's chunks now: each group to one run.",
        discussion: """
            A server merges chunks by itself as they come; merged to one run they are read fastest. What is in memory is flushed first, and rows \
            that retention hides are dropped, but for those that saved training sets read: of such a group positions before that can be read \
            no more. Reads and writes go on meanwhile; a compaction that runs is waited for.

              headwater compact
              headwater compact weather
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Argument(help: "A feature group: NAME, or NAME@VERSION. Default: all groups.")
    var group: String?

    private struct Document: Encodable {
        let position: UInt64
        let chunksBefore: UInt64
        let chunksAfter: UInt64
        let bytesBefore: UInt64
        let bytesAfter: UInt64
    }

    func run() async throws {
        let result = try await connection.withClient { try await $0.compact(group: group) }
        if output.json {
            try Console.printJSON(
                Document(
                    position: result.position, chunksBefore: result.chunksBefore, chunksAfter: result.chunksAfter,
                    bytesBefore: result.bytesBefore, bytesAfter: result.bytesAfter))
        } else {
            try Console.print(
                "\(NumberFormat.count(result.chunksBefore, "chunk")) of \(NumberFormat.bytes(result.bytesBefore)) are now "
                    + "\(NumberFormat.count(result.chunksAfter)) of \(NumberFormat.bytes(result.bytesAfter)), position \(result.position)"
            )
        }
    }
}
