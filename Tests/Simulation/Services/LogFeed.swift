import FeatureModel
import Log

/// The log as one remote follower is served it.
final class LogFeed {
    private var reader: (any LogReading)?

    private let log: any RecordLog

    init(_ log: any RecordLog) { self.log = log }

    /// Durable records behind a position; `nil` where there are none yet.
    ///
    /// - Throws: as `LogReader`, and `.dataLoss` where the log ends before the position.
    func read(after position: Position) throws(HeadwaterError) -> (records: [Record], durable: Position)? {
        let reader = if let open = reader { open } else { try log.openReader() }
        self.reader = reader
        let durable = reader.durablePosition
        guard position <= durable else {
            throw HeadwaterError(.dataLoss, "the follower has position \(position), but the log ends at \(durable)")
        }
        let records = try reader.read(after: position, limitBytes: 16 << 10)
        return records.isEmpty ? nil : (records, durable)
    }
}
