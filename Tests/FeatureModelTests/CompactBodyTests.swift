import FeatureModel
import Foundation
import TestSupport
import Testing

/// One row with an int64 key, an event time and ten float64: what `bench writes` sends.
private func tenFloats(rowCount: Int) throws -> RecordEntry {
    let rows = 0..<rowCount
    var columns: [(ordinal: Int, column: Column)] = [
        (0, try Column(.int64, rows.map { .int64(Int64($0)) })), (1, try Column(.timestamp, rows.map { .timestamp(Int64($0)) })),
    ]
    for feature in 0..<10 { columns.append((2 + feature, try Column(.float64, rows.map { .float64(Double($0 + feature)) }))) }
    return RecordEntry(
        groupID: 1, schemaVersion: 1, operation: .write, batch: Batch(rowCount: rowCount, columns: columns))
}

private func entries(_ random: inout SplitMix64, count: Int) -> [RecordEntry] {
    (0..<count).map { _ in
        let schema = random.schema(groupID: random.chance(0.5) ? 1 : .max, schemaVersion: UInt32(random.int(1...300)))
        return RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: random.chance(0.3) ? .delete : .write,
            batch: random.batch(schema, rowCount: random.chance(0.5) ? 1 : random.int(1...40), nulls: random.pick([0, 0.2, 1])))
    }
}

private func isCompact(_ body: [UInt8]) -> Bool { body.starts(with: Array("HWB2".utf8)) }

@Suite struct CompactBodyTests {
    @Test(arguments: testSeeds)
    func entriesAreTheSameInBothForms(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<40 {
            let sent = entries(&random, count: random.int(1...4))
            let bytes = RecordBody.encode(sent, isCompact: true)
            #expect(isCompact(bytes))
            #expect(bytes.count <= RecordBody.encode(sent).count)
            let read = try RecordBody.decode(shifted(bytes, by: random.int(0...7)))
            #expect(read.map(\.groupID) == sent.map(\.groupID))
            #expect(read.map(\.schemaVersion) == sent.map(\.schemaVersion))
            #expect(read.map(\.operation) == sent.map(\.operation))
            for (entry, sent) in zip(read, sent) {
                #expect(entry.batch.ordinals == sent.batch.ordinals)
                #expect(entry.batch.rowCount == sent.batch.rowCount)
                #expect(zip(entry.batch.columns, sent.batch.columns).allSatisfy { $0.hasSameBuffers(as: $1) })
                #expect(entry.batch.bytes == sent.batch.bytes)
            }
            #expect(RecordBody.encode(read, isCompact: true) == bytes)
        }
    }

    @Test func aRowOfTenFloatsIsSmallAndAThousandAreNoLargerThanABatch() throws {
        let one = RecordBody.encode([try tenFloats(rowCount: 1)], isCompact: true)
        #expect(one.count == 119)
        let thousand = [try tenFloats(rowCount: 1_000)]
        #expect(RecordBody.encode(thousand, isCompact: true).count < RecordBody.encode(thousand).count)
    }

    @Test func whatTheFormDoesNotTakeIsSentAsBatches() throws {
        let none = RecordEntry(groupID: 1, schemaVersion: 1, operation: .write, batch: Batch(rowCount: 0, columns: []))
        let most = try tenFloats(rowCount: 1_024)
        let more = try tenFloats(rowCount: 1_025)
        #expect(isCompact(RecordBody.encode([most], isCompact: true)))
        for entries in [[none], [more], [most, none], [more, most], []] {
            let body = RecordBody.encode(entries, isCompact: true)
            #expect(body == RecordBody.encode(entries))
            #expect(try RecordBody.decode(body[...]).count == entries.count)
        }
        #expect(RecordBody.encode([most]).starts(with: Array("HWB2".utf8)) == false)
    }

    @Test func aBodyCutAtAnyByteButBetweenEntriesIsRefused() throws {
        var random = SplitMix64(seed: 11)
        let sent = entries(&random, count: 3)
        let bytes = RecordBody.encode(sent, isCompact: true)
        var ends: Set<Int> = []
        for count in 1...3 { ends.insert(RecordBody.encode(Array(sent.prefix(count)), isCompact: true).count) }
        for count in 5...bytes.count {
            let error = refusal { try RecordBody.decode(bytes[..<count]) }
            #expect(error?.code == (ends.contains(count) ? nil : .invalidArgument), "cut at \(count)")
        }
        #expect(refusal { try RecordBody.decode((bytes + [0])[...]) }?.code == .invalidArgument)
    }

