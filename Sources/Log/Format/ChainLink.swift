internal import FeatureModel

/// The record that the next one, or the next segment, must follow. All zero before the first record.
struct ChainLink: Equatable {
    static let start = ChainLink(position: 0, ingestTime: .min, checksum: 0)

    var position: Position
    var ingestTime: Microseconds
    /// The record header's checksum, which stands for the whole record.
    var checksum: UInt32

    init(position: Position, ingestTime: Microseconds, checksum: UInt32) {
        self.position = position
        self.ingestTime = ingestTime
        self.checksum = checksum
    }

    init(_ header: RecordHeader) {
        self.init(position: header.position, ingestTime: header.ingestTime, checksum: header.checksum)
    }
}
