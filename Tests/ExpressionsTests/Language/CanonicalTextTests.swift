import Expressions
import FeatureModel
import TestSupport
import Testing

@Suite struct CanonicalTextTests {
    @Test(arguments: [
        ("1+2*3", "1 + 2 * 3"), ("(1+2)*3", "(1 + 2) * 3"), ("((1))", "1"), ("a-(b-c)", "a - (b - c)"), ("(a-b)-c", "a - b - c"),
        ("a/(b*c)", "a / (b * c)"), ("A", "A"), ("\"A\"", "A"), ("\"a b\"", "\"a b\""), ("\"END\"", "\"END\""),
        ("\"x\"\"y\"", "\"x\"\"y\""),
        ("a != b", "a <> b"), ("a == b", "a = b"), ("NOT a AND b", "not a and b"), ("not (a and b)", "not (a and b)"),
        ("(not a) = b", "(not a) = b"), ("not a = b", "not a = b"), ("a or b and c", "a or b and c"),
        ("(a or b) and c", "(a or b) and c"),
        ("a or (b or c)", "a or (b or c)"), ("a=b is null", "a = b is null"), ("(a = b) is null", "a = b is null"),
        ("a = (b is null)", "a = (b is null)"), ("x in(1,2)", "x in (1, 2)"), ("x NOT IN (1)", "x not in (1)"),
        ("x between 1 and 2 and y", "x between 1 and 2 and y"), ("x between (1 = 2) and 3", "x between (1 = 2) and 3"),
        ("x between 1+1 and 2", "x between 1 + 1 and 2"), ("(x in (1)) = y", "x in (1) = y"),
        ("(x in (1)) in (y)", "(x in (1)) in (y)"),
        ("x || y || z", "x || y || z"), ("x || (y || z)", "x || (y || z)"), ("a + b || c", "a + b || c"), ("-x", "-x"),
        ("- -x", "- -x"),
        ("-(-x)", "- -x"), ("-(x+1)", "-(x + 1)"), ("-x*y", "-x * y"), ("-(x*y)", "-(x * y)"), ("- 5", "-5"), ("-(5)", "-5"),
        ("- -5", "5"),
        ("a--5", ""), ("a- -5", "a - -5"), ("-9223372036854775808", "-9223372036854775808"), ("1.50", "1.5"), ("1e3", "1000.0"),
        (".5", "0.5"), ("1.", "1.0"), ("1E20", "1e+20"), ("'a''b'", "'a''b'"), ("TRUE", "true"),
        ("NULL is NOT null", "null is not null"),
        ("CASE WHEN a THEN 1 END", "case when a then 1 end"),
        ("case(a)when 1 then 2 else(3)end", "case a when 1 then 2 else 3 end"),
        ("CAST( x AS INT64 )", "cast(x as int64)"), ("cast(x as vector( 3 ))", "cast(x as vector(3))"),
        ("ROUND(x,2)", "round(x, 2)"),
        ("f((a or b))", "f(a or b)"), ("a\n+\tb", "a + b"), ("größe + 1", "größe + 1"), ("0.1", "0.1"), ("-0.0", "-0.0"),
    ])
    func textsHaveOneForm(_ text: String, _ canonical: String) throws {
        guard !canonical.isEmpty else {
            #expect(refusal { try ScalarExpression.canonicalText(of: text) } != nil)
            return
        }
        #expect(try ScalarExpression.canonicalText(of: text) == canonical)
        #expect(try ScalarExpression.canonicalText(of: canonical) == canonical)
    }

    @Test func columnsAreNamedInTheirOrder() throws {
        #expect(try ScalarExpression.columnNames(in: "b + a * b - found(\"c d\")") == ["b", "a", "c d"])
    }

    /// é composed and decomposed are two columns.
    @Test func namesAreComparedAsBytes() throws {
        let cells: [(Field, Value)] = [(Field("\u{E9}", .int64), .int64(1)), (Field("e\u{301}", .int64), .int64(2))]
        #expect(try evaluated("\u{E9} * 10", [cells[0]]).value == .int64(10))
        let expression = try ScalarExpression("\u{E9} - e\u{301}", in: ExpressionEnvironment(columns: cells.map(\.0)))
        #expect(expression.inputs.count == 2)
        #expect(expression.canonicalText.utf8.elementsEqual("\u{E9} - e\u{301}".utf8))
    }
}
