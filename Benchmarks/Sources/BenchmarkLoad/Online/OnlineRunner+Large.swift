internal import FeatureModel
internal import Foundation

extension OnlineRunner {
    /// Names of the measures of the two cases.
    public enum LargeMeasure {
        public static let rows = "rows"
        public static let residentPerRow = "resident bytes/row"
        public static let anonymousPerRow = "of these anonymous (not mapped files)"
        public static let peakPerRow = "peak bytes/row during a snapshot"
        public static let coldStart = "ms to first answer, all rows"
        public static let smallStart = "ms to first answer, a tenth"
        public static let redisStart = "ms to first answer, redis RDB"
        public static let replayRate = "rows/s replayed after kill -9"
        public static let replaySeconds = "ms to first answer after kill -9"
    }

    private var largeRows: Int { options.rows * 10 }

    /// The large store, started: filled and snapshotted the first time. The peak during that snapshot is of its process.
    private func largeStand() throws(HeadwaterError) -> OnlineStand {
        if let large { return large }
        say("filling \(Self.narrow.name): \(largeRows) rows")
        let stand = try OnlineStand(
            binary: options.headwater, directory: folder("l"), cores: cores, definitions: OnlineTable.definitions([Self.narrow]))
        try stand.load(Self.narrow, entities: 0..<largeRows)
        large = stand
        return stand
    }

    /// Resident memory with the large store, mapped pages included, when every row has been read once.
    func memory() throws(HeadwaterError) -> OnlineCase {
        var figures = OnlineCase(.memory, "memory with \(largeRows) rows × 10 int64, all read once")
        let stand = try largeStand()
        stand.process.resetPeakMemory()
        say("  a snapshot, then every row once")
        try stand.session().snapshot()
        let peak = stand.process.memory().peak
        let gets = try HeadwaterGets(
            address: stand.socketPath, target: GetTarget([Self.narrow]), connections: 2, depth: 2)
        let rowsEach = 1_000
        for first in stride(from: 0, to: largeRows, by: rowsEach) {
            try gets.addRequest(first..<min(first + rowsEach, largeRows))
            if gets.stream.requestCount == 1_000 || first + rowsEach >= largeRows {
                try gets.stream.sendAll()
                try gets.check(limit: 1)
                gets.stream.clearRequests()
            }
        }
        let rows = Double(largeRows)
        let memory = stand.process.memory()
        figures.measures = [
            OnlineMeasure(name: LargeMeasure.rows, values: [rows]),
            OnlineMeasure(name: LargeMeasure.residentPerRow, values: [Double(memory.resident) / rows]),
            OnlineMeasure(name: LargeMeasure.anonymousPerRow, values: [Double(memory.anonymous) / rows]),
            OnlineMeasure(name: LargeMeasure.peakPerRow, values: [Double(peak) / rows]),
        ]
        return figures
    }

    /// Starts after a clean stop, with all rows and with a tenth of them, without a snapshot that anybody asked for: the stop
    /// leaves what the start needs. Starts after a crash, with rows behind the snapshot; Redis.
    func start() throws(HeadwaterError) -> OnlineCase {
        var figures = OnlineCase(
            .start, "start to first answer, \(largeRows) rows × 10, clean stop")
        let wasFilled = large != nil
        let stand = try largeStand()
        // What another case has asked a snapshot of does not count.
        if wasFilled { try stand.load(Self.narrow, entities: 0..<largeRows) }
        let all = try starts(of: stand)
        let small = try OnlineStand(
            binary: options.headwater, directory: folder("s"), cores: cores, definitions: OnlineTable.definitions([Self.narrow]))
        try small.load(Self.narrow, entities: 0..<options.rows)
        let tenth = try starts(of: small)
        small.stop()
        figures.measures = [
            OnlineMeasure(name: LargeMeasure.rows, values: [Double(largeRows)]),
            OnlineMeasure(name: LargeMeasure.coldStart, values: all.map { $0 * 1_000 }),
            OnlineMeasure(name: LargeMeasure.smallStart, values: tenth.map { $0 * 1_000 }),
        ]

        say("  kill -9 with \(options.rows) rows behind the snapshot")
        try stand.load(Self.narrow, entities: 0..<options.rows)
        var replays: [Double] = []
        for _ in 0..<options.rounds {
            stand.crash()
            replays.append(try stand.secondsToFirstAnswer(Self.narrow, entity: options.rows - 1))
        }
        let clean = all.min()!
        figures.measures += [
            OnlineMeasure(name: LargeMeasure.replaySeconds, values: replays.map { $0 * 1_000 }),
            OnlineMeasure(
                name: LargeMeasure.replayRate, values: replays.map { Double(options.rows) / max($0 - clean, 1e-4) }),
        ]
        if let seconds = try redisStarts() {
            figures.measures.append(OnlineMeasure(name: LargeMeasure.redisStart, values: seconds.map { $0 * 1_000 }))
        }
        return figures
    }

    /// Seconds to the first answer, once a round, each after a clean stop.
    private func starts(of stand: OnlineStand) throws(HeadwaterError) -> [Double] {
        var seconds: [Double] = []
        for _ in 0..<options.rounds {
            stand.stop()
            seconds.append(try stand.secondsToFirstAnswer(Self.narrow, entity: 0))
            say("  start: \(Int(seconds.last! * 1_000)) ms")
        }
        return seconds
    }

    /// The same rows in Redis, a hash of ten fields each, loaded from the file that `SAVE` wrote.
    private func redisStarts() throws(HeadwaterError) -> [Double]? {
        guard let binary = options.redis else { return nil }
        let directory = try folder("d")
        say("  filling Redis: \(largeRows) rows")
        let rows = RedisRows(Self.narrow, .hash)
        var stand = try RedisStand(binary: binary, directory: directory, cores: cores, isDurable: false)
        try stand.load(rows, entities: 0..<largeRows)
        let save = try LoadStream(.redis, depth: 1)
        try save.add(StreamSocket(connectingTo: stand.socketPath))
        try save.add(request: Array("*1\r\n$4\r\nSAVE\r\n".utf8))
        try save.sendAll()
        var seconds: [Double] = []
        for _ in 0..<options.rounds {
            stand.process.stop()
            let start = monotonicNanoseconds()
            stand = try RedisStand(binary: binary, directory: directory, cores: cores, isDurable: false)
            try stand.waitForRow(rows, key: OnlineTable.key(0))
            seconds.append(Double(monotonicNanoseconds() - start) / 1e9)
        }
        stand.process.stop()
        return seconds
    }
}

extension RedisStand {
    /// Asks for a row until it is there: while Redis loads its file it answers with an error.
    fileprivate func waitForRow(_ rows: RedisRows, key: Int64) throws(HeadwaterError) {
        let socket = try StreamSocket(connectingTo: socketPath)
        for _ in 0..<600_000 {
            try socket.send(rows.read([key]).bytes[...])
            var reply: [UInt8] = []
            repeat { reply += try socket.receive() } while reply.suffix(2) != [13, 10]
            if reply.first == UInt8(ascii: "*") { return }
            Thread.sleep(forTimeInterval: 0.001)
        }
        throw HeadwaterError(.deadlineExceeded, "Redis did not load its file in ten minutes")
    }
}
