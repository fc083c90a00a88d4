import FeatureModel
import Tables

/// The columns that a command reads of a table, with their types. A file whose columns have types of their own, such as Parquet,
/// is converted to these where it is unpacked; text is read as them later.
struct WantedColumns {
    let fields: [Field]
    /// Names of columns that must be there.
    let required: [String]
    /// Whether further columns are refused.
    let refusesOthers: Bool

    /// The columns of a table whose further columns are kept.
    init(_ fields: [Field]) { (self.fields, required, refusesOthers) = (fields, fields.map(\.name), false) }

    /// The columns of a table that has no others.
    init(_ columns: [TableColumn]) {
        fields = columns.flatMap { column in ([column.name] + column.oldNames).map { Field($0, column.type) } }
        required = columns.filter(\.isRequired).map(\.name)
        refusesOthers = true
    }

    /// The arguments of `headwater-tables read`.
    ///
    /// - Parameter path: columns that stand in the file's path, so that the file may lack them.
    func arguments(besides path: [PathColumn], timeUnit: TimeUnit?) -> [String] {
        let needed = required.filter { name in !path.contains { $0.name.utf8.elementsEqual(name.utf8) } }
        return fields.map { "--column=\($0.name)=\($0.type)" } + needed.map { "--required=\($0)" }
            + (refusesOthers ? ["--only"] : []) + (timeUnit.map { ["--time-unit=\($0.rawValue)"] } ?? [])
    }
}
