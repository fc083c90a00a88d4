public import FeatureModel

/// The answer of a write, kept so that a retry gets the same.
public struct WriteAnswer: Hashable, Sendable {
    /// Row numbers that an answer lists; the count is whole.
    public static let newerRowsListedMax = 64

    public let position: Position
    public let ingestTime: Microseconds
    /// Rows of deletes whose key has a newer row, of which the delete hides nothing; `nil` where damage kept it from being known.
    public let newerKeyCount: UInt32?
    /// The first of these rows, by rising number, counted through the record.
    public let newerRows: [UInt32]
    /// Rows below the retention cutoff in force at the position: taken, and never read.
    public let belowCutoffCount: UInt32
    /// Written rows whose key has a tombstone that is newer: taken into history, and not served.
    public let behindTombstoneCount: UInt32

    /// - Parameter effects: `nil` where damage kept them from being known.
    public init(position: Position, ingestTime: Microseconds, _ effects: WriteEffects?) {
        let newerRows = effects?.newerRows
        self.init(
            position: position, ingestTime: ingestTime, newerKeyCount: newerRows.map { UInt32($0.count) },
            listed: Array((newerRows ?? []).prefix(Self.newerRowsListedMax)), belowCutoffCount: effects?.belowCutoff ?? 0,
            behindTombstoneCount: effects?.behindTombstone ?? 0)
    }

    /// An answer as it was kept or sent.
    public init(
        position: Position, ingestTime: Microseconds, newerKeyCount: UInt32?, listed: [UInt32], belowCutoffCount: UInt32 = 0,
        behindTombstoneCount: UInt32 = 0
    ) {
        self.position = position
        self.ingestTime = ingestTime
        self.newerKeyCount = newerKeyCount
        newerRows = listed
        self.belowCutoffCount = belowCutoffCount
        self.behindTombstoneCount = behindTombstoneCount
    }
}

/// The producer sessions and their last writes: what makes a retry safe (promise P3).
///
/// A fold of the log like every state: sessions open with a `producer` record, whose position is the producer's id; a data
/// record with a stamp enters its sequence, checksum and answer. The window of a session holds its last
/// `sequencesPerSession` writes, and a session ends when `sessionDistance` positions went by without a write of it:
/// both are counted in the log, never by a clock, so every replay has the same window.
public struct ProducerWindow: Sendable, Equatable {
    /// Writes of one session that can be retried.
    public static let sequencesPerSession = 1_024
    /// Positions after which a session that writes nothing ends.
    public static let sessionDistance: Position = 1 << 24
    /// Sessions at once; one more ends the one that has been idle longest.
    public static let sessionsMax = 4_096

    struct Entry: Hashable, Sendable {
        let bodyChecksum: UInt32
        let bodyBytes: UInt32
        var answer: WriteAnswer
    }

    struct Session: Equatable, Sendable {
        var epoch: UInt32
        var lastPosition: Position
        /// Sequences up to this one have left the window.
        var evictedThrough: UInt64 = 0
        var entries = SequenceWindow<Entry>()

        mutating func add(_ entry: Entry, sequence: UInt64) {
            lastPosition = entry.answer.position
            entries.set(sequence, entry)
            guard entries.count > ProducerWindow.sequencesPerSession else { return }
            evictedThrough = max(evictedThrough, entries.removeOldest())
        }
    }

    var sessions: [UInt64: Session] = [:]

    public init() {}

    /// Whether a producer's session is open, so that the answers of its writes are kept.
    func has(_ producer: UInt64) -> Bool { sessions[producer] != nil }

    public enum Verdict: Equatable, Sendable {
        case new
        /// Written before with the same content: this was the answer.
        case duplicate(WriteAnswer)
    }

    /// Judges a stamped write before it is staged.
    ///
    /// - Throws: `.failedPrecondition` for an unknown or ended session, another epoch, or a sequence behind the window;
    ///   `.alreadyExists` for a sequence that was used with other content.
    public func judge(_ stamp: ProducerStamp, bodyChecksum: UInt32, bodyBytes: Int) throws(HeadwaterError) -> Verdict {
        guard stamp.producer != 0 else { return .new }
        guard let session = sessions[stamp.producer] else {
            throw HeadwaterError(
                .failedPrecondition,
                "producer session \(stamp.producer) is unknown or has ended: open a new one and check what was written")
        }
        guard session.epoch == stamp.epoch else {
            throw HeadwaterError(
                .failedPrecondition, "producer session \(stamp.producer) is at epoch \(session.epoch), not \(stamp.epoch)")
        }
        guard stamp.sequence > session.evictedThrough else {
            throw HeadwaterError(
                .failedPrecondition,
                "sequence \(stamp.sequence) of producer \(stamp.producer) has left the window of \(Self.sequencesPerSession) writes"
            )
        }
        guard let entry = session.entries[stamp.sequence] else { return .new }
        let isSameLength = entry.bodyBytes == UInt32(bodyBytes) || Sabotage.checksumWithoutLength.isPlanted
        guard entry.bodyChecksum == bodyChecksum, isSameLength else {
            throw HeadwaterError(
                .alreadyExists,
                "sequence \(stamp.sequence) of producer \(stamp.producer) was used for other content at position \(entry.answer.position)"
            )
        }
        return .duplicate(entry.answer)
    }

