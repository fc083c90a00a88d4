internal import FeatureModel
internal import StorageIO

/// The bounds of the log, which the file `control` holds twice.
struct Control: Equatable {
    enum State: UInt8 {
        case creating = 1
        case open = 2
        case closed = 3
    }

    static let slotBytes = 128
    static let slotOffsets = [0, 4_096]
    static let fileBytes = 8_192

    let logID: LogID
    var sequence: UInt64
    /// No position at or above it was ever handed out.
    var reserve: Position
    /// A position that was durable when this was written.
    var durable: Position
    /// The oldest segment; lower numbers are being removed.
    var firstSegment: UInt64
    /// How often the log was opened for writing.
    var writerEpoch: UInt64
    var state: State
    /// Which slot this was read from: the one that must hold until the other does.
    private var slotInForce = 0

    /// The bounds of a new log.
    init(creating logID: LogID) {
        self.logID = logID
        sequence = 1
        reserve = 0
        durable = 0
        firstSegment = 1
        writerEpoch = 0
        state = .creating
    }

    func encodeSlot() -> [UInt8] {
        var bytes = LogFormat.block(magic: "HWLOGCTL", version: LogFormat.version)
        bytes.append(contentsOf: logID.bytes)
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: reserve)
        bytes.append(littleEndian: durable)
        bytes.append(littleEndian: firstSegment)
        bytes.append(littleEndian: writerEpoch)
        bytes.append(state.rawValue)
        LogFormat.seal(&bytes, count: Control.slotBytes)
        return bytes
    }

    private init(decodingSlot bytes: ArraySlice<UInt8>, at place: String) throws(HeadwaterError) {
        try LogFormat.check(bytes, magic: "HWLOGCTL", version: LogFormat.version, count: Control.slotBytes, at: place)
        guard let state = State(rawValue: bytes.littleEndian(at: 72)) else {
            throw HeadwaterError(.dataLoss, "unknown state of the log", at: place)
        }
        logID = LogID(bytes.part(at: 16, count: LogID.byteCount))
        sequence = bytes.littleEndian(at: 32)
        reserve = bytes.littleEndian(at: 40)
        durable = bytes.littleEndian(at: 48)
        firstSegment = bytes.littleEndian(at: 56)
        writerEpoch = bytes.littleEndian(at: 64)
        self.state = state
    }

    /// The whole file, both slots alike.
    func encodeFile() -> [UInt8] {
        var bytes = encodeSlot()
        bytes.pad(to: Control.slotOffsets[1])
        bytes.append(contentsOf: encodeSlot())
        bytes.pad(to: Control.fileBytes)
        return bytes
    }

    /// Reads the file without changing it: the valid slot with the greater sequence.
    ///
    /// - Throws: `.notFound` where there is no log, `.dataLoss` where no slot
    ///   holds or the file was lost, `.failedPrecondition` for a newer format.
    static func load(_ storage: any Storage, _ directory: String) throws(HeadwaterError) -> Control {
        let path = StoragePath.join(directory, LogFormat.controlName)
        if !storage.exists(path) { try checkNotLost(storage, directory) }
        let bytes = try storage.readAll(path)
        var best: Control?
        var firstError: HeadwaterError?
        for (index, offset) in slotOffsets.enumerated() {
            do throws(HeadwaterError) {
                var slot = try Control(decodingSlot: bytes.dropFirst(offset), at: "\(path):\(offset)")
                if let known = best, known.logID != slot.logID {
                    throw HeadwaterError(.dataLoss, "the two slots belong to different logs", at: "\(path):\(offset)")
                }
                slot.slotInForce = index
                if best.map({ $0.sequence < slot.sequence }) ?? true { best = slot }
            } catch {
                // A newer format counts even beside a slot that we could read; damage of one slot does not.
                if error.code == .failedPrecondition { throw error }
                firstError = firstError ?? error
            }
        }
        if let best { return best }
        throw firstError ?? HeadwaterError(.dataLoss, "no slot holds", at: "\(path):0")
    }

    /// The control file is the first one of a log, so that segments without it are damage and not a beginning.
    static func checkNotLost(_ storage: any Storage, _ directory: String) throws(HeadwaterError) {
        let path = StoragePath.join(directory, LogFormat.controlName)
        guard storage.exists(directory), let number = try SegmentNames.list(storage, directory).first, !storage.exists(path)
        else {
            return
        }
        throw HeadwaterError(
            .dataLoss, "the file is missing beside \(LogFormat.segmentName(number)): restore it from a copy", at: "\(path):0")
    }

    /// Overwrites both slots, one after the other, each synced; the one in force last, so that a torn write always leaves it or
    /// its successor, also where an earlier write has left the two unlike. A failure is final.
    mutating func store(in file: any StorageFile, _ change: (inout Control) -> Void) throws(HeadwaterError) {
        var next = self
        change(&next)
        next.sequence += 1
        let slot = next.encodeSlot()
        for index in [1 - slotInForce, slotInForce] {
            try file.write(slot[...], at: Control.slotOffsets[index])
            try file.sync()
        }
        self = next
    }
}
