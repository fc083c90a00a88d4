internal import FeatureModel
internal import Synchronization

/// Runs the independent pieces of one read, on as many threads as its owner lends.
///
/// The store has no threads of its own: who has some passes an executor, and `.serial` does everything on the caller's.
public struct ParallelExecutor: Sendable {
    /// How many pieces may run at once.
    public let size: Int
    private let each: @Sendable (_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Void

    /// - Parameter each: calls `body` once with each number `0 ..< count`, of which there is one at least, in any order, on any
    ///   threads, and returns when all calls have.
    public init(size: Int, each: @escaping @Sendable (_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Void) {
        precondition(size > 0, "an executor runs one piece at a time at least")
        self.size = size
        self.each = each
    }

    /// The calling thread.
    public static let serial = ParallelExecutor(size: 1) { count, body in for number in 0..<count { body(number) } }

    /// Runs `body` for each number and gives the results in order.
    ///
    /// - Throws: the first error, by number, of those that came before the others were stopped.
    func map<Result: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> [Result] {
        if count == 0 { return [] }
        let outcome = PieceOutcomes<Result>(count)
        each(count) { number in
            if outcome.hasFailed { return }
            do throws(HeadwaterError) { outcome.set(number, try body(number)) } catch { outcome.fail(number, error) }
        }
        return try outcome.results()
    }
}

/// The outcomes of one read's pieces, set from any thread.
private final class PieceOutcomes<Result: Sendable>: Sendable {
    private struct State {
        var results: [Result?]
        var failure: (number: Int, error: HeadwaterError)?
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(results: Array(repeating: nil, count: count))) }

    var hasFailed: Bool { state.withLock { $0.failure != nil } }

    func set(_ number: Int, _ result: Result) { state.withLock { $0.results[number] = result } }

    func fail(_ number: Int, _ error: HeadwaterError) {
        state.withLock { if number < $0.failure?.number ?? .max { $0.failure = (number, error) } }
    }

    /// The results of all pieces; to be called once they have ended.
    func results() throws(HeadwaterError) -> [Result] {
        let (results, failure) = state.withLock { ($0.results, $0.failure) }
        if let failure { throw failure.error }
        return results.map { $0! }
    }
}
