import Client
import FeatureModel
import Tables

/// The columns that a history appends to its spine: its outputs, and behind each, where they are asked for, its statuses.
struct JoinedColumns {
    let names: [String]
    let fields: [Field]
    /// What each holds, where it is not written as text.
    let types: [OutputType]

    /// - Throws: `.invalidArgument` where a column of statuses is called as a feature is.
    init(_ outputs: [Field], statuses: Bool) throws(HeadwaterError) {
        let taken = Set(outputs.map { ByteString($0.name) })
        var fields: [Field] = []
        var types: [OutputType] = []
        for output in outputs {
            fields.append(output)
            types.append(.cells(output.type))
            guard statuses else { continue }
            let name = "\(output.name)__status"
            guard !taken.contains(ByteString(name)) else {
                throw HeadwaterError(
                    .invalidArgument,
                    "--statuses makes a column '\(name)' for '\(output.name)', and a feature is called so: leave --statuses out, or give one "
                        + "an alias in a service")
            }
            fields.append(Field(name, .string))
            types.append(.statuses)
        }
        self.fields = fields
        self.types = types
        names = fields.map(\.name)
    }

    /// The columns of a join's answer.
    func columns(of part: JoinedPart) -> [OutputColumn] {
        var columns: [OutputColumn] = []
        for output in part.columns.indices {
            columns.append(.cells(part.columns[output]))
            if names.count > part.columns.count { columns.append(.statuses(part.statuses[output])) }
        }
        return columns
    }
}
