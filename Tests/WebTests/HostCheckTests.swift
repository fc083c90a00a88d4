import Testing

@testable import Web

@Suite struct HostCheckTests {
    @Test(arguments: [
        "127.0.0.1", "127.0.0.1:7072", "localhost:7072", "LOCALHOST", "headwater.localhost", "[::1]:7072", "10.1.2.3:80",
        "store.internal:7072", "Store.Internal.",
    ])
    func admits(host: String) { #expect(HostCheck(names: ["store.internal"]).admits(host)) }

    @Test(arguments: [
        "evil.example", "evil.example:7072", "", ":7072", "127.0.0.1.evil.example", "localhost.evil.example", "[::1",
        "[::1]evil.example",
    ])
    func refuses(host: String) { #expect(!HostCheck(names: ["store.internal"]).admits(host)) }

    @Test func takesAnyNameWhereToldSo() { #expect(HostCheck(names: ["*"]).admits("anything.example:1")) }
}
