/// What became of one case.
public struct Verdict: Sendable, Hashable {
    /// What the report counts it as; the sweep's own list, best first.
    public let outcome: String
    /// What happened, for people.
    public let detail: String
    public let isViolation: Bool

    public init(_ outcome: String, _ detail: String = "", isViolation: Bool = false) {
        self.outcome = outcome
        self.detail = detail
        self.isViolation = isViolation
    }
}

/// A list of cases that is the same in every process, each of which runs by itself.
public protocol Sweep {
    /// `sweep NAME` runs it.
    static var name: String { get }
    /// Columns of the table, best outcome first.
    static var outcomes: [String] { get }
    var count: Int { get }
    /// Names a case for good.
    func id(_ index: Int) -> String
    /// What cases are counted by: one table each.
    static var groupings: [String] { get }
    /// The row of each table that a case counts in.
    func groups(_ index: Int) -> [String]
    func run(_ index: Int) -> Verdict
}

extension Sweep {
    /// Indices of an evenly spread sample; all of them where `sample` is `nil` or more than there are.
    public func indices(sample: Int?) -> [Int] {
        guard let sample, sample < count else { return Array(0..<count) }
        return (0..<sample).map { $0 * count / sample }
    }

    public func index(ofCase id: String) -> Int? { (0..<count).first { self.id($0) == id } }
}
