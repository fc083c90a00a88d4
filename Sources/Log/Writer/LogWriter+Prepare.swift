import FeatureModel
import StorageIO

extension LogWriter {
    /// Zeros that one call of `prepareAhead` writes: some times what was appended since the last one, so that the segment is
    /// ready in time and nobody waits long for it.
    private static let preparedStepBytes = 256 << 10...4 << 20
    private static let preparedPerAppended = 4

    /// Bytes of the segment behind the last one.
    private var nextSegmentBytes: Int {
        options.segmentBytes(number: (runs.last?.prepared?.number ?? segments[segments.count - 1].number) + 1)
    }

    /// Reserves positions, and zero-fills a piece of the next segment, before an append needs them. Call it while nobody waits,
    /// until `isPrepared`; where it is never called, an append does the work.
    ///
    /// - Complexity: at most 4 MiB are written.
    /// - Throws: `.resourceExhausted` where the disk is full: the log stays usable, and it is tried again with the next append
    ///   that needs the room; `.unavailable` for a failure, which is final.
    func prepareAhead() throws(HeadwaterError) {
        try checkUsable()
        if control.reserve - staged.position < options.reserveAhead / 2 { try extendReserve() }
        let step = LogWriter.preparedPerAppended * appendedSincePrepare
        appendedSincePrepare = 0
        let bounds = LogWriter.preparedStepBytes
        try prepare(nextSegmentBytes, step: min(max(step, bounds.lowerBound), bounds.upperBound))
    }

    /// Whether `prepareAhead` has nothing to do.
    var isPrepared: Bool {
        (prepared?.bytes ?? 0) >= nextSegmentBytes && control.reserve - staged.position >= options.reserveAhead / 2
    }

    /// Makes sure that the last run has room for a record of `bytes` bytes, on the disk.
    func makeRoom(_ bytes: Int) throws(HeadwaterError) {
        let end = runs.last?.end ?? current.offset
        let capacity = runs.last?.capacity ?? segments[segments.count - 1].bytes
        if end + bytes <= capacity {
            guard runs.isEmpty else { return }
            runs.append(
                StagedRun(prepared: nil, predecessor: staged, start: end, capacity: capacity, buffer: spareBuffer))
            spareBuffer = []
            return
        }
        let next = try prepare(max(nextSegmentBytes, LogFormat.segmentHeaderBytes + bytes), step: .max)
        prepared = nil
        runs.append(
            StagedRun(prepared: next, predecessor: staged, start: LogFormat.segmentHeaderBytes, capacity: next.bytes))
    }

    /// Writes a new reserve, both slots synced, before a position above the old one is handed out.
    func extendReserve() throws(HeadwaterError) {
        do throws(HeadwaterError) {
            try control.store(in: controlFile) { control in
                control.reserve = staged.position + options.reserveAhead
                control.durable = durablePosition
            }
        } catch {
            throw fail(error)
        }
    }

    @discardableResult
    private func prepare(_ bytes: Int, step: Int) throws(HeadwaterError) -> PreparedSegment {
        do throws(HeadwaterError) {
            let next = try startedSegment()
            prepared = next
            try next.fill(to: bytes, step: step)
            return next
        } catch {
            prepared?.discard()
            prepared = nil
            throw error.code == .resourceExhausted ? error : fail(error)
        }
    }

    /// The prepared segment as far as it got, or an empty one with the next number.
    private func startedSegment() throws(HeadwaterError) -> PreparedSegment {
        if let prepared { return prepared }
        let last = runs.last?.prepared?.number ?? segments[segments.count - 1].number
        return try PreparedSegment(storage, directory, number: last + 1)
    }
}
