import FeatureModel
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Files cut at every byte and with bits flipped: refused with file and offset, or read just as before.
@Suite struct DamageTests {
    private static func smallStore() throws -> (storage: MemoryStorage, lines: [String], names: [String]) {
        let storage = MemoryStorage()
        let store = try openStore(storage)
        store.apply(Weather.write(1, ingest: 3, [(1, 10, 1), (2, 20, nil), (1, 12, -0.0)]))
        store.apply(Weather.delete(2, ingest: 4, station: 2, time: 30))
        store.apply(Weather.cutoff(3, 5))
        try store.flush(extra: [9, 9, 9])
        store.close()
        return (storage, try transcript(store.view(), Weather.schema), try storage.list("data/offline").filter { $0 != "lock" })
    }

    private enum Outcome: Equatable { case equal, refused }

    /// Opens and reads everything; a wrong answer is recorded.
    private func read(_ storage: MemoryStorage, _ lines: [String], _ name: String, _ label: String) -> Outcome {
        do {
            let store = try openStore(storage, readOnly: true)
            defer { store.close() }
            let got = try transcript(store.view(), Weather.schema)
            if got != lines { Issue.record("\(label): another answer: \(got)") }
            _ = try store.verifyAll()
            return .equal
        } catch {
            let isTyped = error.code == .dataLoss || error.code == .unimplemented || error.code == .failedPrecondition
            #expect(isTyped && error.location?.contains(name) == true, "\(label): \(error)")
            return .refused
        }
    }

    @Test func everyCutIsRefused() throws {
        let (storage, lines, names) = try Self.smallStore()
        #expect(names.count == 2)
        for name in names {
            let path = "data/offline/" + name
            let file = try storage.open(path, .readWrite)
            let whole = try storage.readAll(path)
            for length in 0..<whole.count {
                try file.truncate(to: length)
                #expect(read(storage, lines, name, "\(name) cut to \(length)") == .refused, "\(name) cut to \(length)")
                try file.write(whole[length...], at: length)
            }
            try file.write([0], at: whole.count)
            #expect(read(storage, lines, name, "\(name) with a byte more") == .refused)
            try file.truncate(to: whole.count)
        }
        #expect(read(storage, lines, "", "whole") == .equal)
    }

    @Test func everyFlippedBitIsRefused() throws {
        let (storage, lines, names) = try Self.smallStore()
        for name in names {
            let path = "data/offline/" + name
            let file = try storage.open(path, .readWrite)
            let whole = try storage.readAll(path)
            for index in whole.indices {
                for bit in [index % 8, (index + 4) % 8] {
                    try file.write([whole[index] ^ 1 << UInt8(bit)], at: index)
                    #expect(read(storage, lines, name, "\(name) bit \(index).\(bit)") == .refused, "\(name) bit \(index).\(bit)")
                }
                try file.write([whole[index]], at: index)
            }
        }
        #expect(read(storage, lines, "", "whole") == .equal)
    }

    /// A page of nulls alone has no bytes: the page behind it stands at the same offset and has a checksum of its own.
    @Test func everyFlippedBitBehindAPageOfNullsIsRefused() throws {
        let schema = GroupSchema(
            groupID: 3, schemaVersion: 1, keys: [Field("station", .int64)], eventTimeName: "t",
            features: [Field("none", .float64), Field("count", .int64), Field("nothing", .string), Field("name", .string)])
        let rows = 0..<3
        let batch = try Batch(
            rowCount: rows.count,
            columns: [
                (0, Column(.int64, rows.map { .int64(Int64($0)) })), (1, Column(.timestamp, rows.map { .timestamp(Int64($0)) })),
                (3, Column(.int64, rows.map { .int64(Int64($0) << 40) })),
                (5, Column(.string, rows.map { .string(ByteString("name \($0)")) })),
            ])
        let storage = MemoryStorage()
        let store = try openStore(storage)
        let entry = AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)
        store.apply(AppliedRecord(position: 1, ingestTime: 3, .rows([entry])))
        try store.flush(extra: [])
        store.close()
        let lines = try transcript(store.view(), schema)
        let path = try #require(storage.list("data/offline").first { $0.hasPrefix("chunk-") }.map { "data/offline/" + $0 })
        let file = try storage.open(path, .readWrite)
        let whole = try storage.readAll(path)
        for index in whole.indices {
            for bit in 0..<8 {
                try file.write([whole[index] ^ 1 << UInt8(bit)], at: index)
                let damaged = try openStore(storage, readOnly: true)
                defer { damaged.close() }
                let error = refusal { if try transcript(damaged.view(), schema) == lines { _ = try damaged.verifyAll() } }
                #expect(error != nil, "bit \(index).\(bit)")
            }
            try file.write([whole[index]], at: index)
        }
    }

    @Test func missingFilesAreDamageAndNotANewStore() throws {
        let (storage, _, names) = try Self.smallStore()
        let chunk = try #require(names.first { $0.hasPrefix("chunk-") })
        let bytes = try storage.readAll("data/offline/" + chunk)
        try storage.remove("data/offline/" + chunk)
        #expect { _ = try openStore(storage) } throws: { ($0 as? HeadwaterError)?.code == .dataLoss }
        let file = try storage.open("data/offline/" + chunk, .create)
        try file.write(bytes[...], at: 0)
        try storage.remove("data/offline/manifest")
        #expect { _ = try openStore(storage) } throws: { ($0 as? HeadwaterError)?.code == .dataLoss }
    }

    @Test func aReaderChangesNothingAndAnotherLogIsRefused() throws {
        let (storage, _, names) = try Self.smallStore()
        _ = try storage.open("data/offline/chunk-00000000000000ff.hwc", .create)
        _ = try storage.open("data/offline/manifest.tmp", .create)
        let one = try openStore(storage, readOnly: true)
        let two = try openStore(storage, readOnly: true)
        #expect { _ = try openStore(storage) } throws: { ($0 as? HeadwaterError)?.code == .failedPrecondition }
        #expect { try one.flush() } throws: { ($0 as? HeadwaterError)?.code == .failedPrecondition }
        #expect(try storage.list("data/offline").count == names.count + 3)
        #expect(one.extra == [9, 9, 9])
        one.close()
        two.close()
        #expect {
            _ = try OfflineStore(dataDirectory: "data", logID: Array(repeating: 7, count: 16), storage: storage)
        } throws: {
            ($0 as? HeadwaterError)?.code == .failedPrecondition
        }
    }
}
