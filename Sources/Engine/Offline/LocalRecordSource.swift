public import FeatureModel
import Log
public import StorageIO

/// The log of the same data directory, read by its files.
///
/// The owner may come and go: a reader that fails is opened anew at the next pull, and what it said stands in `failure`.
public final class LocalRecordSource {
    private let storage: any Storage
    private let directory: String
    /// The log that the store beside this source has followed.
    private let logID: [UInt8]
    private var reader: LogReader?
    /// Why the last pull gave nothing; `nil` where it could read.
    public private(set) var failure: HeadwaterError?

    public init(storage: any Storage, logDirectory: String, logID: [UInt8]) {
        self.storage = storage
        self.logID = logID
        directory = logDirectory
    }

    /// Durable records behind `position`; none where there are none, or where the log cannot be read now.
    public func pull(after position: Position, limitBytes: Int) -> [Record] {
        do throws(HeadwaterError) {
            let reader = if let open = reader { open } else { try LogReader(storage: storage, directory: directory) }
            guard reader.logID.bytes == logID else {
                throw HeadwaterError(
                    .failedPrecondition, "this is another log than the one that the history is of: it was replaced", at: directory
                )
            }
            self.reader = reader
            let durable = reader.durablePosition
            guard durable >= position else {
                throw HeadwaterError(
                    .dataLoss,
                    "the log ends at \(durable), and the history already holds \(position): the log lost its end, or waits for its owner "
                        + "to recover it", at: directory)
            }
            guard durable > position else {
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
    public var durablePosition: Position? { reader?.durablePosition }
}
