package import FeatureModel

/// The cells of one input of an expression, for all rows of an evaluation.
package enum Operand: Sendable {
    /// A column of the input's type, or of one that widens to it.
    case column(Column)
    /// How cells were found, for `found(x)`: true of those that are PRESENT or NULL_VALUE.
    case statuses(StatusColumn)
    /// One value for all rows, such as the time of a request.
    case value(Value)
}
