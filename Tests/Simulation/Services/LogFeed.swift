import FeatureModel
import Log
import StorageIO

/// The log as one remote follower is served it.
final class LogFeed {
    private var reader: (any LogReading)?

    /// Durable records behind a position; `nil` where there are none yet.
    ///
    /// - Throws: as `LogReader`, and `.dataLoss` where the log ends before the position.
    func read(
        after position: Position, from storage: any Storage
    ) throws(HeadwaterError) -> (records: [Record], durable: Position)? {
        let reader = if let open = reader { open } else { try FileLog(in: Workload.directory, storage).openReader() }
        self.reader = reader
        let durable = reader.durablePosition
        guard position <= durable else {
            throw HeadwaterError(.dataLoss, "the follower has position \(position), but the log ends at \(durable)")
        }
        let records = try reader.read(after: position, limitBytes: 16 << 10)
        return records.isEmpty ? nil : (records, durable)
    }
}
