public import Catalog
public import FeatureModel

/// What snapshot and manifest keep for the engines beside the rows: all that the fold of the log holds besides them.
///
/// Format 3, little-endian: {format u32, bytes of the catalog's history u32, the history, gap count u32, gaps of (first, last) u64
/// each, count of groups with deletes u32, of each (id u32, greatest event time of a delete i64), the producer window}. Formats 1 and 2 are read
/// too, and what was read from them is written in format 2 until a record behind it is folded. Both services keep all of it, so that the online store can be made anew from the history.
public struct EngineState: Sendable {
    public var catalog: Catalog
    var window: ProducerWindow
    /// Positions that recoveries skipped, in rising order.
    public var gaps: [ClosedRange<Position>]
    var tombstones = NewestTombstones()

    public static let format: UInt32 = 3
    /// The newest one that does not know when deletes were.
    static let formatWithoutDeletes: UInt32 = 2

    init() {
        catalog = Catalog()
        window = ProducerWindow()
        gaps = []
    }

    func encode() -> [UInt8] {
        // An empty table of deletes would say that there were none. Nothing else is lost: the state has folded no write yet.
        let format = tombstones.isFromBefore ? Self.formatWithoutDeletes : Self.format
        let history = catalog.encodeHistory()
        var bytes: [UInt8] = []
        bytes.append(littleEndian: format)
        bytes.append(littleEndian: UInt32(history.count))
        bytes += history
        bytes.append(littleEndian: UInt32(gaps.count))
        for gap in gaps {
            bytes.append(littleEndian: gap.lowerBound)
            bytes.append(littleEndian: gap.upperBound)
        }
        if format > Self.formatWithoutDeletes { bytes += tombstones.encode() }
        return bytes + (Sabotage.dedupLeftOutOfSnapshot.isPlanted ? ProducerWindow() : window).encode(format: format)
    }

    /// Reads the state back; no bytes at all are the state before the first record.
    ///
    /// - Throws: `.dataLoss` where the bytes do not hold together, `.unimplemented` for a newer format.
    public init(decoding bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        self.init()
        if bytes.isEmpty { return }
        var reader = FieldReader(bytes, what: "engine state")
        let format = try reader.next(UInt32.self)
        guard (1...Self.format).contains(format) else {
            throw HeadwaterError(
                .unimplemented, "engine state of format \(format); this version reads 1 to \(Self.format): use a newer headwater")
        }
        let historyBytes = Int(try reader.next(UInt32.self))
        catalog = try Catalog(decodingHistory: try reader.bytes(historyBytes))
        for _ in 0..<(try reader.next(UInt32.self)) {
            let first = try reader.next(Position.self)
            let last = try reader.next(Position.self)
            guard first <= last else { throw HeadwaterError(.dataLoss, "engine state: a gap from \(first) to \(last)") }
            gaps.append(first...last)
        }
        if format > Self.formatWithoutDeletes {
            for _ in 0..<(try reader.next(UInt32.self)) { tombstones.raise(try reader.next(), to: try reader.next()) }
        } else {
            tombstones.isFromBefore = true
        }
        window = try ProducerWindow(decoding: reader.remaining, format: format)
    }

    /// Folds what a record changes here besides sessions: definitions, gaps.
    ///
    /// - Parameter applied: the last position that the store beside this holds.
    /// - Throws: `.dataLoss` naming the position, where the record cannot be read or the log has lost what the store holds.
    public mutating func fold(_ record: Record, applied: Position) throws(HeadwaterError) {
        switch record.kind {
        case .definitions:
            guard record.position > catalog.position else { return }
            do { catalog.apply(try CatalogRecordBody.decode(record.body), position: record.position) } catch {
                throw Fold.unreadable(record, error)
            }
        case .gap:
            guard record.body.count == 8 else { throw Fold.unreadable(record, HeadwaterError(.dataLoss, "a malformed gap")) }
            let first: Position = record.body.littleEndian(at: 0)
            guard first > applied, first <= record.position else {
                throw HeadwaterError(
                    .dataLoss,
                    "the log has lost positions \(first) to \(applied), which this store holds: was it restored from an older copy?",
                    at: "log position \(record.position)")
            }
            gaps.append(first...record.position)
        case .data, .cutoff, .producer: break
        }
    }

    /// Folds when a record deletes; comes before `foldSession`.
    mutating func noteDeletes(_ record: AppliedRecord) {
        tombstones.note(record, ahead: catalog.greatestAhead)
    }

    /// Folds what a record changes of the producer sessions, once a store has applied it.
    ///
    /// - Parameter effects: what the record's rows met, `nil` where damage keeps that from being known; asked only where a session keeps
    ///   the answer.
    mutating func foldSession(_ record: Record, effects: (NewestTombstones) -> WriteEffects?) {
        switch record.kind {
        case .data:
            let isKept = window.sessions[record.stamp.producer] != nil
            let answer = WriteAnswer(
                position: record.position, ingestTime: record.ingestTime, isKept ? effects(tombstones) : WriteEffects())
            window.fold(record.stamp, body: record.body, answer: answer)
        case .producer: window.open(at: record.position)
        case .definitions, .cutoff, .gap: break
        }
    }
}
