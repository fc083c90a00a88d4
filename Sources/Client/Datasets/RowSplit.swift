public import Catalog
public import FeatureModel
internal import Synchronization

/// Deals the rows of a spine out to parts, such as train and test (docs/formats/dataset.md).
///
/// The reader of the spine tells its rows, the writer of the answer takes their parts, later and in pieces of its own. For any
/// thread; rows are told by one at a time, and taken by one.
public final class RowSplit: Sendable {
    /// One part of a split: `train=0.8`.
    public struct Share: Hashable, Sendable {
        public let name: String
        /// Of the whole: above 0, and at most 1.
        public let share: Double

        public init(name: String, share: Double) {
            self.name = name
            self.share = share
        }

        /// Reads the parts of a split as people write them: `train=0.8,test=0.2`.
        ///
        /// - Throws: `.invalidArgument` where a part has no name that a file
        ///   can have or no share, and where the shares are not 1 together.
        public static func list(_ text: String) throws(HeadwaterError) -> [Share] {
            let shares = try text.split(separator: ",", omittingEmptySubsequences: false).map { (part) throws(HeadwaterError) in
                try Share(text: part)
            }
            guard shares.count >= 2, shares.count <= DefinitionLimits.splitPartsMax else {
                throw refusal("a split has 2 to \(DefinitionLimits.splitPartsMax) parts, such as train=0.8,test=0.2")
            }
            guard Set(shares.map(\.name)).count == shares.count else { throw refusal("two parts of the split have one name") }
            let sum = shares.reduce(0) { $0 + $1.share }
            guard abs(sum - 1) < 1e-9 else { throw refusal("the shares of the split are \(sum) together, and not 1") }
            return shares
        }

        private init(text part: Substring) throws(HeadwaterError) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let share = Double(sides[1]), share > 0, share <= 1 else {
                throw Self.refusal("'\(part)' is no part of a split: write NAME=SHARE, with a share above 0 and at most 1")
            }
            let name = String(sides[0])
            guard !name.isEmpty, name.utf8.count <= Limits.nameBytesMax,
                name.unicodeScalars.allSatisfy({
                    $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-".unicodeScalars.contains($0))
                }),
                name.first != "-"
            else { throw Self.refusal("'\(name)' cannot name a part: use letters, digits, '_' and '-'") }
            self.init(name: name, share: share)
        }

        private static func refusal(_ message: String) -> HeadwaterError { HeadwaterError(.invalidArgument, message) }
    }

    /// What decides of a row.
    public enum Rule: Sendable {
        /// The hash of its key and a seed: all rows of a key are in one part, whatever else the spine has.
        case key(seed: UInt64)
        /// Its time: where each part but the first begins, `nil` where it has no rows. Rows of one time are in one part.
        case time(starts: [Microseconds?])
    }

    public let shares: [Share]
    private let rule: Rule
    private let keys: Range<Int>
    private let timeIndex: Int
    /// Parts of the rows that were told and not yet taken, and how many rows each part has so far.
    private let state: Mutex<(waiting: [UInt8], rows: [Int])>

    /// - Parameters:
    ///   - keys: places of the key columns in a batch of the spine.
    ///   - timeIndex: place of the time.
    public init(_ shares: [Share], _ rule: Rule, keys: Range<Int>, timeIndex: Int) {
        self.shares = shares
        self.rule = rule
        self.keys = keys
        self.timeIndex = timeIndex
        state = Mutex(([], Array(repeating: 0, count: shares.count)))
    }

    /// The one of a saved training set.
    ///
    /// - Parameter times: of all rows, where it is by time.
    public convenience init(_ split: DatasetDefinition.Split, times: [Microseconds], keys: Range<Int>, timeIndex: Int) {
        let shares = split.parts.map { Share(name: $0.name, share: $0.share) }
        let rule = split.by == "time" ? Rule.time(starts: Self.starts(shares, times: times)) : .key(seed: split.seed)
        self.init(shares, rule, keys: keys, timeIndex: timeIndex)
    }

    /// Shares of each part and those before it, together.
    private static func sums(_ shares: [Share]) -> [Double] {
        var sum = 0.0
        return shares.map { share in
            sum += share.share
            return sum
        }
    }

    /// Where parts begin so that each has its share of the rows.
    public static func starts(_ shares: [Share], times: [Microseconds]) -> [Microseconds?] {
        let times = times.sorted()
        return sums(shares).dropLast().map { sum in
            let first = Int((sum * Double(times.count)).rounded())
            return first < times.count ? times[first] : nil
        }
    }

    /// Takes the next rows of the spine.
    ///
    /// - Complexity: O(rows), with a SHA-256 for each where the split is by key.
    public func tell(_ columns: [Column], rowCount: Int) {
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

    /// The rows of each part among the next `count`, by their place in those. So many must have been told.
    public func take(_ count: Int) -> [[Int]] {
        let parts = state.withLock { state in
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting.prefix(count))
        }
        var rows = shares.map { _ in [Int]() }
        for (row, part) in parts.enumerated() { rows[Int(part)].append(row) }
        return rows
    }

    /// For the record of a dataset, when all rows were told.
    public var record: DatasetDefinition.Split {
        let rows = state.withLock(\.rows)
        let (by, seed): (String, UInt64) = if case .key(let seed) = rule { ("key", seed) } else { ("time", 0) }
        return DatasetDefinition.Split(
            by: by, seed: seed,
            parts: zip(shares, rows).map { DatasetDefinition.Split.Part(name: $0.name, share: $0.share, rows: $1) })
    }
}
