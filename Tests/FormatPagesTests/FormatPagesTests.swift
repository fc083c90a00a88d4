import Client
import Testing

/// What the pages of docs/formats show byte by byte is what the product writes.
@Suite struct FormatPagesTests {
    private static let makers: [String: @Sendable () throws -> [UInt8]] =
        RowExamples.makers
        .merging(LogExamples.makers) { first, _ in first }
        .merging(StoreExamples.makers) { first, _ in first }
        .merging(DefinitionExamples.makers) { first, _ in first }
        .merging(WireExamples.makers) { first, _ in first }
    /// What is hashed, of which the product shows the hash alone: `theHashOfADatasetsColumnIsMadeAsItsPageSays`.
    private static let hashed: Set = ["dataset-statuses", "dataset-cells"]

    @Test(arguments: try FormatPage.names())
    func everyPageHasAWorkedExampleAndItsBytesAreTheProducts(name: String) throws {
        let page = try FormatPage(named: name)
        #expect(!page.examples.isEmpty, "\(name) has no example")
        for example in page.examples where !Self.hashed.contains(example.name) {
            let make = try #require(Self.makers[example.name], "\(example.place): nothing makes '\(example.name)'")
            let made = try make()
            #expect(example.bytes.elementsEqual(made), "\(example.place): the product writes\n\(FormatPage.shown(made))")
        }
    }

    @Test func everyExampleThatIsMadeStandsOnOnePage() throws {
        let shown = try FormatPage.names().flatMap { try FormatPage(named: $0).examples.map(\.name) }
        #expect(Set(shown) == Set(Self.makers.keys).union(Self.hashed))
        #expect(shown.count == Set(shown).count)
    }

    @Test func theHashOfADatasetsColumnIsMadeAsItsPageSays() throws {
        let examples = try FormatPage(named: "dataset.md").examples
        func bytes(_ name: String) throws -> [UInt8] { try #require(examples.first { $0.name == name }).bytes }
        let digests = try ["dataset-statuses", "dataset-cells"].flatMap { SHA256.digest(of: try bytes($0)[...]) }
        #expect(try bytes("dataset-digest") == SHA256.digest(of: digests[...]))
    }

    @Test func aPageThatSaysSomethingElseIsFoundOut() throws {
        func page(_ line: String) throws -> [UInt8] {
            try FormatPage("```bytes a\n\(line)\n```\n", name: "a.md").examples[0].bytes
        }
        #expect(try page("  0  01 00 × 3  \"AB\" is no part of it") == [1, 0, 0, 0])
        #expect(try page("0  \"AB\"  text") == [0x41, 0x42])
        #expect(throws: FormatPage.Mistake.self, "a wrong offset") { try page("8  00") }
        #expect(throws: FormatPage.Mistake.self, "no byte") { try page("0  0G") }
        #expect(throws: FormatPage.Mistake.self, "no offset") { try page("00 00") }
    }
}
