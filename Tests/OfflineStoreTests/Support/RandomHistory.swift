import FeatureModel
import TestSupport

/// A random group: its schema versions, and records that write, delete and cut off.
struct RandomHistory {
    /// By rising version; each widens or appends to the one before.
    private(set) var schemas: [GroupSchema] = []
    private(set) var records: [AppliedRecord] = []
    /// Index into `schemas` that holds at each record.
    private(set) var schemaAt: [Int] = []

    static let groupID: GroupID = 7
    static let keyTypes: [FeatureType] = [.int64, .int32, .string, .bytes, .timestamp]
    static let featureTypes: [FeatureType] =
        FeatureType.allScalars + FeatureType.allScalars.map { .array($0) } + [.vector(1), .vector(3)]

    init(seed: UInt64, recordCount: Int) {
        var random = SplitMix64(seed: seed)
        makeSchemas(&random)
        var current = 0
        var ingest: Microseconds = 0
        var position: Position = 0
        for _ in 0..<recordCount {
            if current + 1 < schemas.count, random.chance(20) { current += 1 }
            ingest += Int64(random.below(4))
            position += UInt64(1 + random.below(2))
            records.append(makeRecord(schemas[current], position: position, ingest: ingest, &random))
            schemaAt.append(current)
        }
    }

    /// The schema that holds at a position.
    func schemaIndex(asOf position: Position) -> Int {
        records.lastIndex { $0.position <= position }.map { schemaAt[$0] } ?? 0
    }

    private mutating func makeSchemas(_ random: inout SplitMix64) {
        let keys = (0..<random.below(3)).map { Field("k\($0)", random.pick(Self.keyTypes)) }
        var features = (0..<1 + random.below(3)).map { Field("f\($0)", random.pick(Self.featureTypes)) }
        let eventTime: String? = random.chance(12) ? nil : "t"
        let availableTime: String? = random.chance(35) ? "known" : nil
        for version in 1...1 + random.below(3) {
            schemas.append(
                GroupSchema(
                    groupID: Self.groupID, schemaVersion: UInt32(version), keys: keys, eventTimeName: eventTime,
                    availableTimeName: availableTime, features: features))
            features = features.map { field in
                switch field.type {
                case .int32 where random.chance(60): Field(field.name, .int64)
                case .float32 where random.chance(60): Field(field.name, .float64)
                default: field
                }
            }
            if random.chance(50) { features.append(Field("f\(features.count)", random.pick(Self.featureTypes))) }
        }
    }

    private func makeRecord(
        _ schema: GroupSchema, position: Position, ingest: Microseconds, _ random: inout SplitMix64
    ) -> AppliedRecord {
        if random.chance(8) {
            let cutoff = RetentionCutoff(groupID: Self.groupID, cutoff: random.chance(50) ? ingest - 10 : Int64(random.below(12)))
            return AppliedRecord(position: position, ingestTime: ingest, schema.isStatic ? .nothing : .cutoff(cutoff))
        }
        var entries: [AppliedEntry] = []
        var firstRow = 0
        for _ in 0..<1 + random.below(2) {
            let isDelete = random.chance(20)
            let count = 1 + random.below(3)
            var columns: [(ordinal: Int, column: Column)] = []
            for ordinal in 0..<schema.columnCount {
                if ordinal >= schema.keys.count, isDelete, ordinal != schema.eventTimeOrdinal || random.chance(50) { continue }
                if ordinal >= schema.keys.count, ordinal != schema.eventTimeOrdinal, random.chance(10) { continue }
                let values = (0..<count).map { _ in cell(schema, ordinal, &random) }
                columns.append((ordinal, try! Column(schema.type(ofOrdinal: ordinal), values)))
            }
            entries.append(
                AppliedEntry(
                    schema: schema, operation: isDelete ? .delete : .write, batch: Batch(rowCount: count, columns: columns),
                    firstRow: firstRow))
            firstRow += count
        }
        return AppliedRecord(position: position, ingestTime: ingest, .rows(entries))
    }

    private func cell(_ schema: GroupSchema, _ ordinal: Int, _ random: inout SplitMix64) -> Value {
        if ordinal < schema.keys.count { return RandomHistory.key(schema.keys[ordinal].type, &random) }
        if ordinal == schema.eventTimeOrdinal { return .timestamp(RandomHistory.instant(&random)) }
        return random.chance(20) ? .null : RandomHistory.value(schema.type(ofOrdinal: ordinal), &random)
    }

    /// Mostly of a small range, so that times meet; now and then at the ends of all time.
    static func instant(_ random: inout SplitMix64) -> Microseconds {
        if random.chance(3) { return random.pick([.min, .min + 1, .max, .max - 1]) }
        return Int64(random.below(40))
    }

    /// One of few values, so that keys meet; never null.
    static func key(_ type: FeatureType, _ random: inout SplitMix64) -> Value {
        let choice = random.below(4)
        return switch type {
        case .int32: .int32([-1, 0, 1, .max][choice])
        case .int64: .int64([.min, -1, 0, 300][choice])
        case .timestamp: .timestamp([-5, 0, 5, .max][choice])
        case .string: .string(["", "a", "a\0", "é"][choice])
        default: .bytes([ByteString([]), ByteString([0]), ByteString([0, 0xFF]), ByteString([1])][choice])
        }
    }

    static func value(_ type: FeatureType, _ random: inout SplitMix64) -> Value {
        switch type {
        case .bool: return .bool(random.chance(50))
        case .int32: return .int32(random.pick([.min, -1, 0, 7, .max]))
        case .int64: return .int64(random.pick([.min, -1, 0, 7, .max, 1 << 40]))
        case .float32: return .float32(random.pick([0, -0.0, 1.5, .nan, .infinity]))
        case .float64: return .float64(random.pick([0, -0.0, 1.5, .nan, -.infinity, 1e300]))
        case .string: return .string(random.pick(["", "x", "longer text", "ü\0"]))
        case .bytes: return .bytes(ByteString((0..<random.below(5)).map { _ in UInt8(truncatingIfNeeded: random.next()) }))
        case .timestamp: return .timestamp(Int64(random.below(60)))
        case .array(let element):
            return .array((0..<random.below(4)).map { _ in random.chance(25) ? .null : value(element, &random) })
        case .vector(let length): return .vector((0..<length).map { _ in Float(random.below(9)) })
        }
    }
}
