public import Catalog
public import FeatureModel

/// All of the fold of the log but its rows: what snapshot and manifest
/// keep beside them, in the same atomic step as their position.
///
/// Both services keep all of it, so that the online store can be made anew from the history. On
/// disk it is a list of tagged sections, a part of the fold each (docs/formats/engine-state.md);
/// what comes to the fold gets a property here, a section, and its place in `Replica.apply`.
public struct ReplicaState: Sendable {
    public internal(set) var catalog = Catalog()
    /// Positions that recoveries skipped, in rising order.
    public internal(set) var gaps: [ClosedRange<Position>] = []
    var sessions = ProducerWindow()
    var tombstones = NewestTombstones()

    /// The state before the first record.
    init() {}

    /// Takes over when a record deletes.
    mutating func noteDeletes(of record: AppliedRecord) { tombstones.note(record, ahead: catalog.greatestAhead) }
}

// MARK: The kept form

extension ReplicaState {
    public static let format: UInt32 = 4

    /// Tags are permanent. A section whose layout changes gets a new one.
    private enum Section: UInt32 {
        case catalog = 1
        case gaps = 2
        case sessions = 3
        /// Left out while it is not known when deletes were.
        case tombstones = 4
    }

    /// Little-endian: {format u32, section count u32}, of each section, by rising tag, {tag u32, byte count u64, bytes}.
    func encode() -> [UInt8] {
        var sections: [(Section, [UInt8])] = [
            (.catalog, catalog.encodeHistory()), (.gaps, encodeGaps()),
            (.sessions, (Sabotage.dedupLeftOutOfSnapshot.isPlanted ? ProducerWindow() : sessions).encode()),
        ]
        if !tombstones.isFromBefore { sections.append((.tombstones, tombstones.encode())) }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: Self.format)
        bytes.append(littleEndian: UInt32(sections.count))
        for (section, content) in sections {
            bytes.append(littleEndian: section.rawValue)
            bytes.append(littleEndian: UInt64(content.count))
            bytes += content
        }
        return bytes
    }

    /// Reads the state back, of any format; no bytes at all are the state before the first record.
    ///
    /// - Throws: `.dataLoss` where the bytes do not hold together,
    ///   `.unimplemented` for a newer format or a section that is not known here.
    public init(decoding bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        self.init()
        if bytes.isEmpty { return }
        var reader = ByteReader(bytes, of: "engine state")
        let format = try reader.integer(UInt32.self)
        switch format {
        case 1...3: try readUntagged(&reader, format: format)
        case Self.format: try readSections(&reader)
        default:
            throw HeadwaterError(
                .unimplemented, "engine state of format \(format); this version reads 1 to \(Self.format): use a newer headwater")
        }
    }

    private mutating func readSections(_ reader: inout ByteReader) throws(HeadwaterError) {
        tombstones.isFromBefore = true
        var last: UInt32 = 0
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let tag = try reader.integer(UInt32.self)
            guard tag > last else { throw HeadwaterError(.dataLoss, "engine state: section \(tag) behind section \(last)") }
            last = tag
            guard let section = Section(rawValue: tag) else {
                throw HeadwaterError(
                    .unimplemented, "engine state with a section \(tag), which this version does not know: use a newer headwater")
            }
            let content = try reader.bytes(try reader.count())
            switch section {
            case .catalog: catalog = try Catalog(decodingHistory: content)
            case .gaps:
                var fields = ByteReader(content, of: "engine state, gaps")
                try readGaps(&fields)
                try fields.expectEnd(of: "engine state, gaps")
            case .sessions: sessions = try ProducerWindow(decoding: content)
            case .tombstones:
                var fields = ByteReader(content, of: "engine state, deletes")
                tombstones = try NewestTombstones(&fields)
                try fields.expectEnd(of: "engine state, deletes")
            }
        }
        try reader.expectEnd(of: "engine state")
    }

    /// Formats 1 to 3: {bytes of the catalog's history u32, the history, gaps, since 3 the newest tombstones, sessions}.
    private mutating func readUntagged(_ reader: inout ByteReader, format: UInt32) throws(HeadwaterError) {
        let historyBytes = Int(try reader.integer(UInt32.self))
        catalog = try Catalog(decodingHistory: try reader.bytes(historyBytes))
        try readGaps(&reader)
        if format >= 3 { tombstones = try NewestTombstones(&reader) } else { tombstones.isFromBefore = true }
        sessions = try ProducerWindow(decoding: reader.remaining, layout: format)
    }

    /// {count u32, of each gap (first u64, last u64)}.
    private func encodeGaps() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(gaps.count))
        for gap in gaps {
            bytes.append(littleEndian: gap.lowerBound)
            bytes.append(littleEndian: gap.upperBound)
        }
        return bytes
    }

    private mutating func readGaps(_ reader: inout ByteReader) throws(HeadwaterError) {
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let first = try reader.integer(Position.self)
            let last = try reader.integer(Position.self)
            // Another position follows each gap.
            guard first <= last, last < .max else {
                throw HeadwaterError(.dataLoss, "engine state: a gap from \(first) to \(last)")
            }
            gaps.append(first...last)
        }
    }
}
