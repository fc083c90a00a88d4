import FeatureModel

/// What went wrong with a disk, a process, a clock or a broker.
enum FaultKind: Int, CaseIterable {
    case powerCut, kill, killedAtCall, failedSync, failedWrite, shortWrite, diskFull, failedRead, failedOther, fullDisk,
        clockJump, damage, appendLost, answerLost, appendDoubled, appendLate, otherWriter

    var text: String {
        switch self {
        case .powerCut: "power cuts"
        case .kill: "kills of a process"
        case .killedAtCall: "ends at an I/O call"
        case .failedSync: "failed syncs"
        case .failedWrite: "failed writes"
        case .shortWrite: "short writes"
        case .diskFull: "writes without room"
        case .failedRead: "failed reads"
        case .failedOther: "other failed calls"
        case .fullDisk: "full disks"
        case .clockJump: "clock jumps"
        case .damage: "damaged files"
        case .appendLost: "appends that a broker did not get"
        case .answerLost: "appends of which a broker's answer was lost"
        case .appendDoubled: "appends that a broker got twice"
        case .appendLate: "appends that came late to a broker"
        case .otherWriter: "other writers that took a broker's log"
        }
    }
}

/// What was done and seen; sums over seeds.
struct Figures: Sendable {
    var virtualMicroseconds: Microseconds = 0
    var events = 0
    var requests = 0
    var writes = 0
    var acknowledged = 0
    var unknown = 0
    var refused = 0
    var retries = 0
    var mistakes = 0
    var exhausted = 0
    var failed = 0
    var gets = 0
    var histories = 0
    var readsFailed = 0
    var disconnects = 0
    var starts = 0
    var startsFailed = 0
    var restarts = 0
    var crashes = 0
    var unsyncedStops = 0
    var commits = 0
    var snapshots = 0
    var flushes = 0
    var compactions = 0
    var segmentsRemoved = 0
    var recordsLost = 0
    var damageReported = 0
    var checks = 0
    var audits = 0
    var rowsChecked = 0
    var faults = Array(repeating: 0, count: FaultKind.allCases.count)

    /// Every figure by its name.
    var named: [(name: String, value: Int)] {
        [
            ("events", events), ("requests", requests), ("writes", writes), ("acknowledged", acknowledged),
            ("unknown outcome", unknown), ("refused", refused), ("retries", retries), ("deliberate mistakes", mistakes),
            ("refused for want of room", exhausted), ("other requests failed", failed), ("gets checked", gets),
            ("histories checked", histories), ("reads without an answer", readsFailed), ("disconnects", disconnects),
            ("starts", starts), ("failed starts", startsFailed), ("restarts after a failure", restarts), ("crashes", crashes),
            ("clean stops with unsynced writes", unsyncedStops),
            ("group commits", commits), ("snapshots", snapshots), ("flushes", flushes), ("compactions", compactions),
            ("segments removed", segmentsRemoved), ("unsynced records lost in interval mode or to damage", recordsLost),
            ("damage reported", damageReported), ("checks", checks), ("audits", audits), ("rows compared", rowsChecked),
        ] + FaultKind.allCases.map { ($0.text, faults[$0.rawValue]) }
    }

    static func += (sum: inout Figures, one: Figures) {
        sum.virtualMicroseconds += one.virtualMicroseconds
        sum.events += one.events
        sum.requests += one.requests
        sum.writes += one.writes
        sum.acknowledged += one.acknowledged
        sum.unknown += one.unknown
        sum.refused += one.refused
        sum.retries += one.retries
        sum.mistakes += one.mistakes
        sum.exhausted += one.exhausted
        sum.failed += one.failed
        sum.gets += one.gets
        sum.histories += one.histories
        sum.readsFailed += one.readsFailed
        sum.disconnects += one.disconnects
        sum.starts += one.starts
        sum.startsFailed += one.startsFailed
        sum.restarts += one.restarts
        sum.crashes += one.crashes
        sum.unsyncedStops += one.unsyncedStops
        sum.commits += one.commits
        sum.snapshots += one.snapshots
        sum.flushes += one.flushes
        sum.compactions += one.compactions
        sum.segmentsRemoved += one.segmentsRemoved
        sum.recordsLost += one.recordsLost
        sum.damageReported += one.damageReported
        sum.checks += one.checks
        sum.audits += one.audits
        sum.rowsChecked += one.rowsChecked
        for kind in sum.faults.indices { sum.faults[kind] += one.faults[kind] }
    }
}
