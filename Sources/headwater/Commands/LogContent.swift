import Catalog
import FeatureModel
import Log

/// The content of a log's records, read with the definitions that came before them.
struct LogContent {
    /// One group's part of a record, or what else it does.
    struct Part: Encodable {
        /// `write`, `delete`, `definitions`, `cutoff`.
        let what: String
        /// `project/group@version`, or what was defined.
        var name: String?
        var rows: Int?
        /// The first keys.
        var keys: [String]?
        /// The instant of a cutoff.
        var before: String?

        var line: String {
            var text = what
            if let name { text += " \(name)" }
            if let rows { text += ", \(NumberFormat.count(rows, "row"))" }
            if let before { text += ", hides what is older than \(before)" }
            guard let keys, let rows else { return text }
            return text + ": " + keys.joined(separator: "; ")
                + (rows > keys.count ? "; and \(NumberFormat.count(rows - keys.count)) more" : "")
        }
    }

    private static let keysListedMax = 5

    private var catalog = Catalog()

    /// Reads the next record. Of a group whose definitions lie before the oldest record that the log keeps, only the id is known.
    mutating func parts(of entry: LogEntry) -> [Part] {
        do throws(HeadwaterError) {
            switch entry.kind {
            case .definitions:
                let changes = try CatalogRecordBody.decode(entry.body)
                catalog.apply(changes, position: entry.position)
                return changes.map { Part(what: "definitions", name: Self.name(of: $0)) }
            case .cutoff:
                let cutoff = try RetentionCutoff(decoding: entry.body)
                return [Part(what: "cutoff", name: name(of: cutoff.groupID), before: TimeText.format(cutoff.cutoff))]
            case .data: return try RecordBody.decode(entry.body).map { part($0) }
            default: return []
            }
        } catch {
            return [Part(what: "\(entry.kind)", name: "cannot be read: \(Failure.message(error))")]
        }
    }

    private func part(_ entry: RecordEntry) -> Part {
        let keys = catalog.schema(entry.groupID, entry.schemaVersion).map { schema in
            let keys = RowKeys(entry.batch, schema.keys)
            return (0..<min(entry.batch.rowCount, Self.keysListedMax)).map { keys.text($0) }
        }
        return Part(
            what: entry.operation == .delete ? "delete" : "write", name: name(of: entry.groupID), rows: entry.batch.rowCount,
            keys: keys)
    }

    private func name(of id: GroupID) -> String {
        catalog.group(id: id).map { "\($0.project)/\($0.reference)" } ?? "group \(id)"
    }

    private static func name(of change: CatalogChange) -> String {
        switch change {
        case .entity(let change): "\(change.project): entity \(change.entity.name)"
        case .group(let change): "\(change.project): feature group \(change.group.reference)"
        case .service(let change): "\(change.project): feature service \(change.service.reference)"
        case .dataset(let change): "\(change.project): dataset \(change.dataset.name)"
        case .promotion(let change): "\(change.project): promotion of \(change.what.rawValue) \(change.name)@\(change.version)"
        case .rename(let change): "\(change.project): \(change.what.rawValue) \(change.name) is now \(change.to)"
        case .removal(let change): "\(change.project): removal of \(change.what.rawValue) \(change.reference)"
        }
    }
}
