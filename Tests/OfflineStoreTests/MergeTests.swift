import FeatureModel
import OfflineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Merging of many runs, whose steps are shorter than blocks, against a sort of all rows.
@Suite struct MergeTests {
    /// Which keys the runs have.
    enum Keys: CaseIterable {
        case alike, apart, apartThenAlike, dense, one

        func station(run: Int, row: Int, _ random: inout SplitMix64) -> Int64 {
            switch self {
            case .alike: Int64(random.below(500))
            case .apart: Int64(run * 1_000 + random.below(500))
            case .apartThenAlike:
                row.isMultiple(of: 2) ? Int64(run * 1_000 + random.below(100)) : Int64(1_000_000 + random.below(100))
            case .dense: run == 1 ? Int64(random.below(10)) : Int64(random.below(100_000))
            case .one: 7
            }
        }
    }

    private struct Row: Equatable, Comparable {
        let station: Int64
        let time: Microseconds
        let position: Position
        let row: Int64
        let isDelete: Bool
        let temp: Double?

        static func < (left: Row, right: Row) -> Bool {
            (left.station, left.time, left.position, left.row) < (right.station, right.time, right.position, right.row)
        }
    }

    private func read(
        _ view: OfflineView, asOf: Position, from start: Microseconds? = nil, executor: ParallelExecutor
    ) throws -> [Row] {
        var rows: [Row] = []
        var scan = try view.scan(Weather.schema, start: start, asOf: asOf, includeDeletes: true, executor: executor)
        while let batch = try scan.next() {
            for row in 0..<batch.rowCount {
                rows.append(
                    Row(
                        station: batch.keys[0].int64(row), time: batch.eventTime.int64(row),
                        position: Position(bitPattern: batch.position.int64(row)), row: batch.row.int64(row),
                        isDelete: batch.isDelete.bool(row),
                        temp: batch.features[0].isNull(row) ? nil : batch.features[0].float64(row)))
            }
        }
        return rows
    }

    @Test(arguments: [9, 40, 100], Keys.allCases)
    func manyRunsReadAsOneSort(runs: Int, keys: Keys) throws {
        var random = SplitMix64(seed: UInt64(runs))
        var options = OfflineOptions()
        options.blockRowsMax = 8
        options.chunkBytesTarget = 20_000
        let store = try openStore(MemoryStorage(), options: options)
        var expected: [Row] = []
        for run in 1...runs {
            let position = Position(run)
            if run.isMultiple(of: 7) {
                let station = keys.station(run: run, row: 0, &random)
                store.apply(Weather.delete(position, station: station, time: Int64(run % 20)))
                expected.append(
                    Row(station: station, time: Int64(run % 20), position: position, row: 0, isDelete: true, temp: nil))
            } else {
                let rows = (0..<1 + random.below(120)).map { row in
                    (
                        station: keys.station(run: run, row: row, &random), time: Int64(random.below(20)),
                        temp: random.below(10) == 0 ? nil : Double(random.below(1_000))
                    )
                }
                store.apply(Weather.write(position, rows))
                for (number, row) in rows.enumerated() {
                    expected.append(
                        Row(
                            station: row.station, time: row.time, position: position, row: Int64(number), isDelete: false,
                            temp: row.temp))
                }
            }
            try store.flush()
        }
        expected.sort()
        let (last, half) = (Position(runs), Position(runs / 2))
        func expectSorted(_ state: String) throws {
            for executor in [ParallelExecutor.serial, .threads] {
                #expect(try read(store.view(), asOf: last, executor: executor) == expected, "\(state)")
                #expect(
                    try read(store.view(), asOf: half, executor: executor) == expected.filter { $0.position <= half }, "\(state)")
                #expect(
                    try read(store.view(), asOf: last, from: 18, executor: executor) == expected.filter { $0.time >= 18 },
                    "\(state)")
            }
        }
        #expect(store.status().groups[0].runsByLevel == [runs])
        try expectSorted("in many runs")
        try store.compact(executor: .threads)
        #expect(store.status().groups[0].runsByLevel.reduce(0, +) == 1)
        try expectSorted("compacted")
    }

    @Test(arguments: [false, true])
    func aScanIsCancelledWhileItLooksForRows(isCompacted: Bool) throws {
        var options = OfflineOptions()
        options.blockRowsMax = 16
        let store = try openStore(MemoryStorage(), options: options)
        for position in 1...4 {
            store.apply(Weather.write(Position(position), (0..<800).map { (Int64($0), Int64($0 % 2 * 100), 1) }))
            try store.flush()
        }
        if isCompacted { try store.compact() }
        // Every block has times on both sides of these.
        for isLatest in [false, true] {
            let view = store.view()
            var scan =
                isLatest
                ? try view.latest(Weather.schema, at: 50, asOf: 4)
                : try view.scan(Weather.schema, start: 50, end: 60, asOf: 4)
            var asked = 0
            let isCancelled = {
                asked += 1
                return asked > 3
            }
            #expect { while try scan.next(isCancelled: isCancelled) != nil {} } throws: {
                ($0 as? HeadwaterError)?.code == .cancelled
            }
            #expect(asked == 4)
        }
    }

    @Test func hiddenRowsDoNotKeepTheirBlocksInMemory() throws {
        var options = OfflineOptions()
        options.blockRowsMax = 16
        let store = try openStore(MemoryStorage(), options: options)
        for position in 1...4 {
            store.apply(Weather.write(Position(position), (0..<3_200).map { (Int64($0 / 40), Int64($0 % 40), 1) }))
            try store.flush()
        }
        // One row in forty stays: an output block comes from forty blocks of input.
        store.apply(Weather.cutoff(5, 39))
        try store.flush()
        let job = try #require(try store.beginCompaction())
        job.run()
        try store.finishCompaction(job)
        #expect(store.status().groups[0].rowCount == 4 * 80)
        // Of 800 blocks: for two steps of sixteen blocks of input, or as
        // many as one block of output needs, and one open for each run.
        #expect(job.blocksHeldMax <= 2 * (16 + 40) + 2 * 4)
    }
}
