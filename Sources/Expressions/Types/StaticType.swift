package import FeatureModel

/// The type of a part of an expression; `nil` for what is null in every row, and so is of whatever type stands around it.
typealias StaticType = FeatureType?

extension FeatureType {
    var isInteger: Bool { self == .int32 || self == .int64 }
    var isFloat: Bool { self == .float32 || self == .float64 }
    var isNumber: Bool { isInteger || isFloat }
    /// A number, a bool or a time: what lies in a register by itself.
    var isNumberLike: Bool { cellKind == .integer || cellKind == .float }

    /// With its article, for messages: `an int64`.
    var withArticle: String {
        switch self {
        case .int32, .int64, .array: "an \(self)"
        default: "a \(self)"
        }
    }

    /// How cells of a scalar type lie in registers; `nil` for lists and vectors.
    var cellKind: CellKind? {
        switch self {
        case .bool, .int32, .int64, .timestamp: .integer
        case .float32, .float64: .float
        case .string, .bytes: .text
        case .array, .vector: nil
        }
    }

    /// The type that both become by themselves where one value may be of either; `nil` where there is none.
    static func common(_ left: FeatureType, _ right: FeatureType) -> FeatureType? {
        if left == right { return left }
        switch (left, right) {
        case (.array(let first), .array(let second)):
            // Elements are not converted, and need not be where they only widen.
            guard first.cellKind == second.cellKind, let element = common(first, second) else { return nil }
            return .array(element)
        case _ where left.isInteger && right.isInteger: return .int64
        case _ where left.isNumber && right.isNumber: return .float64
        default: return nil
        }
    }
}

/// What an expression may name.
package struct ExpressionEnvironment: Sendable {
    package let columns: [Field]
    /// Whether `request_time()` has a meaning: in services.
    package let hasRequestTime: Bool
    /// Whether `found(x)` has one: where cells have a status.
    package let hasStatuses: Bool
    private let types: [ByteString: FeatureType]

    package init(columns: [Field], hasRequestTime: Bool = false, hasStatuses: Bool = false) {
        self.columns = columns
        self.hasRequestTime = hasRequestTime
        self.hasStatuses = hasStatuses
        types = Dictionary(columns.map { (ByteString($0.name), $0.type) }, uniquingKeysWith: { first, _ in first })
    }

    /// The type of the column with this name, compared as bytes.
    func type(of name: String) -> FeatureType? { types[ByteString(name)] }
}
