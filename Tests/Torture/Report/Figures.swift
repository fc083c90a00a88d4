import FeatureModel

/// A promise as a run can see it broken.
enum Violation: String, CaseIterable, Codable, Sendable, CodingKeyRepresentable {
    /// Acknowledged, and not there.
    case lost
    /// There more than once.
    case duplicated
    /// Acknowledged before another was sent, and behind it.
    case reordered
    /// A retry, or the session it belongs to, was refused.
    case p3 = "P3"
    /// A store that is not the fold of the log: half a write, a row that nobody sent, another value.
    case p4 = "P4"
    case p5 = "P5"
    case p6 = "P6"
    /// Damage that a fault left behind, an acknowledgement after a failed sync, a directory that does not start.
    case p7 = "P7"
    case p8 = "P8"
    /// A process that ended, or did not start, without saying why; one that others keep from answering.
    case died
    /// Others waited for hostile clients, or memory was held, for longer than is promised.
    case crowded
}

/// What one kind of run did and found.
struct Figures: Codable, Sendable {
    let name: String
    let seed: UInt64
    var seconds = 0.0
    var cycles = 0
    var checks = 0
    var acknowledged = 0
    var acknowledgedByRetry = 0
    var unknown = 0
    /// Of those, how many were taken after all, whole.
    var unknownFound = 0
    var rows = 0
    var reads = 0
    /// Writes that a power cut took where durability is an interval, and the age of the oldest of them.
    var lostByInterval = 0
    var lostAgeMilliseconds = 0.0
    /// Reads that were told that their position is lost.
    var toldLost = 0
    /// Writes that were refused or not answered, by the code that their clients were told.
    var refusals: [String: Int] = [:]
    var violations: [Violation: Int] = [:]
    var messages: [String] = []
    /// From the spawn of a server to its first answer.
    var recoveryMilliseconds: [Double] = []
    /// Further facts of this kind of run, such as faults injected.
    var facts: [String: Int] = [:]
    /// Why it did not run.
    var skipped: String?
    /// What it left out, and why.
    var leftOut: String?

    init(_ name: String, seed: UInt64) {
        self.name = name
        self.seed = seed
    }

    var violationCount: Int { violations.values.reduce(0, +) }

    private static let messagesMax = 20

    mutating func found(_ violation: Violation, _ message: @autoclosure () -> String) {
        violations[violation, default: 0] += 1
        guard messages.count < Self.messagesMax else { return }
        messages.append("\(violation.rawValue): \(message())")
        Screen.line("\(name), seed \(seed): \(messages.last!)")
    }

    mutating func recovered(in duration: Duration) { recoveryMilliseconds.append(duration / .milliseconds(1)) }

    /// Adds what another part of the same kind of run did; its counts of clients are of other clients.
    mutating func add(_ other: Figures) {
        seconds += other.seconds
        cycles += other.cycles
        checks += other.checks
        acknowledged += other.acknowledged
        acknowledgedByRetry += other.acknowledgedByRetry
        unknown += other.unknown
        unknownFound += other.unknownFound
        rows += other.rows
        reads += other.reads
        lostByInterval += other.lostByInterval
        lostAgeMilliseconds = max(lostAgeMilliseconds, other.lostAgeMilliseconds)
        toldLost += other.toldLost
        refusals.merge(other.refusals, uniquingKeysWith: +)
        violations.merge(other.violations, uniquingKeysWith: +)
        messages += other.messages
        recoveryMilliseconds += other.recoveryMilliseconds
        facts.merge(other.facts, uniquingKeysWith: +)
        skipped = skipped ?? other.skipped
        leftOut = leftOut ?? other.leftOut
    }
}
