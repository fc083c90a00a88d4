import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import Synchronization
import TestDisks

/// What is wrong after a fault.
struct Violation: Hashable {
    enum Kind: String, CaseIterable {
        case acknowledgedAfterFailedSync = "acknowledged after a failed sync"
        case wrongOK = "wrong OK"
        case noStart = "no longer starts"
        case lost, doubled, disagreement
        case reusedPosition = "position used twice"
        case wrongRead = "wrong read"
        case noWriteAfterFullDisk = "no write after a full disk"
        case failedWithoutFault = "fails without a fault"
    }

    let kind: Kind
    let text: String
}

/// One run of the scripted life with faults, and all that its client and a watcher of the disk find wrong with it.
struct LifeRun {
    let faults: [FaultPoint]
    let full: FullDisk?
    private(set) var client = Client()
    private(set) var violations: [Violation] = []
    /// Faults that struck.
    private(set) var struck = 0
    /// Every call of each process of a run without faults, with its stage.
    private(set) var calls: [[(call: IOCall, stage: Stage)]] = []
    /// Lives on which the full disk was met inside a segment or a control write, which ends a process's writes.
    private(set) var restartsAfterFullDisk = 0

    private var disk = MemoryStorage(capacityBytes: LifeRun.capacityBytes)
    private var now = SweptTime.start
    /// The last position that a process so far has given out.
    private var lastPosition: Position = 0

    private static let capacityBytes = 1 << 40

    init(faults: [FaultPoint] = [], full: FullDisk? = nil) {
        self.faults = faults
        self.full = full
        for index in Life.processes.indices { runProcess(index) }
        finish()
    }

    private mutating func found(_ kind: Violation.Kind, _ text: String) { violations.append(Violation(kind: kind, text: text)) }

    // MARK: Processes

    private mutating func runProcess(_ index: Int) {
        let process = Life.processes[index]
        let fault = faults.first { $0.process == index }
        let watch = FaultWatch(fault, client.acknowledged)
        let storage = FaultyStorage(disk, plan: watch.plan)
        let recorder = StageRecorder(storage)
        recorder.begin(process.start)
        var ending = process.ending
        do throws(HeadwaterError) {
            let node = try Node(storage, now: now)
            checkPositions(node)
            runSteps(index, node, storage, recorder, watch)
            now = node.now
            lastPosition = node.online.state.current.lastPosition
            if full?.process == index { try haveRoomAgain(node) }
            if let fault, fault.fault == .fullFrom, watch.isStruck { checkWritesAgain(node, storage, watch) }
            if ending == .stop, !storage.isCrashed {
                recorder.begin(.stop)
                do throws(HeadwaterError) {
                    try client.stop(node)
                } catch {
                    if !watch.isStruck && full?.process != index { found(.failedWithoutFault, "the clean stop: \(error)") }
                    ending = .kill
                }
            }
        } catch {
            // The process could not start. On a disk that is well it must.
            if !watch.isStruck { found(.noStart, "process \(index): \(error)") }
            ending = .kill
        }
        calls.append(recorder.finish())
        if watch.isStruck { struck += 1 }
        if let violation = watch.violation { violations.append(violation) }
        endProcess(storage.isCrashed ? fault!.fault : nil, ending)
    }

    /// Positions that an earlier process gave out, answered or not, are never given out again.
    private mutating func checkPositions(_ node: Node) {
        let now = node.online.state.current.lastPosition
        if now < lastPosition { found(.reusedPosition, "\(now + 1) to \(lastPosition) had been given out") }
    }

    private mutating func endProcess(_ fault: SweptFault?, _ ending: Ending) {
        now += 1_000_000
        if let fault {
            disk = fault.disk(after: disk)
        } else {
            disk = ending == .powerCut ? Survivors.nothing.crash(disk) : disk.kill()
        }
    }

    private mutating func runSteps(
        _ index: Int, _ node: Node, _ storage: FaultyStorage, _ recorder: StageRecorder, _ watch: FaultWatch
    ) {
        var isFull = false
        for (number, step) in Life.processes[index].allSteps.enumerated() where !storage.isCrashed {
            if let full, full.process == index, full.step == number {
                struck = 1
                isFull = true
                fill(slackBytes: full.slackBytes)
            }
            recorder.begin(step.stage)
            if step.stage == .read {
                read(node) { watch.isStruck }
            } else {
                do throws(HeadwaterError) { try step.run(node, &client) } catch {
                    // A step that the disk failed has answered nobody; the client asks again later.
                    if !watch.isStruck && !isFull { found(.failedWithoutFault, "\(step.stage.rawValue): \(error)") }
                }
            }
        }
        if !watch.isStruck && !isFull { expectAnswers(node, .failedWithoutFault, "process \(index)") }
    }

