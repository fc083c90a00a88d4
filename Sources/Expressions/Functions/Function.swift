internal import FeatureModel

/// A function of the language, as it is checked, compiled and shown.
package struct Function: Sendable {
    /// The heading that it stands under.
    package enum Group: String, CaseIterable, Sendable {
        case numbers = "Numbers"
        case nulls = "Null and choice"
        case angles = "Angles and places"
        case text = "Text"
        case times = "Times"
        case vectors = "Vectors"
        case lists = "Lists"
        case json = "JSON"
        case hashes = "Hashes"
        case request = "Requests"
    }

    package let name: String
    package let group: Group
    /// Its arguments, and what it gives: `(x number) → number`.
    package let signature: String
    /// What it does, in one line.
    package let rule: String
    /// A call over literals and the columns of `FunctionTable.exampleColumns`.
    package let example: String
    /// What the example gives.
    package let exampleResult: String
    let overloads: [Overload]

    init(
        _ name: String, _ group: Group, _ signature: String, _ rule: String, _ example: String, _ exampleResult: String,
        _ overloads: [Overload]
    ) {
        self.name = name
        self.group = group
        self.signature = signature
        self.rule = rule
        self.example = example
        self.exampleResult = exampleResult
        self.overloads = overloads
    }
}

/// One choice of argument types of a function.
struct Overload: Sendable {
    /// What an argument has to be.
    enum Parameter: Sendable {
        /// int32 or int64.
        case integer
        /// Any number, as float64.
        case float
        case string, bytes, timestamp, bool
        /// A scalar; all such arguments become one type.
        case scalar
        /// Anything; all such arguments become one type.
        case any
        /// A list; all such arguments become one type.
        case list
        /// A list of numbers.
        case numbers
        /// What is compared with the elements of the list before it.
        case member
        case vector
        /// A literal text.
        case literal
        /// A column's name.
        case column
    }

    enum Result: Sendable {
        case type(FeatureType)
        /// What the `scalar` or `any` arguments became.
        case common
        /// The list itself, or its elements' type.
        case list, element
        /// int64 of a list of integers, else float64.
        case sum
    }

    /// What an overload makes of its arguments.
    struct Call {
        var builder: ProgramBuilder
        let arguments: [ProgramBuilder.Register]
        /// The types that the arguments became.
        let types: [FeatureType]
        /// The texts of literal arguments, with the argument's number.
        let literals: [Int: [UInt8]]
        let result: FeatureType

        mutating func emit(_ operation: Operation, immediate: Int64 = 0) -> ProgramBuilder.Register {
            builder.emit(operation, arguments, immediate: immediate, gives: result)
        }
    }

    /// What is wrong with a literal argument, and which it is.
    struct Problem: Error {
        let argument: Int
        let message: String
    }

    typealias Emit = @Sendable (inout Call) throws(Problem) -> ProgramBuilder.Register

    let parameters: [Parameter]
    /// Whether the last parameter stands for any number of arguments.
    let repeats: Bool
    let result: Result
    let emit: Emit

    init(_ parameters: [Parameter], repeats: Bool = false, _ result: Result, _ emit: @escaping Emit) {
        self.parameters = parameters
        self.repeats = repeats
        self.result = result
        self.emit = emit
    }

    init(_ parameters: [Parameter], _ result: Result, _ operation: Operation) {
        self.init(parameters, result) { call in call.emit(operation) }
    }
}
