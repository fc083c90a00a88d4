import Catalog
import FeatureModel
import TestSupport

/// The feature groups of the simulation and how their schemas grow.
///
/// Each step changes another group, so that a group's second version is the same one in whatever order the steps arrive.
enum Workload {
    static let project = "sim"
    static let directory = "data"
    static let logDirectory = "data/log"
    /// Where wall clocks start.
    static let epoch: Microseconds = 1_700_000_000_000_000

    /// One row for each write, keyed by who wrote it: what tells which writes took effect.
    static let ledger: GroupID = 1
    static let readings: GroupID = 2
    static let profiles: GroupID = 3
    static let events: GroupID = 4
    static let readingsMaxAge: Microseconds = 3_600_000_000
    static let stepCount = 4
    /// The least id of the versions of the group that comes, is promoted and goes.
    static let firstTurning: GroupID = 5

    /// The definitions of each step.
    static let definitions: [Definitions] = (0..<stepCount).map { step in
        let text = """
            project: sim
            entities:
              - {name: write, keys: [{name: client, type: int64}, {name: number, type: int64}]}
              - {name: sensor, keys: [{name: id, type: int64}]}
              - {name: pair, keys: [{name: tag, type: string}, {name: part, type: int32}]}
            feature_groups:
              - {name: ledger, entity: write, event_time: none, features: [{name: rows, type: int32}]}
              - name: readings
                entity: sensor
                event_time: at
                max_age: 1h
                features:
                  - {name: value, type: float64}
                  - {name: note, type: string}
                  \(step >= 1 ? "- {name: more, type: array(int32)}" : "")
              - name: profiles
                entity: sensor
                event_time: none
                features:
                  - {name: level, type: \(step >= 2 ? "int64" : "int32")}
                  - {name: tags, type: array(string)}
                  - {name: place, type: vector(2)}
              - name: events
                entity: pair
                event_time: at
                retention: 10m
                features:
                  - {name: amount, type: \(step >= 3 ? "float64" : "float32")}
                  - {name: flag, type: bool}
                  - {name: raw, type: bytes}
            """
        do { return try DefinitionsFile.load(text: text, fileName: "simulation").definitions } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Both versions of each group, by group.
    static let schemas: [GroupID: [GroupSchema]] = {
        var catalog = Catalog()
        do {
            for (index, step) in definitions.enumerated() {
                catalog.apply(try catalog.plan(step).approved(), position: Position(index + 1))
            }
        } catch { preconditionFailure("\(error)") }
        return Dictionary(uniqueKeysWithValues: catalog.allGroups.map { ($0.id, $0.schemas) })
    }()

    /// The group that a step changes.
    static let changedBy: [GroupID?] = [nil, readings, profiles, events]

    /// The schema of a group for someone who knows the definitions up to `step`.
    static func schema(_ group: GroupID, step: Int) -> GroupSchema {
        let versions = schemas[group]!
        let changed = changedBy.firstIndex(of: group) ?? .max
        return versions[step >= changed && versions.count > 1 ? 1 : 0]
    }

    static func key(_ group: GroupID, _ number: Int) -> [Value] {
        switch group {
        case events: [.string(ByteString("tag\(number / 2)")), .int32(Int32(number % 2))]
        default: [.int64(Int64(number))]
        }
    }
}

/// Rows of one group in a write, as the client has them.
struct WrittenEntry {
    let schema: GroupSchema
    let operation: Operation
    /// Ordinals of the columns that are sent.
    let ordinals: [Int]
    let rows: [[Value]]

    var encoded: RecordEntry {
        let columns = ordinals.enumerated().map { index, ordinal in
            do { return (ordinal, try Column(schema.type(ofOrdinal: ordinal), rows.map { $0[index] })) } catch {
                preconditionFailure("\(error)")
            }
        }
        return RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: operation,
            batch: Batch(rowCount: rows.count, columns: columns))
    }
}

/// Draws what clients write.
struct WriteMaker {
    let client: Int
    let keyCount: Int
    let step: Int
    /// The client's idea of the time.
    let wall: Microseconds
    /// Versions of the passing group that may be there.
    var passing: [GroupSchema] = []

    /// A write of one to three groups, with deletes among them, and always with its row in the ledger.
    func entries(number: Int, _ random: inout SplitMix64) -> [WrittenEntry] {
        var entries: [WrittenEntry] = []
        for _ in 0..<random.int(1...3) {
            let group = random.pick([Workload.readings, Workload.readings, Workload.profiles, Workload.events])
            entries.append(random.chance(0.2) ? delete(group, &random) : write(group, &random))
        }
        if !passing.isEmpty, random.chance(0.3) { entries.append(write(random.pick(passing), &random)) }
        let ledger = Workload.schema(Workload.ledger, step: step)
        let row: [Value] = [.int64(Int64(client)), .int64(Int64(number)), .int32(Int32(entries.count))]
        entries.insert(
            WrittenEntry(schema: ledger, operation: .write, ordinals: [0, 1, 2], rows: [row]),
            at: random.int(0...entries.count))
        return entries
    }

    private func write(_ group: GroupID, _ random: inout SplitMix64) -> WrittenEntry {
        write(Workload.schema(group, step: step), &random)
    }

    private func write(_ schema: GroupSchema, _ random: inout SplitMix64) -> WrittenEntry {
        let group = schema.groupID
        // Keys and times must be there; a feature may be left out.
        let ordinals = (0..<schema.columnCount).filter { $0 < schema.featureBase || !random.chance(0.1) }
        let rows = (0..<random.int(1...4)).map { _ -> [Value] in
            let key = Workload.key(group, random.int(0...keyCount - 1))
            return ordinals.map { ordinal in
                if ordinal < schema.keys.count { return key[ordinal] }
                if ordinal == schema.eventTimeOrdinal { return .timestamp(eventTime(group, &random)) }
                return random.value(schema.type(ofOrdinal: ordinal), nulls: 0.15)
            }
        }
        return WrittenEntry(schema: schema, operation: .write, ordinals: ordinals, rows: rows)
    }

    private func delete(_ group: GroupID, _ random: inout SplitMix64) -> WrittenEntry {
        let schema = Workload.schema(group, step: step)
        var ordinals = Array(schema.keys.indices)
        if let time = schema.eventTimeOrdinal, random.chance(0.7) { ordinals.append(time) }
        let rows = (0..<random.int(1...2)).map { _ -> [Value] in
            let key = Workload.key(group, random.int(0...keyCount - 1))
            return ordinals.map { $0 < schema.keys.count ? key[$0] : .timestamp(eventTime(group, &random)) }
        }
        return WrittenEntry(schema: schema, operation: .delete, ordinals: ordinals, rows: rows)
    }

    /// Mostly near the present, often equal to another's, sometimes late.
    private func eventTime(_ group: GroupID, _ random: inout SplitMix64) -> Microseconds {
        let back: Int
        switch random.int(0...3) {
        case 0: back = random.int(0...7_200)
        case 1: back = random.int(0...900)
        default: back = random.int(-30...30)
        }
        return (wall / 1_000_000 - Microseconds(back)) * 1_000_000
    }
}
