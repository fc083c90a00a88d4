public import FeatureModel
import Synchronization
import Transport
import Wire

/// One batch of a stream of rows.
public struct RowsItem<Rows: Sendable>: Sendable {
    /// Number of the first row in the whole answer.
    public let rowOffset: Int
    /// The columns of the answer: the same in every item.
    public let outputs: [Field]
    public let rows: Rows
}

/// What the end of a stream said.
public struct RowsSummary: Sendable {
    /// The position that the whole answer shows.
    public let position: Position
    public let rows: Int
}

/// Rows as they arrive; the server waits while they are not read. One task reads.
///
/// Letting the stream go cancels it.
public final class RowStream<Rows: Sendable>: AsyncSequence, Sendable {
    public typealias Element = RowsItem<Rows>
    typealias Feed = @Sendable (ClientStream) async throws(HeadwaterError) -> Void
    typealias Decode = @Sendable (ArraySlice<UInt8>, [Field]) throws(HeadwaterError) -> (rows: Rows, count: Int)

    private let stream: ClientStream
    private let decode: Decode
    private let feeder: Feeder?
    private let state = Mutex((outputs: [Field]?.none, rows: 0))

    init(_ stream: ClientStream, feed: Feed? = nil, decode: @escaping Decode) {
        self.stream = stream
        self.decode = decode
        feeder = feed.map { Feeder(stream, $0) }
    }

    deinit { cancel() }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let rows: RowStream

        /// The next batch; `nil` after the last one.
        ///
        /// - Throws: the `HeadwaterError` that the stream ended with.
        public func next() async throws -> Element? { try await rows.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rows: self) }

    /// The next batch; `nil` after the last one.
    public func next() async throws(HeadwaterError) -> Element? {
        let item: ClientStream.StreamItem?
        do { item = try await stream.next() } catch {
            // Where our own side could not go on, that is the reason to tell.
            if error.code == .cancelled, let failure = feeder?.failure { throw failure }
            throw error
        }
        guard let item else {
            guard let summary, summary.rows == state.withLock({ $0.rows }) else {
                throw HeadwaterError(.dataLoss, "the stream ended with another number of rows than it stated: ask again")
            }
            return nil
        }
        let head = try RowsData(decoding: item.head)
        let named = head.outputs.isEmpty ? nil : try head.outputs.fields()
        let (outputs, offset) = state.withLock { state in
            if let named, state.outputs == nil { state.outputs = named }
            return (state.outputs ?? [], state.rows)
        }
        guard head.rowOffset == UInt64(offset) else {
            throw HeadwaterError(.dataLoss, "rows \(offset) to \(head.rowOffset) of the stream are missing: ask again")
        }
        let decoded = try decode(item.body, outputs)
        state.withLock { $0.rows += decoded.count }
        return RowsItem(rowOffset: offset, outputs: outputs, rows: decoded.rows)
    }

    /// What the end said; `nil` until `next` has returned `nil`.
    public var summary: RowsSummary? {
        guard let end = stream.reply, let head = try? end.decode(RowsEnd.self) else { return nil }
        return RowsSummary(position: head.position, rows: Int(clamping: head.rows))
    }

    /// Gives the stream up.
    public func cancel() {
        feeder?.cancel()
        stream.cancel()
    }
}

/// Sends what a stream takes, beside the reading of its answer.
private final class Feeder: Sendable {
    private let task: Task<Void, Never>
    private let failed: FailureBox

    init(_ stream: ClientStream, _ feed: @escaping @Sendable (ClientStream) async throws(HeadwaterError) -> Void) {
        let failed = FailureBox()
        self.failed = failed
        task = Task {
            do throws(HeadwaterError) { try await feed(stream) } catch {
                failed.set(error)
                stream.cancel()
            }
        }
    }

    var failure: HeadwaterError? { failed.value }

    func cancel() { task.cancel() }
}

private final class FailureBox: Sendable {
    private let box = Mutex<HeadwaterError?>(nil)

    var value: HeadwaterError? { box.withLock { $0 } }

    func set(_ error: HeadwaterError) { box.withLock { $0 = error } }
}
