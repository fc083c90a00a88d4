import FeatureModel
import NIOCore
import Testing

@testable import Web

@Suite struct RequestTests {
    @Test(
        arguments: [
            ("/v1/status", nil, ["v1", "status"]), ("/", nil, []), ("//a//b/", nil, ["a", "b"]),
            ("http://127.0.0.1:7072/healthz", "127.0.0.1:7072", ["healthz"]), ("HTTP://[::1]:7072", "[::1]:7072", []),
            ("http://store?a=b", "store", []), ("/a%20b?x=1", nil, ["a b"]),
        ] as [(String, String?, [String])])
    func aTargetIsAPathOrAURL(text: String, authority: String?, path: [String]) throws {
        let target = try RequestTarget(text)
        #expect(target.authority == authority)
        #expect(target.path == path)
    }

    @Test func aURLHasAQuery() throws {
        let query = try RequestTarget("http://store/scan?columns=a,b&brief&q=x+y").query
        #expect(query.map(\.name) == ["columns", "brief", "q"])
        #expect(query.map(\.value) == ["a,b", "", "x y"])
    }

    @Test(arguments: ["", "*", "healthz", "http://", "http:///healthz", "http://user@store/", "https://store/", "/%zz", "/%ff"])
    func otherTargetsAreRefused(text: String) { #expect(throws: HeadwaterError.self) { try RequestTarget(text) } }

    @Test func anIPv6AddressStandsInBrackets() throws {
        #expect(HTTPConnection.text(of: try SocketAddress(ipAddress: "::1", port: 4711)) == "[::1]:4711")
        #expect(HTTPConnection.text(of: try SocketAddress(ipAddress: "127.0.0.1", port: 4711)) == "127.0.0.1:4711")
        #expect(HTTPConnection.text(of: nil) == "-")
    }
}
