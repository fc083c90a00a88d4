import Catalog
import Client
import FeatureModel
import Synchronization

/// Deals the rows of a spine out to parts, such as train and test (docs/formats/dataset.md).
///
/// The reader of the spine tells its rows, the writer of the answer takes their parts, later and in pieces of its own.
final class RowSplit: Sendable {
    /// What decides of a row.
    enum Rule: Sendable {
        /// The hash of its key and a seed: all rows of a key are in one part, whatever else the spine has.
        case key(seed: UInt64)
        /// Its time: where each part but the first begins, `nil` where it has no rows. Rows of one time are in one part.
        case time(starts: [Microseconds?])
    }

    let shares: [SplitShare]
    private let rule: Rule
    private let keys: Range<Int>
    private let timeIndex: Int
    /// Parts of the rows that were told and not yet taken, and how many rows each part has so far.
    private let state: Mutex<(waiting: [UInt8], rows: [Int])>

    /// - Parameters:
    ///   - keys: places of the key columns in a batch of the spine.
    ///   - timeIndex: place of the time.
    init(_ shares: [SplitShare], _ rule: Rule, keys: Range<Int>, timeIndex: Int) {
        self.shares = shares
        self.rule = rule
        self.keys = keys
        self.timeIndex = timeIndex
        state = Mutex(([], Array(repeating: 0, count: shares.count)))
    }

    /// The one of a saved training set.
    ///
    /// - Parameter times: of all rows, where it is by time.
    convenience init(_ split: DatasetDefinition.Split, times: [Microseconds], keys: Range<Int>, timeIndex: Int) {
        let shares = split.parts.map { SplitShare(name: $0.name, share: $0.share) }
        let rule = split.by == "time" ? Rule.time(starts: Self.starts(shares, times: times)) : .key(seed: split.seed)
        self.init(shares, rule, keys: keys, timeIndex: timeIndex)
    }

    /// Shares of each part and those before it, together.
    private static func sums(_ shares: [SplitShare]) -> [Double] {
        var sum = 0.0
        return shares.map { share in
            sum += share.share
            return sum
        }
    }

    /// Where parts begin so that each has its share of the rows.
    static func starts(_ shares: [SplitShare], times: [Microseconds]) -> [Microseconds?] {
        let times = times.sorted()
        return sums(shares).dropLast().map { sum in
            let first = Int((sum * Double(times.count)).rounded())
            return first < times.count ? times[first] : nil
        }
    }

    /// Takes the next rows of the spine.
    func tell(_ columns: [Column], rowCount: Int) {
        var parts: [UInt8] = []
        parts.reserveCapacity(rowCount)
        switch rule {
        case .time(let starts):
            for row in 0..<rowCount {
                let time = columns[timeIndex].int64(row)
                parts.append(UInt8(starts.count { $0.map { $0 <= time } ?? false }))
            }
        case .key(let seed):
            let sums = Self.sums(shares)
            let keyColumns = Array(columns[keys])
            let hash = SHA256()
            var bytes: [UInt8] = []
            for row in 0..<rowCount {
                bytes.removeAll(keepingCapacity: true)
                bytes.append(littleEndian: seed)
                _ = KeyCodec.append(keyColumns, row: row, to: &bytes)
                hash.update(bytes[...])
                // 53 bits, so that the number is exact.
                let number = hash.finish().prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) } >> 11
                let fraction = Double(number) / 0x1p53
                parts.append(UInt8(sums.dropLast().count { $0 <= fraction }))
            }
        }
        state.withLock { state in
            state.waiting += parts
            for part in parts { state.rows[Int(part)] += 1 }
        }
    }

    /// The rows of each part among the next `count`, by their place in those.
    func take(_ count: Int) -> [[Int]] {
        let parts = state.withLock { state in
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting.prefix(count))
        }
        var rows = shares.map { _ in [Int]() }
        for (row, part) in parts.enumerated() { rows[Int(part)].append(row) }
        return rows
    }

    /// For the record of a dataset, when all rows were told.
    var record: DatasetDefinition.Split {
        let rows = state.withLock(\.rows)
        let (by, seed): (String, UInt64) = if case .key(let seed) = rule { ("key", seed) } else { ("time", 0) }
        return DatasetDefinition.Split(
            by: by, seed: seed,
            parts: zip(shares, rows).map { DatasetDefinition.Split.Part(name: $0.name, share: $0.share, rows: $1) })
    }
}
