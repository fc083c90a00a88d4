internal import Catalog
internal import FeatureModel

/// The table that every system is loaded with: an int64 key, and ten float64 features.
public enum Rows {
    public static let project = "bench"
    public static let featureCount = 10
    static let table = OnlineTable("activity", features: Array(repeating: .float64, count: featureCount)) {
        .float64(value(Int($0), $1))
    }
    public static let definitions = OnlineTable.definitions([table])

    /// A feature's value: the same for every system.
    static func value(_ key: Int, _ feature: Int) -> Double { Double((key * 31 + feature * 17) % 10_000) / 8 }

    /// `count` write bodies of `rowsEach` rows, of all different keys.
    static func bodies(_ count: Int, rowsEach: Int, groupID: GroupID, schema: UInt32, eventTime: Microseconds) -> [[UInt8]] {
        (0..<count).map { index in
            let keys = keys(index, rowsEach)
            var columns: [(ordinal: Int, column: Column)] = []
            columns.append((0, int64s(.int64, keys.map(Int64.init))))
            columns.append((1, int64s(.timestamp, keys.map { _ in eventTime })))
            for feature in 0..<featureCount {
                var builder = ColumnBuilder(.float64, capacity: rowsEach)
                for key in keys { builder.append(float64: value(key, feature)) }
                columns.append((2 + feature, builder.finish()))
            }
            return RecordBody.encode(
                [
                    RecordEntry(
                        groupID: groupID, schemaVersion: schema, operation: .write,
                        batch: Batch(rowCount: rowsEach, columns: columns)
                    )
                ], isCompact: true)
        }
    }

    /// The same rows as pipelines of HSET.
    public static func pipelines(_ count: Int, rowsEach: Int) -> [[UInt8]] {
        (0..<count).map { index in
            var bytes: [UInt8] = []
            for key in keys(index, rowsEach) {
                RedisSession.append(
                    hset: "user:\(key)", (0..<featureCount).map { ("f\($0)", "\(value(key, $0))") }, to: &bytes)
            }
            return bytes
        }
    }

    /// Keys of batch `index`, far apart, as keys of users are.
    private static func keys(_ index: Int, _ rowsEach: Int) -> [Int] {
        (0..<rowsEach).map { Int(OnlineTable.key(index * rowsEach + $0)) }
    }

    private static func int64s(_ type: FeatureType, _ values: [Int64]) -> Column {
        var builder = ColumnBuilder(type, capacity: values.count)
        for value in values { builder.append(int64: value) }
        return builder.finish()
    }
}
