package import FeatureModel

/// Another way into a server than its own protocol, on threads of its own.
///
/// It opens before the stores do, so that a start that replays for minutes can be looked at, and closes after the server's own
/// listener.
package protocol Door: Sendable {
    /// Begins to listen. There is nothing to be asked yet.
    ///
    /// - Returns: the addresses, with the ports that the system chose, as others can use them.
    /// - Throws: why it cannot: an address in use, or one beyond this machine.
    func open() async throws(HeadwaterError) -> [String]

    /// The stores are open.
    func serve(_ view: ServerView)

    /// Takes no new requests, and returns when running ones have ended, or the time is over.
    func close(within limit: Duration) async
}
