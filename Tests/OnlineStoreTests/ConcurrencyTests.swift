import FeatureModel
import Foundation
import OnlineStore
import StorageIO
import Synchronization
import TestDisks
import TestSupport
import Testing

/// One thread applies, one takes snapshots, others read: every read sees whole records only.
struct ConcurrencyTests {
    private static let accounts = 64
    private static let total: Int64 = 64_000

    /// Moves money between accounts, often many times within one record.
    private func transfer(_ position: Position, _ balances: inout [Int64], _ random: inout SplitMix64) -> AppliedRecord {
        var rows: [PlainRow] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let from = Int.random(in: 0..<Self.accounts, using: &random)
            let to = Int.random(in: 0..<Self.accounts, using: &random)
            let amount = Int64.random(in: 0...100, using: &random)
            balances[from] -= amount
            balances[to] += amount
            for account in [from, to] { rows.append((Int64(account), Int64(position), balances[account])) }
        }
        return writing(position, rows)
    }

    @Test func everyReadSeesTheTotalWhileSnapshotsAreTaken() throws {
        let storage = MemoryStorage()
        let store = try openStore(storage)
        let start = writing(1, (0..<Int64(Self.accounts)).map { ($0, 1, Self.total / Int64(Self.accounts)) })
        store.apply(start)
        let isDone = Atomic(false)
        let wrong = Mutex<[String]>([])
        let reads = Atomic(0)
        let snapshots = Atomic(0)
        let finished = DispatchGroup()
        func run(_ body: @escaping @Sendable () throws -> Void) {
            finished.enter()
            let thread = Thread {
                do { try body() } catch { wrong.withLock { $0.append("\(error)") } }
                finished.leave()
            }
            thread.start()
        }
        let half = Int64(Self.accounts / 2)
        let queries = [query((0..<half).map { $0 }), query((half..<2 * half).map { $0 })]
        for _ in 0..<2 {
            run {
                var lastPosition: Position = 0
                while !isDone.load(ordering: .relaxed) {
                    let found = try store.get(queries, now: 0)
                    let sum = found.flatMap { $0.columns[0].values }.reduce(Int64(0)) { sum, value in
                        if case .int64(let number) = value { sum + number } else { sum }
                    }
                    if sum != Self.total || found[0].position != found[1].position || found[0].position < lastPosition {
                        wrong.withLock { $0.append("total \(sum) at \(found[0].position) after \(lastPosition)") }
                        return
                    }
                    lastPosition = found[0].position
                    reads.add(1, ordering: .relaxed)
                }
            }
        }
        run {
            while !isDone.load(ordering: .relaxed) {
                let cut = store.beginSnapshot()
                try store.adopt(store.writeSnapshot(cut, extra: []))
                for view in [cut, store.view()] {
                    var sum: Int64 = 0
                    try view.forEachBatch(of: 1) { batch throws(HeadwaterError) in
                        for row in 0..<batch.rowCount { sum += batch.features[0].int64(row) }
                    }
                    if sum != Self.total { wrong.withLock { $0.append("view at \(view.position): \(sum)") } }
                }
                snapshots.add(1, ordering: .relaxed)
            }
        }
        var random = SplitMix64(seed: 6)
        var balances = Array(repeating: Self.total / Int64(Self.accounts), count: Self.accounts)
        var position: Position = 1
        let end = Date().addingTimeInterval(2)
        while Date() < end {
            position += 1
            store.apply(transfer(position, &balances, &random))
        }
        isDone.store(true, ordering: .relaxed)
        finished.wait()
        #expect(wrong.withLock { $0 } == [])
        let (readCount, snapshotCount) = (reads.load(ordering: .relaxed), snapshots.load(ordering: .relaxed))
        print("applied \(position) records, \(readCount) reads, \(snapshotCount) snapshots")
        #expect(readCount > 10 && snapshotCount > 2)
        let all = query((0..<Int64(Self.accounts)).map { $0 })
        #expect(try store.get(all, now: 0).columns[0].values == balances.map { .int64($0) })
        try store.snapshot()
        let reopened = try openStore(storage.kill())
        #expect(reopened.appliedPosition == position)
        #expect(try reopened.get(all, now: 0).columns[0].values == balances.map { .int64($0) })
    }
}
