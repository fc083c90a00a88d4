import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import Transport

@testable import Web

@Suite struct WebServerTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// A pool that has ended runs each job where it is submitted, as one does for which the system has no room for a thread.
    @Test(.timeLimit(.minutes(1))) func answersWhereNoThreadCanBeStarted() async throws {
        let threads = WebThreads(1, name: "none")
        await threads.shutdown()
        let server = WebServer(.init(endpoint: try Endpoint("127.0.0.1:0")), logger: logger, threads: threads)
        let address = try #require(try await server.open().first)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let url = try #require(CollectorURL(address))
        for _ in 0..<3 { #expect(try await Collector(url: url, group: group).post([]).status == .notFound) }
        await server.close(within: .seconds(1))
        try await group.shutdownGracefully()
    }
}
