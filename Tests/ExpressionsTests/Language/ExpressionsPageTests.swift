import Expressions
import Foundation
import Testing

@Suite struct ExpressionsPageTests {
    /// Where a table differs the page has to show what the failure prints.
    @Test(arguments: Function.Group.allCases)
    func pageShowsTheFunctionsAsTheyAre(group: Function.Group) throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/expressions.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n### \(group.rawValue)\n").dropFirst().first)
        let table = section.components(separatedBy: "\n").drop { $0.isEmpty }.prefix { $0.hasPrefix("|") }.joined(separator: "\n")
        let wanted = FunctionTable.pageTable(of: group)
        #expect(table == wanted, "\(wanted)")
    }
}
