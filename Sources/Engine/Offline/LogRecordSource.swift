public import FeatureModel
public import Log

/// The log, followed by who does not own it.
///
/// The owner may come and go: a reader that fails is opened anew at the next pull, and what it said stands in `failure`.
public final class LogRecordSource {
    private let log: any RecordLog
    /// The log that the store beside this source has followed.
    private let logID: [UInt8]
    private var reader: (any LogReading)?
    /// Why the last pull gave nothing; `nil` where it could read.
    public private(set) var failure: HeadwaterError?

    public init(_ log: any RecordLog, logID: [UInt8]) {
        self.log = log
        self.logID = logID
    }

    /// Durable records behind `position`; none where there are none, or where the log cannot be read now.
    public func pull(after position: Position, limitBytes: Int) -> [Record] {
        do throws(HeadwaterError) {
            let reader = if let open = reader { open } else { try log.openReader() }
            guard reader.logID.bytes == logID else {
                throw HeadwaterError(
                    .failedPrecondition, "this is another log than the one that the history is of: it was replaced", at: log.place
                )
            }
            self.reader = reader
            let durable = reader.durablePosition
            guard durable >= position else {
                throw HeadwaterError(
                    .dataLoss,
                    "the log ends at \(durable), and the history already holds \(position): the log lost its end, or waits for its owner "
                        + "to recover it", at: log.place)
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

    /// Where the last pull ended, for other readers of the log.
    public var place: LogPlace? { reader?.place }

    /// The log's durable position, if it can be read.
    public var durablePosition: Position? { reader?.durablePosition }
}
