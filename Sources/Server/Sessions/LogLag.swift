import FeatureModel
import Log
import OfflineStore
import StorageIO
import Synchronization

/// What of the log an offline store has not taken in yet.
struct LogLag: Sendable {
    /// More than so much is not read to count its rows.
    static let countedBytesMax = 16 << 20

    let positions: Position
    let rows: Int?
    let microseconds: Microseconds?

    /// Asks the log's files, or what the server that is followed last said; blocks for as long as reading takes.
    ///
    /// - Returns: `nil` where neither can be asked.
    init?(of node: OfflineNode, _ services: Services) {
        let now = services.clock.now()
        if services.configuration.follow == nil {
            guard let local = try? LogLag(node, services, now) else { return nil }
            self = local
            return
        }
        // What the server said before the connection broke says nothing of now.
        guard node.sourceFailure.withLock({ $0 }) == nil, let end = node.sourcePosition.withLock({ $0 }) else { return nil }
        let applied = node.store.appliedPosition
        positions = end > applied ? end - applied : 0
        rows = positions == 0 ? 0 : nil
        microseconds = positions == 0 ? 0 : node.lastIngestTime.withLock { $0 }.map { max(0, now - $0) }
    }

    private init(_ node: OfflineNode, _ services: Services, _ now: Microseconds) throws(HeadwaterError) {
        let reader = try services.log.openReader()
        // Asked before the applied position, which is then not before it.
        if let place = node.logPlace.withLock({ $0 }) { reader.go(to: place) }
        let applied = node.store.appliedPosition
        let end = reader.durablePosition
        guard end > applied else {
            (positions, rows, microseconds) = (0, 0, 0)
            return
        }
        let records = try reader.read(after: applied, limitBytes: Self.countedBytesMax)
        var rows = 0
        for record in records where record.kind == .data && record.position <= end {
            rows += try RecordBody.decode(record.body).reduce(0) { $0 + $1.batch.rowCount }
        }
        positions = end - applied
        self.rows = records.last.map { $0.position >= end } ?? false ? rows : nil
        microseconds = records.first.map { max(0, now - $0.ingestTime) }
    }
}
