import FeatureModel
import Log
import StorageIO
import Synchronization
import TestSupport

/// A log that stands on no disk of this world: a broker elsewhere, which
/// the store's processes reach over a network that it does not tell of.
///
/// It outlives kills and power cuts, and what it has taken is durable. What it was asked may be lost, its answer may be, an
/// append may arrive twice, or only when its writer has long given up; and another writer may take the log. An append names the
/// position that it expects and the writer's epoch, so that none is taken twice and none of an earlier writer behind a later one.
final class BrokerLog: RecordLog, Sendable {
    fileprivate struct State {
        var random: SplitMix64
        var isHealed = false
        /// How often each kind of trouble came.
        var counts: [FaultKind: Int] = [:]
        var logID: LogID?
        /// All that were not let go of, by rising position.
        var records: [Record] = []
        var removedThrough: Position = 0
        var lastPosition: Position = 0
        /// Followers read up to here: what a writer has said it is done with.
        var published: Position = 0
        var lastIngestTime: Microseconds?
        /// The greatest position that any writer gave to a record.
        var handedOut: Position = 0
        var epoch: UInt64 = 0
        var wasClosed = false
        var followers: [UInt64: FollowerCheckpoint] = [:]
        var mark: (mark: ClockMark, logID: LogID)?
        /// An append that is still under way.
        var late: (records: [Record], epoch: UInt64)?
    }

