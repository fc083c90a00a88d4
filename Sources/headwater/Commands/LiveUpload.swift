import Catalog
import Client
import Dispatch
import FeatureModel
import Foundation
import Synchronization
import Tables
import Transport
import Wire

/// Writes rows into a group as they come.
///
/// 1. A thread of its own waits for input, as waiting would hold up a thread that others need. What is at hand is decoded.
/// 2. The rows are checked as the server will check them, and added to the stream, which makes the thread wait where it is full.
/// 3. At the end of the input, at a bad row and at Ctrl-C the rows before are flushed, and it is told how many there are.
final class LiveUpload: Sendable {
    private static let batchRowsMax = 1_024
    private static let batchBytesMax = 1 << 20

    private let client: HeadwaterClient
    private let group: GroupDescription
    private let input: LiveInput
    private let options: TableOptions
    private let check: RowCheck
    private let stream: WriteStream
    private let progress: Mutex<Progress>

    /// - Parameter options: of the table; the limits of batches are set here.
    init(
        client: HeadwaterClient, group: GroupDescription, input: LiveInput, options: TableOptions, stream: WriteStream
    ) throws(HeadwaterError) {
        self.client = client
        self.group = group
        self.input = input
        var options = options
        (options.batchRowsMax, options.batchBytesMax, options.isLive) = (Self.batchRowsMax, Self.batchBytesMax, true)
        self.options = options
        self.stream = stream
        check = try RowCheck(group)
        progress = Mutex(Progress("writing \(input.name)"))
    }

    /// Writes until the input ends or Ctrl-C comes.
    ///
    /// - Returns: what was written, and whether that ended with Ctrl-C.
    /// - Throws: `.invalidArgument` with the row: those before it are written; what the stream failed with. Both say what is
    ///   acknowledged.
    func run() async throws -> (result: UploadResult, isInterrupted: Bool) {
        let started = ContinuousClock.now
        let ending = await readToEnd()
        progress.withLock { $0.finish() }
        var result = UploadResult(try await stream.close())
        if let ending, ending.code != .cancelled {
            let place = ending.location.map { "\($0): " } ?? ""
            let written =
                switch result.rows {
                case 0: "nothing was written"
                case 1: "row 1 was written, at position \(result.position), and none behind it"
                default: "rows 1 to \(result.rows) were written, up to position \(result.position), and none behind them"
                }
            throw HeadwaterError(ending.code, "\(place)\(ending.message)\n\(written)")
        }
        if result.rows == 0 { result = UploadResult(standingAt: try await client.status().value.online?.lastPosition ?? 0) }
        result.elapsed = ContinuousClock.now - started
        return (result, ending != nil)
    }

    /// - Returns: what ended the reading before the input did; `.cancelled` for Ctrl-C.
    private func readToEnd() async -> HeadwaterError? {
        await withCheckedContinuation { continuation in
            let ending = Once<HeadwaterError?> { continuation.resume(returning: $0) }
            Interrupts.whenInterrupted { [input] in
                // A reader that waits may do so for ever.
                if input.stop() { ending.come(HeadwaterError(.cancelled, "interrupted")) }
            }
            // A stream that fails is told of, though no further row may come.
            Task { [stream] in do throws(HeadwaterError) { try await stream.watch() } catch { ending.come(error) } }
            Thread { [self] in
                do throws(HeadwaterError) {
                    try readRows()
                    ending.come(nil)
                } catch {
                    ending.come(error)
                }
            }.start()
        }
    }

    private func readRows() throws(HeadwaterError) {
        let columns = TableColumn.columns(
            of: group.schema, .write, removed: group.removedNames, oldNames: group.oldNames)
        var decoder = try TableDecoder(
            input.format, name: input.name, columns: columns, options: options, source: input.next)
        var rowCount = 0
        while let rows = try decoder.next() {
            try add(rows)
            rowCount += rows.batch.rowCount
            progress.withLock { $0.update(rows: rowCount, fraction: nil) }
        }
    }

    private func add(_ rows: TableBatch) throws(HeadwaterError) {
        let batch = rows.batch
        do { try check(batch, firstRow: rows.firstRow) } catch {
            // What stands before the first bad row is written.
            for row in 0..<batch.rowCount {
                let one = Batch(rowCount: 1, ordinals: batch.ordinals, checked: batch.columns.map { $0.slice(row..<row + 1) })
                try check(one, firstRow: rows.firstRow + row)
                try send(one)
            }
            throw error
        }
        try send(batch)
    }

    private func check(_ batch: Batch, firstRow: Int) throws(HeadwaterError) {
        let now = SystemClock().now() + client.serverClockAhead
        try check.check(batch, firstRow: firstRow, operation: .write, now: now, file: input.name)
    }

    /// Adds rows to the stream, and waits for that.
    private func send(_ batch: Batch) throws(HeadwaterError) {
        let entry = RecordEntry(groupID: group.id, schemaVersion: group.schemaVersion, operation: .write, batch: batch)
        let done = DispatchSemaphore(value: 0)
        let failure = Once<HeadwaterError?> { _ in done.signal() }
        Task { [stream] in
            do throws(HeadwaterError) {
                try await stream.add(entry)
                failure.come(nil)
            } catch {
                failure.come(error)
            }
        }
        done.wait()
        if let failure = failure.value ?? nil { throw failure }
    }
}

/// What comes once: the first value counts.
private final class Once<Value: Sendable>: Sendable {
    private let box = Mutex<Value?>(nil)
    private let told: @Sendable (Value) -> Void

    /// - Parameter told: called with the value.
    init(_ told: @escaping @Sendable (Value) -> Void) { self.told = told }

    var value: Value? { box.withLock { $0 } }

    func come(_ value: Value) {
        let isFirst = box.withLock { box in
            if box != nil { return false }
            box = .some(value)
            return true
        }
        if isFirst { told(value) }
    }
}
