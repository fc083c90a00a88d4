internal import FeatureModel

extension ChainLink {
    /// The record of `header` and `body`, if it is the one that follows this link.
    ///
    /// - Throws: `.dataLoss` at `place` for a whole record that is out of order: nothing that tears can cause it.
    func follow(
        _ header: RecordHeader, _ body: ArraySlice<UInt8>, at place: @autoclosure () -> String
    ) throws(HeadwaterError) -> Record {
        guard let kind = RecordKind(rawValue: header.kindCode) else {
            throw HeadwaterError(.dataLoss, "record \(header.position) is of the unknown kind \(header.kindCode)", at: place())
        }
        let record = Record(
            position: header.position, ingestTime: header.ingestTime, stamp: header.stamp, kind: kind, body: body)
        let first: Position
        if kind == .gap {
            guard let gap = record.gapPositions else {
                throw HeadwaterError(.dataLoss, "gap record \(header.position) is malformed", at: place())
            }
            first = gap.lowerBound
        } else {
            first = header.position
        }
        guard position < .max, first == position + 1 else {
            throw HeadwaterError(
                .dataLoss, "record \(header.position) stands where position \(position &+ 1) belongs", at: place())
        }
        guard header.ingestTime >= ingestTime, header.durable <= position else {
            throw HeadwaterError(.dataLoss, "record \(header.position) contradicts the records before it", at: place())
        }
        return record
    }

    /// Checks that a segment continues at this link.
    ///
    /// - Throws: `.dataLoss` at the segment's header.
    func check(_ header: SegmentHeader, path: String) throws(HeadwaterError) {
        guard header.predecessor == self else {
            throw HeadwaterError(
                .dataLoss,
                "the segment follows record \(header.predecessor.position), but the segment before it holds another one there, or "
                    + "ends at \(position)", at: "\(path):48")
        }
    }
}