    /// Folds a `producer` record: a new session, named by the record's position.
    public mutating func open(at position: Position) {
        sessions[position] = Session(epoch: 1, lastPosition: position)
        endIdleSessions(at: position)
        if sessions.count > Self.sessionsMax {
            // Positions differ, so every replay ends the same one.
            let idlest = sessions.min { $0.value.lastPosition < $1.value.lastPosition }!.key
            sessions.removeValue(forKey: idlest)
        }
    }

    /// Folds a data record.
    public mutating func fold(_ stamp: ProducerStamp, body: ArraySlice<UInt8>, answer: WriteAnswer) {
        endIdleSessions(at: answer.position)
        // Changed where it lies: a copy would take all its entries along.
        guard stamp.producer != 0, let index = sessions.index(forKey: stamp.producer) else { return }
        let entry = Entry(bodyChecksum: CRC32C.checksum(body), bodyBytes: UInt32(body.count), answer: answer)
        sessions.values[index].add(entry, sequence: stamp.sequence)
    }

    /// Whether the answer of a write is still there.
    func keeps(_ stamp: ProducerStamp, at position: Position) -> Bool {
        sessions[stamp.producer]?.entries[stamp.sequence]?.answer.position == position
    }

    /// Puts the effects of a write's rows into its answer.
    ///
    /// - Parameter effects: `nil` where damage kept them from being known.
    mutating func settle(_ stamp: ProducerStamp, at position: Position, _ effects: WriteEffects?) {
        guard keeps(stamp, at: position), let index = sessions.index(forKey: stamp.producer),
            var entry = sessions.values[index].entries[stamp.sequence]
        else { return }
        entry.answer = WriteAnswer(position: position, ingestTime: entry.answer.ingestTime, effects)
        sessions.values[index].entries.set(stamp.sequence, entry)
    }

    private mutating func endIdleSessions(at position: Position) {
        // Once in a while is enough, as long as every replay does it at the same positions.
        guard position % 4_096 == 0, position > Self.sessionDistance else { return }
        sessions = sessions.filter { $0.value.lastPosition >= position - Self.sessionDistance }
    }
}

/// The form in which a snapshot keeps the window: little-endian, sessions and sequences in rising order.
extension ProducerWindow {
    func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(sessions.count))
        for (producer, session) in sessions.sorted(by: { $0.key < $1.key }) {
            bytes.append(littleEndian: producer)
            bytes.append(littleEndian: session.epoch)
            bytes.append(littleEndian: session.lastPosition)
            bytes.append(littleEndian: session.evictedThrough)
            bytes.append(littleEndian: UInt32(session.entries.count))
            for (sequence, entry) in session.entries.all {
                bytes.append(littleEndian: sequence)
                bytes.append(littleEndian: entry.bodyChecksum)
                bytes.append(littleEndian: entry.bodyBytes)
                bytes.append(littleEndian: entry.answer.position)
                bytes.append(littleEndian: entry.answer.ingestTime)
                bytes.append(littleEndian: entry.answer.newerKeyCount ?? Self.unknownCount)
                bytes.append(littleEndian: UInt32(entry.answer.newerRows.count))
                for row in entry.answer.newerRows { bytes.append(littleEndian: row) }
                bytes.append(littleEndian: entry.answer.belowCutoffCount)
                bytes.append(littleEndian: entry.answer.behindTombstoneCount)
            }
        }
        return bytes
    }

    /// - Parameter layout: of the answers: they list rows since 2, and count what is not served since 3.
    /// - Throws: `.dataLoss` where the bytes do not hold together.
    init(decoding bytes: ArraySlice<UInt8>, layout: UInt32 = 3) throws(HeadwaterError) {
        var reader = ByteReader(bytes, of: "producer window")
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let producer = try reader.integer(UInt64.self)
            var session = Session(epoch: try reader.integer(), lastPosition: try reader.integer())
            session.evictedThrough = try reader.integer()
            for _ in 0..<(try reader.integer(UInt32.self)) {
                let sequence = try reader.integer(UInt64.self)
                session.entries.set(
                    sequence,
                    Entry(
                        bodyChecksum: try reader.integer(), bodyBytes: try reader.integer(),
                        answer: try Self.answer(&reader, layout: layout)))
            }
            sessions[producer] = session
        }
        try reader.expectEnd(of: "producer window")
    }

    /// Stands for a count that damage kept from being known.
    private static let unknownCount = UInt32.max

    private static func answer(_ reader: inout ByteReader, layout: UInt32) throws(HeadwaterError) -> WriteAnswer {
        let position = try reader.integer(Position.self)
        let ingestTime = try reader.integer(Microseconds.self)
        let count = try reader.integer(UInt32.self)
        var rows: [UInt32] = []
        if layout >= 2 {
            let listed = Int(try reader.integer(UInt32.self))
            guard listed <= WriteAnswer.newerRowsListedMax else {
                throw HeadwaterError(.dataLoss, "producer window: an answer that lists \(listed) rows")
            }
            for _ in 0..<listed { rows.append(try reader.integer()) }
        }
        let newerKeyCount = count == unknownCount ? nil : count
        let belowCutoff: UInt32 = layout >= 3 ? try reader.integer() : 0
        let behindTombstone: UInt32 = layout >= 3 ? try reader.integer() : 0
        return WriteAnswer(
            position: position, ingestTime: ingestTime, newerKeyCount: newerKeyCount, listed: rows, belowCutoffCount: belowCutoff,
            behindTombstoneCount: behindTombstone)
    }
}
