import Catalog
import FeatureModel

/// What a log record says, read with the schemas of its time. A kind of record to come is one more case here, and the compiler
/// names each place of the fold that must learn it.
enum DecodedRecord {
    case rows([AppliedEntry])
    /// The same of one row, by the plan of its stream.
    case row(SingleRow)
    case definitions([CatalogChange])
    case cutoff(RetentionCutoff)
    /// Opens a producer session, named by the record's position.
    case session
    /// A recovery skipped the positions from here to the record's own.
    case gap(from: Position)

    /// The kind of record under which the log holds it.
    var kind: RecordKind {
        switch self {
        case .rows, .row: .data
        case .definitions: .definitions
        case .cutoff: .cutoff
        case .session: .producer
        case .gap: .gap
        }
    }

    /// Rows and tombstones; none for any other record.
    var entries: [AppliedEntry] {
        switch self {
        case .rows(let entries): entries
        case .row(let row): [row.entry]
        case .definitions, .cutoff, .session, .gap: []
        }
    }

    /// Reads a record's body.
    ///
    /// - Parameter catalog: of the position before the record, or of a later one: schemas of a version stay as they were.
    /// - Throws: `.dataLoss` naming the position: a record that cannot be
    ///   read was damaged behind its checksum, or is of another build.
    init(_ record: Record, catalog: Catalog, plans: SingleRowPlans) throws(HeadwaterError) {
        do throws(HeadwaterError) {
            switch record.kind {
            case .data:
                if let row = plans.row(of: record.body, in: catalog) {
                    self = .row(row)
                } else {
                    self = .rows(try catalog.appliedEntries(RecordBody.decode(record.body)))
                }
            case .definitions: self = .definitions(try CatalogRecordBody.decode(record.body))
            case .cutoff: self = .cutoff(try RetentionCutoff(decoding: record.body))
            case .producer: self = .session
            case .gap:
                guard record.body.count == 8 else { throw HeadwaterError(.dataLoss, "a malformed gap") }
                let first: Position = record.body.littleEndian(at: 0)
                guard first <= record.position else { throw HeadwaterError(.dataLoss, "a gap that begins at \(first)") }
                self = .gap(from: first)
            }
        } catch {
            throw HeadwaterError(.dataLoss, "cannot be read: \(error.description)", at: "log position \(record.position)")
        }
    }
}

extension AppliedRecord {
    /// The part of a record that the stores of rows take.
    init(_ record: Record, _ body: DecodedRecord) {
        let change: RecordChange =
            switch body {
            case .rows(let entries): .rows(entries)
            case .row(let row): .row(row)
            case .cutoff(let cutoff): .cutoff(cutoff)
            case .definitions(let changes): .removals(changes.groupRemovals)
            case .session, .gap: .nothing
            }
        self.init(position: record.position, ingestTime: record.ingestTime, change)
    }
}
