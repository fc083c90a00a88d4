import FeatureModel
import TestSupport

/// Names one write request for ever: the row that it leaves in the group `marks` has this key.
struct RequestID: Hashable, Comparable, Sendable {
    let value: Int64

    init(_ value: Int64) { self.value = value }

    init(client: Int, lane: Int, number: Int) { value = Int64(client) << 40 | Int64(lane) << 32 | Int64(number) }

    var client: Int { Int(value >> 40) }
    var lane: Int { Int(value >> 32 & 0xFF) }
    var number: Int { Int(value & 0xFFFF_FFFF) }

    static func < (left: RequestID, right: RequestID) -> Bool { left.value < right.value }
}

/// Keys that are only ever written together, in both groups, with one event time: whoever reads them sees one write, or
/// half of one.
enum Bundle {
    static let keyCount = 4
    static let sharedCount = 16
    static let privateCount = 6
    private static let lanesMax = 16

    static func keys(_ bundle: Int) -> [Int64] { (0..<keyCount).map { Int64(bundle * keyCount + $0) } }

    /// Those that no other lane writes.
    static func own(client: Int, lane: Int) -> Range<Int> {
        let first = sharedCount + (client * lanesMax + lane) * privateCount
        return first..<first + privateCount
    }
}

/// One write of a workload: its content follows from the seed and its name, so that a journal need not hold it.
///
/// Three entries: the same keys in `alpha` and `beta`, written or deleted, and one row in `marks`, which tells the position.
struct Request: Sendable {
    let id: RequestID
    let isDelete: Bool
    let bundles: [Int]
    /// Since the start of the run.
    let time: Microseconds
    private let noteBytes: Int

    init(seed: UInt64, id: RequestID) {
        self.id = id
        var random = SplitMix64(seed: seed ^ UInt64(id.value) &* 0x9E37_79B9)
        isDelete = random.chance(0.12)
        let own = Bundle.own(client: id.client, lane: id.lane)
        var bundles = Set([
            random.chance(0.5) ? random.int(own.lowerBound...own.upperBound - 1) : random.int(0...Bundle.sharedCount - 1)
        ])
        if random.chance(0.3) { bundles.insert(random.int(own.lowerBound...own.upperBound - 1)) }
        self.bundles = bundles.sorted()
        // A third comes late; ties between lanes are frequent.
        let step = Microseconds(random.chance(0.3) ? random.int(0...id.number) : id.number)
        time = step * 1_000
        // Some are large, so that segments, snapshots and chunks are not only full of small ones.
        noteBytes = random.chance(0.03) ? random.int(4_000...60_000) : random.int(0...200)
    }

    var keys: [Int64] { bundles.flatMap(Bundle.keys) }
    var rowCount: Int { keys.count * 2 + 1 }

    func note(_ key: Int64) -> String { "\(id.value)/\(key) " + String(repeating: "abcdefgh", count: noteBytes / keys.count / 8) }
    func weight(_ key: Int64) -> Double { Double(id.value % 9_973) / 8 + Double(key) }

    func entries(_ groups: Groups) throws -> [RecordEntry] {
        let ids = try Column(.int64, keys.map { .int64($0) })
        let times = try Column(.timestamp, keys.map { _ in .timestamp(groups.start + time) })
        var entries: [RecordEntry] = []
        for (group, features) in [
            (groups.alpha, [try values, try Column(.string, keys.map { .string(ByteString(note($0))) })]),
            (groups.beta, [try values, try Column(.float64, keys.map { .float64(weight($0)) })]),
        ] {
            let columns = [ids, times] + (isDelete ? [] : features)
            entries.append(Self.entry(group, isDelete ? .delete : .write, columns))
        }
        let mark = [try Column(.int64, [.int64(id.value)]), try Column(.int64, [.int64(Int64(rowCount))])]
        return entries + [Self.entry(groups.marks, .write, mark)]
    }

    private var values: Column { get throws { try Column(.int64, keys.map { _ in .int64(id.value) }) } }

    private static func entry(_ group: GroupSchema, _ operation: FeatureModel.Operation, _ columns: [Column]) -> RecordEntry {
        RecordEntry(
            groupID: group.groupID, schemaVersion: group.schemaVersion, operation: operation,
            batch: Batch(rowCount: columns[0].count, columns: columns.enumerated().map { ($0.offset, $0.element) }))
    }
}
