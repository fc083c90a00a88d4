package import Catalog
package import Engine
package import FeatureModel
package import Wire

/// A write as it came, decoded and checked.
package struct CheckedRequest: Sendable {
    package let command: OnlineCommand
    /// Rows of each entry.
    package let rowCounts: [UInt32]

    /// - Parameters:
    ///   - plans: of the streams that are written just now.
    ///   - now: what event times are held against.
    /// - Throws: as `CheckedWrite.init`, where nothing can have been written by this producer and sequence before.
    package init(
        _ head: WriteRequest, _ body: ArraySlice<UInt8>, catalog: Catalog, plans: SingleRowPlans, now: Microseconds
    ) throws(HeadwaterError) {
        let stamp = ProducerStamp(producer: head.producer, epoch: head.epoch, sequence: head.sequence)
        do throws(HeadwaterError) {
            let write = try CheckedWrite(body: body, stamp: stamp, catalog: catalog, now: now, plans: plans)
            try write.checkGroups(areOf: head.project, catalog)
            command = .write(write)
            rowCounts = write.rowCounts
        } catch {
            guard stamp.producer != 0 else { throw error }
            // It may be a retry of a write that passed the definitions of its time: the producer's window knows.
            command = .retry(
                stamp: stamp, bodyChecksum: CRC32C.checksum(body), bodyBytes: body.count, otherwise: error)
            rowCounts = ((try? RecordBody.decode(body)) ?? []).map { UInt32($0.batch.rowCount) }
        }
    }
}

extension CheckedRequest {
    /// The groups that are written: `orders@1`, or `orders@1 and 2 more`.
    func subject(_ catalog: Catalog) -> String? {
        guard case .write(let write) = command else { return nil }
        let groups = Set(write.groupIDs).sorted().compactMap { catalog.group(id: $0)?.reference }
        guard let first = groups.first else { return nil }
        return groups.count == 1 ? first : "\(first) and \(groups.count - 1) more"
    }
}

extension WriteReply {
    /// The answer of a write that stands in the log; its body is `answer.newerRows`, u32 each.
    package init(_ answer: WriteAnswer, isDuplicate: Bool, rowCounts: [UInt32]) {
        self.init()
        position = answer.position
        ingestTime = answer.ingestTime
        self.rowCounts = rowCounts
        keysWithNewerRows = UInt64(answer.newerKeyCount ?? 0)
        duplicate = isDuplicate
        rowsBelowCutoff = UInt64(answer.belowCutoffCount)
        rowsBehindTombstone = UInt64(answer.behindTombstoneCount)
    }
}

extension WriteAnswer {
    /// The body of its reply.
    package var replyBody: [UInt8] {
        var body: [UInt8] = []
        for row in newerRows { body.append(littleEndian: row) }
        return body
    }
}
