import FeatureModel
import Logging
import Synchronization
import Testing

@testable import Server

@Suite struct DoorTests {
    private final class NoteDoor: Door {
        let fails: Bool
        let isOpen = Mutex(false)

        init(fails: Bool) { self.fails = fails }

        var descriptorsMax: Int { 0 }

        func open() throws(HeadwaterError) -> [String] {
            guard !fails else { throw HeadwaterError(.alreadyExists, "the address is in use") }
            isOpen.withLock { $0 = true }
            return []
        }

        func serve(_ view: ServerView) {}

        func close(within limit: Duration) { isOpen.withLock { $0 = false } }
    }

    @Test func aDoorThatDoesNotOpenClosesThoseBeforeIt() async {
        let doors = [NoteDoor(fails: false), NoteDoor(fails: true)]
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let configuration = ServerConfiguration(role: .serve, dataDirectory: "/nowhere")
        let server = HeadwaterServer(configuration: configuration, logger: logger, doors: doors)
        let error = await #expect(throws: HeadwaterError.self) { try await server.run() }
        #expect(error?.code == .alreadyExists)
        #expect(!doors[0].isOpen.withLock { $0 })
    }
}
