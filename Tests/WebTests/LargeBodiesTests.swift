import FeatureModel
import Tables
import Testing

@testable import Web

@Suite struct LargeBodiesTests {
    private let bodies = LargeBodies()

    @Test func memoryIsTakenUntilThereIsNoMoreAndGivenBack() throws {
        let memory = BodyMemory(bodies)
        try memory.take(LargeBodies.bytesMax - 10)
        #expect(throws: HeadwaterError.self) { try BodyMemory(bodies).take(11) }
        memory.giveBack(1)
        try BodyMemory(bodies).take(11)
        try withExtendedLifetime(memory) { try BodyMemory(bodies).take(11) }
    }

    /// Large ones take half each, whatever their size; the memory is held for as long as anything of them is there.
    @Test func whatABodyWasParsedToIsCounted() throws {
        func held() throws -> JSONObject {
            let object = try JSONObject(Array(#"{"a":{"b":[1,2,3]}}"#.utf8)[...])
            return try #require(
                try object.kept(by: try bodies.memory(parsed: LargeBodies.bytesMax)).object("a"))
        }
        var first: JSONObject? = try held()
        let second = try held()
        let error = #expect(throws: HeadwaterError.self) { try bodies.memory(parsed: 1) }
        #expect(error?.code == .unavailable)
        #expect(first?.names == ["b"])
        first = nil
        _ = try bodies.memory(parsed: LargeBodies.bytesMax)
        #expect(second.names == ["b"])
    }

    @Test func aParsedTextTakesMoreThanItsBytes() throws {
        let text = "{\"a\":[" + String(repeating: "1,", count: 100_000) + "1]}"
        #expect(try JSONObject(Array(text.utf8)[...]).byteCount > 5 * text.utf8.count)
    }
}