    @Test(arguments: testSeeds)
    func randomDamageNeverTraps(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<400 {
            var bytes = RecordBody.encode(entries(&random, count: random.int(1...2)), isCompact: true)
            for _ in 0..<random.int(1...4) {
                let edges: [UInt8] = [0, 1, 0x1F, 0x20, 0x21, 0x7F, 0x80, 0x81, 0xFF]
                bytes[random.int(4...bytes.count - 1)] =
                    random.chance(0.5) ? random.pick(edges) : UInt8(truncatingIfNeeded: random.next())
            }
            guard let read = try? RecordBody.decode(bytes[...]) else { continue }
            // What is taken can be read to its last cell, and goes into a batch.
            for entry in read {
                for column in entry.batch.columns { _ = column.values }
                _ = try Batch(decoding: entry.batch.bytes)
            }
        }
    }

    /// magic, group 1, version 1, write, 1 row, bitmap of column 0, int64 5.
    private static let small: [UInt8] = Array("HWB2".utf8) + [1, 1, 1, 1, 1, 1, 3, 5, 0, 0, 0, 0, 0, 0, 0]

    @Test func eachPartThatDoesNotHoldIsRefused() throws {
        #expect(try RecordBody.decode(Self.small[...])[0].batch.columns[0].int64(0) == 5)
        func refused(_ place: Int, _ replacement: [UInt8]) -> StatusCode? {
            var bytes = Self.small
            bytes.replaceSubrange(place...place, with: replacement)
            return refusal { try RecordBody.decode(bytes[...]) }?.code
        }
        // A group id that is longer than it need be, and one beyond 32 bits.
        #expect(refused(4, [0x81, 0]) == .invalidArgument)
        #expect(refused(4, [0xFF, 0xFF, 0xFF, 0xFF, 0x10]) == .invalidArgument)
        #expect(refused(4, [0x80, 0x80, 0x80, 0x80, 0x80, 1]) == .invalidArgument)
        #expect(refused(4, [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) == nil)
        #expect(refused(6, [0]) == .invalidArgument)
        #expect(refused(6, [3]) == .invalidArgument)
        #expect(refused(7, [0]) == .invalidArgument)
        #expect(refused(7, [0x81, 8]) == .invalidArgument)
        // A bitmap that ends in zeros, and one that is too long.
        #expect(refused(8, [2, 1]) == .invalidArgument)
        #expect(refused(8, [0x81, 0x40]) == .invalidArgument)
        // Unknown types, bits that have no meaning, and nulls that are none.
        for type: UInt8 in [0, 9, 15, 18, 31] { #expect(refused(10, [type]) == .unimplemented) }
        for type: UInt8 in [0x43, 0x83] { #expect(refused(10, [type]) == .invalidArgument) }
        #expect(refused(10, [0x23, 1]) == .invalidArgument)
        #expect(refused(10, [0x23, 0]) == nil)
        #expect(refused(10, [17, 0]) == .unimplemented)
        #expect(refused(10, [16, 16]) == .unimplemented)
        // Elements that are said to be null: one is, and none.
        let array = Array("HWB2".utf8) + [1, 1, 1, 1, 1, 1, 16, 1, 2, 1]
        #expect(refusal { try RecordBody.decode((array + [0b01, 0b01])[...]) } == nil)
        #expect(refusal { try RecordBody.decode((array + [0b11, 0b01])[...]) }?.code == .invalidArgument)
    }

    /// What `make fuzz` found worth keeping: none of it traps, and what decodes is the same in both forms.
    @Test func theCorpusOfTheFuzzerIsReadOrRefused() throws {
        let corpus = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz/corpus")
        let names = try FileManager.default.contentsOfDirectory(atPath: corpus.path)
        var read = 0
        for name in names {
            let body = [UInt8](try Data(contentsOf: corpus.appending(path: name)))
            guard let entries = try? RecordBody.decode(body[...]) else { continue }
            read += 1
            let again = try RecordBody.decode(RecordBody.encode(entries, isCompact: true)[...])
            #expect(again.map(\.batch.bytes) == entries.map(\.batch.bytes), "\(name)")
        }
        #expect(names.count >= 5 && read >= 5)
    }

    @Test func aSmallBodyNeverBecomesMuchMemory() throws {
        // As many columns as the form takes, and one more.
        func body(_ count: Int) -> [UInt8] {
            var bytes = Array("HWB2".utf8) + [1, 1, 1, 1]
            bytes.append(varint: UInt32((count + 7) / 8))
            for start in stride(from: 0, to: count, by: 8) {
                bytes.append(count - start >= 8 ? 0xFF : 1 << UInt8(count - start) - 1)
            }
            return bytes + Array(repeating: 6, count: count) + Array(repeating: 0, count: count)
        }
        #expect(try RecordBody.decode(body(1 << 16)[...])[0].batch.columns.count == 1 << 16)
        let two = body(1 << 16) + body(1).dropFirst(4)
        #expect(refusal { try RecordBody.decode(two[...]) }?.message.contains("send batches") == true)
        // Lengths that claim more than there is.
        var text = Array("HWB2".utf8) + [1, 1, 1, 1, 1, 1, 6]
        text.append(varint: .max)
        #expect(refusal { try RecordBody.decode(text[...]) }?.code == .invalidArgument)
    }
}
