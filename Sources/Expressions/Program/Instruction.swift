package import FeatureModel

/// One step of a program: an operation, the registers that it reads and the one that it writes.
struct Instruction: Hashable, Sendable {
    let operation: Operation
    var out: Int
    var a = 0
    var b = 0
    var c = 0
    var d = 0
    let argumentCount: Int
    /// A vector's length, an offset from UTC in µs, or the place of a path.
    let immediate: Int64
}

/// A value that every row shares.
enum Constant: Hashable, Sendable {
    case null
    /// An integer, a bool or a time.
    case integer(Int64)
    /// The bits of a float64, so that every NaN and both zeros are told apart.
    case float(UInt64)
    case text([UInt8])
}

/// What an expression reads from outside. Names are compared as bytes.
package enum ExpressionInput: Hashable, Sendable {
    case column(String, FeatureType)
    /// Whether a column's cell was found: `found(x)`.
    case found(String)
    /// `request_time()`.
    case requestTime

    /// The type of the cells that are handed in.
    package var type: FeatureType {
        switch self {
        case .column(_, let type): type
        case .found: .bool
        case .requestTime: .timestamp
        }
    }

    package static func == (left: ExpressionInput, right: ExpressionInput) -> Bool {
        switch (left, right) {
        case (.column(let first, let type), .column(let second, let other)):
            type == other && first.utf8.elementsEqual(second.utf8)
        case (.found(let first), .found(let second)): first.utf8.elementsEqual(second.utf8)
        case (.requestTime, .requestTime): true
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .column(let name, _): hasher.combine(ByteString(name))
        case .found(let name):
            hasher.combine(1)
            hasher.combine(ByteString(name))
        case .requestTime: hasher.combine(2)
        }
    }
}

/// Instructions in the order in which they run, over numbered registers.
///
/// The first registers are the inputs, then come the constants; both keep what they hold. The others are used again once
/// what is in them is not needed any more.
struct Program: Sendable {
    let inputs: [ExpressionInput]
    let constants: [Constant]
    let instructions: [Instruction]
    let paths: [JSONPath]
    let registerCount: Int
    let result: Int
    let resultType: FeatureType
}
