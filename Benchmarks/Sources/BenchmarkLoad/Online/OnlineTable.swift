internal import Catalog
internal import FeatureModel

/// A feature group to load and read: an int64 key, and features whose values follow from the key, so that answers can be checked.
struct OnlineTable: Sendable {
    let name: String
    let entity: String
    let features: [FeatureType]
    /// What a cell holds, where that does not follow from its type.
    private let cell: (@Sendable (_ key: Int64, _ feature: Int) -> Value)?

    var keyName: String { "\(entity)_id" }
    var featureNames: [String] { features.indices.map { "f\($0)" } }
    var references: [String] { featureNames.map { "\(name):\($0)" } }

    init(
        _ name: String, entity: String = "user", features: [FeatureType],
        cell: (@Sendable (_ key: Int64, _ feature: Int) -> Value)? = nil
    ) {
        self.name = name
        self.entity = entity
        self.features = features
        self.cell = cell
    }

    static func int64s(_ name: String, entity: String = "user", _ count: Int) -> OnlineTable {
        OnlineTable(name, entity: entity, features: Array(repeating: .int64, count: count))
    }

    /// Definitions of tables and of services over all features of some of them.
    static func definitions(_ tables: [OnlineTable], services: [(name: String, tables: [OnlineTable])] = []) -> String {
        var lines = ["project: \(Rows.project)", "entities:"]
        for entity in Set(tables.map(\.entity)).sorted() {
            lines.append("  - {name: \(entity), keys: [{name: \(entity)_id, type: int64}]}")
        }
        lines.append("feature_groups:")
        for table in tables {
            lines += ["  - name: \(table.name)", "    entity: \(table.entity)", "    event_time: event_time", "    features:"]
            lines += zip(table.featureNames, table.features).map { "      - {name: \($0), type: \($1)}" }
        }
        if !services.isEmpty { lines.append("feature_services:") }
        for service in services {
            lines += ["  - name: \(service.name)", "    features:"]
            for table in service.tables {
                lines += zip(table.references, table.featureNames).map { "      - {feature: \"\($0)\", as: \(table.name)_\($1)}" }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The key of an entity: keys lie far apart, as those of users do; different up to 15 million entities.
    static func key(_ entity: Int) -> Int64 { Int64(entity * 7_919 % 15_485_863) }

    /// The value of an int64 feature.
    @inline(__always)
    static func number(_ key: Int64, _ feature: Int) -> Int64 {
        (key &* 1_000_003 &+ Int64(feature) &* 7_919) & 0xFF_FFFF_FFFF
    }

    /// What a get has to answer.
    func value(_ key: Int64, _ feature: Int) -> Value {
        if let cell { return cell(key, feature) }
        let number = Self.number(key, feature)
        if features[feature] == .int64 { return .int64(number) }
        if (Int(key) + feature) % 7 == 0 { return .null }
        switch features[feature] {
        case .bool: return .bool(number % 2 == 0)
        case .float64: return .float64(Double(number) / 8)
        case .string: return .string(ByteString("value-\(number)"))
        case .array: return .array((0..<Int(number % 8)).map { .int64(number &+ Int64($0)) })
        case .vector(let length): return .vector((0..<length).map { Float(number % 1_000) + Float($0) / 4 })
        default: preconditionFailure("no values of \(features[feature]) are made")
        }
    }

    /// The rows of some entities as the body of a write.
    func body(_ entities: Range<Int>, group: GroupDescription, eventTime: Microseconds) throws(HeadwaterError) -> [UInt8] {
        let keys = entities.map(Self.key)
        var columns: [(ordinal: Int, column: Column)] = []
        columns.append((0, Self.column(.int64, keys) { $0 }))
        columns.append((1, Self.column(.timestamp, keys) { _ in eventTime }))
        for feature in features.indices {
            if features[feature] == .int64, cell == nil {
                columns.append((2 + feature, Self.column(.int64, keys) { Self.number($0, feature) }))
            } else {
                columns.append((2 + feature, try Column(features[feature], keys.map { value($0, feature) })))
            }
        }
        return RecordBody.encode([
            RecordEntry(
                groupID: group.id, schemaVersion: group.schemaVersion, operation: .write,
                batch: Batch(rowCount: keys.count, columns: columns))
        ])
    }

    private static func column(_ type: FeatureType, _ keys: [Int64], _ cell: (Int64) -> Int64) -> Column {
        var data: [UInt8] = []
        data.reserveCapacity(keys.count * 8)
        for key in keys { data.append(littleEndian: cell(key)) }
        return Column(type: type, count: keys.count, nullCount: 0, data: data[...])
    }
}