    /// The chance that an append is in trouble.
    private static let trouble = 0.04

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(random: SplitMix64(seed: seed))) }

    /// No trouble from here on.
    func heal() { state.withLock { $0.isHealed = true } }

    /// Whether any append was in trouble so far.
    var hasStruck: Bool { state.withLock { !$0.counts.isEmpty } }

    var counts: [FaultKind: Int] { state.withLock { $0.counts } }

    let place = "broker"

    func exists() -> Bool { state.withLock { $0.logID != nil } }

    // MARK: Writing

    func openWriter(_ options: LogOptions, newLogID: LogID, now: Microseconds) -> any LogWriting {
        state.withLock { state in
            // Either before the new writer is announced, or behind it: then nobody takes it any more.
            if let late = state.late, state.random.chance(0.5) { state.take(late.records, epoch: late.epoch) }
            state.late = nil
            let logID = state.logID ?? newLogID
            state.logID = logID
            state.epoch += 1
            let wasClosed = state.wasClosed
            state.wasClosed = false
            if !wasClosed, state.handedOut > state.lastPosition { state.skip(now: now) }
            state.published = state.lastPosition
            return BrokerWriter(
                self, logID: logID, epoch: state.epoch, wasClosed: wasClosed, last: state.lastPosition,
                ingestTime: state.lastIngestTime)
        }
    }

    fileprivate func handOut(_ position: Position) { state.withLock { $0.handedOut = max($0.handedOut, position) } }

    /// - Returns: whether the writer hears that its records were taken.
    fileprivate func append(_ records: [Record], epoch: UInt64) -> Bool {
        state.withLock { state in
            guard !state.isHealed, state.random.chance(Self.trouble) else { return state.take(records, epoch: epoch) }
            let kind = state.random.pick([FaultKind.appendLost, .answerLost, .appendDoubled, .appendLate, .otherWriter])
            state.counts[kind, default: 0] += 1
            switch kind {
            case .answerLost: state.take(records, epoch: epoch)
            case .appendDoubled:
                state.take(records, epoch: epoch)
                return state.take(records, epoch: epoch)
            case .appendLate: state.late = (records, epoch)
            // It goes again, and the one that was there must not write on.
            case .otherWriter: state.epoch += 1
            default: break
            }
            return kind == .otherWriter ? state.take(records, epoch: epoch) : false
        }
    }

    fileprivate func publish(_ position: Position, epoch: UInt64) {
        state.withLock { if $0.epoch == epoch { $0.published = max($0.published, position) } }
    }

    fileprivate func close(epoch: UInt64) { state.withLock { if $0.epoch == epoch { $0.wasClosed = true } } }

    func clockMark(of logID: LogID) -> ClockMark? { state.withLock { $0.mark?.logID == logID ? $0.mark?.mark : nil } }

    func keep(_ mark: ClockMark, of logID: LogID) { state.withLock { $0.mark = (mark, logID) } }

    // MARK: Following

    func openReader() throws(HeadwaterError) -> any LogReading {
        guard let logID = state.withLock({ $0.logID }) else { throw HeadwaterError(.notFound, "there is no log", at: place) }
        return BrokerReader(self, logID: logID)
    }

    func bounds() throws(HeadwaterError) -> LogBounds {
        let reader = try openReader()
        let handedOut = state.withLock { $0.handedOut }
        return LogBounds(
            logID: reader.logID, durablePosition: reader.durablePosition, reserve: max(handedOut, reader.durablePosition))
    }

    fileprivate var end: (position: Position, epoch: UInt64, oldest: Position) {
        state.withLock { ($0.published, $0.epoch, $0.removedThrough + 1) }
    }

    fileprivate func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record] {
        try state.withLock { (state) throws(HeadwaterError) in
            guard position <= state.published, position >= state.removedThrough else {
                throw HeadwaterError(
                    .outOfRange,
                    "position \(position) is not in the log, which has \(state.removedThrough + 1) to \(state.published)",
                    at: place)
            }
            var bytes = 0
            return Array(
                state.records.drop { $0.position <= position }.prefix { record in
                    defer { bytes += record.body.count }
                    return record.position <= state.published && (bytes < limitBytes || bytes == 0)
                })
        }
    }

    // MARK: Holding

    func followers() -> [FollowerCheckpoint] { state.withLock { $0.followers.values.sorted { $0.id < $1.id } } }
    func follower(_ id: UInt64) -> FollowerCheckpoint? { state.withLock { $0.followers[id] } }
    func register(_ follower: FollowerCheckpoint, byOwner: Bool) { state.withLock { $0.followers[follower.id] = follower } }

    func forget(follower id: UInt64) throws(HeadwaterError) {
        guard state.withLock({ $0.followers.removeValue(forKey: id) }) != nil else {
            throw HeadwaterError(.notFound, "no follower \(id) is registered", at: place)
        }
    }

    /// Lets go of records before `position`; returns their bytes.
    fileprivate func remove(before position: Position) -> Int {
        state.withLock { state in
            let gone = state.records.prefix { $0.position < position }
            guard let last = gone.last?.position else { return 0 }
            let bytes = gone.reduce(0) { $0 + $1.body.count }
            state.records.removeFirst(gone.count)
            state.removedThrough = last
            return bytes
        }
    }

    // MARK: Verifying

    func verify(_ visit: ScrubVisit) -> LogReport {
        var report = LogReport()
        let records = state.withLock { $0.records }
        report.segments = 1
        report.records = records.count
        report.bodyBytes = records.reduce(0) { $0 + $1.body.count }
        (report.firstPosition, report.lastPosition) = (records.first?.position, records.last?.position)
        return report
    }

    func forEachEntry(_ visit: (LogEntry) throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        for record in state.withLock({ $0.records }) {
            try visit(LogEntry(record, segment: 1, path: place, offset: 0))
        }
    }

    func byteCount() -> Int { bytes(behind: 0) }

    fileprivate func bytes(behind position: Position) -> Int {
        state.withLock { $0.records.reduce(0) { $0 + ($1.position > position ? $1.body.count : 0) } }
    }
}

extension BrokerLog.State {
    /// Takes an append, unless it comes from a writer that was replaced.
    ///
    /// - Returns: whether the log has the records: also where it had them before.
    @discardableResult
    fileprivate mutating func take(_ records: [Record], epoch: UInt64) -> Bool {
        guard epoch == self.epoch, let first = records.first, let last = records.last else { return records.isEmpty }
        if last.position <= lastPosition { return true }
        guard first.position == lastPosition + 1 else { return false }
        self.records += records
        (lastPosition, lastIngestTime) = (last.position, last.ingestTime)
        return true
    }

    /// Records that positions were given out which no record has.
    fileprivate mutating func skip(now: Microseconds) {
        var body: [UInt8] = []
        body.append(littleEndian: lastPosition + 1)
        let position = handedOut + Position(random.int(0...3))
        // The clock of now is not trusted yet.
        let ingestTime = lastIngestTime ?? now
        records.append(Record(position: position, ingestTime: ingestTime, stamp: .none, kind: .gap, body: body[...]))
        (lastPosition, lastIngestTime, handedOut) = (position, ingestTime, position)
    }
}

