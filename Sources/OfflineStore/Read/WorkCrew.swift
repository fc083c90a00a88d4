public import FeatureModel
internal import Synchronization

/// Runs the independent pieces of one read, on as many threads as its owner lends.
///
/// The store has no threads of its own: who has some passes a crew, and `.alone` does everything on the caller's.
public struct WorkCrew: Sendable {
    /// How many pieces may run at once.
    public let size: Int
    private let each: @Sendable (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void

    /// - Parameter each: calls `body` once with each number `0 ..< count`, in any order, on any threads, and returns when all calls have.
    public init(size: Int, each: @escaping @Sendable (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void) {
        precondition(size > 0, "a crew has at least one member")
        self.size = size
        self.each = each
    }

    /// The calling thread.
    public static let alone = WorkCrew(size: 1) { count, body in for number in 0..<count { body(number) } }

    /// Runs `body` for each number and gives the results in order.
    ///
    /// - Throws: the first error, by number, of those that came before the others were stopped.
    func map<Result: Sendable>(
        _ count: Int, _ body: @Sendable (Int) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> [Result] {
        let results = Mutex<[Result?]>(Array(repeating: nil, count: count))
        let failure = Mutex<(number: Int, error: HeadwaterError)?>(nil)
        each(count) { number in
            if failure.withLock({ $0 != nil }) { return }
            do throws(HeadwaterError) {
                let result = try body(number)
                results.withLock { $0[number] = result }
            } catch {
                failure.withLock { if number < $0?.number ?? .max { $0 = (number, error) } }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure.error }
        return results.withLock { $0.map { $0! } }
    }
}
