import Catalog
import Client
import FeatureModel
import Foundation
import Synchronization
import Transport
import Wire

/// Fills a store, then measures what an audit costs those who read and write meanwhile.
///
/// usage: AuditLoad ADDRESS ROWS SECONDS [SERVER-PID]
///
/// ROWS latest rows of ten float64 features are written (none, if the group has that many already); then four connections get one
/// key each, again and again, and one writes batches of 1,000 rows over random keys: SECONDS long alone, and then as long as an
/// audit takes. Prints percentiles of gets, rows written a second, the audit's time, and the server's memory.
@main
struct AuditLoad {
    static let features = 10
    static let batchRows = 10_000
    static let definitions = """
        project: bench
        entities: [{name: item, keys: [{name: id, type: int64}]}]
        feature_groups:
          - name: items
            entity: item
            event_time: at
            features: [\((0..<features).map { "{name: f\($0), type: float64}" }.joined(separator: ", "))]

        """

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let rows = Int(arguments[2]), let seconds = Double(arguments[3]) else {
            print("usage: AuditLoad ADDRESS ROWS SECONDS [SERVER-PID]")
            exit(64)
        }
        let memory = ServerMemory(pid: arguments.count > 4 ? arguments[4] : nil)
        let client = try await HeadwaterClient.connect(arguments[1], project: "bench")
        _ = try await client.apply(DefinitionsFile.load(text: definitions, fileName: "bench.yaml").definitions)
        let online = try await client.status().value.online?.groups.first { $0.group.hasPrefix("items") }
        if online?.rowsAtMost ?? 0 < rows { try await fill(client, rows) }
        print("server memory: \(memory.text)")
        let before = try await Load(arguments[1], keys: rows).run { try await Task.sleep(for: .seconds(seconds)) }
        print("before the audit: \(before)")
        print("server memory: \(memory.text)")
        let started = ContinuousClock.now
        let report = Mutex<AuditReport?>(nil)
        let during = try await Load(arguments[1], keys: rows).run {
            let answer = try await client.audit().value
            report.withLock { $0 = answer }
        }
        print("during the audit: \(during)")
        print("server memory: \(memory.text)")
        let seen = report.withLock { $0 }
        print(
            "audit: \(ContinuousClock.now - started), \(seen?.groups.first?.onlineRows ?? 0) rows, "
                + "\(seen?.differenceCount ?? -1) differences, position \(seen?.position ?? 0)")
        let after = try await Load(arguments[1], keys: rows).run { try await Task.sleep(for: .seconds(seconds)) }
        print("after the audit: \(after)")
        print("server memory: \(memory.text)")
        await client.close()
    }

    private static func fill(_ client: HeadwaterClient, _ rows: Int) async throws {
        let started = ContinuousClock.now
        for first in stride(from: 0, to: rows, by: batchRows) {
            _ = try await client.write([entry(first..<min(first + batchRows, rows))])
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        print("wrote \(rows) rows in \(Int(seconds)) s")
    }

    static func entry(_ ids: some Sequence<Int>) -> RecordEntry {
        var keys = ColumnBuilder(.int64)
        var times = ColumnBuilder(.timestamp)
        var values = (0..<features).map { _ in ColumnBuilder(.float64) }
        let now = SystemClock().now()
        var count = 0
        for id in ids {
            keys.append(int64: Int64(id))
            times.append(int64: now + Microseconds(count))
            for index in values.indices { values[index].append(float64: Double(id &* 31 &+ index) / 7) }
            count += 1
        }
        let columns = [keys.finish(), times.finish()] + values.map { $0.finish() }
        return RecordEntry(
            groupID: 1, schemaVersion: 1, operation: .write,
            batch: Batch(rowCount: count, columns: columns.enumerated().map { ($0.offset, $0.element) }))
    }
}

/// Readers and a writer that go on until they are told to stop.
final class Load: Sendable {
    private static let readers = 4
    private static let rowsPerWrite = 1_000

    private let address: String
    private let keys: Int
    private let stopped = Atomic<Bool>(false)
    private let latencies = Mutex<[Double]>([])
    private let rows = Atomic<Int>(0)

    init(_ address: String, keys: Int) {
        self.address = address
        self.keys = keys
    }

    /// Runs while `body` does.
    func run(_ body: @escaping @Sendable () async throws -> Void) async throws -> String {
        let started = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.readers { group.addTask { try await self.read() } }
            group.addTask { try await self.write() }
            group.addTask {
                defer { self.stopped.store(true, ordering: .relaxed) }
                try await body()
            }
            try await group.waitForAll()
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        let sorted = latencies.withLock { $0.sorted() }
        func percentile(_ share: Double) -> String {
            sorted.isEmpty ? "-" : String(format: "%.2f ms", sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))])
        }
        return "gets \(Int(Double(sorted.count) / seconds))/s, p50 \(percentile(0.5)), p99 \(percentile(0.99)), "
            + "p99.9 \(percentile(0.999)), most \(percentile(1)); \(Int(Double(rows.load(ordering: .relaxed)) / seconds)) rows/s written"
    }

    private func read() async throws {
        let client = try await HeadwaterClient.connect(address, project: "bench")
        let prepared = try await client.prepare(.features((0..<AuditLoad.features).map { "items:f\($0)" }))
        var mine: [Double] = []
        while !stopped.load(ordering: .relaxed) {
            let key = try Column(.int64, [.int64(Int64.random(in: 0..<Int64(keys)))])
            let started = ContinuousClock.now
            _ = try await client.get(prepared, keys: Batch(rowCount: 1, columns: [(0, key)]))
            mine.append((ContinuousClock.now - started) / .milliseconds(1))
        }
        latencies.withLock { $0 += mine }
        await client.close()
    }

    private func write() async throws {
        let client = try await HeadwaterClient.connect(address, project: "bench")
        while !stopped.load(ordering: .relaxed) {
            let ids = (0..<Self.rowsPerWrite).map { _ in Int.random(in: 0..<keys) }
            _ = try await client.write([AuditLoad.entry(ids)])
            rows.add(Self.rowsPerWrite, ordering: .relaxed)
        }
        await client.close()
    }
}

/// Resident memory of a process, and the most it ever had.
struct ServerMemory {
    let pid: String?

    var text: String {
        guard let pid, let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return "unknown" }
        let wanted = ["VmRSS", "RssAnon", "VmHWM"]
        return status.split(separator: "\n").filter { line in wanted.contains { line.hasPrefix($0) } }
            .map { $0.replacingOccurrences(of: "\t", with: " ") }.joined(separator: ", ")
    }
}
