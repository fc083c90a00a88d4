import Foundation
import Testing

/// The example of docs/swift.md, which is built with the tests and sees no more of the client than a package from outside does.
@Suite struct SwiftClientTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    @Test func aSwiftServiceReadsFeaturesInTenLines() throws {
        let sandbox = try Shop.open()
        let now = ISO8601DateFormatter().string(from: Date())
        try sandbox.succeed("write", "orders", "--from", "-", input: "customer_id,ordered_at,amount\n1,\(now),4.5\n2,\(now),\n")
        let example = Process()
        example.executableURL = URL(fileURLWithPath: Sandbox.binary).deletingLastPathComponent().appendingPathComponent(
            "ClientExample")
        example.arguments = [sandbox.address]
        let output = Pipe()
        example.standardOutput = output
        try example.run()
        let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        example.waitUntilExit()
        #expect(example.terminationStatus == 0)
        let lines = printed.split(separator: "\n")
        try #require(lines.count == 2, "\(printed)")
        #expect(lines[0].hasPrefix("amount float64 [") && lines[1].hasPrefix("items array(string) ["), "\(printed)")
        #expect(lines[0].contains("(4.5) PRESENT") && lines[0].contains("null NULL_VALUE"), "\(printed)")
        #expect(lines.allSatisfy { $0.contains("null NOT_FOUND") }, "\(printed)")
    }

    @Test func thePageHasTheExampleAsItIsBuilt() throws {
        let page = try Self.text("docs/swift.md")
        let example = try Self.text("examples/swift-client/Sources/ClientExample/main.swift")
        #expect(page.contains("```swift\n" + example + "```\n"))
        let code = example.split(separator: "\n").filter { !$0.hasPrefix("import ") }
        #expect(code.count <= 10)
        let dependency = #".package(name: "headwater", path: "../..")"#
        #expect(try page.contains(dependency) && Self.text("examples/swift-client/Package.swift").contains(dependency))
    }
}