    /// Compares all that both stores show with the journal.
    ///
    /// - Parameter mayFail: whether a fault in this process may have
    ///   struck; a read that says that it failed is then no wrong one.
    private mutating func read(_ node: Node, mayFail: () -> Bool = { false }) {
        do throws(HeadwaterError) {
            try node.follow()
            var inspection = Inspection(client)
            try inspection.inspect(node)
            violations += inspection.violations
        } catch  where error.code == .dataLoss || error.code == .outOfRange {
            found(.lost, "\(error)")
        } catch {
            if !mayFail() { found(.failedWithoutFault, "a read: \(error)") }
        }
    }

    /// Everything that the client has sent is answered OK by now, and it has a session to send more in.
    private mutating func expectAnswers(_ node: Node, _ kind: Violation.Kind, _ when: String) {
        guard !client.hasAllAnswers || client.session == nil else { return }
        found(kind, "\(when): \(node.online.state.current.failure.map { "\($0)" } ?? "writes are refused")")
    }

    private func fill(slackBytes: Int) {
        let used = LifeRun.capacityBytes - ((try? disk.freeBytes(Node.directory)) ?? 0)
        disk.setCapacity(bytes: used + slackBytes)
    }

    /// While the disk is full all is read, and a restart works; then it has room, and all is written without another restart.
    private mutating func haveRoomAgain(_ node: Node) throws(HeadwaterError) {
        var node = node
        if full!.restarts {
            disk = disk.kill()
            fill(slackBytes: full!.slackBytes)
            do throws(HeadwaterError) { node = try Node(disk, now: now) } catch {
                found(.noStart, "while the disk is full: \(error)")
                disk.setCapacity(bytes: LifeRun.capacityBytes)
                return
            }
        }
        do throws(HeadwaterError) {
            var inspection = Inspection(client)
            try node.follow()
            try inspection.inspect(node)
            violations += inspection.violations
        } catch { found(.wrongRead, "while the disk is full: \(error)") }
        disk.setCapacity(bytes: LifeRun.capacityBytes)
        writeAgain(node, "the disk was full")
        if full!.restarts { disk = disk.kill() }
    }

    /// After a full disk has room again: without a restart all is taken, unless the disk failed inside a segment.
    private mutating func checkWritesAgain(_ node: Node, _ storage: FaultyStorage, _ watch: FaultWatch) {
        storage.setPlan(.never)
        if watch.isFinal {
            restartsAfterFullDisk += 1
            return
        }
        writeAgain(node, "\(watch.struckCall!)")
    }

    private mutating func writeAgain(_ node: Node, _ cause: String) {
        client.resume(node)
        client.write([(["orders"], .write, 1)], node)
        expectAnswers(node, .noWriteAfterFullDisk, "after \(cause)")
        read(node)
    }

    /// The last word: on a disk that is well everything starts, all retries are answered once, new writes and upkeep go on, and
    /// both stores agree, also behind another restart.
    private mutating func finish() {
        do throws(HeadwaterError) {
            let node = try Node(disk, now: now)
            checkPositions(node)
            read(node)
            client.resume(node)
            client.write([(["orders"], .write, 1)], node)
            expectAnswers(node, .noStart, "a healthy process")
            read(node)
            for attempt in client.attempts {
                if let wrong = client.repeated(attempt, node) { found(.doubled, wrong) }
            }
            try client.snapshot(node)
            try client.compact(node)
            try client.stop(node)
            let again = try Node(disk, now: node.now)
            read(again)
            client.write([(["kinds", "orders"], .write, 1)], again)
            expectAnswers(again, .noStart, "a process behind a clean stop")
            read(again)
            _ = try again.offline.store.verifyAll()
            try again.online.store.verifySnapshot()
            if let damage = try FileLog(in: Node.directory, disk).verify().damage { throw damage }
        } catch { found(.noStart, "\(error)") }
    }
}

extension Client {
    /// What a client does when a server is back: it asks again for all that it has no answer to.
    mutating func resume(_ node: Node) {
        if definitionsAcknowledged == 0 { define(0, node) }
        retry(node)
        if definitionsAcknowledged > 0 { openSession(node) }
    }

