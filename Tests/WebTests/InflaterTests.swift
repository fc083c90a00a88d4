import FeatureModel
import Foundation
import Testing

@testable import Web

@Suite struct InflaterTests {
    /// gzip of "headwater\n".
    private static let packed = [UInt8](
        Data(base64Encoded: "H4sIAAAAAAACA8tITUwpTyxJLeICACSPHrEKAAAA") ?? Data())

    private func unpack(_ pieces: [[UInt8]]) throws -> [UInt8] {
        let inflater = try Inflater()
        var all: [UInt8] = []
        for piece in pieces {
            inflater.feed(piece)
            while inflater.hasInput { all += try inflater.step() }
        }
        #expect(!inflater.isInside)
        return all
    }

    @Test func unpacksWholeAndByteByByte() throws {
        #expect(try unpack([Self.packed]) == Array("headwater\n".utf8))
        #expect(try unpack(Self.packed.map { [$0] }) == Array("headwater\n".utf8))
    }

    @Test func unpacksMembersBehindEachOther() throws {
        #expect(try unpack([Self.packed + Self.packed]) == Array("headwater\nheadwater\n".utf8))
    }

    @Test func seesWhatIsCutOff() throws {
        let inflater = try Inflater()
        inflater.feed(Self.packed.dropLast(4))
        while inflater.hasInput { _ = try inflater.step() }
        #expect(inflater.isInside)
    }

    @Test func refusesWhatIsNoGzip() throws {
        let inflater = try Inflater()
        inflater.feed(Array("{\"rows\":[]}".utf8))
        #expect(throws: HeadwaterError.self) { try inflater.step() }
    }
}
