internal import FeatureModel
internal import StorageIO

/// The segment behind all that are written or staged, made ready ahead of need: an append that starts it finds its zeros on
/// the disk.
struct SegmentAhead {
    private let storage: any Storage
    private let directory: String
    private let options: LogOptions
    /// The segment, with as many zeros as were written so far.
    private var segment: PreparedSegment?
    /// Bytes of records staged since it was last worked on.
    private var appendedBytes = 0

    /// A step writes this many times the bytes that were appended since the last one, within these bounds: the segment is
    /// ready in time, and nobody waits long for it.
    private static let stepBytes = 256 << 10...4 << 20
    private static let stepPerAppended = 4

    init(_ storage: any Storage, _ directory: String, _ options: LogOptions) {
        self.storage = storage
        self.directory = directory
        self.options = options
    }

    /// Zeros that were written so far.
    var byteCount: Int { segment?.bytes ?? 0 }

    mutating func noteAppended(_ bytes: Int) { appendedBytes += bytes }

    /// Whether nothing is left to be done for the segment with this number.
    func isReady(number: UInt64) -> Bool { byteCount >= options.segmentBytes(number: number) }

    /// Writes some of the zeros of the segment with this number.
    ///
    /// - Complexity: at most 4 MiB are written.
    /// - Throws: `.resourceExhausted` where the disk is full; the segment is begun anew at the next call.
    mutating func step(number: UInt64) throws(HeadwaterError) {
        let step = min(max(Self.stepPerAppended * appendedBytes, Self.stepBytes.lowerBound), Self.stepBytes.upperBound)
        appendedBytes = 0
        _ = try fill(number: number, to: options.segmentBytes(number: number), step: step)
    }

    /// Hands out the segment with this number, whole, and with room for a record of `recordBytes` bytes.
    ///
    /// - Throws: as `step`.
    mutating func take(number: UInt64, recordBytes: Int) throws(HeadwaterError) -> PreparedSegment {
        let bytes = max(options.segmentBytes(number: number), LogFormat.segmentHeaderBytes + recordBytes)
        let taken = try fill(number: number, to: bytes, step: .max)
        segment = nil
        return taken
    }

    private mutating func fill(number: UInt64, to bytes: Int, step: Int) throws(HeadwaterError) -> PreparedSegment {
        do throws(HeadwaterError) {
            let begun = if let segment { segment } else { try PreparedSegment(storage, directory, number: number) }
            segment = begun
            try begun.fill(to: bytes, step: step)
            return begun
        } catch {
            segment?.discard()
            segment = nil
            throw error
        }
    }
}
