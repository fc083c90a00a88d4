import FeatureModel
import Testing

@testable import Transport

@Suite struct EndpointTests {
    @Test func addressesParse() throws {
        #expect(try Endpoint("127.0.0.1:7070") == .tcp(host: "127.0.0.1", port: 7070))
        #expect(try Endpoint("localhost:0") == .tcp(host: "localhost", port: 0))
        #expect(try Endpoint("[::1]:65535") == .tcp(host: "::1", port: 65535))
        #expect(try Endpoint("unix:/tmp/a b:c") == .unix(path: "/tmp/a b:c"))
        for text in ["127.0.0.1:7070", "[::1]:1", "unix:x"] { #expect(try Endpoint(text).description == text) }
    }

    @Test(arguments: [
        "", "host", "host:", "host:x", "host:65536", "host:-1", "host:+1", ":7070", "::1:7070", "unix:",
        "unix:\(String(repeating: "x", count: 108))",
    ])
    func whatIsNoAddressIsRefused(text: String) {
        let error = #expect(throws: HeadwaterError.self) { try Endpoint(text) }
        #expect(error?.code == .invalidArgument)
    }
}
