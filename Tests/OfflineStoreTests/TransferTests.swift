import FeatureModel
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// A history goes from one store to another whole, or not at all.
@Suite struct TransferTests {
    private static let schema = Weather.schema

    /// A store with several chunks, deletes and a cutoff, all durable.
    private func source(_ storage: MemoryStorage, records: Int = 40) throws -> OfflineStore {
        var random = SplitMix64(seed: 3)
        var options = tinyOptions(&random)
        options.runsPerLevelMax = 100
        let store = try openStore(storage, options: options)
        for position in 1...Position(records) {
            let station = Int64(position % 7)
            if position % 9 == 0 {
                store.apply(Weather.delete(position, ingest: Int64(position), station: station, time: Int64(position)))
            } else if position == 30 {
                store.apply(Weather.cutoff(position, 12))
            } else {
                store.apply(
                    Weather.write(
                        position, ingest: Int64(position),
                        [(station, Int64(position), Double(position)), (station + 1, Int64(position / 2), nil)]))
            }
            if position % 6 == 0 { try store.flush(extra: [UInt8(position), 7]) }
        }
        try store.flush(extra: [1, 2, 3])
        return store
    }

    private func pieces(_ store: OfflineStore, bytesMax: Int = 100) throws -> [HistoryPiece] {
        var pieces: [HistoryPiece] = []
        try store.export().forEachPiece(bytesMax: bytesMax) { piece in
            pieces.append(piece)
            return true
        }
        return pieces
    }

    private func receive(_ pieces: [HistoryPiece], _ storage: any Storage, beside store: OfflineStore? = nil) throws {
        let history = try HistoryImport(storage: storage, dataDirectory: "data", logID: testLogID, store: store)
        for piece in pieces { try history.take(piece) }
        try history.commit()
    }

    private func expectEqual(_ left: OfflineStore, _ right: OfflineStore) throws {
        #expect(left.durablePosition == right.durablePosition && left.extra == right.extra)
        #expect(left.view().oldestAsOf == right.view().oldestAsOf)
        for asOf in max(left.view().oldestAsOf, 1)...left.durablePosition {
            func rows(_ store: OfflineStore) throws -> [String] {
                var lines: [String] = []
                var scan = try store.view().scan(Self.schema, asOf: asOf, includeDeletes: true)
                while let batch = try scan.next() {
                    let columns = batch.keys + [batch.eventTime, batch.ingestTime, batch.position, batch.row] + batch.features
                    for row in 0..<batch.rowCount { lines.append("\(columns.map { $0.value(row) })") }
                }
                return lines
            }
            #expect(try rows(left) == rows(right), "as of \(asOf)")
        }
    }

    @Test func aHistoryArrivesEqual() throws {
        let old = try source(MemoryStorage())
        let disk = MemoryStorage()
        try receive(pieces(old), disk)
        let new = try openStore(disk)
        try expectEqual(old, new)
        _ = try new.verifyAll()
        #expect(try disk.list("data/offline").allSatisfy { !$0.hasPrefix("incoming") })
        // It goes on as the fold of the same log.
        for store in [old, new] { store.apply(Weather.write(99, [(5, 50, 5)])) }
        #expect(try transcript(old.view(), Self.schema) == transcript(new.view(), Self.schema))
    }

    @Test func anEmptyHistoryArrivesToo() throws {
        let old = try openStore(MemoryStorage())
        let disk = MemoryStorage()
        try receive(pieces(old), disk)
        #expect(try openStore(disk).durablePosition == 0)
    }

    @Test func theOldHistoryIsReplacedAndItsFilesGo() throws {
        let old = try source(MemoryStorage())
        let disk = MemoryStorage()
        let before = try source(disk, records: 13)
        let held = before.view()
        let rows = try transcript(held, Self.schema)
        try receive(pieces(old), disk, beside: before)
        #expect(try transcript(before.view(), Self.schema) == rows)
        before.close()
        let new = try openStore(disk)
        try expectEqual(old, new)
        // A view of the history before it still reads its files.
        #expect(try transcript(held, Self.schema) == rows)
        #expect(try disk.list("data/offline").count == old.status().groups[0].chunksByLevel.reduce(2, +))
    }

    @Test func compactionMeanwhileDoesNotDisturbAnExport() throws {
        let old = try source(MemoryStorage())
        let expected = try source(MemoryStorage())
        let export = old.export()
        try old.compact()
        let disk = MemoryStorage()
        let history = try HistoryImport(storage: disk, dataDirectory: "data", logID: testLogID)
        try export.forEachPiece(bytesMax: 64) { piece throws(HeadwaterError) in
            try history.take(piece)
            return true
        }
        try history.commit()
        try expectEqual(expected, try openStore(disk))
    }

