public import FeatureModel

extension Catalog {
    /// Checks everything that a write can be refused for; one bad row refuses all of it.
    ///
    /// Group and schema version exist; columns are of that version's types; keys and event times are there and not null; keys
    /// are not too long; event times are not further ahead than the group allows; tombstones hold keys and an event time
    /// alone; values pass their features' checks.
    ///
    /// - Parameters:
    ///   - now: the server's clock.
    ///   - rowsBefore: added to the row numbers of messages: rows of the same file that an earlier call checked.
    /// - Returns: the entries with their schemas, rows numbered through all of them from 0.
    /// - Complexity: O(cells that have a check + rows + bytes of text keys).
    /// - Throws: `.notFound` for an unknown group, `.failedPrecondition` for an unknown schema version, else
    /// `.invalidArgument`; bad
    ///   values are listed as `weather row 17, column temp: …`, rows counted from 0 within their entry.
    public func checkWrite(
        _ entries: [RecordEntry], now: Microseconds, rowsBefore: Int = 0
    ) throws(HeadwaterError) -> [AppliedEntry] {
        guard !entries.isEmpty else { throw HeadwaterError(.invalidArgument, "a write without any group: name at least one") }
        guard entries.count <= Limits.entriesMax else {
            throw HeadwaterError(
                .invalidArgument, "\(entries.count) groups in one write; the limit is \(Limits.entriesMax): send fewer")
        }
        let rows = entries.reduce(0) { $0 + $1.batch.rowCount }
        guard rows <= Limits.batchRowsMax else {
            throw HeadwaterError(
                .invalidArgument, "\(rows) rows in one write; the limit is \(Limits.batchRowsMax): send fewer at a time")
        }
        let bytes = entries.reduce(0) { $0 + RecordBody.entryHeaderBytes + $1.batch.byteCount }
        guard bytes <= Limits.batchBytesMax else {
            throw HeadwaterError(
                .invalidArgument,
                "\(bytes) bytes in one write; the limit is \(Limits.batchBytesMax): send fewer rows at a "
                    + "time")
        }
        let applied = try appliedEntries(entries)
        var problems = RowProblems()
        for (index, entry) in applied.enumerated() {
            let group = groups[entry.schema.groupID]!
            if let position = group.removedAt {
                throw HeadwaterError(
                    .notFound, "nothing was written: \(group.project)/\(group.reference) was removed at position \(position)")
            }
            problems.begin(entry: index, group: group, firstRow: rowsBefore)
            try EntryCheck(group: group, entry: entry, now: now).check(&problems)
        }
        try problems.throwIfAny()
        return applied
    }

    /// Entries of a data record with the schemas that they were written under, rows numbered through all of them from 0.
    ///
    /// - Throws: `.notFound` for an unknown group, `.failedPrecondition` for a schema version that this catalog does not have.
    public func appliedEntries(_ entries: [RecordEntry]) throws(HeadwaterError) -> [AppliedEntry] {
        var applied: [AppliedEntry] = []
        applied.reserveCapacity(entries.count)
        var firstRow = 0
        for entry in entries {
            guard let group = groups[entry.groupID] else {
                throw HeadwaterError(.notFound, "no feature group has the id \(entry.groupID): look the group up again by name")
            }
            guard let schema = group.schema(entry.schemaVersion) else {
                throw HeadwaterError(
                    .failedPrecondition,
                    "\(group.reference) has no schema version \(entry.schemaVersion); the newest is "
                        + "\(group.newestSchema.schemaVersion): "
                        + "look the group up again by name")
            }
            applied.append(AppliedEntry(schema: schema, operation: entry.operation, batch: entry.batch, firstRow: firstRow))
            firstRow += entry.batch.rowCount
        }
        return applied
    }
}
