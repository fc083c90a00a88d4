import Catalog
import Client
import FeatureModel
import Glibc
import TestSupport
import Wire

/// Rows of a kibibyte each: few of them make large answers.
enum WideRows {
    static let group = "wide"
    static let vectorLength = 256
    static let rowCount = 61_440
    private static let rowsPerWrite = 4_096

    static func apply(_ client: HeadwaterClient) async throws {
        _ = try await client.apply(DefinitionsFile.load(text: definitions, fileName: "hostile.yaml").definitions)
    }

    /// Writes every row.
    static func fill(_ client: HeadwaterClient, start: Microseconds, _ random: inout SplitMix64) async throws {
        let schema = try await client.group(group).schema
        let cells = cells(rowsPerWrite, &random)
        for first in stride(from: 0, to: rowCount, by: rowsPerWrite) {
            _ = try await client.write([entry(schema, first..<first + rowsPerWrite, cells, at: start)])
        }
    }

    /// Random numbers between 0 and 1 for some rows.
    static func cells(_ rowCount: Int, _ random: inout SplitMix64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rowCount * vectorLength * 4)
        for _ in 0..<rowCount * vectorLength {
            let bits = (Float(random.next() >> 40) / Float(1 << 24)).bitPattern
            for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: bits >> (shift * 8))) }
        }
        return bytes
    }

    /// A write of some keys, of as many rows as there are cells for.
    static func entry(_ schema: GroupSchema, _ keys: Range<Int>, _ cells: [UInt8], at time: Microseconds) -> RecordEntry {
        let batch = Batch(
            rowCount: keys.count,
            columns: [
                (0, Column(wholes: keys.map { Int64($0) })),
                (1, Column(wholes: keys.map { _ in time }, .timestamp)),
                (2, Column(type: .vector(vectorLength), count: keys.count, nullCount: 0, data: cells[...])),
            ])
        return RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: .write, batch: batch)
    }

    private static let definitions = """
        project: \(Groups.project)
        entities:
          - {name: item, keys: [{name: id, type: int64}]}
        feature_groups:
          - name: \(group)
            entity: item
            event_time: seen
            features: [{name: cells, type: vector(\(vectorLength))}]
        """
}

extension Column {
    /// Whole numbers or times, none of them null.
    init(wholes numbers: [Int64], _ type: FeatureType = .int64) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numbers.count * 8)
        for number in numbers {
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (shift * 8))) }
        }
        self.init(type: type, count: numbers.count, nullCount: 0, data: bytes[...])
    }
}
