public import Catalog
public import FeatureModel

/// Turns log records into what the stores apply, with the schemas of their time.
public enum Fold {
    /// Reads a data, cutoff or definitions record for a store; other kinds give a record without entries, which still moves the position.
    ///
    /// A fold never refuses a record: one that cannot be read was damaged behind its checksum, or is of another build.
    /// - Throws: `.dataLoss` naming the position.
    public static func applied(_ record: Record, catalog: Catalog) throws(HeadwaterError) -> AppliedRecord {
        switch record.kind {
        case .data:
            do {
                let entries = try catalog.appliedEntries(RecordBody.decode(record.body))
                return AppliedRecord(position: record.position, ingestTime: record.ingestTime, entries: entries)
            } catch { throw unreadable(record, error) }
        case .cutoff:
            do {
                return AppliedRecord(
                    position: record.position, ingestTime: record.ingestTime, entries: [],
                    cutoff: try RetentionCutoff(decoding: record.body))
            } catch { throw unreadable(record, error) }
        case .definitions:
            do {
                return AppliedRecord(
                    position: record.position, ingestTime: record.ingestTime, entries: [],
                    removals: try CatalogRecordBody.decode(record.body).groupRemovals)
            } catch { throw unreadable(record, error) }
        case .producer, .gap:
            return AppliedRecord(position: record.position, ingestTime: record.ingestTime, entries: [])
        }
    }

    static func unreadable(_ record: Record, _ error: HeadwaterError) -> HeadwaterError {
        HeadwaterError(.dataLoss, "cannot be read: \(error.description)", at: "log position \(record.position)")
    }
}
