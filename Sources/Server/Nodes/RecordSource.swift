import FeatureModel
import Log
import StorageIO

/// The log of the same data directory, read by its files.
///
/// The owner may come and go: a reader that fails is opened anew at the next pull, and what it said stands in `failure`.
final class LocalRecordSource {
    private let storage: any Storage
    private let directory: String
    private var reader: LogReader?
    private(set) var failure: HeadwaterError?

    init(storage: any Storage, logDirectory: String) {
        self.storage = storage
        directory = logDirectory
    }

    /// Durable records behind `position`; none where there are none, or where the log cannot be read now.
    func pull(after position: Position, limitBytes: Int) -> [Record] {
        do throws(HeadwaterError) {
            let reader = if let open = reader { open } else { try LogReader(storage: storage, directory: directory) }
            self.reader = reader
            guard reader.durablePosition > position else {
                failure = nil
                return []
            }
            let records = try reader.read(after: position, limitBytes: limitBytes)
            failure = nil
            return records
        } catch {
            reader = nil
            failure = error
            return []
        }
    }

    /// The log's durable position, if it can be read.
    var durablePosition: Position? { reader?.durablePosition }
    var writerEpoch: UInt64 { reader?.writerEpoch ?? 0 }
}
