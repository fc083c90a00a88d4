internal import FeatureModel

/// Checks the rows of one entry against its schema and its group's definition.
struct EntryCheck {
    let group: CatalogGroup
    let entry: AppliedEntry
    let now: Microseconds

    private var schema: GroupSchema { entry.schema }
    private var batch: Batch { entry.batch }

    /// - Throws: `.invalidArgument` where a whole column is wrong; bad cells are noted.
    func check(_ problems: inout RowProblems) throws(HeadwaterError) {
        try checkColumns()
        if batch.rowCount == 0 { return }
        for ordinal in schema.keys.indices {
            problems.begin(column: schema.keys[ordinal].name)
            noteNulls(batch.column(ordinal: ordinal)!, "a key is never null", &problems)
        }
        checkKeyLengths(&problems)
        checkEventTimes(&problems)
        if entry.operation == .write { checkFeatures(&problems) }
    }

    private func refuse(_ what: String) -> HeadwaterError {
        HeadwaterError(.invalidArgument, "nothing was written: \(group.reference): \(what)")
    }

    /// Columns are known, of their types, and the needed ones are there.
    private func checkColumns() throws(HeadwaterError) {
        let columnCount = schema.columnCount
        for (index, ordinal) in batch.ordinals.enumerated() {
            guard ordinal < columnCount else {
                throw refuse("column number \(ordinal); schema version \(schema.schemaVersion) has \(columnCount) columns")
            }
            let type = schema.type(ofOrdinal: ordinal)
            guard batch.columns[index].type == type else {
                throw refuse(
                    "column \(name(ordinal)) is \(batch.columns[index].type); schema version \(schema.schemaVersion) has \(type)")
            }
            if let position = group.removedFeatures[ordinal] {
                throw refuse("feature \(name(ordinal)) was removed at position \(position): leave the column out")
            }
            if entry.operation == .delete, ordinal >= schema.keys.count, ordinal != schema.eventTimeOrdinal {
                throw refuse("column \(name(ordinal)) in a delete, which has the key columns and the event time alone")
            }
        }
        // The event time stands behind the keys.
        let needed = schema.keys.count + (entry.operation == .write && !schema.isStatic ? 1 : 0)
        for ordinal in 0..<needed where batch.column(ordinal: ordinal) == nil {
            throw refuse("column \(name(ordinal)) is missing")
        }
    }

    private func name(_ ordinal: Int) -> String { schema.columns[ordinal].name }

    private func noteNulls(_ column: Column, _ reason: String, _ problems: inout RowProblems) {
        guard column.nullCount > 0 else { return }
        for row in 0..<column.count where column.isNull(row) { problems.add(row: row, "null: \(reason)") }
    }

    /// Encoded keys stay within the limit. Keys without text always do.
    private func checkKeyLengths(_ problems: inout RowProblems) {
        guard let text = schema.keys.firstIndex(where: { $0.type.isText }) else { return }
        let columns = entry.keyColumns
        // No row can be too long where all text doubled (each zero byte takes two) with its ends stays below the limit.
        problems.begin(column: schema.keys[text].name)
        for row in 0..<batch.rowCount {
            var length = 0
            for column in columns {
                if column.type.isText { length += 2 * column.range(row).count + 2 } else { length += column.type.fixedWidth ?? 0 }
            }
            guard length > Limits.keyBytesMax, let key = KeyCodec.key(columns, row: row), key.count > Limits.keyBytesMax else {
                continue
            }
            problems.add(row: row, "a key of \(key.count) bytes; the limit is \(Limits.keyBytesMax)")
        }
    }

    private func checkEventTimes(_ problems: inout RowProblems) {
        guard let ordinal = schema.eventTimeOrdinal, let column = batch.column(ordinal: ordinal) else { return }
        problems.begin(column: schema.eventTimeName!)
        let reason =
            entry.operation == .write
            ? "an event time is never null" : "give an event time, or leave the column out: the delete then counts from now"
        noteNulls(column, reason, &problems)
        let latest = CatalogGroup.latestEventTime(now: now, ahead: group.aheadMicroseconds)
        for row in 0..<column.count where !column.isNull(row) {
            let time = column.int64(row)
            if time > latest {
                problems.add(
                    row: row,
                    "\(TimeText.format(time)) is more than \(TimeText.formatDuration(group.aheadMicroseconds)) in the future: "
                        + "correct it, or raise the group's 'ahead'")
            } else if time == EventTime.always {
                problems.add(row: row, "the smallest 64-bit number stands for 'always' and is no event time")
            }
        }
    }

    /// Array sizes and the checks of the newest definition; a feature that the batch leaves out is null.
    private func checkFeatures(_ problems: inout RowProblems) {
        for (index, feature) in group.definition.features.enumerated()
        where feature.needsCheck && group.removedFeatures[schema.featureBase + index] == nil {
            guard let column = batch.column(ordinal: schema.featureBase + index) else {
                if feature.checks?.notNull == true {
                    problems.begin(column: feature.name)
                    for row in 0..<batch.rowCount { problems.add(row: row, "null: the column is missing, and not_null is set") }
                }
                continue
            }
            if case .array = column.type {
                problems.begin(column: feature.name)
                ColumnCheck.arraySizes(column, &problems)
            }
            guard let checks = feature.checks else { continue }
            problems.begin(column: feature.name)
            if checks.notNull { noteNulls(column, "not_null is set", &problems) }
            ColumnCheck.check(column, checks, &problems)
        }
    }
}

extension FeatureDefinition {
    /// Whether values can be wrong that are of the right type.
    var needsCheck: Bool {
        if case .array = type { return true }
        return checks != nil
    }
}
