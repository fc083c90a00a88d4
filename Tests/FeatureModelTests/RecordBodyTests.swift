import FeatureModel
import TestSupport
import Testing

private func entries(_ random: inout SplitMix64, count: Int) -> [RecordEntry] {
    (0..<count).map { index in
        let schema = random.schema(groupID: GroupID(index + 1), schemaVersion: UInt32(random.int(1...9)))
        return RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: random.chance(0.3) ? .delete : .write,
            batch: random.batch(schema, rowCount: random.int(0...6)))
    }
}

@Suite struct RecordBodyTests {
    @Test(arguments: testSeeds)
    func entriesRoundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for count in 0..<6 {
            let sent = entries(&random, count: count)
            let bytes = RecordBody.encode(sent)
            #expect(bytes.count % Batch.alignment == 0)
            let read = try RecordBody.decode(shifted(bytes, by: random.int(0...7)))
            #expect(read.map(\.groupID) == sent.map(\.groupID))
            #expect(read.map(\.schemaVersion) == sent.map(\.schemaVersion))
            #expect(read.map(\.operation) == sent.map(\.operation))
            #expect(read.map(\.batch.bytes) == sent.map(\.batch.bytes))
            #expect(RecordBody.encode(read) == bytes)
        }
    }

    @Test func aBodyCutAtAnyByteButBetweenEntriesIsRefused() throws {
        var random = SplitMix64(seed: 9)
        let sent = entries(&random, count: 3)
        let bytes = RecordBody.encode(sent)
        var ends: Set<Int> = [0]
        for entry in sent { ends.insert(ends.max()! + RecordBody.entryHeaderBytes + entry.batch.bytes.count) }
        for count in 0...bytes.count {
            let error = refusal { try RecordBody.decode(bytes[..<count]) }
            #expect(error?.code == (ends.contains(count) ? nil : .invalidArgument), "cut at \(count)")
        }
    }

    @Test func headersThatDoNotHoldAreRefused() throws {
        var random = SplitMix64(seed: 10)
        let bytes = RecordBody.encode(entries(&random, count: 1))
        for length: UInt32 in [0, 1, 64, UInt32(bytes.count), .max, .max - 63] {
            var wrong = bytes
            wrong.store(littleEndian: length, at: 8)
            #expect(refusal { try RecordBody.decode(wrong[...]) }?.code == .invalidArgument, "length \(length)")
        }
        for operation: UInt8 in [0, 3, 0xFF] {
            var wrong = bytes
            wrong[12] = operation
            #expect(refusal { try RecordBody.decode(wrong[...]) }?.code == .invalidArgument)
        }
    }

    @Test func entriesAtTheLimitAreTakenAndOneMoreIsNot() {
        let entry = RecordEntry(groupID: 1, schemaVersion: 1, operation: .write, batch: Batch(rowCount: 0, columns: []))
        let most = RecordBody.encode(Array(repeating: entry, count: Limits.entriesMax))
        #expect(refusal { try RecordBody.decode(most[...]) } == nil)
        let more = RecordBody.encode(Array(repeating: entry, count: Limits.entriesMax + 1))
        #expect(refusal { try RecordBody.decode(more[...]) }?.code == .invalidArgument)
    }

    @Test func cutoffRecordsRoundTripAndAnyOtherLengthIsDataLoss() throws {
        let cutoff = RetentionCutoff(groupID: 7, cutoff: -5)
        let bytes = cutoff.encode()
        #expect(try RetentionCutoff(decoding: shifted(bytes, by: 5)) == cutoff)
        for count in 0..<bytes.count {
            #expect(refusal { try RetentionCutoff(decoding: bytes[..<count]) }?.code == .dataLoss)
        }
        #expect(refusal { try RetentionCutoff(decoding: (bytes + [0])[...]) }?.code == .dataLoss)
    }

    @Test func rowOrderIsEventTimeThenPositionThenRow() {
        let order = [
            RowOrder(eventTime: .min, position: 9, row: 9), RowOrder(eventTime: 1, position: 1, row: 5),
            RowOrder(eventTime: 1, position: 2, row: 0), RowOrder(eventTime: 1, position: 2, row: 1),
            RowOrder(eventTime: 2, position: 1, row: 0),
        ]
        #expect(order.reversed().sorted() == order)
    }
}
