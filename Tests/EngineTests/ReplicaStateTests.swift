import Catalog
import FeatureModel
import TestDisks
import Testing

@testable import Engine

/// The kept form of what the fold holds beside rows: docs/formats/engine-state.md.
@Suite struct ReplicaStateTests {
    private func state() throws -> ReplicaState {
        let store = try Store(MemoryStorage())
        try store.define()
        guard case .openedProducer(let producer, let epoch) = try store.run(.openProducer) else { preconditionFailure() }
        let body = try store.body("orders", .delete, rows: [[.int64(1), .timestamp(store.now)]])
        try store.write(body, ProducerStamp(producer: producer, epoch: epoch, sequence: 1))
        var state = store.online.replica.state
        state.gaps = [4...7, 9...9]
        return state
    }

    @Test func everySectionComesBack() throws {
        let state = try state()
        let bytes = state.encode()
        #expect(bytes.prefix(8) == [4, 0, 0, 0, 4, 0, 0, 0])
        let again = try ReplicaState(decoding: bytes[...])
        #expect(again.catalog.encodeHistory() == state.catalog.encodeHistory() && !state.catalog.allGroups.isEmpty)
        #expect(again.gaps == state.gaps)
        #expect(again.sessions == state.sessions && !state.sessions.sessions.isEmpty)
        #expect(again.tombstones == state.tombstones && !state.tombstones.times.isEmpty)
        #expect(again.encode() == bytes)
    }

    @Test func noBytesAreTheStateBeforeTheFirstRecord() throws {
        let state = try ReplicaState(decoding: [])
        #expect(state.catalog.allGroups.isEmpty && state.gaps.isEmpty && !state.tombstones.isFromBefore)
    }

    @Test func aNewerFormatAndAnUnknownSectionAreRefusedByName() throws {
        var bytes = try state().encode()
        bytes[0] = 5
        let newer = #expect(throws: HeadwaterError.self) { try ReplicaState(decoding: bytes[...]) }
        #expect(newer?.code == .unimplemented && newer!.message.contains("format 5"))
        bytes = try state().encode()
        bytes[4] = 5
        bytes.append(littleEndian: UInt32(77))
        bytes.append(littleEndian: UInt64(0))
        let section = #expect(throws: HeadwaterError.self) { try ReplicaState(decoding: bytes[...]) }
        #expect(section?.code == .unimplemented && section!.message.contains("section 77"))
    }

    @Test func everyCutIsRefused() throws {
        let bytes = try state().encode()
        for count in 1..<bytes.count {
            #expect(throws: HeadwaterError.self, "\(count) bytes") { try ReplicaState(decoding: bytes.prefix(count)) }
        }
        #expect(throws: HeadwaterError.self) { try ReplicaState(decoding: (bytes + [0])[...]) }
    }

    @Test func sectionsOutOfOrderOrOfTooManyBytesAreRefused() throws {
        func refusal(_ sections: [(UInt32, UInt64, [UInt8])]) -> StatusCode? {
            var bytes: [UInt8] = []
            bytes.append(littleEndian: UInt32(4))
            bytes.append(littleEndian: UInt32(sections.count))
            for (tag, count, content) in sections {
                bytes.append(littleEndian: tag)
                bytes.append(littleEndian: count)
                bytes += content
            }
            do throws(HeadwaterError) {
                _ = try ReplicaState(decoding: bytes[...])
                return nil
            } catch { return error.code }
        }
        let none: [UInt8] = [0, 0, 0, 0]
        #expect(refusal([(2, 4, none), (3, 4, none)]) == nil)
        #expect(refusal([(3, 4, none), (2, 4, none)]) == .dataLoss)
        #expect(refusal([(2, 4, none), (2, 4, none)]) == .dataLoss)
        #expect(refusal([(2, 5, none + [1])]) == .dataLoss)
        #expect(refusal([(2, UInt64.max, none)]) == .dataLoss)
        #expect(refusal([(2, 1 << 62, none)]) == .dataLoss)
    }

    /// Behind a checksum that holds: what no fold makes is refused, or folded, and ends no process.
    @Test func positionsAtTheEndOfTheirRangeEndNoProcess() throws {
        func gaps(_ first: Position, _ last: Position) -> [UInt8] {
            var bytes: [UInt8] = []
            for field in [4, 1, 2] as [UInt32] { bytes.append(littleEndian: field) }
            bytes.append(littleEndian: UInt64(20))
            bytes.append(littleEndian: UInt32(1))
            for field in [first, last] { bytes.append(littleEndian: field) }
            return bytes
        }
        #expect(try ReplicaState(decoding: gaps(5, .max - 1)[...]).gaps == [5...(.max - 1)])
        for (first, last) in [(5, .max), (.max, .max), (9, 8)] as [(Position, Position)] {
            let error = #expect(throws: HeadwaterError.self) { try ReplicaState(decoding: gaps(first, last)[...]) }
            #expect(error?.code == .dataLoss)
        }
        var window = ProducerWindow()
        window.open(at: 1)
        window.sessions[.max] = ProducerWindow.Session(epoch: 1, lastPosition: .max)
        window = try ProducerWindow(decoding: window.encode()[...])
        let answer = WriteAnswer(position: 4_096, ingestTime: 6, newerKeyCount: 0, listed: [])
        window.fold(ProducerStamp(producer: 1, epoch: 1, sequence: 1), body: [], answer: answer)
        #expect(window.has(1) && window.has(.max))
        // The first session has been idle for just as long as it may, and then for one look longer.
        let last = 4_096 + ProducerWindow.sessionDistance
        window.open(at: last)
        #expect(window.has(1) && window.has(.max))
        window.open(at: last + 4_096)
        #expect(!window.has(1) && window.has(.max))
    }

    @Test func anEngineStateOfFormat1IsRead() throws {
        // One session with one write: sequence, checksum and bytes of the
        // body, position, ingest time, newer rows; no numbers follow.
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(1))
        bytes.append(littleEndian: UInt64(3))
        bytes.append(littleEndian: UInt32(1))
        for field in [5, 0] as [UInt64] { bytes.append(littleEndian: field) }
        bytes.append(littleEndian: UInt32(1))
        bytes.append(littleEndian: UInt64(1))
        for field in [0xABCD, 9] as [UInt32] { bytes.append(littleEndian: field) }
        for field in [5, 6] as [UInt64] { bytes.append(littleEndian: field) }
        bytes.append(littleEndian: UInt32(2))
        let stamp = ProducerStamp(producer: 3, epoch: 1, sequence: 1)
        let window = try ProducerWindow(decoding: bytes[...], layout: 1)
        #expect(
            try window.judge(stamp, bodyChecksum: 0xABCD, bodyBytes: 9)
                == .duplicate(WriteAnswer(position: 5, ingestTime: 6, newerKeyCount: 2, listed: [])))
        #expect(throws: HeadwaterError.self) { try ProducerWindow(decoding: bytes[...]) }
        // An answer without numbers goes on without them.
        #expect(try ProducerWindow(decoding: window.encode()[...]) == window)
    }
}
