public import FeatureModel

/// The columns that a history appends to its spine: its outputs, and behind each, where they are asked for, its statuses.
public struct JoinedColumns: Sendable {
    public let names: [String]
    public let fields: [Field]
    /// What each holds, where it is not written as text.
    public let types: [OutputType]

    /// - Parameter option: how statuses are asked for.
    /// - Throws: `.invalidArgument` where a column of statuses is called as a feature is.
    public init(_ outputs: [Field], statuses: Bool, option: String = "--statuses") throws(HeadwaterError) {
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
                    "\(option) makes a column '\(name)' for '\(output.name)', and a feature is called so: leave \(option) out, or give one "
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
    public func columns(of cells: [Column], _ statuses: [StatusColumn]) -> [OutputColumn] {
        var columns: [OutputColumn] = []
        for output in cells.indices {
            columns.append(.cells(cells[output]))
            if names.count > cells.count { columns.append(.statuses(statuses[output])) }
        }
        return columns
    }
}
