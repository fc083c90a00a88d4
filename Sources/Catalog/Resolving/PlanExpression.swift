public import FeatureModel
package import Expressions

/// One expression of a plan, compiled, and what its inputs are.
public struct PlanExpression: Sendable {
    /// What an input of the expression is.
    public enum Input: Hashable, Sendable {
        /// A feature: place in the plan's `reads`.
        case read(Int)
        /// An expression that stands before it: place in the plan's `expressions`.
        case expression(Int)
        /// Place in the plan's `request`.
        case request(Int)
        /// Whether a feature was found: place in the plan's `reads`.
        case found(Int)
        /// Whether something that is always there was found.
        case always
        /// The time of the answer.
        case requestTime
    }

    public let name: String
    package let expression: ScalarExpression
    /// In the order of the expression's own inputs.
    public let inputs: [Input]

    public var type: FeatureType { expression.type }
    public var text: String { expression.canonicalText }
}

extension PlanExpression: Hashable {
    public static func == (left: PlanExpression, right: PlanExpression) -> Bool {
        left.name.utf8.elementsEqual(right.name.utf8) && left.text.utf8.elementsEqual(right.text.utf8) && left.type == right.type
            && left.inputs == right.inputs && left.expression.inputs == right.expression.inputs
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(ByteString(name))
        hasher.combine(ByteString(text))
        hasher.combine(inputs)
    }
}

/// Compiles the expressions of a service, each over the outputs that stand before it and the columns of the request.
struct ServiceScope {
    private var inputs: [ByteString: (input: PlanExpression.Input, type: FeatureType)] = [:]
    /// In order: what a misspelt name may have meant.
    private var fields: [Field] = []
    /// Names of several outputs, which only full names tell apart.
    private var shared: Set<ByteString> = []
    private(set) var expressions: [PlanExpression] = []

    init(request: [Field]) {
        for (place, field) in request.enumerated() { add(field, .request(place)) }
    }

    private mutating func add(_ field: Field, _ input: PlanExpression.Input) {
        let name = ByteString(field.name)
        if inputs.updateValue((input, field.type), forKey: name) != nil { shared.insert(name) }
        fields.append(field)
    }

    /// Makes a feature known by its name in the service.
    mutating func add(_ field: Field, read place: Int) { add(field, .read(place)) }

    /// Compiles the next expression, and makes it known.
    ///
    /// - Throws: `.invalidArgument` that shows the place in its text.
    mutating func compile(_ line: ServiceExpression) throws(HeadwaterError) -> PlanExpression {
        guard line.language == ScalarExpression.languageVersion else {
            throw HeadwaterError(
                .unimplemented,
                "an expression of language \(line.language); this version knows \(ScalarExpression.languageVersion): use a newer headwater"
            )
        }
        let names = try ScalarExpression.columnNames(in: line.text)
        for name in names where shared.contains(ByteString(name)) {
            throw HeadwaterError(
                .invalidArgument, "'\(name)' is the name of several outputs: give one of them an alias (as: NAME), and use that")
        }
        // All names only where one is not known, for the hint: a service may have thousands.
        let isKnown = names.allSatisfy { inputs[ByteString($0)] != nil }
        let columns = isKnown ? names.map { Field($0, inputs[ByteString($0)]!.type) } : fields
        let environment = ExpressionEnvironment(columns: columns, hasRequestTime: true, hasStatuses: true)
        let expression = try ScalarExpression(line.text, in: environment)
        let compiled = PlanExpression(name: line.name, expression: expression, inputs: expression.inputs.map(place))
        expressions.append(compiled)
        add(Field(line.name, expression.type), .expression(expressions.count - 1))
        return compiled
    }

    private func place(_ input: ExpressionInput) -> PlanExpression.Input {
        switch input {
        case .column(let name, _): inputs[ByteString(name)]!.input
        case .found(let name):
            if case .read(let place) = inputs[ByteString(name)]!.input { .found(place) } else { .always }
        case .requestTime: .requestTime
        }
    }
}
