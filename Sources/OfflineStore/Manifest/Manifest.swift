internal import FeatureModel

/// A chunk file that belongs to the history.
struct ChunkEntry: Hashable, Sendable {
    let number: UInt64
    let fileBytes: Int
    let groupID: GroupID
    let level: Int
    /// Chunks of one run follow each other without overlap.
    let run: UInt64
    let bounds: RowBounds
}

/// A retention cutoff and the position from which it holds.
struct PlacedCutoff: Hashable, Sendable {
    let position: Position
    /// Rows with `event_time < cutoff` are hidden.
    let cutoff: Microseconds
}

/// Which chunks make the history, and up to which position (docs/formats/manifest.md).
struct Manifest: Hashable, Sendable {
    var logID: [UInt8]
    var number: UInt64 = 0
    /// The chunks equal the fold of the log up to here.
    var applied: Position = 0
    var nextChunkNumber: UInt64 = 1
    var cutoffs: [GroupID: CutoffHistory] = [:]
    /// The position before which reads would miss rows that retention has removed, by group. Each such group has cutoffs.
    var oldestAsOf: [GroupID: Position] = [:]
    var chunks: [ChunkEntry] = []
    /// Bytes that the owner keeps beside the chunks; opaque here.
    var extra: [UInt8] = []

    /// The least `asOf` at which every group can be read.
    var oldestAsOfEveryGroup: Position { oldestAsOf.values.max() ?? 0 }
}

/// The cutoffs of one group: positions and cutoffs both rise, since a lower cutoff changes nothing.
struct CutoffHistory: Hashable, Sendable {
    private(set) var all: [PlacedCutoff] = []

    init() {}

    mutating func append(_ cutoff: PlacedCutoff) {
        if let last = all.last, cutoff.cutoff <= last.cutoff { return }
        all.append(cutoff)
    }

    /// The one that holds at a position.
    func effective(asOf position: Position) -> PlacedCutoff? { all.last { $0.position <= position } }

    func upTo(_ position: Position) -> CutoffHistory {
        var history = CutoffHistory()
        history.all = all.filter { $0.position <= position }
        return history
    }

    /// The history without cutoffs that no read from `oldest` on can see.
    func pruned(oldestAsOf oldest: Position) -> CutoffHistory {
        var history = CutoffHistory()
        let keep = all.lastIndex { $0.position <= oldest } ?? 0
        history.all = Array(all.dropFirst(keep))
        return history
    }
}
