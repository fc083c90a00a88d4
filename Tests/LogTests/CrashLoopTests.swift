import FeatureModel
@testable import Log
import StorageIO
import TestDisks
import TestSupport
import Testing

/// What a perfect log would know, over many lives of a writer.
private struct Model {
    enum Fate {
        case staged, acknowledged, lost
    }

    /// Content and fate of every position that was ever handed out.
    private(set) var handedOut: [Position: (body: [UInt8], fate: Fate)] = [:]
    private(set) var oldestKept: Position = 1

    mutating func stage(_ position: Position, _ body: [UInt8]) {
        #expect(handedOut[position] == nil, "position \(position) was handed out twice")
        handedOut[position] = (body, .staged)
    }

    mutating func acknowledge(through position: Position) {
        for (known, entry) in handedOut where known <= position && entry.fate == .staged {
            handedOut[known]!.fate = .acknowledged
        }
    }

    mutating func keep(from position: Position) { oldestKept = max(oldestKept, position) }

    /// Compares with what is read; what is not there now must never come back, what is there must stay.
    mutating func check(_ records: [Seen], removed: Position) {
        #expect(removed < oldestKept, "history from \(oldestKept) on was to be kept, \(removed) is gone")
        var present: Set<Position> = []
        var covered = removed
        var time = Microseconds.min
        for record in records {
            #expect(record.ingestTime >= time)
            time = record.ingestTime
            if record.kind == .gap {
                let first = record.body.enumerated().reduce(Position(0)) {
                    $0 | Position($1.element) << (8 * Position($1.offset))
                }
                #expect(first == covered + 1 && record.position >= first)
            } else {
                #expect(record.position == covered + 1)
                present.insert(record.position)
                #expect(handedOut[record.position]?.body == record.body, "position \(record.position) holds other content")
                #expect(handedOut[record.position]?.fate != .lost, "position \(record.position) came back")
            }
            covered = record.position
        }
        for (position, entry) in handedOut where position > removed {
            #expect(position <= covered, "position \(position) may be handed out again")
            if !present.contains(position) {
                #expect(entry.fate != .acknowledged, "acknowledged position \(position) is lost")
                handedOut[position]!.fate = .lost
            } else {
                handedOut[position]!.fate = .acknowledged
            }
        }
    }
}

@Suite struct CrashLoopTests {
    @Test func noPositionIsUsedTwiceOverRandomCrashes() throws {
        var lives = 0
        var lost = 0
        for seed in UInt64(1)...240 {
            var random = SplitMix64(seed: seed)
            var disk = MemoryStorage()
            var model = Model()
            for _ in 0..<8 {
                let storage = FaultyStorage(
                    disk, plan: random.chance(70) ? .at(1 + random.below(160), Self.fault(&random)) : .never)
                try? Self.live(storage, &model, &random)
                disk = Self.end(disk, &random)
                lives += 1
                do {
                    let log = try openLog(disk, options: LogOptions(segmentBytes: 2_048, reserveAhead: 16))
                    let reader = try LogReader(storage: disk, directory: logDirectory)
                    let removed = try log.retention().oldestPosition - 1
                    let records = try reader.read(after: removed, limitBytes: .max).map { Seen($0) }
                    model.check(records, removed: removed)
                    #expect(records.last?.position ?? removed == log.durablePosition)
                    #expect(try LogVerifier.verify(storage: disk, directory: logDirectory).damage == nil)
                    try log.close(clean: false)
                }
            }
            lost += model.handedOut.values.count { $0.fate == .lost }
        }
        print("crash loop, seeds 1...240: \(lives) lives, \(lost) unacknowledged records lost, none used twice")
        #expect(lost > 0)
    }

    private static func fault(_ random: inout SplitMix64) -> Fault {
        [
            .crash, .crashAfterwards, .error(.unavailable), .errorAfterwards(.unavailable), .shortWrite(count: random.below(300)),
            .diskFull,
        ][
            random.below(6)]
    }

    private static func end(_ disk: MemoryStorage, _ random: inout SplitMix64) -> MemoryStorage {
        if random.chance(40) { return disk.kill() }
        let fates: [CrashFate] = [.lost, .random, .kept]
        return disk.crash(seed: random.next(), sectors: fates[random.below(3)], directoryChanges: fates[random.below(3)])
    }

    /// One life of a writer: what it does until it ends or fails.
    private static func live(
        _ storage: FaultyStorage, _ model: inout Model, _ random: inout SplitMix64
    ) throws(HeadwaterError) {
        let log = try openLog(
            storage, options: LogOptions(segmentBytes: 2_048, reserveAhead: 16), now: Microseconds(random.below(99)))
        for _ in 0..<5 + random.below(40) {
            switch random.below(10) {
            case 0...4:
                let body = random.bytes(random.chance(5) ? 3_000 : random.below(400))
                let position = try log.stage(
                    kind: .data, stamp: .none, body: body[...], now: Microseconds(random.below(1_000)))
                model.stage(position, body)
            case 5, 6: model.acknowledge(through: try log.commit().durablePosition)
            case 7:
                _ = try log.write()
                if random.chance(50) { model.acknowledge(through: try log.sync()) }
            case 8: try log.prepareAhead()
            default:
                let keep = Position(random.below(Int(log.durablePosition) + 1))
                model.keep(from: keep)
                try log.removeSegments(keepingFrom: keep)
            }
        }
        if random.chance(30) {
            try log.close()
            model.acknowledge(through: log.durablePosition)
        }
    }
}