    mutating func stop(_ node: Node) throws(HeadwaterError) {
        try flush(node)
        node.offline.close()
        try node.online.close()
    }
}

/// Strikes at one call, and watches that nothing is acknowledged behind a failed sync of the log.
private final class FaultWatch: Sendable {
    private let point: FaultPoint?
    private let acknowledged: Counter
    private let state = Mutex(State())

    private struct State {
        /// The first call that failed.
        var call: IOCall?
        var isFinal = false
        var acknowledgedBefore: Int?
        /// Prepared segments that are filled with zeros: what is written to them from here on is the log's.
        var filled: Set<String> = []
        private var last: IOCall?

        /// Notes a call, and says whether it goes inside the log: the failure of such a one is final for the process.
        mutating func isInsideLog(_ call: IOCall) -> Bool {
            defer { last = call }
            guard call.path.hasPrefix("data/log/prepared-") else { return call.isInsideNamedLog }
            if call.kind == .open { filled.remove(call.path) }
            if filled.contains(call.path) { return [.write, .sync, .rename].contains(call.kind) }
            // The fill ends with its sync. A file keeps the path that it was opened by.
            if call.kind == .sync { filled.insert(call.path) }
            return false
        }

        /// Whether an acknowledgement may depend on this sync.
        ///
        /// None does on a full disk met while zeros are synced ahead of need, and none on
        /// the sync behind the removal of old segments: the control file has said before,
        /// durably, that they may be missing, and each open removes what is left of them.
        func bearsAcknowledgements(_ call: IOCall, isInsideLog: Bool, _ fault: Fault) -> Bool {
            if call.path.hasPrefix("data/log/prepared-") && !isInsideLog && fault == .diskFull { return false }
            if call.kind == .syncDirectory, let last, last.kind == .remove, last.path.hasPrefix("data/log/segment-") {
                return false
            }
            return call.isSyncOfLog
        }
    }

    init(_ point: FaultPoint?, _ acknowledged: Counter) {
        self.point = point
        self.acknowledged = acknowledged
    }

    var isStruck: Bool { struckCall != nil }
    var struckCall: IOCall? { state.withLock { $0.call } }
    /// Whether a call failed that the log cannot go on from.
    var isFinal: Bool { state.withLock { $0.isFinal } }

    var plan: FaultPlan {
        guard let point else { return .never }
        return FaultPlan { [self] call in
            let (before, isInsideLog) = state.withLock { ($0, $0.isInsideLog(call)) }
            guard point.fault == .fullFrom ? call.number >= point.call : call.number == point.call,
                let fault = point.fault.fault(call)
            else { return nil }
            state.withLock { state in
                state.call = state.call ?? call
                if isInsideLog { state.isFinal = true }
                if !fault.endsProcess && before.bearsAcknowledgements(call, isInsideLog: isInsideLog, fault) {
                    state.acknowledgedBefore = state.acknowledgedBefore ?? acknowledged.value
                }
            }
            return fault
        }
    }

    var violation: Violation? {
        let (call, before) = state.withLock { ($0.call, $0.acknowledgedBefore) }
        guard let call, let before, acknowledged.value > before else { return nil }
        return Violation(
            kind: .acknowledgedAfterFailedSync, text: "\(acknowledged.value - before) acknowledgements after call \(call)")
    }
}

extension Fault {
    fileprivate var endsProcess: Bool { self == .crash || self == .crashAfterwards }
}

extension IOCall {
    /// A write or sync of a segment in use, or of what bounds the log.
    fileprivate var isInsideNamedLog: Bool {
        (path.hasPrefix("data/log/segment-") || path == "data/log/control") && (kind == .write || kind == .sync)
    }

    /// A sync that stands before an acknowledgement.
    fileprivate var isSyncOfLog: Bool { kind.isSync && path.hasPrefix("data/log") && !path.hasPrefix("data/log/followers") }
}

/// Notes which stage each call of a process belongs to.
private final class StageRecorder {
    private let storage: FaultyStorage
    private var starts: [(stage: Stage, after: Int)] = []

    init(_ storage: FaultyStorage) { self.storage = storage }

    func begin(_ stage: Stage) { starts.append((stage, storage.callCount)) }

    func finish() -> [(call: IOCall, stage: Stage)] {
        storage.calls.map { call in (call, starts.last { $0.after < call.number }!.stage) }
    }
}