    @Test func everyFlippedBitOfAPieceIsRefusedWithFileAndOffset() throws {
        let all = try pieces(source(MemoryStorage(), records: 13), bytesMax: 1 << 20)
        for (index, piece) in all.enumerated() {
            for at in piece.bytes.indices {
                for keepsChecksum in [true, false] {
                    var bytes = piece.bytes
                    bytes[at] ^= 1 << UInt8(at % 8)
                    var damaged = all
                    damaged[index] = HistoryPiece(
                        file: piece.file, fileBytes: piece.fileBytes, offset: piece.offset, bytes: bytes,
                        checksum: keepsChecksum ? piece.checksum : nil)
                    let disk = MemoryStorage()
                    let error = #expect(throws: HeadwaterError.self) { try receive(damaged, disk) }
                    #expect(error?.code == .dataLoss || error?.code == .unimplemented, "piece \(index), byte \(at)")
                    #expect(error?.location?.contains("incoming") == true, "piece \(index), byte \(at)")
                    #expect(!OfflineStore.exists(in: "data", storage: disk))
                }
            }
        }
    }

    @Test func piecesOutOfOrderMissingTwiceOrOfAnotherLengthAreRefused() throws {
        let all = try pieces(source(MemoryStorage()))
        for index in all.indices {
            var missing = all
            missing.remove(at: index)
            var twice = all
            twice.insert(all[index], at: index)
            var longer = all
            longer[index] = HistoryPiece(
                file: all[index].file, fileBytes: .max, offset: all[index].offset, bytes: all[index].bytes)
            for wrong in [missing, twice, longer] {
                let disk = MemoryStorage()
                #expect { try receive(wrong, disk) } throws: { ($0 as? HeadwaterError)?.code == .dataLoss }
                #expect(!OfflineStore.exists(in: "data", storage: disk))
            }
        }
    }

    @Test func damageInTheSourceIsNotPassedOnAndNamesItsFile() throws {
        let disk = MemoryStorage()
        try source(disk).close()
        let name = try #require(try disk.list("data/offline").last { $0.hasPrefix("chunk-") })
        let file = try disk.open("data/offline/" + name, .readWrite)
        let byte = try file.read(at: 150, count: 1)[0]
        try file.write([byte ^ 1], at: 150)
        let store = try openStore(disk)
        var taken: Set<UInt64> = []
        let error = #expect(throws: HeadwaterError.self) {
            try store.export().forEachPiece(bytesMax: 1 << 20) { piece in
                taken.insert(piece.file)
                return true
            }
        }
        #expect(error?.code == .dataLoss && error?.location?.hasPrefix("data/offline/\(name):") == true)
        #expect(!taken.isEmpty)
    }

    @Test func aHistoryOfAnotherLogIsRefused() throws {
        let all = try pieces(source(MemoryStorage()))
        let history = try HistoryImport(storage: MemoryStorage(), dataDirectory: "data", logID: Array(repeating: 9, count: 16))
        #expect { for piece in all { try history.take(piece) } } throws: {
            ($0 as? HeadwaterError)?.code == .failedPrecondition
        }
    }

    /// Opens the old store, receives, opens again: as a follower that comes back.
    private func replace(_ storage: any Storage, _ pieces: [HistoryPiece]) throws {
        let before = try openStore(storage)
        do { try receive(pieces, storage, beside: before) } catch {
            before.close()
            throw error
        }
        before.close()
        _ = try openStore(storage)
    }

    @Test func aCrashAtAnyCallLeavesTheOldHistoryOrTheNew() throws {
        let old = try source(MemoryStorage())
        let pieces = try pieces(old, bytesMax: 700)
        func start() throws -> MemoryStorage {
            let disk = MemoryStorage()
            try source(disk, records: 13).close()
            return disk
        }
        let counting = FaultyStorage(try start())
        try replace(counting, pieces)
        var (asBefore, replaced) = (0, 0)
        for call in counting.calls {
            for fault in [Fault.crash, .crashAfterwards] where fault == .crash || call.kind.changesDisk {
                for fate in [CrashFate.lost, .random] {
                    let disk = try start()
                    try? replace(FaultyStorage(disk, plan: .at(call.number, fault)), pieces)
                    let after = disk.crash(seed: UInt64(call.number), sectors: fate, directoryChanges: fate)
                    let store = try openStore(after)
                    _ = try store.verifyAll()
                    if store.durablePosition == 13 {
                        asBefore += 1
                        try expectEqual(source(MemoryStorage(), records: 13), store)
                    } else {
                        replaced += 1
                        try expectEqual(old, store)
                    }
                    store.close()
                    // The transfer is started again, and ends.
                    try replace(after, pieces)
                    try expectEqual(old, openStore(after))
                }
            }
        }
        #expect(asBefore > 0 && replaced > 0)
        print("transfer: \(counting.callCount) calls, \(asBefore) crashes left the old history, \(replaced) the new one")
    }

    @Test func aReaderWaitsForTheOwnerToPutItInPlace() throws {
        let disk = MemoryStorage()
        try receive(pieces(source(MemoryStorage())), disk)
        #expect { try openStore(disk, readOnly: true) } throws: { ($0 as? HeadwaterError)?.code == .failedPrecondition }
        try openStore(disk).close()
        #expect(try openStore(disk, readOnly: true).durablePosition == 40)
    }
}
