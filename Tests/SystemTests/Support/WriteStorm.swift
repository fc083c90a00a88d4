import Dispatch
import Foundation
import Synchronization

/// One `write` of a storm: rows `firstKey ..< firstKey + rowCount`, each key and time there once in all.
struct StormWrite: Sendable {
    let firstKey: Int
    let rowCount: Int
    let outcome: Outcome
    let started: DispatchTime
    let ended: DispatchTime

    var keys: Range<Int> { firstKey..<firstKey + rowCount }
    var isAcknowledged: Bool { outcome.succeeded }
    /// No server took the connection: certainly nothing was sent.
    var wasNeverSent: Bool { outcome.errors.contains("no server answers") }
}

/// The group that storms write to.
enum StormRows {
    static let definitions = """
        project: shop
        entities: [{name: thing, keys: [{name: id, type: int64}]}]
        feature_groups:
          - name: things
            entity: thing
            event_time: seen
            features: [{name: value, type: int64}, {name: note, type: string}]

        """

    static func value(_ key: Int) -> Int { key &* 7 + 3 }

    static func csv(_ keys: Range<Int>) -> String {
        var csv = "id,seen,value,note\n"
        for key in keys { csv += "\(key),\(1_700_000_000_000_000 + key),\(value(key)),note \(key)\n" }
        return csv
    }
}

/// Several clients at once, each writing file after file until it is told to stop.
final class WriteStorm: Sendable {
    private static let keysPerWrite = 1_000
    private static let writesPerWriter = 100_000

    private let place: Place
    private let address: String
    private let stopped = Atomic<Bool>(false)
    private let writes = Mutex<[StormWrite]>([])
    private let writers = DispatchGroup()

    init(_ place: Place, socket: String = "s.sock") {
        self.place = place
        address = place.address(socket)
    }

    /// - Parameter rows: of each write; every write is one request.
    func start(writers count: Int = 3, rows: Int = 200) {
        for writer in 0..<count {
            writers.enter()
            let thread = Thread { [self] in
                var number = writer * Self.writesPerWriter
                while !stopped.load(ordering: .relaxed) {
                    number += 1
                    let keys = number * Self.keysPerWrite..<number * Self.keysPerWrite + rows
                    let started = DispatchTime.now()
                    guard
                        let outcome = try? place.run(
                            ["write", "things", "--from", "-", "--json", "--address", address], input: StormRows.csv(keys))
                    else { break }
                    let write = StormWrite(
                        firstKey: keys.lowerBound, rowCount: rows, outcome: outcome, started: started, ended: .now())
                    writes.withLock { $0.append(write) }
                    // Where nobody answers there is nothing to hurry for.
                    if !outcome.succeeded { Thread.sleep(forTimeInterval: 0.15) }
                }
                writers.leave()
            }
            thread.start()
        }
    }

    var acknowledged: Int { writes.withLock { list in list.count { $0.isAcknowledged } } }

    /// Lets each writer finish the write it is at.
    ///
    /// - Returns: all writes; `nil` when a writer did not come back.
    func finish(seconds: Double = 150) -> [StormWrite]? {
        stopped.store(true, ordering: .relaxed)
        guard writers.wait(timeout: .now() + seconds) == .success else { return nil }
        return writes.withLock { $0 }
    }
}
