public import FeatureModel
internal import OnlineStore
internal import StorageIO

/// Random gets inside the process, without a socket: what the store alone does on one thread.
public struct LookupRunner {
    /// Where the rows stand.
    public enum Place: String, Codable, Sendable, CaseIterable {
        /// In the live map.
        case map
        /// In a mapped snapshot.
        case snapshot
    }

    /// What was measured of one number of rows in one place.
    public struct Figures: Sendable {
        public let rows: Int
        public let place: Place
        /// One for each round; each batch at a position of its own, pinned and let go of.
        public let getsPerSecond: [Double]
        /// The rounds beside them: all batches at one position, so that none pays for its own.
        public let onePositionGetsPerSecond: [Double]
    }

    static let features = 10
    private static let rowsAtOnce = 10_000
    private static let batchMax = 16_384

    public let rows: Int
    /// Keys read together.
    public let batch: Int
    public let rounds: Int
    public let seconds: Double
    /// An empty one for the snapshot.
    public let directory: String

    public init(rows: Int, batch: Int = 100, rounds: Int, seconds: Double, directory: String) {
        (self.rows, self.batch, self.rounds, self.seconds, self.directory) = (rows, batch, rounds, seconds, directory)
    }

    private static let schema = GroupSchema(
        groupID: 1, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "at",
        features: (0..<features).map { Field("f\($0)", .int64) })

    public func run() throws(HeadwaterError) -> [Figures] {
        let store = try filledStore()
        defer { store.close() }
        let keys = keys()
        let inMap = try measure(store, keys, .map)
        try store.adopt(store.writeSnapshot(store.beginSnapshot(), extra: []))
        store.returnFreedMemory()
        return [inMap, try measure(store, keys, .snapshot)]
    }

    /// A store with all rows in its map.
    func filledStore() throws(HeadwaterError) -> OnlineStore {
        let store = try OnlineStore.open(RealStorage(), directory: directory, seed: 7, logID: Array(0..<16))
        for start in stride(from: 0, to: rows, by: Self.rowsAtOnce) {
            store.apply(Self.record(start..<min(start + Self.rowsAtOnce, rows), position: Position(start / Self.rowsAtOnce + 1)))
        }
        return store
    }

    static func record(_ ids: Range<Int>, position: Position) -> AppliedRecord {
        func column(_ type: FeatureType, _ value: (Int64) -> Int64) -> Column {
            var builder = ColumnBuilder(type, capacity: ids.count)
            for id in ids { builder.append(int64: value(Int64(id))) }
            return builder.finish()
        }
        var columns = [column(.int64) { $0 }, column(.timestamp) { $0 }]
        for feature in 0..<features { columns.append(column(.int64) { $0 &* Int64(feature + 1) }) }
        let batch = Batch(rowCount: ids.count, columns: columns.enumerated().map { ($0.offset, $0.element) })
        return AppliedRecord(
            position: position, ingestTime: 1,
            .rows([AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)]))
    }

    /// Columns of random keys, more of them than caches hold rows.
    private func keys() -> [Column] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<min(Self.batchMax, max(64, rows * 4 / batch))).map { _ in
            var builder = ColumnBuilder(.int64, capacity: batch)
            for _ in 0..<batch {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                builder.append(int64: Int64(state % UInt64(rows)))
            }
            return builder.finish()
        }
    }

    /// Reads one batch of keys after the other; an answer is written out whole, and its first key's last feature is checked.
    ///
    /// - Returns: what reads the next batch.
    private func reads(_ reader: OnlineReader, _ keys: [Column]) -> () throws(HeadwaterError) -> Void {
        let features = Self.schema.features.indices.map {
            Lookup.Feature(ordinal: Self.schema.featureBase + $0, type: .int64)
        }
        let plan = OnlineReadPlan(
            lookups: [Lookup(schema: Self.schema, keys: [0], features: features)],
            outputs: features.indices.map { OnlineReadPlan.Output(lookup: 0, feature: $0) })
        let batch = batch
        let lastFeature = PackedColumns.Header.byteCount + (Self.features - 1) * batch * 8
        var next = 0
        return { () throws(HeadwaterError) in
            let column = keys[next % keys.count]
            next += 1
            let answer = try reader.read(plan, keys: [column], rowCount: batch, now: 0) { (answer) throws(HeadwaterError) in
                answer.count()
                return answer.encode(eventTimes: false)
            }
            guard answer[...].littleEndian(at: lastFeature, as: Int64.self) == column.int64(0) &* Int64(Self.features) else {
                throw HeadwaterError(.internal, "a get of key \(column.int64(0)) was answered wrongly")
            }
        }
    }

    /// Gets of one batch at a time; each gives 1.
    func singleGets(_ store: OnlineStore) -> () throws -> Int {
        let read = reads(OnlineReader(store), keys())
        return {
            try read()
            return 1
        }
    }

    private func measure(_ store: OnlineStore, _ keys: [Column], _ place: Place) throws(HeadwaterError) -> Figures {
        let reader = OnlineReader(store)
        let read = reads(reader, keys)
        for _ in keys.indices { try read() }
        var ownPosition: [Double] = []
        var onePosition: [Double] = []
        for round in 0..<rounds {
            // Neither is always the first.
            for isShared in round % 2 == 0 ? [false, true] : [true, false] {
                if isShared { reader.pin() }
                defer { reader.unpin() }
                let rate = try getsPerSecond(read)
                if isShared { onePosition.append(rate) } else { ownPosition.append(rate) }
            }
        }
        return Figures(rows: rows, place: place, getsPerSecond: ownPosition, onePositionGetsPerSecond: onePosition)
    }

    private func getsPerSecond(_ read: () throws(HeadwaterError) -> Void) throws(HeadwaterError) -> Double {
        let start = monotonicNanoseconds()
        let end = start + UInt64(seconds * 1e9)
        var count = 0
        var now = start
        while now < end {
            for _ in 0..<16 { try read() }
            count += 16 * batch
            now = monotonicNanoseconds()
        }
        return Double(count) / (Double(now - start) / 1e9)
    }
}
