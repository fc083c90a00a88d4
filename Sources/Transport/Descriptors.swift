internal import CLinux
internal import Dispatch
public import FeatureModel
internal import NIOCore
internal import NIOPosix

/// The file descriptors of this process: what cannot do without them gets
/// them before connections come, and connections never take the last.
///
/// swift-nio and the runtime end the process where they find none for a loop or a timer; files of the stores report it as an
/// error, but a store that cannot open its next file takes no more writes.
public enum Descriptors {
    /// Descriptors that a client needs beside swift-nio's loops: its socket,
    /// the runtime's queue and timers, files that it reads and writes.
    private static let clientNeeds = 16
    /// Descriptors that a server needs beside its loops: locks, segments of the log, signals, listening sockets.
    private static let serverNeeds = 32
    /// Each of swift-nio's loops has an epoll, an event and a timer descriptor.
    private static let perLoop = 3
    /// Each of the server's loops has an epoll and an event descriptor.
    private static let perServerLoop = 2

    /// Raises this process's limit as far as it may by itself: called first of all.
    public static func raiseLimit() { _ = linux_raise_descriptor_limit() }

    /// Descriptors that this process may have open.
    package static var limit: Int { Int(linux_raise_descriptor_limit()) }

    /// - Throws: `.resourceExhausted` where there are too few for a client.
    public static func checkForClient() throws(HeadwaterError) {
        try check(clientNeeds + perLoop * EventLoops.coreCount, for: "a client")
    }

    /// Makes what cannot do without descriptors: swift-nio's loops and the runtime's timers.
    ///
    /// - Throws: `.resourceExhausted` where there are too few for a server.
    public static func prepareServer() async throws(HeadwaterError) {
        try check(
            serverNeeds + (perLoop + perServerLoop) * EventLoops.coreCount + Limits.descriptorsReserved
                + Limits.connectionsLeast, for: "a server")
        _ = NIOSingletons.posixEventLoopGroup.next()
        // Each clock has a timer of its own, which is made when it is first waited for.
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(1)) { continuation.resume() }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(wallDeadline: .now() + .milliseconds(1)) { continuation.resume() }
        }
        try? await Task.sleep(for: .milliseconds(1), clock: .continuous)
        try? await Task.sleep(for: .milliseconds(1), clock: .suspending)
    }

    /// How many connections there is room for beside what is open now and what is kept for files.
    ///
    /// - Throws: `.resourceExhausted` where that is hardly any.
    static func roomForConnections(besides others: Int) throws(HeadwaterError) -> Int {
        let limit = limit
        let open = Int(linux_count_descriptors())
        let room = open < 0 ? 0 : limit - open - others - Limits.descriptorsReserved
        guard room >= Limits.connectionsLeast else { throw tooFew("a server") }
        return room
    }

    private static func check(_ count: Int, for whom: String) throws(HeadwaterError) {
        guard linux_has_descriptors(Int32(count)) != 0 else { throw tooFew(whom) }
    }

    private static func tooFew(_ whom: String) -> HeadwaterError {
        HeadwaterError(
            .resourceExhausted,
            "at most \(linux_raise_descriptor_limit()) files may be open in this process, which are too few for \(whom): raise the limit, as by "
                + "'ulimit -n 4096', LimitNOFILE= of systemd, or --ulimit nofile= of a container")
    }
}
