import FeatureModel
import Testing

@testable import Expressions

/// What help and docs say of functions is what they do.
@Suite struct FunctionExampleTests {
    private func shown(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .float64(let value): "\(value)"
        case .string(let value): "\(value)"
        case .timestamp(let value): TimeText.format(value)
        default: "\(value)"
        }
    }

    @Test(arguments: FunctionTable.all.filter { !$0.example.isEmpty }.map(\.name))
    func everyExampleGivesWhatItsPageSays(name: String) throws {
        let function = try #require(FunctionTable.functions[name])
        let expression = try Expression(function.example, in: ExpressionScope([]))
        #expect(shown(ExpressionEvaluator(expression).evaluate([])) == function.result)
        #expect(function.example.contains("\(name)("))
    }

    @Test func everyFunctionHasARuleThatIsASentence() {
        for function in FunctionTable.all {
            #expect(function.rule.hasSuffix(".") && function.signature.hasPrefix("\(function.name)("), "\(function.name)")
        }
    }
}
