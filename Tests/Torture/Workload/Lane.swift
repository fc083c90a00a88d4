import Client
import FeatureModel
import TestSupport
import Wire

/// One after the other: a write, now and then a read that must show it.
struct Lane {
    let client: HeadwaterClient
    let groups: Groups
    let journal: Journal
    let control: Control
    let seed: UInt64
    let number: Int
    let lane: Int
    let pauseMax: Int
    private var random: SplitMix64
    private var memory: LaneMemory
    private var prepared: PreparedFeatures?
    private var isLastReadAnswered = false
    /// Fewer positions than a recovery skips, more than clients write between two writes of a lane.
    private static let gapLeast: Position = 10_000

    init(
        client: HeadwaterClient, groups: Groups, journal: Journal, control: Control, seed: UInt64, number: Int, lane: Int,
        pauseMax: Int
    ) {
        self.client = client
        self.groups = groups
        self.journal = journal
        self.control = control
        self.seed = seed
        self.number = number
        self.lane = lane
        self.pauseMax = pauseMax
        random = SplitMix64(seed: seed &+ UInt64(number * 1_000 + lane))
        memory = LaneMemory(seed: seed, start: groups.start, client: number, lane: lane)
    }

    /// Writes after a history that was refused before the next one is asked for: where the history
    /// stands, as on a full disk, lanes that all wait for it would write nothing for as long.
    private static let historyRestAfterRefusal = 500
    private static let historyPatience = Duration.seconds(5)
    private var historyRest = 0

    mutating func run() async {
        var written = 0
        while !Task.isCancelled {
            await control.pass()
            written += 1
            await write(RequestID(client: number, lane: lane, number: written))
            if random.chance(0.3) { await get() }
            if historyRest > 0 { historyRest -= 1 } else if random.chance(0.04) { await history() }
            try? await Task.sleep(for: .milliseconds(random.int(0...pauseMax)))
        }
    }

    private mutating func write(_ id: RequestID) async {
        let request = Request(seed: seed, id: id)
        do {
            let entries = try request.entries(groups)
            journal.add(.sent(id))
            let result = try await client.write(entries)
            journal.add(.acknowledged(id, result.position, ingest: result.ingestTime, isDuplicate: result.isDuplicate))
            if memory.lastPosition > 0, result.position > memory.lastPosition + Self.gapLeast {
                memory.unknown(request)
                await confirm()
            }
            memory.acknowledged(request, at: result.position)
        } catch {
            journal.add(.unknown(id, error as? HeadwaterError ?? HeadwaterError(.unknown, "\(error)")))
            memory.unknown(request)
            control.count(refused: 1)
            // Where writes are refused there is nothing to hurry for.
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Positions were skipped, so there was a crash: asks whether our last write lives, as only its own position can tell.
    private mutating func confirm() async {
        let asked = memory.lastPosition
        for _ in 0..<100 {
            await get()
            if memory.lastPosition != asked || isLastReadAnswered { return }
            try? await Task.sleep(for: .milliseconds(50))
        }
        memory.forget()
    }

    /// Two bundles at once, own or shared: at least at the position of our last write, and each whole.
    private mutating func get() async {
        let asked = memory.lastPosition
        let bundles = pick()
        isLastReadAnswered = false
        do {
            if prepared == nil { prepared = try await client.prepare(Groups.selection, fullFeatureNames: true) }
            let keys = Batch(rowCount: bundles.count * Bundle.keyCount, columns: [(0, try Column(.int64, values(bundles)))])
            let got = try await client.get(prepared!, keys: keys, minPosition: asked, eventTimes: true)
            control.count(gets: 1)
            isLastReadAnswered = true
            judge(bundles, got.cells, at: got.position, asked: asked, from: "get")
        } catch {
            refused(error, asked: asked, from: "get")
        }
    }

    private mutating func history() async {
        let asked = memory.lastPosition
        let bundles = pick()
        do {
            let fields = [Field("id", .int64), Field("at", .timestamp)]
            var query = HistoryQuery(Groups.selection, spineColumns: fields, spineTime: "at")
            query.fullFeatureNames = true
            query.minPosition = asked
            let ids = values(bundles)
            let late = try Column(.timestamp, ids.map { _ in .timestamp(groups.start + 1 << 40) })
            let spine = Batch(rowCount: ids.count, columns: [(0, try Column(.int64, ids)), (1, late)])
            guard let (cells, position) = try await answer(query, spine) else {
                historyRest = Self.historyRestAfterRefusal
                return
            }
            guard cells.count == 1, let position else {
                return journal.add(.violation("P8", "history answered \(cells.count) batches to one of \(ids.count) rows"))
            }
            control.count(histories: 1)
            judge(bundles, cells[0], at: position, asked: asked, from: "history")
        } catch {
            refused(error, asked: asked, from: "history")
            historyRest = Self.historyRestAfterRefusal
        }
    }

    /// What a history answers, and its position; `nil` where it takes longer than a lane waits.
    private func answer(_ query: HistoryQuery, _ spine: Batch) async throws -> (cells: [Cells], position: Position?)? {
        let client = client
        let reading = Task {
            let once = Batches([spine])
            let rows = try await client.history(query) { () async throws(HeadwaterError) in once.next() }
            var cells: [Cells] = []
            for try await item in rows { cells.append(item.rows) }
            return (cells: cells, position: rows.summary?.position)
        }
        let limit = Task {
            try await Task.sleep(for: Self.historyPatience)
            reading.cancel()
        }
        defer { limit.cancel() }
        do { return try await reading.value } catch {
            if reading.isCancelled { return nil }
            throw error
        }
    }

    private mutating func judge(_ bundles: [Int], _ cells: Cells, at position: Position, asked: Position, from read: String) {
        guard position >= asked else {
            return journal.add(.violation("P6", "\(read) at \(asked) answered with position \(position)"))
        }
        for (index, bundle) in bundles.enumerated() {
            let rows = index * Bundle.keyCount..<(index + 1) * Bundle.keyCount
            let seen = rows.flatMap { row in
                [0, 1].map { SeenCell(cells, row: row, output: $0) }
            }
            let what = "\(read) of bundle \(bundle) at \(position), asked for \(asked)"
            guard Set(seen).count == 1 else { return journal.add(.violation("P8", "\(what): \(seen)")) }
            if let complaint = memory.complaint(bundle, seen[0]) { journal.add(.violation("P6", "\(what): \(complaint)")) }
        }
    }

    /// A read may be refused while a server is down, never for a position that was acknowledged and is not lost.
    private mutating func refused(_ error: any Error, asked: Position, from read: String) {
        control.count(refused: 1)
        prepared = nil
        guard let error = error as? HeadwaterError else { return journal.add(.violation("P6", "\(read): \(error)")) }
        switch error.code {
        case .unavailable, .deadlineExceeded, .cancelled: break
        case .dataLoss, .outOfRange:
            // The checker knows whether it is. Which of our other writes went with it we cannot know.
            journal.add(.lost(asked, error.code))
            memory.forget()
        default: journal.add(.violation("P6", "\(read) at \(asked): \(error)"))
        }
    }

    private mutating func pick() -> [Int] {
        let own = Bundle.own(client: number, lane: lane)
        return [random.int(own.lowerBound...own.upperBound - 1), random.int(0...Bundle.sharedCount - 1)]
    }

    private func values(_ bundles: [Int]) -> [Value] { bundles.flatMap(Bundle.keys).map { .int64($0) } }
}
