import FeatureModel
import StorageIO

extension LogWriter {
    func stage(
        kind: RecordKind, stamp: ProducerStamp, body: ArraySlice<UInt8>, now: Microseconds
    ) throws(HeadwaterError) -> Position {
        try checkUsable()
        precondition(kind != .gap, "gap records are the recovery's")
        guard body.count <= LogFormat.bodyBytesMax else {
            throw HeadwaterError(
                .invalidArgument, "a record of \(body.count) bytes; the limit is \(LogFormat.bodyBytesMax): split the write")
        }
        try makeRoom(LogFormat.recordBytes(bodyBytes: body.count))
        // The last position reserved is never handed out: after an unclean end the gap's own record takes it.
        if staged.position + 1 >= control.reserve { try extendReserve() }
        let record = Record(
            position: staged.position + 1, ingestTime: max(staged.ingestTime, now), stamp: stamp, kind: kind, body: body)
        runs[runs.count - 1].append(record, durable: durablePosition, seed: seed)
        staged = runs[runs.count - 1].last
        appendedSincePrepare += LogFormat.recordBytes(bodyBytes: body.count)
        stagedRecords.append(record)
        return record.position
    }

    func write() throws(HeadwaterError) -> [Record] {
        try checkUsable()
        do throws(HeadwaterError) {
            for index in runs.indices {
                if let next = runs[index].prepared {
                    try roll(to: next, runs[index])
                } else {
                    try runs[index].write(to: current.file)
                }
                current.offset = runs[index].end
                written = runs[index].last
            }
        } catch {
            throw fail(error)
        }
        if Sabotage.publishBeforeDurable.isPlanted { page.publish(written.position) }
        if let last = runs.popLast() { spareBuffer = last.takeBuffer() }
        runs = []
        defer { stagedRecords = [] }
        return stagedRecords
    }

    func sync() throws(HeadwaterError) -> Position {
        try checkUsable()
        guard durablePosition < written.position else { return durablePosition }
        do throws(HeadwaterError) {
            try current.file.sync()
        } catch {
            guard Sabotage.retriedSync.isPlanted, (try? current.file.sync()) != nil else { throw fail(error) }
        }
        publish(written.position)
        return durablePosition
    }

    /// Starts a new segment with a run: all before it becomes durable first, then the run under the new name.
    private func roll(to next: PreparedSegment, _ run: StagedRun) throws(HeadwaterError) {
        if durablePosition < run.predecessor.position {
            try current.file.sync()
            publish(run.predecessor.position)
        }
        let header = SegmentHeader(
            logID: logID, number: next.number, predecessor: run.predecessor, syncedThrough: run.predecessor.position)
        try next.file.write(header.encode()[...], at: 0)
        try run.write(to: next.file)
        try next.publish()
        current.file.close()
        current = (next.file, run.end)
        segments.append(SegmentInfo(number: next.number, predecessor: run.predecessor.position, bytes: next.bytes))
        publish(run.last.position)
    }

    /// Tells followers that everything up to `position` is on the disk.
    private func publish(_ position: Position) {
        durablePosition = position
        page.publish(position)
    }
}
