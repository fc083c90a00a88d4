import FeatureModel
import Synchronization
import Wire

/// What a read showed of one key in one group.
struct SeenCell: Hashable, CustomStringConvertible {
    /// The write behind the row; `nil` where there is none, or a tombstone.
    let write: RequestID?
    let status: CellStatus

    init(_ cells: Cells, row: Int, output: Int) {
        status = cells.statuses[output][row]
        write = status == .present ? RequestID(cells.columns[output].int64(row)) : nil
    }

    var description: String { write.map { "\($0.value)" } ?? "\(status)" }
}

/// What a lane may expect of the bundles that only it writes.
struct LaneMemory {
    private struct Expectation {
        /// The greatest acknowledged write or delete.
        var best: Request?
        /// Writes without an answer: each may have been taken.
        var unknown: [Request] = []
    }

    let seed: UInt64
    let start: Microseconds
    private let own: Range<Int>
    private let client: Int
    private let lane: Int
    private var expectations: [Int: Expectation] = [:]
    private(set) var lastPosition: Position = 0
    private var isForgetful = false

    init(seed: UInt64, start: Microseconds, client: Int, lane: Int) {
        self.seed = seed
        self.start = start
        self.client = client
        self.lane = lane
        own = Bundle.own(client: client, lane: lane)
    }

    mutating func acknowledged(_ request: Request, at position: Position) {
        lastPosition = max(lastPosition, position)
        for bundle in request.bundles where own.contains(bundle) {
            expectations[bundle]?.unknown.removeAll { $0.id == request.id }
            let best = expectations[bundle]?.best
            // Our own writes follow each other, so among equal times the later one has the greater position.
            if best.map({ $0.time <= request.time }) ?? true { expectations[bundle, default: Expectation()].best = request }
        }
    }

    mutating func unknown(_ request: Request) {
        for bundle in request.bundles where own.contains(bundle) {
            expectations[bundle, default: Expectation()].unknown.append(request)
        }
    }

    /// After a loss anything of ours may be there or not.
    mutating func forget() {
        lastPosition = 0
        expectations = [:]
        isForgetful = true
    }

    /// What may have hidden a later write before the loss, or may not.
    private func forgotten(_ bundle: Int) -> [Request] {
        guard isForgetful, let best = expectations[bundle]?.best else { return [] }
        return (1...best.id.number).map { Request(seed: seed, id: RequestID(client: client, lane: lane, number: $0)) }
            .filter { $0.bundles.contains(bundle) }
    }

    /// What is wrong with this sight of a bundle; `nil` where it may
    /// be so. It shows our last acknowledged write or a greater one.
    func complaint(_ bundle: Int, _ seen: SeenCell) -> String? {
        guard own.contains(bundle) else { return nil }
        let expected = expectations[bundle] ?? Expectation()
        if let best = expected.best, seen.write == best.id ? !best.isDelete : (seen.write == nil && best.isDelete) { return nil }
        guard let write = seen.write else {
            guard seen.status == .notFound else { return "\(seen.status)" }
            guard let best = expected.best else { return nil }
            let isHidden = (expected.unknown + forgotten(bundle)).contains { $0.isDelete && $0.time >= best.time }
            return isHidden ? nil : "nothing is there instead of \(best.id.value)"
        }
        guard write.client == client, write.lane == lane else { return "\(write.value) is no write of ours" }
        let request = Request(seed: seed, id: write)
        guard request.bundles.contains(bundle), !request.isDelete else { return "\(write.value) did not write it" }
        guard let best = expected.best else {
            return isForgetful || expected.unknown.contains { $0.id == write } ? nil : "\(write.value) was never acknowledged"
        }
        guard request.time >= best.time else { return "\(write.value) is older than \(best.id.value)" }
        return isForgetful || expected.unknown.contains { $0.id == write } ? nil : "\(write.value) instead of \(best.id.value)"
    }
}

/// Gives each batch once: the spine of a history.
final class Batches: Sendable {
    private let rest: Mutex<[Batch]>

    init(_ batches: [Batch]) { rest = Mutex(batches) }

    func next() -> Batch? { rest.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}