/// The broker's log as one process writes it.
private final class BrokerWriter: LogWriting {
    private let broker: BrokerLog
    let logID: LogID
    let writerEpoch: UInt64
    let wasClosed: Bool
    private(set) var lastPosition: Position
    private(set) var lastIngestTime: Microseconds?
    private(set) var durablePosition: Position
    private(set) var failure: HeadwaterError?
    var absentFollowers: Set<ByteString> = []
    private var staged: [Record] = []
    private var written: Position

    init(_ broker: BrokerLog, logID: LogID, epoch: UInt64, wasClosed: Bool, last: Position, ingestTime: Microseconds?) {
        self.broker = broker
        self.logID = logID
        writerEpoch = epoch
        self.wasClosed = wasClosed
        (lastPosition, durablePosition, written) = (last, last, last)
        lastIngestTime = ingestTime
    }

    var oldestPosition: Position { broker.end.oldest }

    func stage(
        kind: RecordKind, stamp: ProducerStamp, body: ArraySlice<UInt8>, now: Microseconds
    ) throws(HeadwaterError) -> Position {
        if let failure { throw failure }
        let ingestTime = max(lastIngestTime ?? now, now)
        lastPosition += 1
        lastIngestTime = ingestTime
        broker.handOut(lastPosition)
        staged.append(Record(position: lastPosition, ingestTime: ingestTime, stamp: stamp, kind: kind, body: body))
        return lastPosition
    }

    func write() throws(HeadwaterError) -> [Record] {
        if let failure { throw failure }
        defer { staged = [] }
        guard broker.append(staged, epoch: writerEpoch) else {
            let error = HeadwaterError(
                .unavailable, "the broker did not say that it has the records, or another writer took the log", at: broker.place)
            failure = error
            throw error
        }
        written = lastPosition
        return staged
    }

    func sync() throws(HeadwaterError) -> Position {
        if let failure { throw failure }
        broker.publish(written, epoch: writerEpoch)
        durablePosition = written
        return durablePosition
    }

    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record] {
        try broker.read(after: position, limitBytes: limitBytes)
    }

    func reserveAhead() {}
    var roomAhead: (any RoomAhead)? { nil }

    func retention() -> LogRetention {
        LogRetention(
            oldestPosition: oldestPosition, retainedBytes: broker.byteCount(), segmentCount: 1,
            slowestFollower: waitedFor.min { $0.position < $1.position })
    }

    func bytes(behind position: Position) -> Int { broker.bytes(behind: position) }

    func removeSegments(keepingFrom position: Position) throws(HeadwaterError) -> Int {
        if let failure { throw failure }
        let held = waitedFor.map { $0.position + 1 }.min() ?? .max
        return broker.remove(before: min(position, held, durablePosition + 1))
    }

    private var waitedFor: [FollowerCheckpoint] { broker.followers().filter { !absentFollowers.contains($0.name) } }

    func close(clean: Bool) throws(HeadwaterError) {
        guard clean else { return }
        _ = try write()
        _ = try sync()
        broker.close(epoch: writerEpoch)
    }
}

private final class BrokerReader: LogReading {
    private let broker: BrokerLog
    let logID: LogID

    init(_ broker: BrokerLog, logID: LogID) { (self.broker, self.logID) = (broker, logID) }

    var durablePosition: Position { broker.end.position }
    var writerEpoch: UInt64 { broker.end.epoch }

    func read(after position: Position, limitBytes: Int) throws(HeadwaterError) -> [Record] {
        try broker.read(after: position, limitBytes: limitBytes)
    }

    func lookup(_ position: Position) throws(HeadwaterError) -> PositionState {
        let end = broker.end
        if position == 0 { return .durable }
        if position > end.position { return .beyondEnd }
        if position < end.oldest { return .removed }
        let record = try broker.read(after: position - 1, limitBytes: 1).first
        return record?.kind == .gap ? .gap : .durable
    }

    func bytes(behind position: Position) -> Int { broker.bytes(behind: position) }

    var place: LogPlace? { nil }
    func go(to place: LogPlace) {}
}
