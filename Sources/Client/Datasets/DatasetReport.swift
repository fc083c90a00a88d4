public import Catalog
public import FeatureModel

/// The result of making a training set again. `dataset verify --json` prints it as JSON.
public struct DatasetReport: Encodable, Sendable {
    /// A feature: its hash as it was saved and as it was found.
    public struct Column: Encodable, Sendable {
        public let name: String
        public let type: String
        public let saved: String
        public let found: String
        public let isEqual: Bool
    }

    /// Further columns of the spine, beside those that were saved.
    public struct Labels: Encodable, Sendable {
        /// A label, and what is not as it was.
        public struct Column: Encodable, Sendable {
            public let name: String
            /// The difference in words; empty where there is none.
            public let remark: String
        }

        public let verdict: String
        public let isEqual: Bool
        public let columns: [Column]

        /// Compares labels by their hashes.
        ///
        /// - Parameter isText: whether the spine is a file whose cells are text until something says their types.
        public init(saved: DatasetDefinition.Table?, found: DatasetDefinition.Table?, isText: Bool) {
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
    }

    /// The parts of a split set, dealt out again.
    public struct Split: Encodable, Sendable {
        /// A part: its rows as saved and as found.
        public struct Part: Encodable, Sendable {
            public let name: String
            public let rows: Int
            public let found: Int
        }

        public let by: String
        public let isEqual: Bool
        public let parts: [Part]

        /// Compares how many rows each part has.
        public init(saved: DatasetDefinition.Split, found: DatasetDefinition.Split) {
            by = saved.by
            parts = zip(saved.parts, found.parts).map { Part(name: $0.name, rows: $0.rows, found: $1.rows) }
            isEqual = saved == found
        }
    }

    public let dataset: String
    public let asOf: UInt64
    public let rows: Int
    public let isEqual: Bool
    /// The parts that were compared, for people and scripts.
    public let compared: [String]
    /// Hash of all features, as found now.
    public let features: String
    public let columns: [Column]
    public let labels: Labels
    /// `nil` for a set that was not split.
    public let split: Split?
    /// Labels of the file that are not those that were saved.
    public let otherLabels: [String]?
    /// Cells of the file that are not as history has them; `nil` where no file was compared.
    public let differenceCount: Int?
    public let differences: [CellComparison.Difference]?
    public let seconds: Double

    /// - Parameters:
    ///   - found: the features as they are now.
    ///   - dealt: the split as it is now.
    ///   - comparison: with a file, finished.
    ///   - compared: what was compared, for people.
    public init(
        _ dataset: DatasetDefinition, found: DatasetDefinition.Table, rows: Int, labels: Labels,
        split dealt: DatasetDefinition.Split?, comparison: CellComparison?, compared: [String], seconds: Double
    ) {
        self.compared = compared
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

    /// Why the set is not what was saved; `nil` where it is.
    ///
    /// - Parameter against: the file that was compared.
    public func refusal(of dataset: DatasetDefinition, against: String?) -> HeadwaterError? {
        if isEqual { return nil }
        let name = dataset.name
        guard features == dataset.features.hash else {
            return HeadwaterError(
                .dataLoss,
                "dataset '\(name)' cannot be made again: history has other cells as of \(dataset.query.asOf) than it had")
        }
        let what =
            !labels.isEqual
            ? "the spine has other labels than dataset '\(name)' was saved with"
            : split?.isEqual == false
                ? "the rows of dataset '\(name)' are dealt out otherwise than they were"
                : "\(against ?? "the file") has other cells than dataset '\(name)'"
        return HeadwaterError(.failedPrecondition, what)
    }
}
