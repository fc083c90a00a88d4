import FeatureModel
import StorageIO
import Synchronization
import TestDisks
import TestSupport

/// Decides, from its seed, which I/O calls of one process fail and how, and remembers what matters to the checker.
final class FaultInjector: Sendable {
    private struct State {
        var random: SplitMix64
        var isHealed = false
        var isPaused = false
        var isKilled = false
        var counts: [Int]
        var syncFailedOfLog = false
        /// Whether any call failed.
        var hasStruck = false
        var last: IOCall?
    }

    private let state: Mutex<State>
    private let fails: Double
    private let kills: Double

    init(seed: UInt64, fails: Double, kills: Double, isHealed: Bool) {
        self.fails = fails
        self.kills = kills
        state = Mutex(
            State(
                random: SplitMix64(seed: seed), isHealed: isHealed, counts: Array(repeating: 0, count: FaultKind.allCases.count)))
    }

    var plan: FaultPlan { FaultPlan { self.decide($0) } }

    /// No fault from here on.
    func heal() { state.withLock { $0.isHealed = true } }

    /// No fault for a while, or faults again.
    func pause(_ isPaused: Bool) { state.withLock { $0.isPaused = isPaused } }

    /// The process is gone: whatever of it still runs reaches no disk.
    func kill() { state.withLock { $0.isKilled = true } }

    /// Whether a sync of the log failed, after which the process acknowledges no write.
    var hasLogSyncFailed: Bool { state.withLock { $0.syncFailedOfLog } }

    /// Whether any call of this process failed so far.
    var hasStruck: Bool { state.withLock { $0.hasStruck } }

    /// How often each kind of fault was met, and forgets it.
    func takeCounts() -> [Int] {
        state.withLock { state in
            defer { state.counts = Array(repeating: 0, count: state.counts.count) }
            return state.counts
        }
    }

    private func decide(_ call: IOCall) -> Fault? {
        state.withLock { state in
            defer { state.last = call }
            if state.isKilled { return .crash }
            if state.isHealed || state.isPaused { return nil }
            if kills > 0, state.random.chance(kills) {
                state.counts[FaultKind.killedAtCall.rawValue] += 1
                state.hasStruck = true
                return state.random.chance(0.5) ? .crash : .crashAfterwards
            }
            guard fails > 0, state.random.chance(fails) else { return nil }
            let (fault, kind) = Self.fault(call, &state.random)
            state.counts[kind.rawValue] += 1
            state.hasStruck = true
            if Self.bearsAcknowledgements(call, after: state.last) { state.syncFailedOfLog = true }
            return fault
        }
    }

    /// Whether an acknowledgement may depend on this call: a sync inside the log, whatever name a segment was opened by.
    ///
    /// None depends on followers' checkpoints, on the mark of the clocks, or on the sync behind the removal of old segments: the
    /// control file has said before that they may be missing.
    private static func bearsAcknowledgements(_ call: IOCall, after last: IOCall?) -> Bool {
        func isIn(_ path: String?, _ name: String) -> Bool { path?.hasPrefix("\(Workload.logDirectory)/\(name)") ?? false }
        guard [.sync, .syncPage, .syncDirectory].contains(call.kind), call.path.hasPrefix(Workload.logDirectory),
            !isIn(call.path, "followers"), !isIn(call.path, "clock")
        else { return false }
        guard call.kind == .syncDirectory, let last else { return true }
        return !(last.kind == .remove && isIn(last.path, "segment-")) && !(last.kind == .rename && isIn(last.path, "clock"))
    }

    private static func fault(_ call: IOCall, _ random: inout SplitMix64) -> (Fault, FaultKind) {
        switch call.kind {
        case .write:
            switch random.int(0...3) {
            case 0: (.shortWrite(count: random.int(0...max(call.count, 1))), .shortWrite)
            case 1: (.diskFull, .diskFull)
            case 2: (.errorAfterwards(.unavailable), .failedWrite)
            default: (.error(.unavailable), .failedWrite)
            }
        case .sync, .syncDirectory, .syncPage:
            (random.chance(0.3) ? .errorAfterwards(.unavailable) : .error(.unavailable), .failedSync)
        case .rename, .remove, .truncate, .createDirectory:
            (random.chance(0.5) ? .errorAfterwards(.unavailable) : .error(.unavailable), .failedOther)
        case .read, .map, .size: (.error(.unavailable), .failedRead)
        case .list, .open, .mapShared, .lock, .freeBytes: (.error(.unavailable), .failedOther)
        }
    }
}
