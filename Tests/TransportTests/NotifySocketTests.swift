import Glibc
import Testing

@testable import Transport

/// How the socket of a service manager is found.
@Suite(.serialized) struct NotifySocketTests {
    @Test(arguments: ["/run/notify", "@abstract", "relative", "@", ""])
    func itIsTakenOutOfTheEnvironment(_ name: String) {
        unsafe setenv("NOTIFY_SOCKET", name, 1)
        let socket = NotifySocket.taken()
        #expect((socket != nil) == (name.hasPrefix("/") || name.hasPrefix("@")))
        #expect(unsafe getenv("NOTIFY_SOCKET") == nil)
        #expect(NotifySocket.taken() == nil)
    }

    @Test func whatCannotBeSentIsAnErrorNumber() {
        #expect(NotifySocket(name: "/nowhere/notify").send("READY=1") == ENOENT)
        #expect(NotifySocket(name: "@nobody-listens").send("READY=1") == ECONNREFUSED)
        for name in ["", "/" + String(repeating: "n", count: 107)] {
            #expect(NotifySocket(name: name).send("READY=1") == ENAMETOOLONG)
        }
    }
}
