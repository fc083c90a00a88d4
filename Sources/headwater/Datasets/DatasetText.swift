import Catalog
import Client
import FeatureModel
import Tables

extension DatasetReport.Labels {
    var text: String {
        "labels: \(verdict)\n" + columns.filter { !$0.remark.isEmpty }.map { "  \($0.name): \($0.remark)\n" }.joined()
    }
}

extension DatasetReport.Split {
    var text: String {
        let counts = parts.map { "\($0.name) \(NumberFormat.count($0.found)) of \(NumberFormat.count($0.rows))" }
        return "split by \(by): \(isEqual ? "equal" : "DIFFERENT") (\(counts.joined(separator: ", ")))\n"
    }
}

extension DatasetReport {
    /// The text that people read.
    var text: String {
        var table = TextTable(["feature", "type", "saved", "now", ""], cellScalarsMax: 60)
        for column in columns {
            table.append([
                column.name, column.type, DatasetText.short(column.saved), DatasetText.short(column.found),
                column.isEqual ? "equal" : "DIFFERENT",
            ])
        }
        var text = table.text + compared.map { "compared \($0)\n" }.joined()
        if let differenceCount, let differences, differenceCount > 0 {
            var cells = TextTable(["row", "feature", "file", "history"], cellScalarsMax: 60)
            for one in differences { cells.append(["\(one.row)", one.column, one.file ?? "-", one.history ?? "-"]) }
            text += "\n" + cells.text
            if differenceCount > differences.count {
                text += "and \(NumberFormat.count(differenceCount - differences.count)) cells more\n"
            }
        }
        text += labels.text + (split?.text ?? "")
        if let otherLabels, !otherLabels.isEmpty {
            text += "the file has other labels than were saved: \(otherLabels.joined(separator: ", "))\n"
        }
        let verdict = isEqual ? "every feature cell equal" : "different"
        return text + "dataset \(dataset), \(NumberFormat.count(rows, "row")) as of position \(asOf): \(verdict); "
            + "\(NumberFormat.fixed(seconds, 2)) s\n"
    }
}

/// Datasets for people.
enum DatasetText {
    /// The beginning of a hash: enough to tell two from each other.
    static func short(_ hash: String) -> String { String(hash.prefix(12)) }

    static func text(_ dataset: DatasetDefinition) -> String {
        let query = dataset.query
        var fields: [(label: String, text: String?)] = [("dataset", dataset.name)] + dataset.shown(DatasetDefinition.fields)
        fields += [
            ("created", dataset.created.map(TimeText.format)), ("rows", NumberFormat.count(dataset.rows)),
            ("as of position", "\(query.asOf)"),
        ]
        switch query.selection {
        case .service(let service): fields.append(("service", service))
        case .features(let features): fields.append(("features", features.joined(separator: ", ")))
        }
        fields += [
            ("names", query.fullFeatureNames ? "full" : nil),
            ("availability", query.availabilityIngest ? "ingest" : nil),
            ("history", dataset.isReleased ? "released: retention may drop it" : nil),
            ("spine", dataset.source ?? "standard input"),
            ("spine's time", query.spineTime), ("hash of the spine", dataset.spine.hash),
            ("hash of the features", dataset.features.hash),
        ]
        if let split = dataset.split {
            let parts = split.parts.map { "\($0.name)=\($0.share) (\(NumberFormat.count($0.rows, "row")))" }.joined(
                separator: ", ")
            fields.append(("split", "\(parts), by \(split.by)\(split.by == "key" ? ", seed \(split.seed)" : "")"))
        }
        if dataset.labels == nil { fields.append(("labels", "not hashed when saved")) }
        var table = TextTable(["column", "type", "role", "hash"], cellScalarsMax: 80)
        let labels = dataset.labels?.columns ?? []
        for (role, columns) in [("spine", dataset.spine.columns), ("label", labels), ("feature", dataset.features.columns)] {
            for column in columns { table.append([column.name, "\(column.type)", role, short(column.hash)]) }
        }
        return fields.compactMap { name, value in value.map { "\(name): \($0)\n" } }.joined() + table.text
    }
}
