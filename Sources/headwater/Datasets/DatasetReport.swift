import Catalog
import FeatureModel
import Tables

/// What making a training set again gave: `dataset verify --json`.
struct DatasetReport: Encodable {
    struct Column: Encodable {
        let name: String
        let type: String
        let saved: String
        let found: String
        let isEqual: Bool
    }

    /// Further columns of the spine, beside those that were saved.
    struct Labels: Encodable {
        struct Column: Encodable {
            let name: String
            /// Empty where it is as it was.
            let remark: String
        }

        let verdict: String
        let isEqual: Bool
        let columns: [Column]

        /// - Parameter isText: whether the spine is a file whose cells are text until something says their types.
        init(saved: DatasetDefinition.Table?, found: DatasetDefinition.Table?, isText: Bool) {
            guard let saved else {
                (verdict, isEqual, columns) = ("not hashed when saved", true, [])
                return
            }
            let now = found?.columns ?? []
            columns =
                saved.columns.map { column in
                    let other = now.first { $0.name.utf8.elementsEqual(column.name.utf8) }
                    let text = isText && column.type != .string ? "text read as \(column.type)" : ""
                    guard let other else { return Column(name: column.name, remark: "is missing") }
                    return Column(
                        name: column.name,
                        remark: other.hash == column.hash ? text : "other cells\(text.isEmpty ? "" : ", \(text)")")
                }
                + now.filter { column in !saved.columns.contains { $0.name.utf8.elementsEqual(column.name.utf8) } }
                .map { Column(name: $0.name, remark: "not there when saved") }
            isEqual = saved == found
            verdict = !isEqual ? "DIFFERENT" : saved.columns.isEmpty ? "none" : "equal"
        }

        var text: String {
            "labels: \(verdict)\n" + columns.filter { !$0.remark.isEmpty }.map { "  \($0.name): \($0.remark)\n" }.joined()
        }
    }

    /// The parts of a split set, dealt out again.
    struct Split: Encodable {
        struct Part: Encodable {
            let name: String
            let rows: Int
            let found: Int
        }

        let by: String
        let isEqual: Bool
        let parts: [Part]

        init(saved: DatasetDefinition.Split, found: DatasetDefinition.Split) {
            by = saved.by
            parts = zip(saved.parts, found.parts).map { Part(name: $0.name, rows: $0.rows, found: $1.rows) }
            isEqual = saved == found
        }

        var text: String {
            let counts = parts.map { "\($0.name) \(Spelling.count($0.found)) of \(Spelling.count($0.rows))" }
            return "split by \(by): \(isEqual ? "equal" : "DIFFERENT") (\(counts.joined(separator: ", ")))\n"
        }
    }

    let dataset: String
    let asOf: UInt64
    let rows: Int
    let isEqual: Bool
    /// What was compared, for people and scripts.
    let compared: [String]
    /// Hash of all features, as found now.
    let features: String
    let columns: [Column]
    let labels: Labels
    /// `nil` for a set that was not split.
    let split: Split?
    /// Labels of the file that are not those that were saved.
    let otherLabels: [String]?
    /// Cells of the file that are not as history has them; `nil` where no file was compared.
    let differenceCount: Int?
    let differences: [CellComparison.Difference]?
    let seconds: Double

    init(
        _ dataset: DatasetDefinition, found: DatasetDefinition.Table, rows: Int, spine: String, labels: Labels,
        split dealt: DatasetDefinition.Split?, comparison: CellComparison?, against: String?, seconds: Double
    ) {
        let featureColumns = Spelling.count(dataset.features.columns.count, "feature column")
        compared =
            [
                "keys and times of \(spine) with the hashes of the saved spine: \(Spelling.count(rows, "row"))",
                "\(featureColumns), values and statuses, with their saved hashes: \(Spelling.count(rows, "row"))",
            ] + (against.map { ["each cell with those of \($0)"] } ?? [])
        self.dataset = dataset.name
        asOf = dataset.query.asOf
        self.rows = rows
        features = found.hash
        columns = zip(dataset.features.columns, found.columns).map {
            Column(name: $0.name, type: "\($0.type)", saved: $0.hash, found: $1.hash, isEqual: $0 == $1)
        }
        differenceCount = comparison?.differenceCount
        differences = comparison?.differences
        self.labels = labels
        let split = dataset.split.flatMap { saved in dealt.map { Split(saved: saved, found: $0) } }
        self.split = split
        otherLabels = comparison?.otherLabels
        isEqual =
            rows == dataset.rows && found == dataset.features && labels.isEqual && split?.isEqual ?? true
            && comparison?.differenceCount ?? 0 == 0 && comparison?.otherLabels.isEmpty ?? true
        self.seconds = seconds
    }

    /// For people.
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
                text += "and \(Spelling.count(differenceCount - differences.count)) cells more\n"
            }
        }
        text += labels.text + (split?.text ?? "")
        if let otherLabels, !otherLabels.isEmpty {
            text += "the file has other labels than were saved: \(otherLabels.joined(separator: ", "))\n"
        }
        let verdict = isEqual ? "every feature cell equal" : "different"
        return text + "dataset \(dataset), \(Spelling.count(rows, "row")) as of position \(asOf): \(verdict); "
            + "\(Spelling.fixed(seconds, 2)) s\n"
    }
}

/// Datasets for people.
enum DatasetText {
    /// The beginning of a hash: enough to tell two from each other.
    static func short(_ hash: String) -> String { String(hash.prefix(12)) }

    static func text(_ dataset: DatasetDefinition) -> String {
        let query = dataset.query
        var fields: [(String, String?)] = [
            ("dataset", dataset.name), ("description", dataset.description), ("owner", dataset.owner),
            (
                "tags",
                dataset.tags.isEmpty
                    ? nil : dataset.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
            ),
            ("created", dataset.created.map(TimeText.format)), ("rows", Spelling.count(dataset.rows)),
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
            let parts = split.parts.map { "\($0.name)=\($0.share) (\(Spelling.count($0.rows, "row")))" }.joined(separator: ", ")
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
